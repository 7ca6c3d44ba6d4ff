import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.versions.features import centred
from linernotes.versions.figures import (
    RUNS,
    bundled_counts,
    chord_code,
    chord_figure,
    heard_chords,
    heard_line,
    intervals_of,
    run_code,
    run_figure,
)

CHORD = st.tuples(st.integers(0, 11), st.booleans())


@given(st.lists(CHORD, min_size=4, max_size=4), st.integers(0, 11))
def test_a_succession_has_one_code_in_every_key(chords, steps):
    moved = [((root + steps) % 12, minor) for root, minor in chords]
    assert chord_code(moved) == chord_code(chords)
    assert chord_figure(chords).share == chord_figure(moved).share


@given(
    st.lists(st.integers(-5, 6), min_size=6, max_size=6), st.lists(st.integers(-5, 6), min_size=6, max_size=6)
)
def test_runs_have_different_codes(one, other):
    assert (run_code(one) == run_code(other)) == (one == other)
    assert run_code(one) < 2**32


@given(st.lists(st.integers(0, 11), max_size=20), st.integers(0, 11))
def test_intervals_do_not_know_the_key(line, steps):
    found = intervals_of(line)
    assert found == intervals_of([(pitch + steps) % 12 for pitch in line])
    assert all(-5 <= step <= 6 and step != 0 for step in found)


def test_counts_are_of_songs():
    counts = bundled_counts()
    for kind in (0, *RUNS):
        assert np.all(np.diff(counts.codes[kind].astype(np.int64)) > 0)
        assert counts.counts[kind].min() >= 2
        assert counts.counts[kind].max() <= counts.n_songs


def test_a_loop_of_chords_is_heard_and_called_common():
    loop = [(0, False), (7, False), (9, True), (5, False)]
    tones = {False: (0, 4, 7), True: (0, 3, 7)}
    rows = np.zeros((len(loop), 12), np.float32)
    for row, (root, minor) in zip(rows, loop, strict=True):
        row[[(root + tone) % 12 for tone in tones[minor]]] = 1
    noisy = np.repeat(np.tile(rows, (2, 1)), 8, axis=0) + np.random.default_rng(0).normal(0, 0.2, (64, 12))
    chords = heard_chords(centred(noisy.astype(np.float32)))
    assert chords == loop * 2
    assert chord_figure(chords).share > 0.1
    assert (
        chord_figure(chords).share > 20 * chord_figure([(0, False), (1, True), (6, False), (2, True)]).share
    )


def test_a_run_counts_only_where_both_sides_hold_it():
    tune = [0, 2, 4, 5, 7, 4, 9, 7]
    moved = [(pitch + 5) % 12 for pitch in tune]
    assert len(run_figure(tune, moved).name.split()) == 6
    assert run_figure(tune[:5], moved).name == "+2 +2 +1 +2"
    assert run_figure(tune, [0, 1, 2, 3, 4, 5, 6]) is None


@pytest.mark.parametrize("heard", [heard_chords, heard_line])
def test_an_empty_stretch_has_no_figure(heard):
    assert heard(np.zeros((0, 12), np.float32)) == []


def test_silence_has_no_line():
    assert heard_line(np.zeros((8, 12), np.float32)) == []
