"""Check a DDEX message against the schemas that the user brings.

DDEX asks users of its standards to take out a licence, so none of its schemas is part of this package. Whoever has
them names their folder; nothing is fetched from anywhere.

Known limits
------------
The folder must hold the message's schema and the value sets that it refers to, under the names that DDEX gives them.
"""

from __future__ import annotations

from pathlib import Path

from linernotes.errors import InputError
from linernotes.signals.wire import local_name, namespace, xml_of

MAX_FAULTS = 100


def schema_faults(data: bytes, folder: Path) -> tuple[str, ...]:
    """Return what a message breaks of its schema, at most 100 lines; none where it is valid.

    Parameters
    ----------
    data : bytes
        The message.
    folder : Path
        Holds the schemas (``.xsd``), at any depth.

    Raises
    ------
    InputError
        If the folder has no schema for the message's namespace, or the schema cannot be used.
    MissingExtra
        By way of the command line, if ``linernotes[ddex]`` is not installed.
    """
    import xmlschema

    root = xml_of(data, "DDEX message")
    path = _schema_for(namespace(root), local_name(root), folder)
    try:
        # "local": a schema may name files beside it, never an address
        schema = xmlschema.XMLSchema(str(path), allow="local", defuse="always", use_fallback=False)
        faults = []
        for fault in schema.iter_errors(data.decode("utf-8-sig") if data[:3] == b"\xef\xbb\xbf" else data):
            faults.append(f"{fault.path or '/'}: {fault.reason or fault.message}")
            if len(faults) == MAX_FAULTS:
                break
    except (xmlschema.XMLSchemaException, OSError, ValueError) as error:
        line = str(error).strip().splitlines()
        raise InputError(
            f"schema {path}: cannot be used ({line[0] if line else type(error).__name__}); "
            "put the value sets that it names beside it"
        ) from None
    return tuple(faults)


def _schema_for(wanted: str, element: str, folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder; expected the one with the DDEX schemas (.xsd)")
    for path in sorted(folder.rglob("*.xsd")):
        head = path.read_bytes()[:20_000]
        if (
            f'targetNamespace="{wanted}"'.encode() in head
            and f'name="{element}"'.encode() in path.read_bytes()
        ):
            return path
    raise InputError(f"{folder}: holds no schema for {element} of {wanted}; obtain it from ddex.net")
