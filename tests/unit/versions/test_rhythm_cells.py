"""Onsets in cells, loops taken away, and whether two rhythms coincide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from linernotes.audio.files import Audio
from linernotes.versions.background import bundled_background
from linernotes.versions.coincidence import CAP, coincidence, common_frames
from linernotes.versions.features import Features, extract
from linernotes.versions.hypotheses import RHYTHM_RATIOS, Piece, cells_of, search
from linernotes.versions.notes.events import Note
from linernotes.versions.projection import resampled, values
from linernotes.versions.rhythm import (
    CELL_S,
    CELLS,
    N_BANDS,
    N_LAYERS,
    in_cells,
    rhythm_frames,
    without_loops,
)
from linernotes.versions.spans import stretches

RATE = 11025


def _clicks(beats, beat_s, pitch_hz=1000.0, seconds=30.0):
    """Decaying tones that begin on some beats."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    wave = np.zeros(len(time_s))
    for beat in beats:
        at = int(beat * beat_s * RATE)
        if at < len(wave):
            rest = time_s[: len(wave) - at]
            wave[at:] += np.exp(-25 * rest) * np.sin(2 * np.pi * pitch_hz * rest)
    return wave


def _walk(seed, n=60):
    """Beats of a line that repeats nothing: steps of a half, one, and one and a half."""
    return np.cumsum(np.random.default_rng(seed).choice([0.5, 0.5, 1.0, 1.5], n))


def _song(seed, beat_s=0.5, pitch_hz=1000.0, drums=True):
    loop = _clicks(np.arange(0, 60, 1.0), beat_s, 200.0) if drums else 0
    return Audio((0.3 * (_clicks(_walk(seed), beat_s, pitch_hz) + loop)).astype(np.float32), RATE)


def _rhythm_alone(cells):
    frames = cells[: len(cells) // CELLS * CELLS].reshape(-1, CELLS * N_LAYERS)
    none = np.zeros((len(frames), 12), np.float32)
    return Features(none, none, frames, 0.25, 0.25 * len(frames))


def _noise(seed, n_cells):
    """Cells as those of a recording of which nothing repeats: spread like onsets, no mean."""
    cells = np.random.default_rng(seed).normal(0, 0.5, (n_cells, N_LAYERS))
    return np.clip(gaussian_filter1d(cells, 1.0, axis=0), -1, 1).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.1, 9.9), max_size=30), st.integers(1, 400))
def test_onsets_are_shared_between_cells_and_none_is_lost(times_s, n_cells):
    cells = in_cells(np.array(times_s), np.ones(len(times_s)), 200)
    assert cells.sum() == pytest.approx(len(times_s), abs=1e-3)
    few = in_cells(np.array(times_s), np.ones(len(times_s)), n_cells)
    np.testing.assert_allclose(few[:-1], cells[: n_cells - 1] if n_cells <= 200 else few[:-1], atol=1e-5)


def test_a_loop_vanishes_and_what_happens_once_remains():
    beat = np.tile(np.eye(8)[0], 60)
    once = np.zeros(480)
    once[[130, 201, 263, 340]] = 1.0
    layers = np.column_stack([beat, once])
    layers = ((layers - layers.mean(axis=0)) / layers.std(axis=0)).astype(np.float32)
    rest = without_loops(layers)[100:-100]
    assert (rest[:, 0] ** 2).mean() < 0.15 * (layers[:, 0] ** 2).mean()
    assert (rest[:, 1] ** 2).mean() > 0.5 * (layers[100:-100, 1] ** 2).mean()


def test_frames_are_cells_of_all_layers_and_silence_is_zero():
    onsets = np.zeros((80, N_BANDS), np.float32)
    assert not rhythm_frames(onsets, (), ()).any()
    struck = tuple(Note(at, at + 0.2, 60, 0.5) for at in (0.7, 1.9, 2.2, 3.6))
    frames = rhythm_frames(onsets, struck, ())
    assert frames.shape == (20, CELLS * N_LAYERS)
    cells = frames.reshape(80, N_LAYERS)
    assert not cells[:, :N_BANDS].any()
    assert not cells[:, -1].any()
    assert {int(at / CELL_S) for at in (0.7, 1.9, 2.2, 3.6)} <= set(
        np.argsort(-cells[:, N_BANDS])[:12].tolist()
    )
    assert np.abs(frames).max() <= 1


def test_the_same_onsets_coincide_and_a_shared_drum_loop_does_not():
    a, b, stranger = (
        Piece(extract(song)) for song in (_song(1), _song(1, 0.55, 700.0), _song(2, 0.55, 700.0))
    )
    same, other = search(a, b, "rhythm"), search(a, stranger, "rhythm")
    assert same.ratio == pytest.approx(1.1, rel=0.04)
    assert same.score > 1.5 * other.score
    assert same.contrast > other.contrast + 1.5
    found = next(iter(stretches(a, b, "rhythm", same, 1)))
    assert found.a.duration_s > 12
    for at_a, at_b in found.anchors:
        assert at_b == pytest.approx(1.1 * at_a, abs=0.3)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-9, -4, 0, 5, 10]))
def test_tempo_is_read_off(seed, semitones):
    ratio = 2 ** (semitones / 12)
    cells = _noise(seed, 600)
    played = resampled(cells, 1 / ratio)
    found = search(Piece(_rhythm_alone(cells)), Piece(_rhythm_alone(played)), "rhythm")
    assert found.ratio == pytest.approx(ratio, rel=0.062)
    assert found.contrast > 4


def test_a_late_clock_is_found_to_the_cell():
    cells = _noise(3, 600)
    a = Piece(_rhythm_alone(cells[:400]))
    for late in range(4):
        b = Piece(_rhythm_alone(cells[late : 400 + late]))
        found = search(b, a, "rhythm", (1.0,))
        assert abs(found.late) == late % 2
        first = next(iter(stretches(b, a, "rhythm", found, 1)))
        assert first.b.start_s - first.a.start_s == pytest.approx(late * CELL_S, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 300))
def test_coincidence_is_the_same_from_both_sides_and_capped(seed, n):
    random = np.random.default_rng(seed)
    a, b = (random.normal(0, 1, (n + 2, N_LAYERS)).astype(np.float32) for _ in range(2))
    at = np.arange(1, n + 1)
    assert coincidence(a, b, at, at) <= CAP
    inner = np.arange(2, n)
    assert coincidence(a, a, inner, inner) == pytest.approx(min(CAP, np.sqrt(len(inner))), abs=1e-3)


def test_nothing_aligned_is_no_coincidence():
    none = np.zeros(0, np.int64)
    assert coincidence(_noise(0, 8), _noise(1, 8), none, none) == 0.0
    assert cells_of(none).tolist() == []


def test_what_two_rhythms_have_in_common_is_like_both():
    a, b = _noise(0, 64), _noise(1, 64)
    shared_part = a + b
    both = common_frames(
        np.clip(a + shared_part, -1, 1), np.clip(b + shared_part, -1, 1), np.arange(62), np.arange(62)
    )
    assert both.shape == (15, CELLS * N_LAYERS)
    cells = both.reshape(-1, N_LAYERS)
    assert np.corrcoef(cells.ravel(), shared_part[:60].ravel())[0, 1] > 0.8


def test_tempo_stretches_cells_not_frames():
    piece = bundled_background().pieces[0]
    cells = values(piece, "rhythm", 1.0)
    assert cells.shape == (CELLS * len(piece), N_LAYERS)
    assert len(values(piece, "rhythm", 2.0)) == round(len(cells) / 2)
    assert max(RHYTHM_RATIOS) * min(RHYTHM_RATIOS) == pytest.approx(1.0)
