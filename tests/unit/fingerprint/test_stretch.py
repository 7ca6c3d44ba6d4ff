"""The aligned stretch: one event is no alignment, however many tones it has."""

import numpy as np
import pytest

from linernotes.fingerprint.verify import Evidence, Line, standing

N_FRAMES, N_BANDS = 300, 96


def burst_and_melody():
    """A quiet spectrum with tones that begin together at frame 150, and the same number of them one after another."""
    random = np.random.default_rng(4)
    spectrum = random.normal(size=(N_FRAMES, N_BANDS)).astype(np.float32)
    bands = np.sort(random.choice(N_BANDS, 24, replace=False))
    return spectrum, bands


def asked(spectrum, times, bands):
    return standing(Line(0.0, 1.0, 0), times.astype(np.float64), bands, Evidence.of(spectrum))


def test_many_tones_that_begin_together_are_no_alignment():
    spectrum, bands = burst_and_melody()
    times = np.full(len(bands), 150)
    spectrum[times, bands] += 30
    assert asked(spectrum, times, bands) is None


@pytest.mark.parametrize(("frames", "aligned"), [(49, False), (50, True), (200, True)])
def test_the_same_tones_one_after_another_are_if_they_take_eight_tenths_of_a_second(frames, aligned):
    spectrum, bands = burst_and_melody()
    times = 40 + np.linspace(0, frames, len(bands)).round().astype(np.int64)
    spectrum[times, bands] += 30
    found = asked(spectrum, times, bands)
    assert (found is not None) == aligned
    if found is not None:
        assert (found.first_frame, found.last_frame) == (40, 40 + frames)
        assert found.deviations > 6
