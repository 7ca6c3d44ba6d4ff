"""The benchmark's search narrows down as the package's does: the encoder, a glance, alignment."""

from pathlib import Path

import numpy as np

from benchmarks.versions.data.pool import Piece
from benchmarks.versions.systems import ours
from benchmarks.versions.systems.ours import NOT_ALIGNED, Both, Pipeline
from linernotes.workflows.version_search import SearchConfig


class _Nearness:
    """Scores by the one number that each piece has for a vector."""

    name = "nearness"

    def scores(self, query, candidates):
        return np.array([-abs(float(one[0, 0] - query[0, 0])) for one in candidates])


def _both(number):
    return Both(Piece({"id": str(number)}, Path()), np.full((1, 1), number, np.float32))


def test_near_pieces_are_glanced_at_and_the_best_aligned(monkeypatch):
    monkeypatch.setattr(ours, "profile_of", lambda piece: int(piece.name))
    monkeypatch.setattr(ours, "glance", lambda query, other: float(other % 5))
    aligned = []
    monkeypatch.setattr(ours, "quick_log_odds", lambda query, other: aligned.append(other) or -float(other))
    found = Pipeline(_Nearness(), n_candidates=10, n_aligned=3).scores(
        _both(0), [_both(n) for n in range(20)]
    )
    assert aligned == [4, 9, 3]
    order = np.argsort(-found, kind="stable").tolist()
    assert order[:3] == [3, 4, 9]
    assert order[3:10] == [8, 2, 7, 1, 6, 0, 5]
    assert order[10:] == list(range(10, 20))
    assert (found > NOT_ALIGNED / 2).sum() == 3


def test_few_candidates_are_all_aligned(monkeypatch):
    monkeypatch.setattr(ours, "profile_of", lambda piece: int(piece.name))
    monkeypatch.setattr(ours, "glance", None)
    monkeypatch.setattr(ours, "quick_log_odds", lambda query, other: float(other))
    found = Pipeline(_Nearness(), n_candidates=3, n_aligned=3).scores(_both(0), [_both(n) for n in range(6)])
    assert found[:3].tolist() == [0, 1, 2]
    assert (found[3:] < NOT_ALIGNED / 2).all()


def test_the_benchmark_searches_as_the_package_does():
    assert Pipeline(_Nearness()).n_candidates == SearchConfig().n_candidates
    assert Pipeline(_Nearness()).n_aligned == SearchConfig().n_aligned
