"""Read the tensors of a PyTorch checkpoint without running anything in it.

A checkpoint is a ZIP file: one pickle that describes the tensors and one member per storage. A pickle is a program; here
it may call nothing but the five names below, and those are ours: tensors become records of where their bytes
lie, configuration objects become inert place-holders. Every other name is refused before anything is built. Bytes are
read afterwards, tensor by tensor, only those asked for, only at the size expected.

Conventions
-----------
`Checkpoint.tensors` maps names to `TensorRecord`; `Checkpoint.read` gives numpy arrays, float32.

References
----------
PyTorch documentation, "Serialization semantics" (ZIP layout, persistent ids of storages).

Known limits
------------
Only little-endian, uncompressed ZIP checkpoints (PyTorch 1.6 and later) with contiguous floating-point or
integer tensors.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError

LARGEST_PICKLE = 64 << 20  # the description of 277 tensors and their optimizer takes under 1 MB
DTYPES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "DoubleStorage": "<f8",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
SETTING_TYPES = ("dict", "list", "tuple", "str", "int", "float", "bool")
INERT = {
    ("typing", "Any"),
    ("collections", "defaultdict"),
    *((module, name) for module in ("builtins", "__builtin__") for name in SETTING_TYPES),
}


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """Where the bytes of a tensor lie."""

    key: str
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stored: int  # values in the storage


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tensors under one name of a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    prefix : str
        Folder inside the ZIP file.
    tensors : dict[str, TensorRecord]
        By name.
    """

    path: Path
    prefix: str
    tensors: dict[str, TensorRecord]

    def read(self, name: str) -> NDArray[np.float32]:
        """Return one tensor as float32.

        Parameters
        ----------
        name : str
            As in `tensors`.

        Raises
        ------
        InputError
            If its bytes are missing or of another size than described.
        """
        record = self.tensors[name]
        dtype = np.dtype(record.dtype)
        with zipfile.ZipFile(self.path) as archive:
            data = _member(archive, f"{self.prefix}/data/{record.key}", record.stored * dtype.itemsize)
        n_values = math.prod(record.shape)
        if len(data) != record.stored * dtype.itemsize or record.offset + n_values > record.stored:
            raise InputError(f"{self.path}: tensor {name} does not fit its storage; download it again")
        values = np.frombuffer(data, dtype, n_values, record.offset * dtype.itemsize)
        return values.astype(np.float32).reshape(record.shape)


def open_checkpoint(path: Path, part: str = "model") -> Checkpoint:
    """Return the tensors under *part* of a checkpoint, without reading their bytes.

    Parameters
    ----------
    path : Path
        A file that `torch.save` wrote.
    part : str, optional
        Entry of the saved dictionary.

    Raises
    ------
    InputError
        If the file is not such a checkpoint, or its pickle asks for anything but tensors and settings.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")
            ]
            if len(names) != 1:
                raise InputError(f"{path}: no PyTorch checkpoint inside; expected the file as published")
            prefix = names[0].split("/")[0]
            _check_order(archive, prefix, path)
            saved = _unpickle(_member(archive, names[0], LARGEST_PICKLE), path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: {error}; expected a PyTorch checkpoint (a ZIP file)") from error
    tensors = saved.get(part) if isinstance(saved, dict) else None
    if not isinstance(tensors, dict) or not tensors:
        raise InputError(
            f"{path}: no {part!r} inside; expected a checkpoint with the weights under that name"
        )
    if not all(isinstance(k, str) and isinstance(v, TensorRecord) for k, v in tensors.items()):
        raise InputError(f"{path}: {part!r} holds other things than named tensors")
    return Checkpoint(path, prefix, dict(tensors))


def _member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """Return a member's bytes, refused when compressed, missing or larger than *largest*."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise InputError(f"{archive.filename}: {name} is missing; download it again") from None
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > largest:
        raise InputError(
            f"{archive.filename}: {name} holds {info.file_size} bytes; expected at most {largest}, uncompressed"
        )
    return archive.read(info)


def _check_order(archive: zipfile.ZipFile, prefix: str, path: Path) -> None:
    if f"{prefix}/byteorder" in archive.namelist():
        order = _member(archive, f"{prefix}/byteorder", 16)
        if order != b"little":
            raise InputError(f"{path}: byte order {order!r}; expected little")


def _unpickle(data: bytes, path: Path) -> Any:
    try:
        return _unpickler(data, path).load()
    except InputError:
        raise
    except Exception as error:  # a damaged pickle may raise anything; nothing of it has run
        raise InputError(
            f"{path}: damaged description of tensors ({type(error).__name__}: {error})"
        ) from error


def _unpickler(data: bytes, path: Path) -> pickle.Unpickler:
    """Return an unpickler whose names are made anew for this one file, so that no pickle can alter the next one's."""

    class Inert:
        """Stands for a setting; takes anything, does nothing, keeps nothing."""

        def __new__(cls, *_args: object, **_named: object) -> Self:
            return object.__new__(cls)

        def __init__(self, *_args: object, **_named: object) -> None: ...

        def __setstate__(self, _state: object) -> None: ...

        def __setitem__(self, _name: object, _value: object) -> None: ...

        def append(self, _value: object) -> None: ...

        def extend(self, _values: object) -> None: ...

    class Storage:
        """Names the type of a storage."""

        dtype = ""

    storages = {name: type(name, (Storage,), {"dtype": dtype}) for name, dtype in DTYPES.items()}

    def rebuild_tensor(
        storage: object, offset: object, size: object, stride: object, *_rest: object
    ) -> TensorRecord:
        return _record(storage, offset, size, stride)

    def rebuild_parameter(tensor: object, *_rest: object) -> object:
        return tensor

    allowed: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
        **{("torch", name): storage for name, storage in storages.items()},
    }

    class Restricted(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) in allowed:
                return allowed[module, name]
            if (module, name) in INERT or module.split(".")[0] == "omegaconf":
                return Inert
            raise InputError(
                f"{path}: its pickle asks for {module}.{name}; only tensors and settings are read, "
                "a published checkpoint needs nothing else"
            )

        def persistent_load(self, pid: Any) -> tuple[str, str, int]:
            match pid:
                case ("storage", type() as kind, str() as key, str(), int() as n_values) if (
                    issubclass(kind, Storage) and key.isalnum() and n_values >= 0
                ):
                    return key, kind.dtype, n_values
                case _:
                    raise InputError(f"{path}: unknown reference in the description of tensors")

    return Restricted(io.BytesIO(data))


def _record(storage: object, offset: object, size: object, stride: object) -> TensorRecord:
    match storage, offset, size, stride:
        case (
            str() as key,
            str() as dtype,
            int() as stored,
        ), int() as first, tuple() as shape, tuple() as steps:
            if not all(isinstance(n, int) and n >= 0 for n in (first, *shape, *steps)):
                raise InputError("sizes of a tensor are not whole numbers")
            if math.prod(shape) > 1 and not _contiguous(shape, steps):
                raise InputError(f"a tensor of shape {shape} with strides {steps}; expected contiguous ones")
            return TensorRecord(key, dtype, first, shape, stored)
        case _:
            raise InputError("a tensor is described in an unknown way")


def _contiguous(shape: tuple[int, ...], steps: tuple[int, ...]) -> bool:
    step = 1
    for n, found in zip(reversed(shape), reversed(steps), strict=True):
        if n != 1 and found != step:
            return False
        step *= n
    return True
