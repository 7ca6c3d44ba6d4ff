"""Peaks and pairs."""

import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.errors import TooShort
from linernotes.fingerprint.keys import N_PAIR_KEYS, N_QUAD_KEYS
from linernotes.fingerprint.landmarks import find_landmarks, find_query
from linernotes.fingerprint.peaks import KEPT


def _melody(rate: int = 8000, seed: int = 0, seconds: float = 6.0, semitones: float = 0.0) -> Audio:
    """Random notes with three harmonics each: music enough for landmarks."""
    rng = np.random.default_rng(seed)
    samples = np.zeros(int(rate * seconds), np.float32)
    for start in np.arange(0, seconds - 0.3, 0.12):
        hz = 250 * 2 ** ((rng.integers(0, 30) + semitones) / 12)
        t = np.arange(int(0.25 * rate)) / rate
        note = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3)) * np.exp(-12 * t)
        first = int(start * rate)
        samples[first : first + len(t)] += 0.2 * note.astype(np.float32)
    return Audio(samples, rate)


def test_constellations_keep_to_their_limits() -> None:
    found = find_landmarks(_melody())
    assert len(found.pair_keys) > 50
    assert len(found.quad_keys) > 10
    assert (found.pair_keys < N_PAIR_KEYS).all()
    assert (found.quad_keys < N_QUAD_KEYS).all()
    assert ((found.quad_spans >= 30) & (found.quad_spans <= 90)).all()
    for times in (found.peak_times, found.pair_times, found.quad_times):
        assert (np.diff(times) >= 0).all()
        assert times.max() < found.n_frames


def test_a_query_asks_for_what_a_catalogue_keeps() -> None:
    audio = _melody()
    kept, query = find_landmarks(audio), find_query(audio)
    asked = set(map(tuple, query.pairs.tolist()))
    held = list(zip(kept.pair_keys.tolist(), kept.pair_times.tolist(), strict=True))
    assert np.mean([pair in asked for pair in held]) > 0.95


def test_density_holds_in_every_second() -> None:
    rng = np.random.default_rng(3)
    found = find_landmarks(Audio(rng.normal(0, 0.1, 80000).astype(np.float32), 8000))
    per_second = np.bincount(found.peak_times // 62)[:9]
    assert per_second.max() <= 1.8 * KEPT.peaks_per_second
    assert per_second.mean() == pytest.approx(KEPT.peaks_per_second, rel=0.15)


def test_gain_changes_nothing() -> None:
    audio = _melody()
    quiet = Audio((audio.samples * np.float32(0.125)), audio.sample_rate)
    loud, soft = find_landmarks(audio), find_landmarks(quiet)
    np.testing.assert_array_equal(loud.peak_times, soft.peak_times)
    np.testing.assert_array_equal(loud.peak_bands, soft.peak_bands)


def test_a_cut_on_the_frame_grid_only_shifts_the_peaks() -> None:
    audio = _melody(seconds=8.0)
    whole, late = find_landmarks(audio), find_landmarks(Audio(audio.samples[128 * 100 :], 8000))
    inner = {(t - 100, b) for t, b in zip(whole.peak_times, whole.peak_bands, strict=True) if 170 < t < 420}
    other = {(t, b) for t, b in zip(late.peak_times, late.peak_bands, strict=True) if 70 < t < 320}
    assert len(inner & other) > 0.9 * max(len(inner), len(other))


def test_a_semitone_moves_peaks_by_two_bands() -> None:
    plain, up = (find_landmarks(_melody(semitones=s)) for s in (0, 1))
    one = set(zip(plain.peak_times.tolist(), (plain.peak_bands + 2).tolist(), strict=True))
    other = set(zip(up.peak_times.tolist(), up.peak_bands.tolist(), strict=True))
    assert len(one & other) > 0.4 * len(other)


def test_another_sample_rate_gives_nearly_the_same_peaks() -> None:
    low, high = find_landmarks(_melody(8000)), find_landmarks(_melody(22050))
    one = {(t, b) for t, b in zip(low.peak_times.tolist(), low.peak_bands.tolist(), strict=True)}
    near = sum(
        any((t + dt, b + db) in one for dt in (-1, 0, 1) for db in (-1, 0, 1))
        for t, b in zip(high.peak_times.tolist(), high.peak_bands.tolist(), strict=True)
    )
    assert near > 0.8 * len(high.peak_times)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 0.99])
def test_too_short_names_the_length_needed(seconds: float) -> None:
    with pytest.raises(TooShort, match=r"clip.*needs at least 1 s"):
        find_landmarks(Audio(np.ones(int(8000 * seconds), np.float32), 8000), name="clip")


def test_silence_has_no_landmarks() -> None:
    with pytest.raises(TooShort, match="no landmarks"):
        find_landmarks(Audio(np.zeros(24000, np.float32), 8000))
