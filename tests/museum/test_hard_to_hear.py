"""Sounds that are no music, or hardly: features stay finite, unit or zero, and claim no tune where there is none."""

import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.errors import InputError, TooShort
from linernotes.versions.features import extract

RATE = 11025
SECONDS = 4.4
RANDOM = np.random.default_rng(1)
TIME = np.arange(int(SECONDS * RATE)) / RATE
CLICKS = np.zeros(len(TIME))
CLICKS[:: RATE // 2] = 1.0

WITHOUT_A_TUNE = {
    "silence": np.zeros(len(TIME)),
    "an offset": np.full(len(TIME), 0.5),
    "clicks": CLICKS,
    "mains hum": 0.5 * np.sin(2 * np.pi * 50 * TIME),
}
WITH_ANYTHING = {
    "hiss": 0.1 * RANDOM.normal(size=len(TIME)),
    "full scale square": np.sign(np.sin(2 * np.pi * 220 * TIME)),
    "far too loud": 1e4 * np.sin(2 * np.pi * 440 * TIME),
    "hardly above zero": 1e-6 * np.sin(2 * np.pi * 440 * TIME),
    "a siren": 0.5 * np.sin(2 * np.pi * (440 * TIME + 100 * np.sin(TIME))),
    "one sample": np.eye(1, len(TIME), 999)[0],
}


@pytest.mark.parametrize("name", [*WITHOUT_A_TUNE, *WITH_ANYTHING])
def test_features_are_whole(name):
    samples = {**WITHOUT_A_TUNE, **WITH_ANYTHING}[name].astype(np.float32)
    features = extract(Audio(samples, RATE))
    assert features.rhythm.shape == (17, 32)
    assert np.all(np.abs(features.rhythm) <= 1)
    for dimension in ("harmony", "melody", "bass"):
        vectors = getattr(features, dimension)
        assert len(vectors) == len(features) == 17
        length = np.linalg.norm(vectors, axis=1)
        assert np.all((np.abs(length - 1) < 1e-3) | (length == 0))
    if name == "silence":
        assert not any(
            getattr(features, dimension).any() for dimension in ("harmony", "melody", "bass", "rhythm")
        )
    if name in WITHOUT_A_TUNE:
        assert np.mean(np.abs(features.melody).max(axis=1) > 0) < 0.35


@pytest.mark.parametrize("rate", [4000, 8000, 96000])
def test_unusual_rates_are_heard(rate):
    time_s = np.arange(int(SECONDS * rate)) / rate
    tone = sum(np.sin(2 * np.pi * 440 * h * time_s) / h for h in (1, 2, 3) if 440 * h < rate / 2)
    features = extract(Audio((0.3 * tone).astype(np.float32), rate))
    assert np.mean(features.harmony[2:-2].argmax(axis=1) == 9) > 0.8


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused(wrong):
    samples = np.zeros(len(TIME), np.float32)
    samples[5000] = wrong
    with pytest.raises(InputError, match="samples that are not numbers; decode the recording again"):
        extract(Audio(samples, RATE))


@pytest.mark.parametrize("n_samples", [0, 1, RATE])
def test_a_moment_is_too_short(n_samples):
    with pytest.raises(TooShort, match="at least 4 s"):
        extract(Audio(np.zeros(n_samples, np.float32), RATE))
