"""What an owner asks: works, by codes, files or fingerprints, with a sworn statement and a contact.

Idea
----
A request is one private file: who asks, what he swears, how he is reached, and the works, each under every key that he
has. Only a salted hash of it goes to the log. The hash binds the request; the salt keeps a stranger from trying
names.

Conventions
-----------
Works come as a CSV table (UTF-8) with any of the columns ``label, title, artist, isrc, iswc, mbid, iscc,
content_sha256, audio_sha256, file, fingerprint``; several values of one code are separated by ``;``. One row is one
work; at least one key per row. ``file`` is the path of an audio file, ``fingerprint`` a Chromaprint as ``fpcalc``
prints it.

References
----------
California AB 412 (2026); TRAIN Act, S.2455 (2025): a request limited to the requester's own works, on a sworn
statement of good faith.

Known limits
------------
The desk keeps what was sworn; it does not check identity. That is left to the person who answers.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from linernotes.errors import InputError

FORMAT = "linernotes-request-v1"
CODE_COLUMNS = ("isrc", "iswc", "mbid", "iscc", "content_sha256", "audio_sha256")
COLUMNS = ("label", "title", "artist", *CODE_COLUMNS, "file", "fingerprint")
MAX_TABLE_BYTES = 8 << 20
MAX_WORKS = 10_000
MAX_TEXT = 20_000
SALT_BYTES = 32
AUTHORITIES = ("owner", "performer", "writer", "publisher", "label", "agent", "heir", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedWork:
    """One work that is asked about.

    Parameters
    ----------
    label : str
        What the requester calls it; unique in the request.
    title, artist : str
        As printed; for the answer only, nothing is looked up by them.
    codes : dict of str to tuple of str
        By kind (`CODE_COLUMNS`), as written.
    file : str
        Path of an audio file at the desk; empty for none.
    fingerprint : str
        Chromaprint in its text form; empty for none.
    """

    label: str
    title: str = ""
    artist: str = ""
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    file: str = ""
    fingerprint: str = ""

    def __post_init__(self) -> None:
        for name in ("label", "title", "artist", "file", "fingerprint"):
            value = getattr(self, name)
            limit = MAX_TEXT * 50 if name == "fingerprint" else 1000
            if not _is_text(value, limit):
                raise InputError(
                    f"work '{str(self.label)[:40]}': {name} is not a text of at most {limit} characters"
                )
        unknown = set(self.codes) - set(CODE_COLUMNS)
        if unknown:
            raise InputError(
                f"work '{self.label}': codes {sorted(unknown)}; expected {', '.join(CODE_COLUMNS)}"
            )
        if not self.codes and not self.file and not self.fingerprint:
            raise InputError(
                f"work '{self.label}': no key; give at least one of {', '.join((*CODE_COLUMNS, 'file', 'fingerprint'))}"
            )

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self) | {"codes": {kind: list(values) for kind, values in sorted(self.codes.items())}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AskedWork:
        """Read what `as_json` wrote; InputError when it is damaged."""
        try:
            return cls(**(dict(data) | {"codes": {k: tuple(map(str, v)) for k, v in data["codes"].items()}}))
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"work: damaged ({error!r})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as the desk keeps it: private, never in the log.

    Parameters
    ----------
    requester, contact : str
        Who asks, and where the answer goes.
    authority : str
        As what (`AUTHORITIES`).
    statement : str
        The sworn statement, word for word.
    evidence : tuple of str
        Registration numbers, addresses, hashes of documents.
    works : tuple of AskedWork
        What is asked about.
    salt : str
        Hexadecimal, 32 random bytes.
    """

    requester: str
    contact: str
    authority: str
    statement: str
    works: tuple[AskedWork, ...]
    salt: str
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("requester", "contact", "statement"):
            value = getattr(self, name)
            if not _is_text(value, MAX_TEXT) or not value.strip():
                raise InputError(
                    f"request: {name} is empty or too long; expected up to {MAX_TEXT} characters"
                )
        if len(self.evidence) > 1000 or not all(_is_text(one, MAX_TEXT) for one in self.evidence):
            raise InputError(f"request: evidence; expected at most 1000 texts of up to {MAX_TEXT} characters")
        if self.authority not in AUTHORITIES:
            raise InputError(
                f"request: authority '{self.authority}'; expected one of {', '.join(AUTHORITIES)}"
            )
        if not self.works or len(self.works) > MAX_WORKS:
            raise InputError(f"request: {len(self.works)} works; expected 1 to {MAX_WORKS}")
        labels = [work.label for work in self.works]
        if len(set(labels)) < len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            raise InputError(f"request: two works are called '{twice}'; give each its own label")
        if not isinstance(self.salt, str) or not re.fullmatch(r"[0-9a-f]{64}", self.salt):
            raise InputError("request: damaged salt; expected 64 hexadecimal digits")

    def to_bytes(self) -> bytes:
        """Return the private file: sorted JSON and a newline; its SHA-256 is what the log knows."""
        text = json.dumps(self.as_json(), sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False)
        return text.encode() + b"\n"

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the private file; the salt inside keeps it from being guessed."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def request_id(self) -> str:
        """Return the short name of the request."""
        return self.sha256[:16]

    def salted(self, text: str) -> str:
        """Return the hash under which a private text of this request stands in the log.

        Examples
        --------
        >>> work = AskedWork(label="rain", codes={"isrc": ("USS1Z9900001",)})
        >>> asked = Request(requester="Ada", contact="ada@example.org", authority="owner", statement="I swear.",
        ...                 works=(work,), salt="00" * 32)
        >>> asked.salted("Ada")[:12], Request.from_bytes(asked.to_bytes()) == asked
        ('d51708444c4a', True)
        """
        return hashlib.sha256(b"linernotes-request\0" + bytes.fromhex(self.salt) + text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return {
            "format": FORMAT,
            "requester": self.requester,
            "contact": self.contact,
            "authority": self.authority,
            "statement": self.statement,
            "evidence": list(self.evidence),
            "works": [work.as_json() for work in self.works],
            "salt": self.salt,
        }

    @classmethod
    def from_bytes(cls, data: bytes) -> Request:
        """Read the private file.

        Raises
        ------
        InputError
            If it is not what `to_bytes` wrote.
        """
        try:
            found = json.loads(data.decode())
            if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
                raise ValueError(f"expected the format '{FORMAT}'")
            works = tuple(AskedWork.from_json(work) for work in found.pop("works"))
            made = cls(**(found | {"works": works, "evidence": tuple(map(str, found["evidence"]))}))
            same = made.to_bytes() == data
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"request: damaged ({error}); restore it from a copy") from error
        if not same:
            raise InputError("request: not written by this program; restore it from a copy")
        return made


def parse_works(text: str) -> tuple[AskedWork, ...]:
    r"""Read a table of works.

    Parameters
    ----------
    text : str
        CSV with a header; see the module's conventions.

    Returns
    -------
    tuple of AskedWork
        In the order of the rows; a row without a label is called by its title, or its number.

    Raises
    ------
    InputError
        If the table is too large, a column is unknown or stands twice, or a row has no key or other cells than the
        header.

    Examples
    --------
    >>> parse_works("label,isrc\nrain,USS1Z9900001;USS1Z9900002\n")[0].codes["isrc"]
    ('USS1Z9900001', 'USS1Z9900002')
    """
    if len(text.encode("utf-8", "replace")) > MAX_TABLE_BYTES or "\0" in text:
        raise InputError(f"table of works: larger than {MAX_TABLE_BYTES} bytes, or holds a NUL character")
    try:
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
    except csv.Error as error:
        raise InputError(f"table of works: not readable as CSV ({error}); check its quotes") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise InputError(f"table of works: empty; expected a header with some of {', '.join(COLUMNS)}")
    names = [cell.strip().casefold() for cell in rows[0]]
    wrong = [name for name in names if name not in COLUMNS] or [n for n in names if names.count(n) > 1]
    if wrong:
        raise InputError(
            f"table of works: column '{wrong[0][:40]}' unknown or double; expected some of {', '.join(COLUMNS)}"
        )
    if len(rows) - 1 > MAX_WORKS:
        raise InputError(f"table of works: {len(rows) - 1} rows; expected at most {MAX_WORKS}")
    works = tuple(_work(number, names, row) for number, row in enumerate(rows[1:], start=1))
    if not works:
        raise InputError("table of works: a header and no row; add one row per work")
    return works


def _is_text(value: object, limit: int) -> bool:
    if not isinstance(value, str) or len(value) > limit or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)  # cannot be written as UTF-8


def _work(number: int, names: list[str], cells: list[str]) -> AskedWork:
    if len(cells) != len(names):
        raise InputError(f"table of works: row {number} has {len(cells)} cells, expected {len(names)}")
    row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    codes = {
        kind: tuple(value.strip() for value in row[kind].split(";") if value.strip())
        for kind in CODE_COLUMNS
        if row.get(kind)
    }
    return AskedWork(
        label=row.get("label") or row.get("title") or f"work {number}",
        title=row.get("title", ""),
        artist=row.get("artist", ""),
        codes={kind: values for kind, values in codes.items() if values},
        file=row.get("file", ""),
        fingerprint=row.get("fingerprint", ""),
    )
