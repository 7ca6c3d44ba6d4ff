"""Recordings in which there is nothing to compare: that neither holds music is no sign that both hold the same."""

import itertools
import math
from functools import lru_cache

import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.versions.compare import compare_profiles
from linernotes.versions.features import extract
from linernotes.versions.significance import profile

RATE = 22050  # what ends at 5.5 kHz is heard as one held note, and two held notes are alike


def _time(seconds):
    return np.arange(int(seconds * RATE)) / RATE


def _noise(seed, seconds, *, pink=False):
    samples = np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE))
    if pink:
        spectrum = np.fft.rfft(samples)
        samples = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(samples))
        samples *= 0.1 / samples.std()
    return samples


def _at(second, sound, seconds=20):
    samples = np.zeros(int(seconds * RATE))
    first = int(second * RATE)
    samples[first : first + len(sound)] = sound
    return samples


def _note(hz):
    return 0.3 * np.sin(2 * np.pi * hz * _time(1)) * np.exp(-3 * _time(1))


MUSEUM = {
    "white noise": lambda: _noise(1, 20),
    "other white noise": lambda: _noise(2, 24),
    "a minute of white noise": lambda: _noise(3, 60),
    "pink noise": lambda: _noise(4, 20, pink=True),
    "other pink noise": lambda: _noise(5, 40, pink=True),
    "an impulse": lambda: _at(0.01, [1.0]),
    "a later impulse": lambda: _at(9, [1.0], 26),
    "one note": lambda: _at(5, _note(330)),
    "another note": lambda: _at(12, _note(247), 24),
    "hardly anything": lambda: 0.001 * _at(3, _note(330), 30),
    "an offset": lambda: np.full(10 * RATE, 0.5),
}
NOISES = [name for name in MUSEUM if "noise" in name]
EMPTY = [name for name in MUSEUM if name not in NOISES]


@lru_cache
def _profile(name):
    return profile(extract(Audio(MUSEUM[name]().astype(np.float32), RATE)))


@pytest.mark.parametrize("name", MUSEUM)
def test_features_and_cohorts_are_numbers(name):
    known = _profile(name)
    for sequence in (
        known.features.harmony,
        known.features.melody,
        known.features.bass,
        known.features.rhythm,
    ):
        assert np.isfinite(sequence).all()
    assert np.isfinite([*known.cohort.mean, *known.cohort.deviation, *known.cohort.level]).all()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *itertools.combinations(NOISES, 2),
        *itertools.combinations(EMPTY, 2),
        *itertools.product(NOISES, EMPTY),
    ],
)
def test_two_that_hold_no_music_are_no_versions(one, other):
    match = compare_profiles(_profile(one), _profile(other))
    assert match.probability < 0.3  # most are under 0.01
    assert set(match.shares) <= {"rhythm"}  # one sound begins as any other does
    for dimension in match.dimensions:
        assert math.isfinite(dimension.score)
        assert math.isfinite(dimension.e_value)
    for segment in match.segments:
        assert 0 <= segment.a.start_s < segment.a.end_s <= _profile(one).features.duration_s + 1e-6
        assert 0 <= segment.b.start_s < segment.b.end_s <= _profile(other).features.duration_s + 1e-6
