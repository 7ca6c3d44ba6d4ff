"""The strict reading of where quotations lie: both ends, by bars and by notes."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
QUOTE = {"start_s": 30.0, "end_s": 46.0, "source_start": 8.0, "source_end": 24.0}


@pytest.fixture(scope="module", autouse=True)
def bench():
    """The benchmarks lie beside the package, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        yield


def test_bars_that_follow_each_other_are_one_stretch_and_a_jump_ends_it():
    from benchmarks.versions.measures.ends import by_bars

    played_on = [[0, 6, 8, 14], [6, 16, 14, 24]]
    assert [(one.start_s, one.end_s) for one in by_bars(QUOTE, played_on)] == [(30, 46)]
    jump = [[0, 6, 8, 14], [6, 12, 2, 8], [12, 16, 20, 24]]
    assert [(one.start_s, one.end_s) for one in by_bars(QUOTE, jump)] == [(30, 36), (42, 46)]
    assert by_bars(QUOTE, [[0, 8, 40, 48]]) == []


def test_the_same_notes_in_other_bars_count_by_notes():
    from benchmarks.versions.measures.ends import Notation, by_bars, by_notes

    random = np.random.default_rng(0)
    phrase, rest = random.integers(0, 12, 32), random.integers(0, 12, 60)
    melody = np.concatenate([rest[:16], phrase, rest[16:40], phrase, rest[40:]])  # half beats 16 and 72
    chords = np.eye(12)[np.repeat(random.integers(0, 12, len(melody) // 4), 4)]
    chords[72:104] = chords[16:48]
    sections = [[0.0, 16.0, 36.0, 52.0]]  # the second time only
    assert by_bars(QUOTE, sections) == []
    found = by_notes(QUOTE, sections, Notation(melody, chords))[0]
    assert (found.start_s, found.end_s) == (30.0, 46.0)


def test_errors_are_those_to_the_nearest_of_equally_long_stretches():
    from benchmarks.versions.measures.ends import Common, end_errors_s

    true = [Common(30, 46), Common(0, 15), Common(60, 65)]
    assert end_errors_s((0.5, 15.5), true) == (0.5, 0.5)
    assert end_errors_s((60, 65), true) == (30, 19)  # a fragment is no right answer
    assert end_errors_s(None, true) == (np.inf, np.inf)
    assert end_errors_s((0, 1), []) == (np.inf, np.inf)
