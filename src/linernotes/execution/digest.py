"""A hash of any Python value by its content, the same in every process.

Pickle bytes will not do: they depend on which equal objects happen to be one object, and sets are
written in the order of salted hashes. Here a value is walked, each kind of value is tagged, and
unordered containers are sorted by the digests of their members.

Conventions
-----------
Two values have one digest when type (by qualified name) and content agree. Mappings count as equal in
any order.

Known limits
------------
Code is not content: `linernotes.execution.resume` adds the source text of the fold's own class.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import FunctionType
from typing import Any

import numpy as np

from linernotes.errors import InputError


def content_digest(value: object) -> str:
    """Return the SHA-256 of a value's content as hex.

    Raises
    ------
    InputError
        If the value holds something without content to hash, such as an open file or a lambda.

    Examples
    --------
    >>> content_digest({"a": 1, "b": 2.0}) == content_digest({"b": 2.0, "a": 1})
    True
    >>> content_digest(1) == content_digest(1.0)
    False
    """
    return _digest(value, ()).hex()


def _digest(value: Any, parents: tuple[int, ...]) -> bytes:
    if id(value) in parents:  # a cycle: say how far up it points
        return _hash(b"cycle", str(len(parents) - parents.index(id(value))).encode())
    simple = _simple(value)
    if simple is not None:
        return _hash(*simple)
    below = (*parents, id(value))
    if isinstance(value, Mapping):
        pairs = sorted(_digest(k, below) + _digest(v, below) for k, v in value.items())
        return _hash(b"mapping", *pairs)
    if isinstance(value, AbstractSet):
        return _hash(b"set", *sorted(_digest(member, below) for member in value))
    if type(value) in (list, tuple):
        return _hash(b"sequence", *(_digest(member, below) for member in value))
    if isinstance(value, np.ndarray):
        return _array(value, below)
    torch = sys.modules.get("torch")
    if torch and isinstance(value, torch.Tensor):
        bits = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        return _hash(b"tensor", f"{value.dtype} {tuple(value.shape)}".encode(), _array(bits, below))
    if isinstance(value, type | FunctionType):
        return _hash(b"name", _name_of(value))
    return _instance(value, below)


def _simple(value: Any) -> tuple[bytes, bytes] | None:
    match value:
        case None | bool() | int() if type(value) in (type(None), bool, int):
            return type(value).__name__.encode(), repr(value).encode()
        case float() if type(value) is float:
            return b"float", struct.pack(">d", value)
        case complex() if type(value) is complex:
            return b"complex", struct.pack(">dd", value.real, value.imag)
        case str() if type(value) is str:
            return b"str", value.encode("utf-8", "surrogatepass")
        case bytes() | bytearray():
            return b"bytes", bytes(value)
        case os.PathLike():
            return b"path", os.fsencode(value)
        case np.generic():
            return b"scalar " + value.dtype.str.encode(), value.tobytes()
    return None


def _array(array: np.ndarray[Any, Any], below: tuple[int, ...]) -> bytes:
    if array.dtype.hasobject:
        return _hash(b"objects", *(_digest(member, below) for member in array.ravel().tolist()))
    head = f"{array.dtype.str} {array.shape}".encode()
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return _hash(b"array", head, hashlib.sha256(flat.data).digest())


def _instance(value: Any, below: tuple[int, ...]) -> bytes:
    try:
        parts = value.__reduce_ex__(5)
    except TypeError as error:
        raise InputError(
            f"a value of type {type(value).__qualname__} has no content to hash ({error}); "
            "a fold and its items may hold only picklable data"
        ) from error
    if isinstance(parts, str):
        return _hash(b"global", parts.encode())
    made = [list(part) if hasattr(part, "__next__") else part for part in parts]
    return _hash(b"instance", _name_of(type(value)), *(_digest(part, below) for part in made))


def _name_of(value: Any) -> bytes:
    name = f"{value.__module__}.{value.__qualname__}"
    if "<lambda>" in name or "<locals>" in name:
        raise InputError(f"{name}: a fold may hold only functions and classes defined at module level")
    return name.encode()


def _hash(tag: bytes, *parts: bytes) -> bytes:
    state = hashlib.sha256(tag)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()
