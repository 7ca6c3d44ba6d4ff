"""Our assertion in a C2PA manifest: it points from a generated file to its attribution record in the audit log.

The file itself carries the record: what it was ranked against, by which method, how reliable that is, how much is
credited to nobody, how many gaps are open, and what all this does not say. The log's receipt proves that the
same record was committed, and when.

Conventions
-----------
Label ``org.linernotes.attribution``. ``record_sha256`` is the SHA-256 of the record's RFC 8785 JSON, and the subject of
the log entry. ``audio_sha256`` is the hash of the decoded sound (mono, 16 bit, at its own rate), so that it is the same
in every lossless container; ``content_sha256`` is the file as the generator wrote it, before credentials.

References
----------
C2PA Technical Specification 2.4, "Labels" (reverse-domain labels of other parties); RFC 8785.

Known limits
------------
MP3 and M4A are decoded by a library; another decoder may round otherwise and give another ``audio_sha256``. C2PA's own
hash of the bytes holds in any case.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linernotes.errors import InputError
from linernotes.signals.wire import json_of

LABEL = "org.linernotes.attribution"
REVISION = 1
MAX_BYTES = 256 << 10
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Output(_Strict):
    """The generated file."""

    file: Text
    content_sha256: Sha256
    audio_sha256: Sha256
    duration_s: Annotated[float, Field(gt=0)]


class Corpus(_Strict):
    """The sealed corpus that the ranking is among."""

    root: Sha256
    stage: Literal["before-training", "after-training"]
    sealed_at: Text
    n_items: Count


class Interval(_Strict):
    """Both ends of an interval: an object, since C2PA libraries show a list of numbers as bytes."""

    low: float
    high: float


class ReliabilityNote(_Strict):
    """How well the method predicts retraining, measured for this generator and corpus."""

    lds: float
    interval: Interval
    ceiling: float


class Attribution(_Strict):
    """The ranking."""

    run: Text
    ranking_sha256: Sha256
    method: Text
    unit: Text
    generator_id: Text
    seed: int
    n_influences: Count
    unattributed_share: Share
    reliability: ReliabilityNote | None


class Gaps(_Strict):
    """Open gaps of the corpus, by severity."""

    high: Count
    medium: Count
    low: Count


class AttributionRecord(_Strict):
    """The record that is committed in the log."""

    record_revision: Literal[1]
    output: Output
    corpus: Corpus
    attribution: Attribution | None
    gaps: Gaps
    limitation: Annotated[str, Field(min_length=40, max_length=4000)]


class LogPlace(_Strict):
    """Where the log holds the record."""

    origin: Text
    index: Count
    receipt_sha256: Sha256


class AttributionAssertion(_Strict):
    """The assertion's data."""

    record: AttributionRecord
    record_sha256: Sha256
    log: LogPlace


def parse_attribution(data: bytes | str) -> dict[str, Any]:
    """Read the assertion's data and return it as it stands, after checking its form.

    Raises
    ------
    InputError
        If it is not of the documented form.

    Examples
    --------
    >>> parse_attribution("{}")
    Traceback (most recent call last):
    ...
    linernotes.errors.InputError: attribution assertion: record: Field required
    """
    return checked(json_of(data, "attribution assertion", MAX_BYTES))


def checked(data: Any) -> dict[str, Any]:
    """Return the data of an assertion after checking its form.

    Raises
    ------
    InputError
        As `parse_attribution`.
    """
    try:
        AttributionAssertion.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(f"attribution assertion: {place}: {first['msg']}") from None
    return dict(data)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the assertion's data.

    Examples
    --------
    >>> sorted(json_schema()["required"])
    ['log', 'record', 'record_sha256']
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema"
    } | AttributionAssertion.model_json_schema()
