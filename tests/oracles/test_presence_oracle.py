"""The check of presence proofs against one written from the documentation alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.corpus.presence_check import verify_presence
from linernotes.errors import VerificationError

_spec = importlib.util.spec_from_file_location("slow_presence", Path(__file__).with_name("slow_presence.py"))
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

FOLDER = Path(__file__).parents[1] / "museum" / "presence"
ROOT = (FOLDER / "root.txt").read_text().strip()
GOOD = sorted(FOLDER.glob("good_*.json"))
ONLY_THE_REAL_ONE = {"bad_scope_softened"}


def of_twin(proof: Any, root: str) -> bool | None:
    try:
        return bool(oracle.check(proof, root))
    except Exception:
        return None


def of_ours(proof: Any, root: str) -> bool | None:
    try:
        return verify_presence(proof, root).present
    except VerificationError:
        return None


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_the_museum_is_judged_alike(path: Path) -> None:
    proof = json.loads(path.read_text())
    expected = of_ours(proof, ROOT)
    assert (expected is None) == path.stem.startswith("bad_")
    if path.stem not in ONLY_THE_REAL_ONE:
        assert of_twin(proof, ROOT) == expected


@settings(max_examples=60, deadline=None)
@given(path=st.sampled_from(GOOD), place=st.integers(0, 10**6), char=st.sampled_from('0a9fZ=+ "[]{}n,'))
def test_one_changed_character_is_judged_alike(path: Path, place: int, char: str) -> None:
    text = path.read_text()
    start, end = text.index('"keys"'), text.index('"not_checked"')
    place = start + place % (end - start)
    try:
        proof = json.loads(text[:place] + char + text[place + 1 :])
    except ValueError:
        return
    assert of_twin(proof, ROOT) == of_ours(proof, ROOT)
