"""Plain loops that the fast paths of passage matching must agree with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.fingerprint.passages.boundaries import _greatest_run
from linernotes.fingerprint.passages.kernels import best_run
from linernotes.fingerprint.passages.notes import LEAST_INTERVALS, LEAST_TOKENS, NoteIndex, NoteLine


def slow_best_run(similarity, cost):
    """Try every start and every length on every diagonal."""
    best = (0.0, 0, 0, 0)
    n, m = similarity.shape
    for i in range(n):
        for j in range(m):
            total = 0.0
            for k in range(min(n - i, m - j)):
                total += float(similarity[i + k, j + k]) - cost
                if total > best[0] + 1e-5:
                    best = (total, i + k, j + k, k + 1)
    return best


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    cost=st.sampled_from([0.05, 0.2, 0.6]),
)
def test_the_best_run_is_the_best_of_all_diagonals(seed, n, m, cost):
    similarity = np.random.default_rng(seed).uniform(-1, 1, (n, m)).astype(np.float32)
    score, last_query, last_reference, length = best_run(similarity, cost)
    slow = slow_best_run(similarity, cost)
    assert score == pytest.approx(slow[0], abs=1e-4)
    if length:
        first = (last_query - length + 1, last_reference - length + 1)
        total = sum(float(similarity[first[0] + k, first[1] + k]) - cost for k in range(length))
        assert total == pytest.approx(score, abs=1e-4)


def test_nothing_alike_gives_no_run():
    assert best_run(np.zeros((4, 5), np.float32), 0.1) == (0.0, 0, 0, 0)


def slow_longest(a, b):
    """Compare every place with every place."""
    best = 0
    for i in range(len(a)):
        for j in range(len(b)):
            k = 0
            while i + k < len(a) and j + k < len(b) and a[i + k] == b[j + k]:
                k += 1
            if k >= LEAST_TOKENS and len({t // 5 for t in a[i : i + k]}) >= LEAST_INTERVALS:
                best = max(best, k)
    return best


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), length=st.integers(0, 30))
def test_shared_runs_are_those_of_comparing_every_place(seed, length):
    draw = np.random.default_rng(seed)

    def line(n):
        return NoteLine(np.cumsum(draw.choice([0.25, 0.5], n)), draw.integers(0, 4, n))

    lines = {"a": line(40), "b": line(25)}
    query = line(length)
    index = NoteIndex(lines)
    tokens = query.tokens()
    fast = max((n for _, _, n in index._runs(tokens)), default=0)
    assert fast == max(slow_longest(tokens, one.tokens()) for one in lines.values())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 20))
def test_the_greatest_run_around_a_core_is_the_greatest(seed, n):
    excess = np.random.default_rng(seed).normal(0, 1, n)
    first, last = _greatest_run(excess, 0, n - 1)
    core = int(np.argmax(np.convolve(excess, np.ones(5), "same"))) if n > 1 else 0
    core = min(core, n - 1)
    best = max(excess[a : b + 1].sum() for a in range(core + 1) for b in range(core, n))
    assert excess[first : last + 1].sum() == pytest.approx(best)
