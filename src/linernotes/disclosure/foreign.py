"""Somebody else's summary, filled into our form, so that it can be scored by the same rubric.

Conventions
-----------
JSON: ``{"format": "linernotes-article53", "fields": [{"id": "2.3.h", "answer": …}]}``. An answer is a table with ``state``,
as in our own documents, or simply the value: text, a list, true or false. A field that is missing or null was left blank.
Other keys of the document are passed over, because other people's files say other things too.

Known limits
------------
Nothing is fetched: links are looked at, not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from linernotes.disclosure.answer import Answer, is_blank, stated
from linernotes.disclosure.article53 import FORMAT
from linernotes.disclosure.envelope import load_json
from linernotes.disclosure.fields53 import FIELD_BY_ID
from linernotes.errors import InputError, VerificationError

MAX_BYTES = 16 << 20


def read_summary(path: Path | str) -> dict[str, Answer | None]:
    """Read a summary file.

    Raises
    ------
    InputError
        If it cannot be read, or as `parse_summary`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give a summary in our JSON form"
        ) from error
    try:
        return parse_summary(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parse_summary(data: bytes) -> dict[str, Answer | None]:
    """Read the bytes of a summary.

    Raises
    ------
    InputError
        If they are no such summary: too large, no JSON, another format, an unknown field or one that stands there twice.

    Examples
    --------
    >>> said = parse_summary(b'{"format": "linernotes-article53", "fields": [{"id": "2.3.a", "answer": false}]}')
    >>> said["2.3.a"].value, said["2.3.h"]
    (False, None)
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"summary: larger than {MAX_BYTES} bytes; expected one filled form")
    try:
        found = load_json("summary", data)
    except VerificationError as error:
        raise InputError(str(error)) from error
    if (
        not isinstance(found, Mapping)
        or found.get("format") != FORMAT
        or not isinstance(found.get("fields"), list)
    ):
        raise InputError(
            f'summary: expected {{"format": "{FORMAT}", "fields": […]}}; see docs/methods/disclosure.md'
        )
    answers: dict[str, Answer | None] = dict.fromkeys(FIELD_BY_ID)
    seen: set[str] = set()
    for one in found["fields"]:
        name = one.get("id") if isinstance(one, Mapping) else None
        if not isinstance(name, str) or name not in FIELD_BY_ID:
            raise InputError(f"summary: field {str(name)[:40]!r}; expected one of {', '.join(FIELD_BY_ID)}")
        if name in seen:
            raise InputError(f"summary: field '{name}' stands there twice; answer each once")
        seen.add(name)
        answers[name] = _answer(name, one.get("answer"))
    return answers


def _answer(name: str, value: Any) -> Answer | None:
    if is_blank(value):
        return None
    try:
        if isinstance(value, Mapping) and "state" in value:
            return Answer.model_validate(value)
        return stated(value)
    except (ValidationError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "nested too deeply"
        raise InputError(f"summary: field '{name}': {reason[:200]}") from error
