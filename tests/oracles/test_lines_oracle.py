"""Slow, obvious twins of the loops that lay lines over a query, and of what tells repetitions apart."""

import math

import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.fingerprint.align import Alignment
from linernotes.fingerprint.kernels import LINE_REACH, peak_ranges, standing_on_lines
from linernotes.fingerprint.repetitions import most_alike
from linernotes.fingerprint.spectrum import FRAME_S, N_BANDS, SAMPLE_RATE, centred_spectrum


@pytest.mark.parametrize("kind", ["even", "gaps", "many at once", "one"])
def test_ranges_of_peaks_are_those_of_a_binary_search(kind: str) -> None:
    rng = np.random.default_rng(3)
    times = {
        "even": np.arange(0, 60_000, 3),
        "gaps": np.concatenate([rng.integers(0, 500, 900), rng.integers(900_000, 1_000_000, 4000)]),
        "many at once": np.repeat(rng.integers(0, 40, 30), 50),
        "one": np.array([17]),
    }[kind]
    times = np.sort(times).astype(np.uint32)
    edges = np.concatenate([[0, 1, int(times[-1]), int(times[-1]) + 1], times[:: max(1, len(times) // 40)]])
    lows = np.concatenate([edges, rng.integers(0, int(times[-1]) + 50, 300)]).astype(np.int64)
    highs = lows + rng.integers(0, 700, len(lows))
    starts, stops = peak_ranges(times, lows, highs)
    assert starts.tolist() == np.searchsorted(times, lows).tolist()
    assert stops.tolist() == np.searchsorted(times, highs).tolist()


def test_without_peaks_every_range_is_empty() -> None:
    starts, stops = peak_ranges(np.zeros(0, np.uint32), np.array([0, 5]), np.array([9, 9]))
    assert starts.tolist() == stops.tolist() == [0, 0]


def test_the_standing_of_a_line_is_that_of_its_best_frame() -> None:
    rng = np.random.default_rng(4)
    gains = rng.normal(size=(150, 12)).astype(np.float32)
    variances = rng.uniform(0.5, 2, 12).astype(np.float32)
    times, bands = (
        np.sort(rng.integers(0, 400, 300)).astype(np.uint32),
        rng.integers(0, 12, 300).astype(np.uint8),
    )
    lines = [(60.0, 1.0, 0), (55.5, 1.2, 3), (90.25, 0.8, -2), (-300.0, 1.0, 0)]
    origins, slopes = (np.array(column, np.float64) for column in list(zip(*lines, strict=True))[:2])
    shifts = np.array([line[2] for line in lines], np.int64)
    everything = np.zeros(4, np.int64), np.full(4, 300, np.int64)
    begin = 20  # of the window, in the query
    found = standing_on_lines(origins, slopes, shifts, *everything, times, bands, begin, gains, variances)
    for k, (origin, slope, shift) in enumerate(lines):
        under = [
            (math.floor((time - origin) * slope + 0.5) - begin, int(band) + shift)
            for time, band in zip(times.tolist(), bands.tolist(), strict=True)
        ]
        under = [(f, b) for f, b in under if LINE_REACH <= f < 150 - LINE_REACH and 0 <= b < 12]
        spread = sum(float(variances[b]) for _, b in under)
        sums = [sum(float(gains[f + lag, b]) for f, b in under) for lag in range(-LINE_REACH, LINE_REACH + 1)]
        assert found[k] == pytest.approx(max(sums) / math.sqrt(spread) if under else 0.0, abs=1e-3)
    assert found[3] == 0


def _recording(seed: int) -> Audio:
    """Return short tones of random pitch, twelve seconds."""
    rng = np.random.default_rng(seed)
    samples = 0.002 * rng.standard_normal(12 * SAMPLE_RATE)
    clock = np.arange(2000) / SAMPLE_RATE
    for first in range(0, len(samples) - 2000, 1000):
        tone = 220 * 2 ** (rng.integers(0, 40) / 12)
        samples[first : first + 2000] += 0.2 * np.sin(2 * np.pi * tone * clock) * np.exp(-clock * 12)
    return Audio(samples.astype(np.float32), SAMPLE_RATE)


@pytest.mark.parametrize("shift", [0, 3, -4])
def test_the_most_alike_place_is_the_one_with_the_highest_correlation(shift: int) -> None:
    recording = _recording(1)
    own = centred_spectrum(recording)
    first, last, ratio = 20, 220, 1.1
    spectrum = np.zeros((240, N_BANDS), np.float32)
    for frame in range(240):  # the recording from frame 300 on, stretched and moved
        source = own[min(len(own) - 1, round(300 + frame / ratio))]
        for band in range(N_BANDS):
            if 0 <= band - shift < N_BANDS:
                spectrum[frame, band] = source[band - shift]

    def place(origin: float) -> Alignment:
        reference = (origin + first / ratio, origin + last / ratio)
        return Alignment("a", 9.0, 9.0, 90.0, 0.5, (first, last), reference, ratio, shift, 60)

    def listen(_name: str, start_s: float, end_s: float) -> Audio:
        return recording.excerpt(start_s, min(end_s, recording.duration_s))

    places = [place(200.0), place(301.0), place(420.0)]
    best = most_alike(spectrum, places[0], places, listen)
    assert best is not None
    assert best[0] is places[1]
    heard, laid = [], []
    for frame in range(first, last):
        for band in range(max(0, shift), N_BANDS + min(0, shift)):
            heard.append(spectrum[frame, band])
            laid.append(own[round(300 + frame / ratio), band - shift])
    expected = np.dot(heard, laid) / math.sqrt(np.dot(heard, heard) * np.dot(laid, laid))
    assert best[1] == pytest.approx(expected, abs=0.1)  # frames between frames, and means over fewer seconds
    assert most_alike(spectrum, places[0], places, lambda *_: None) is None
    assert FRAME_S * (last - first) > 2
