"""Reading single values of ``provider.toml``: one reader for each kind of answer.

Conventions
-----------
A reader takes the place for its message, the TOML value and the question; it returns a JSON-ready value or raises
`InputError` with place, value and what was expected.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from linernotes.corpus.consent import parse_date
from linernotes.disclosure.questions import KIND_WORDS, Question
from linernotes.errors import InputError

MAX_TEXT = 20_000
MAX_ENTRIES = 100_000
_HOST = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def near(name: str, known: list[str]) -> str:
    """Return what was probably meant by an unknown name, as the end of a message."""
    close = difflib.get_close_matches(name[:60], known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; expected one of {', '.join(known)}"


def _refuse(where: str, value: object, expected: str) -> InputError:
    try:
        shown = str(value)
    except ValueError:  # an integer of thousands of digits has no text
        shown = type(value).__name__
    return InputError(
        f'{where}: {shown[:80]!r}; expected {expected}, or {{ unknown = "why" }}, '
        'or { not_applicable = "why" }'
    )


def plain_text(where: str, value: object, question: Question | None = None) -> str:
    """Return a text without its outer spaces.

    Raises
    ------
    InputError
        If it is empty, too long, or holds a control character.
    """
    if not isinstance(value, str) or not value.strip():
        raise _refuse(where, value, "text that is not empty")
    if len(value) > MAX_TEXT:
        raise InputError(
            f"{where}: {len(value)} characters, expected at most {MAX_TEXT}; link a page instead"
        )
    if found := _CONTROL.search(value):
        raise InputError(f"{where}: holds the control character U+{ord(found[0]):04X}; remove it")
    return value.strip()


def _date(where: str, value: object, question: Question) -> str:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, str):
        try:
            return parse_date(value).isoformat()
        except InputError:
            pass
    raise _refuse(where, value, KIND_WORDS["date"])


def _yes_no(where: str, value: object, question: Question) -> bool:
    if not isinstance(value, bool):
        raise _refuse(where, value, KIND_WORDS["yes-no"])
    return value


def _claim(where: str, value: object, question: Question) -> Any:
    if isinstance(value, bool):
        return {"answer": value, "text": ""}
    if isinstance(value, Mapping) and len(value) == 1 and set(value) <= {"yes", "no"}:
        (key, text), *_ = value.items()
        return {"answer": key == "yes", "text": plain_text(f"{where}.{key}", text)}
    raise _refuse(where, value, KIND_WORDS["claim"])


def _status(where: str, value: object, question: Question) -> Any:
    if value == "voluntary":
        return {"required_by_law": False, "reason": ""}
    if isinstance(value, Mapping) and set(value) == {"required_by_law"}:
        reason = plain_text(f"{where}.required_by_law", value["required_by_law"])
        return {"required_by_law": True, "reason": reason}
    raise _refuse(where, value, KIND_WORDS["status"])


def _list(where: str, value: object, expected: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise _refuse(where, value, f"{expected} with at least one entry")
    if len(value) > MAX_ENTRIES:
        raise InputError(f"{where}: {len(value)} entries, expected at most {MAX_ENTRIES}")
    return value


def _texts(where: str, value: object, question: Question) -> list[str]:
    found = [plain_text(where, one) for one in _list(where, value, KIND_WORDS["texts"])]
    if len(set(found)) < len(found):
        raise InputError(f"{where}: an entry stands there twice; list each once")
    return found


def _hosts(where: str, value: object, question: Question) -> list[str]:
    found = [one.lower().rstrip(".") for one in _texts(where, value, question)]
    for one in found:
        if not _HOST.fullmatch(one):
            raise _refuse(where, one, KIND_WORDS["hosts"])
    return found


def _address(where: str, value: object, question: Question) -> str:
    text = plain_text(where, value)
    if not re.fullmatch(r"https?://[^\s<>\"']{3,2000}", text):
        raise _refuse(where, value, KIND_WORDS["address"])
    return text


def _number(where: str, value: object, question: Question) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**12:
        raise _refuse(where, value, KIND_WORDS["number"])
    return value


def _amount(where: str, value: object, question: Question) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 10**12:
        raise _refuse(where, value, KIND_WORDS["amount"])
    return value


def _entries(where: str, value: object, question: Question) -> Any:
    return [
        _entry(f"{where}[{i}]", one, question)
        for i, one in enumerate(_list(where, value, KIND_WORDS["entries"]), start=1)
    ]


def _entry(where: str, value: object, question: Question) -> dict[str, Any]:
    columns = {name: (kind, required) for name, kind, required in question.columns}
    if not isinstance(value, Mapping):
        raise _refuse(where, value, f"a table with the keys {', '.join(columns)}")
    for key in value:
        if key not in columns:
            raise InputError(f"{where}.{key[:60]}: unknown key{near(key, list(columns))}")
    for name, (_, required) in columns.items():
        if required and name not in value:
            raise InputError(f"{where}: has no '{name}'; every entry needs one")
    return {
        name: READERS[kind](f"{where}.{name}", value[name], question)
        for name, (kind, _) in columns.items()
        if name in value
    }


READERS: dict[str, Callable[[str, Any, Question], Any]] = {
    "text": plain_text,
    "date": _date,
    "yes-no": _yes_no,
    "claim": _claim,
    "texts": _texts,
    "hosts": _hosts,
    "address": _address,
    "number": _number,
    "amount": _amount,
    "status": _status,
    "entries": _entries,
}
