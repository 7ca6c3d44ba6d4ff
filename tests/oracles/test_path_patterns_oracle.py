"""The linear matcher says what the regular expression says."""

import importlib.util
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.signals.paths import matches

_SPEC = importlib.util.spec_from_file_location(
    "slow_path_patterns", Path(__file__).parent / "slow_path_patterns.py"
)
slow = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(slow)

LETTERS = st.sampled_from(list("/ab*$."))


@settings(max_examples=400)
@given(st.lists(LETTERS, max_size=8), st.text("/ab.", max_size=12))
def test_agrees_with_the_regular_expression(pattern, path):
    pattern = "/" + "".join(pattern)
    assert matches(pattern, "/" + path) == slow.matches_by_regex(pattern, "/" + path)


def test_many_stars_cost_no_more_than_their_length():
    assert not matches("/" + "a*" * 20_000 + "b$", "/" + "a" * 30_000)
