"""The check of presence proofs against one written from the documentation alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path

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
GOOD = sorted(FOLDER.glob("good_*.proof"))
ONLY_THE_REAL_ONE = {"bad_opened_record_of_another_key", "bad_opened_though_absent"}


def of_twin(proof: bytes, root: str) -> bool | None:
    try:
        return bool(oracle.check(proof, root))
    except Exception:
        return None


def of_ours(proof: bytes, root: str) -> bool | None:
    try:
        return verify_presence(proof, root).present
    except VerificationError:
        return None


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.proof")), ids=lambda path: path.stem)
def test_the_museum_is_judged_alike(path: Path) -> None:
    proof = path.read_bytes()
    expected = of_ours(proof, ROOT)
    assert (expected is None) == path.stem.startswith("bad_")
    if path.stem not in ONLY_THE_REAL_ONE:
        assert of_twin(proof, ROOT) == expected


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from(GOOD),
    place=st.integers(0, 10**6),
    taken=st.integers(0, 33),
    put=st.binary(max_size=33),
)
def test_changed_bytes_are_judged_alike(path: Path, place: int, taken: int, put: bytes) -> None:
    proof = path.read_bytes()
    place %= len(proof) + 1
    changed = proof[:place] + put + proof[place + taken :]
    assert of_twin(changed, ROOT) == of_ours(changed, ROOT)
