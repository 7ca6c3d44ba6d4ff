import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions.alignment import STRUCK, Path, best_path
from linernotes.versions.extension import ExtensionConfig, LogOdds, regrown
from linernotes.versions.projection import Embedded


def _known(s):
    """Log-odds that are all known, as a product."""
    n, m = s.shape
    none = np.zeros(max(n, m), np.float32)
    return LogOdds(Embedded(s, none[:n]), Embedded(np.eye(m, dtype=np.float32), none[:m]))


def _diagonal(n, first, end, good=12.0, bad=-12.0):
    s = np.full((n, n), bad, np.float32)
    at = np.arange(first, end)
    s[at, at] = good
    return s


def _path(first, end):
    steps = np.arange(first, end)
    return Path(1.0, steps, steps, np.ones(len(steps), np.float32))


@pytest.mark.parametrize(("first", "end"), [(20, 40), (12, 48), (26, 33), (20, 48), (12, 40)])
def test_ends_move_to_where_the_evidence_ends(first, end):
    found = regrown(_path(first, end), _known(_diagonal(60, 15, 45)))
    assert (found.a[0], found.a[-1] + 1) == (15, 45)


def test_bad_frames_are_crossed_when_more_lies_behind():
    sharp = _diagonal(60, 5, 45)
    sharp[24:28, 24:28] = -12
    assert regrown(_path(30, 40), _known(sharp)).a[0] == 5


def test_an_end_is_given_up_after_the_drop():
    sharp = _diagonal(60, 5, 45)
    sharp[20:28, 20:28] = -12  # eight frames, 96 nats
    assert regrown(_path(30, 40), _known(sharp)).a[0] == 28
    assert regrown(_path(30, 40), _known(sharp), ExtensionConfig(drop=200)).a[0] == 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 40), st.integers(3, 40))
def test_regrown_paths_rise_and_stay_inside(seed, n, m):
    random = np.random.default_rng(seed)
    path = best_path(random.normal(0, 1, (n, m)).astype(np.float32), 0.1)
    if len(path.a) < 2:
        return
    found = regrown(path, _known(random.normal(0, 9, (n, m)).astype(np.float32)))
    assert found.score == path.score
    assert len(found.a) == len(found.b) == len(found.gains)
    assert set(np.diff(found.a)) <= {1, 2}
    assert set(np.diff(found.b)) <= {1, 2}
    assert 0 <= found.a[0] <= found.a[-1] < n
    assert 0 <= found.b[0] <= found.b[-1] < m


def test_struck_frames_are_not_taken_again():
    known = _known(_diagonal(60, 5, 45))
    assert regrown(_path(30, 40), known).a[0] == 5
    known.strike_out(_path(5, 25))
    assert regrown(_path(30, 40), known).a[0] == 25
    assert known.along(np.array([24, 25]), np.array([24, 25])).tolist() == [STRUCK, 12]
