import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions.alignment import (
    AlignmentConfig,
    best_path,
    best_score,
    evidence,
    resampled,
    strike_out,
)
from linernotes.versions.features import centred


def _notes(seed, n):
    """A random tune: a new pitch class every third frame."""
    random = np.random.default_rng(seed)
    return centred(np.repeat(np.eye(12, dtype=np.float32)[random.integers(0, 12, n // 3 + 1)], 3, axis=0)[:n])


def test_a_quotation_is_found_where_it_was_put():
    a, b = _notes(1, 120), _notes(2, 150)
    b[60:100] = a[30:70]
    path = best_path(evidence(a, b), 0.1)
    assert abs(path.a[0] - 30) <= 4
    assert abs(path.a[-1] - 69) <= 4
    assert abs(path.b[0] - 60) <= 4
    assert abs(path.b[-1] - 99) <= 4


def test_struck_out_spans_are_not_found_again():
    a, b = _notes(3, 160), _notes(4, 160)
    b[10:50] = a[90:130]
    b[100:140] = a[20:60]
    s = evidence(a, b)
    first = best_path(s, 0.1)
    strike_out(s, first)
    second = best_path(s, 0.1)
    starts = sorted([int(first.b[0]), int(second.b[0])])
    assert abs(starts[0] - 10) <= 4
    assert abs(starts[1] - 100) <= 4


def test_a_slower_copy_aligns_at_its_ratio():
    a = _notes(5, 150)
    slow = resampled(a, 1 / 1.2)
    right = best_score(evidence(a, resampled(slow, 1.2)), 0.1)
    wrong = best_score(evidence(a, resampled(slow, 1 / 1.44)), 0.1)
    assert right > 2 * wrong


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 40))
def test_swapping_the_sides_keeps_the_score(seed, n, m):
    random = np.random.default_rng(seed)
    a, b = (centred(random.random((k, 12)).astype(np.float32)) for k in (n, m))
    there, back = (best_score(evidence(x, y), 0.1) for x, y in ((a, b), (b, a)))
    assert there == pytest.approx(back, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
def test_paths_rise_on_both_sides_and_stay_inside(seed, n, m):
    s = np.random.default_rng(seed).normal(0, 1, (n, m)).astype(np.float32)
    path = best_path(s, 0.1)
    assert len(path.a) == len(path.b)
    if len(path.a):
        assert set(np.diff(path.a)) <= {1, 2}
        assert set(np.diff(path.b)) <= {1, 2}
        assert 0 <= path.a[0] <= path.a[-1] < n
        assert 0 <= path.b[0] <= path.b[-1] < m
        cost = 0.1 * int((np.diff(path.a) != np.diff(path.b)).sum())
        assert path.score == pytest.approx(float(s[path.a, path.b].sum()) - cost, abs=1e-3)


def test_silence_is_no_evidence():
    empty = np.zeros((20, 12), np.float32)
    assert best_path(evidence(empty, empty, AlignmentConfig()), 0.1).score == 0
