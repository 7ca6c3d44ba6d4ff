"""The index of one disclosure: its version, its files with their hashes, and the version before it.

Idea
----
One file names all others by hash, and the audit log names that file: whoever has the receipt can check every document. A
new version names the hash and the log entry of the previous one, so that none can be dropped in silence.

Conventions
-----------
``disclosure.json`` is the subject of a log entry of the kind ``disclosure``. The two receipts are not among its files:
they are written after it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from linernotes.disclosure.ab2013 import Ab2013
from linernotes.disclosure.answer import Count, Facts
from linernotes.disclosure.article53 import Article53
from linernotes.disclosure.completeness import Completeness
from linernotes.disclosure.facts import DisclosureFacts, Level, Previous
from linernotes.disclosure.limitation import Limitation
from linernotes.disclosure.page_schema import DisclosurePage
from linernotes.disclosure.redaction import GapList, Recordings
from linernotes.errors import VerificationError

FORMAT: Final = "linernotes-disclosure"
INDEX_FILE = "disclosure.json"
MAX_BYTES = 1 << 30
M = TypeVar("M", bound=Facts)
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
MODELS: dict[str, type[Facts]] = {
    "article53.json": Article53,
    "ab2013.json": Ab2013,
    "completeness.json": Completeness,
    "index.json": DisclosurePage,
    "recordings.json": Recordings,
    "gaps.json": GapList,
}
"""The model that each JSON document must satisfy."""


class PreviousVersion(Facts):
    """The version before."""

    version: Annotated[int, Field(ge=1)]
    sha256: Hash
    log_index: Count
    corpus_root: Hash


class Disclosure(Facts):
    """The index."""

    format: Literal["linernotes-disclosure"]
    revision: Literal[1]
    version: Annotated[int, Field(ge=1)]
    level: Level
    corpus_root: Hash
    limitation: Limitation
    n_gaps: Count
    completeness: float
    previous: PreviousVersion | None
    files: Annotated[dict[FileName, Hash], Field(min_length=1, max_length=100)]


def build_index(
    facts: DisclosureFacts, limitation: Limitation, completeness: float, files: Mapping[str, bytes]
) -> Disclosure:
    """Return the index of a disclosure's files."""
    return Disclosure(
        format=FORMAT,
        revision=1,
        version=facts.version,
        level=facts.level,
        corpus_root=facts.corpus.root,
        limitation=limitation,
        n_gaps=limitation.open_gaps,
        completeness=completeness,
        previous=_previous(facts.previous),
        files={name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
    )


def parse_index(data: bytes) -> Disclosure:
    """Read the bytes of a ``disclosure.json``.

    Raises
    ------
    VerificationError
        If they are not JSON or not an index.
    """
    return _parsed(Disclosure, INDEX_FILE, data)


def parse_document(name: str, data: bytes) -> Facts:
    """Read the bytes of one JSON document of a disclosure, by the name of its file.

    Raises
    ------
    VerificationError
        If the name is none of `MODELS`, or the document lacks something, its statement of limitation included.
    """
    if name not in MODELS:
        raise VerificationError(
            f"{name[:80]}: not a document of a disclosure; expected one of {', '.join(MODELS)}"
        )
    return _parsed(MODELS[name], name, data)


def _parsed(model: type[M], name: str, data: bytes) -> M:
    try:
        return model.model_validate(load_json(name, data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise VerificationError(f"{name}: {place}: {first['msg'][:200]}") from error


def load_json(name: str, data: bytes) -> Any:
    """Read JSON strictly: UTF-8, no key twice, no NaN, no half of a surrogate pair, bounded.

    Raises
    ------
    VerificationError
        If it is anything else.

    Examples
    --------
    >>> load_json("a.json", b'{"a": 1}')
    {'a': 1}
    """
    if len(data) > MAX_BYTES:
        raise VerificationError(f"{name}: larger than {MAX_BYTES} bytes")
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair has no UTF-8
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{name}: not readable JSON ({str(error)[:200]})") from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _previous(before: Previous | None) -> PreviousVersion | None:
    if before is None:
        return None
    return PreviousVersion(
        version=before.version,
        sha256=before.sha256,
        log_index=before.log_index,
        corpus_root=before.corpus_root,
    )
