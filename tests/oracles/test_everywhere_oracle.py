"""Laying the query everywhere, beside a loop over every frame."""

import numpy as np
import pytest

from linernotes.fingerprint.candidates import Window
from linernotes.fingerprint.everywhere import LAGS, lay_everywhere, places_everywhere, reversed_rows
from linernotes.fingerprint.index import ARRAYS, FAMILIES, FingerprintIndex, IndexedRecording
from linernotes.fingerprint.verify import Evidence


def _index(rng: np.random.Generator, lengths: tuple[int, ...]) -> FingerprintIndex:
    recordings, times, first = [], [], 0
    for number, n_frames in enumerate(lengths):
        recordings.append(IndexedRecording(f"r{number}", "0" * 64, first, n_frames))
        times.append(first + np.sort(rng.integers(0, n_frames, n_frames // 3)))
        first += n_frames
    arrays = {name: np.zeros(0, dtype) for name, dtype in ARRAYS.items()}
    for family, (n_keys, _) in FAMILIES.items():
        arrays[f"{family}_starts"] = np.zeros(n_keys + 1, np.uint32)
    arrays["peak_times"] = np.concatenate(times).astype(np.uint32)
    arrays["peak_bands"] = rng.integers(0, 96, len(arrays["peak_times"])).astype(np.uint8)
    return FingerprintIndex(tuple(recordings), **arrays)


@pytest.mark.parametrize("n_frames", [90, 128, 301])
def test_every_place_agrees_with_its_definition(n_frames):
    rng = np.random.default_rng(n_frames)
    index = _index(rng, (400, 37, 1000))
    part = rng.normal(size=(n_frames, 96)).astype(np.float32)
    variances, means = part.var(axis=0), part.mean(axis=0)
    standing, owners, places = lay_everywhere(
        index.first_frames, index.peak_times, index.peak_bands, reversed_rows(part), variances, n_frames
    )
    assert len(standing) == sum(length // LAGS + 1 for length in (400, 37, 1000))
    k = 0
    for owner, recording in enumerate(index.recordings):
        last = recording.first_frame + recording.n_frames
        own = (index.peak_times >= recording.first_frame) & (index.peak_times < last)
        times, bands = index.peak_times[own].astype(int), index.peak_bands[own]
        for step in range(recording.n_frames // LAGS + 1):
            origin = recording.first_frame - n_frames // 2 + step * LAGS
            sums = []
            for lag in range(LAGS):
                frames = times - origin - lag
                inside = (frames >= 0) & (frames < n_frames)
                sums.append(float((part[frames[inside], bands[inside]] - means[bands[inside]]).sum()))
            near = (times >= origin) & (times < origin + n_frames + LAGS)
            expected = max(sums) / np.sqrt(1e-6 + float(variances[bands[near]].sum()))
            assert standing[k] == pytest.approx(expected, rel=2e-4, abs=2e-4)
            assert owners[k] == owner
            assert sums[places[k] - origin] == pytest.approx(max(sums), abs=2e-4)
            k += 1


def test_what_is_planted_comes_first():
    rng = np.random.default_rng(1)
    index = _index(rng, (900, 900))
    spectrum = rng.normal(size=(300, 96)).astype(np.float32)
    own = (index.peak_times >= 1200) & (index.peak_times < 1400)
    spectrum[index.peak_times[own] - 1150, index.peak_bands[own]] += 3
    found = places_everywhere(Window(20, 290), Evidence.of(spectrum), index, 5)
    assert found[0].recording == 1
    assert found[0].line.origin == pytest.approx(1150, abs=1)
    assert len(found) == len({(one.recording, one.line.origin // LAGS) for one in found}) == 5


def test_an_empty_index_gives_nothing():
    spectrum = np.random.default_rng(2).normal(size=(100, 96)).astype(np.float32)
    assert places_everywhere(Window(0, 100), Evidence.of(spectrum), FingerprintIndex.empty(), 5) == []
