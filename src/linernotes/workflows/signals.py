"""Read what other people's files say about recordings, and take it into a workspace's registry.

Nothing is fetched: the user brings the files (``curl -O https://example.org/robots.txt``) and says which address or
recording they are about, where the file does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from linernotes.catalog.problem import Problem
from linernotes.catalog.registry import Imported, Registry
from linernotes.catalog.subjects import subject_key
from linernotes.errors import InputError
from linernotes.signals import c2pa_manifest
from linernotes.signals.c2pa_files import media_type, read_manifest
from linernotes.signals.formats import FORMATS, Reading, read_signal
from linernotes.signals.kinds import kind_of
from linernotes.signals.origin import Origin
from linernotes.signals.paths import is_address
from linernotes.signals.wire import MAX_XML_BYTES
from linernotes.workflows.audit import record_many
from linernotes.workflows.registry_join import join_foreign
from linernotes.workflows.rights import save
from linernotes.workflows.signal_store import keep
from linernotes.workspace import Workspace

KINDS = ("auto", "c2pa", *FORMATS)
SCOPE = "A signal is what a file says, not who may say it: it is no contract and no licence, and its absence is no consent."


def read_files(
    files: Sequence[Path | str],
    *,
    kind: str = "auto",
    target: str = "",
    seen_on: str | None = None,
    schemas: Path | None = None,
    trust: Path | None = None,
) -> list[dict[str, Any]]:
    """Say what each file says.

    Parameters
    ----------
    files : sequence of paths
        Text files of any kind in `linernotes.signals.formats`, or audio with content credentials.
    kind : str
        One of `KINDS`.
    target : str
        Address, recording id, ISRC or ISWC that the files are about.
    seen_on : str, optional
        Day on which they were fetched, ``yyyy-mm-dd``.
    schemas : Path, optional
        Folder with DDEX schemas to check messages against.
    trust : Path, optional
        PEM file of the authorities whose signers are trusted.

    Returns
    -------
    list of dict
        ``file``, ``sha256``, ``kind``, ``format``, ``for``, ``says``, ``consents``, ``entries``, ``problems``, ``scope``.

    Raises
    ------
    InputError
        If a file cannot be read, its kind cannot be told, or it is malformed.
    """
    readings = _readings(files, kind, target, seen_on, schemas, trust, {})
    return [reading.as_json() | {"scope": SCOPE} for reading, _ in readings]


def import_files(
    files: Sequence[Path | str],
    workspace: Path | str,
    *,
    kind: str = "auto",
    target: str = "",
    seen_on: str | None = None,
    schemas: Path | None = None,
    trust: Path | None = None,
) -> dict[str, Any]:
    """Take what files say into the registry, keep the files as evidence, and log each.

    All files are read before anything is written.

    Returns
    -------
    dict
        ``files`` (per file the fields of `read_files`, and ``log_index``), ``conflicts`` (with what the registry
        had, which it kept), ``n_new_consents``, ``registry`` (entries that it now holds) and ``scope``.

    Raises
    ------
    InputError
        As `read_files`, or if a file speaks of paths at a site that *target* does not name.
    CorpusError
        If there is no workspace.
    """
    with Workspace.open(workspace) as opened:
        registry = opened.registry()
        known = _known_isrcs(opened, registry) if any(_is_ddex(Path(file)) for file in files) else {}
        readings = _readings(files, kind, target, seen_on, schemas, trust, known)
        for reading, _ in readings:
            _check_target(reading)
        source = ", ".join(reading.origin.name for reading, _ in readings)
        said = Registry().merge(*(reading.imported.registry for reading, _ in readings))
        added, conflicts = join_foreign(registry, said, source)
        saved = save(opened, added, source)
        for reading, data in readings:
            if reading.kind != "c2pa":  # the audio file itself is the evidence, and stays where it is
                keep(opened, reading.kind, reading.origin, data)
        indices = record_many(
            opened, [("signal-import", reading.origin.sha256, _log_body(reading)) for reading, _ in readings]
        )
        counts = opened.registry().counts()
    return {
        "files": [
            reading.as_json() | {"log_index": index}
            for (reading, _), index in zip(readings, indices, strict=True)
        ],
        "conflicts": [one.as_json() for one in conflicts],
        "n_new_consents": saved["n_new_consents"],
        "registry": counts,
        "scope": SCOPE,
    }


def _readings(
    files: Sequence[Path | str],
    kind: str,
    target: str,
    seen_on: str | None,
    schemas: Path | None,
    trust: Path | None,
    known: Mapping[str, str],
) -> list[tuple[Reading, bytes]]:
    if not files:
        raise InputError("no files to read; give at least one")
    if kind not in KINDS:
        raise InputError(f"kind '{kind}': expected one of {', '.join(KINDS)}")
    anchors = None if trust is None else _bytes(trust)
    return [_reading(Path(file), kind, target, seen_on, schemas, anchors, known) for file in files]


def _reading(
    path: Path,
    kind: str,
    target: str,
    seen_on: str | None,
    schemas: Path | None,
    anchors: bytes | None,
    known: Mapping[str, str],
) -> tuple[Reading, bytes]:
    if kind == "c2pa" or (kind == "auto" and _is_audio(path)):
        return _audio_reading(path, target, seen_on, anchors)
    data = _bytes(path)
    origin = Origin(
        name=path.name, sha256=hashlib.sha256(data).hexdigest(), seen_on=seen_on, target=target.strip()
    )
    kind = kind_of(data, path.name) if kind == "auto" else kind
    reading = read_signal(data, origin, kind, known)
    if schemas is not None and kind.startswith("ddex-"):
        reading = replace(reading, imported=reading.imported.merge(_schema_problems(data, schemas, origin)))
    return reading, data


def _audio_reading(
    path: Path, target: str, seen_on: str | None, anchors: bytes | None
) -> tuple[Reading, bytes]:
    store = read_manifest(path, anchors)
    digest = _sha256(path)
    origin = Origin(name=path.name, sha256=digest, seen_on=seen_on, target=target.strip())
    if store is None:
        return Reading("c2pa", origin, {"credentials": None}, Imported(Registry())), b""
    return Reading("c2pa", origin, store.as_json(), c2pa_manifest.imported(store, origin)), b""


def _schema_problems(data: bytes, schemas: Path, origin: Origin) -> Imported:
    from linernotes.signals.ddex_schemas import schema_faults

    problems = tuple(
        Problem(
            "schema-fault",
            origin.name,
            fault[:300],
            "a message that its schema allows",
            "Send the fault to the message's sender.",
            "medium",
            "sender",
        )
        for fault in schema_faults(data, schemas)
    )
    return Imported(Registry(), problems)


def _check_target(reading: Reading) -> None:
    about = FORMATS[reading.kind].about if reading.kind in FORMATS else "subject"
    if about == "location" and not is_address(reading.origin.target):
        raise InputError(
            f"{reading.origin.name}: speaks of paths at a site; say which with --for https://example.org/"
        )
    if about == "subject" and not reading.origin.target:
        raise InputError(
            f"{reading.origin.name}: does not say what it is about; say it with --for (address, recording id, ISRC)"
        )


def _log_body(reading: Reading) -> dict[str, Any]:
    consents = reading.imported.registry.consents
    return {
        "file_name": reading.origin.name,
        "kind": reading.kind,
        "for": reading.origin.target,
        "seen_on": reading.origin.seen_on,
        "entries": {name: n for name, n in reading.imported.registry.counts().items() if n},
        "n_problems": len(reading.imported.problems),
        "consents_sha256": hashlib.sha256(
            "\n".join(sorted(one.record_id for one in consents)).encode()
        ).hexdigest(),
    }


def _known_isrcs(workspace: Workspace, registry: Registry) -> dict[str, str]:
    """Return the recording ids of the registry, and of the sealed corpus beside it, by normalised ISRC."""
    claims = [(claim.value, claim.subject_id) for claim in registry.claims() if claim.kind == "isrc"]
    if workspace.has_corpus():
        items = workspace.corpus().items
        claims += [(item.recording.isrc, item.item_id) for item in items if item.recording.isrc]
    found: dict[str, str] = {}
    for code, name in claims:
        key = subject_key("recording", code)[1]
        if key.startswith("isrc:"):
            found.setdefault(key.removeprefix("isrc:"), name)
    return found


def _is_ddex(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return b"ddex.net" in stream.read(4096).replace(b"\0", b"")  # UTF-16 too
    except OSError:
        return False  # the reader says what is wrong


def _is_audio(path: Path) -> bool:
    try:
        media_type(path)
    except InputError:
        return False
    return True


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_XML_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_XML_BYTES:
        raise InputError(
            f"{path}: more than {MAX_XML_BYTES} bytes; expected a message, header or licence file"
        )
    return data


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
