"""Writing TOML: the small part that a run's configuration needs.

Python reads TOML but does not write it. A configuration here is tables of strings, numbers, truth
values and lists of those; a value that is None has no form in TOML and is left out.

References
----------
TOML v1.0.0, https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from typing import Any

from linernotes.errors import InputError


def plain(value: Any, where: str = "config") -> Any:
    """Return a configuration as dictionaries, lists and scalars, without Nones.

    Raises
    ------
    InputError
        If it holds something else.

    Examples
    --------
    >>> plain({"sizes": (1, 2), "store": None})
    {'sizes': [1, 2]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{where}.{k}") for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [plain(one, where) for one in value if one is not None]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise InputError(
        f"{where}: {value!r} cannot be kept in run.toml; "
        "expected text, finite numbers, true or false, lists or tables"
    )


def dumps(table: Mapping[str, Any]) -> str:
    """Return TOML text; keys sorted, scalars before sub-tables.

    Raises
    ------
    InputError
        If a value has no form in TOML.

    Examples
    --------
    >>> print(dumps({"command": "attribute", "config": {"draws": 16, "methods": ["trak"]}}), end="")
    command = "attribute"
    <BLANKLINE>
    [config]
    draws = 16
    methods = ["trak"]
    """
    return _table(plain(table), ())


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> str:
    scalars = [f"{_name(k)} = {_value(v)}\n" for k, v in sorted(table.items()) if not isinstance(v, dict)]
    text = "".join(scalars)
    for name, inner in sorted(table.items()):
        if isinstance(inner, dict):
            below = (*path, name)
            head = f"[{'.'.join(_name(part) for part in below)}]\n"
            text += ("\n" if text else "") + head + _table(inner, below)
    return text


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_name(k)} = {_value(v)}" for k, v in sorted(value.items())) + " }"
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if character in short:
        return short[character]
    return f"\\u{ord(character):04x}" if ord(character) < 32 or ord(character) == 127 else character
