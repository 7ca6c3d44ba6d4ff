"""Short-time spectra and filterbanks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.audio.spectra import band_power, log_frequency_filterbank, mel_filterbank, stft_power
from linernotes.errors import InputError


def _tone(hz: float, rate: int = 8000, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def test_power_agrees_with_a_plain_sum() -> None:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(700).astype(np.float32)
    power = stft_power(samples, frame_length=64, hop_length=16)
    padded = np.concatenate([np.zeros(32), samples, np.zeros(64)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    for frame in (0, 1, 20, len(power) - 1):
        part = padded[frame * 16 : frame * 16 + 64] * window / window.sum()
        turns = np.outer(np.arange(33), np.arange(64)) / 64
        expected = np.abs((part * np.exp(-2j * np.pi * turns)).sum(axis=1)) ** 2
        np.testing.assert_allclose(power[frame], expected, rtol=1e-3, atol=1e-7)


def test_a_full_scale_sine_has_power_one_quarter_for_any_frame_length() -> None:
    for frame_length in (256, 1024, 2048):
        power = stft_power(_tone(1000.0), frame_length, 128)
        assert power[30].max() == pytest.approx(0.25, rel=1e-3)


def test_blocks_do_not_show() -> None:
    rng = np.random.default_rng(1)
    samples = rng.standard_normal(5000 * 16).astype(np.float32)
    long = stft_power(samples, 64, 16)
    late = stft_power(samples[4000 * 16 :], 64, 16)
    np.testing.assert_allclose(long[4010:4990], late[10:990], rtol=1e-5, atol=1e-9)


def test_band_power_is_the_product() -> None:
    bank = mel_filterbank(8000, 256, n_bands=20)
    samples = _tone(440.0)
    np.testing.assert_allclose(
        band_power(samples, bank, 256, 64), stft_power(samples, 256, 64) @ bank.T, rtol=1e-4, atol=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(st.floats(300.0, 3000.0))
def test_a_tone_lands_in_its_quarter_tone_band(hz: float) -> None:
    bank = log_frequency_filterbank(8000, 1024, lowest_hz=220.0, n_bands=96)
    band = int(band_power(_tone(hz), bank, 1024, 512)[5].argmax())
    assert abs(band - 24 * np.log2(hz / 220.0)) <= 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.sampled_from([512, 1024, 4096]))
def test_filter_rows_add_to_one(n_bands: int, frame_length: int) -> None:
    for bank in (
        mel_filterbank(16000, frame_length, n_bands=n_bands),
        log_frequency_filterbank(16000, frame_length, lowest_hz=110.0, n_bands=n_bands),
    ):
        assert (bank >= 0).all()
        np.testing.assert_allclose(bank.sum(axis=1), 1.0, rtol=1e-5)


def test_mel_scale_is_linear_below_and_logarithmic_above_1_khz() -> None:
    bank = mel_filterbank(16000, 8192, n_bands=60)
    centres = bank.argmax(axis=1) * 16000 / 8192
    low, high = centres[centres < 900], centres[centres > 1200]
    assert np.ptp(np.diff(low)) < 5
    assert np.ptp(np.diff(np.log(high))) < 0.01


@pytest.mark.parametrize(
    "call",
    [
        lambda: stft_power(np.zeros(0, np.float32), 64, 16),
        lambda: stft_power(np.zeros(100, np.float32), 64, 0),
        lambda: log_frequency_filterbank(8000, 1024, lowest_hz=220.0, n_bands=200),
        lambda: log_frequency_filterbank(8000, 1024, lowest_hz=0.0, n_bands=10),
        lambda: mel_filterbank(8000, 1024, n_bands=10, highest_hz=5000.0),
        lambda: mel_filterbank(8000, 1024, n_bands=0),
        lambda: band_power(np.zeros(100, np.float32), mel_filterbank(8000, 512, n_bands=4), 1024, 64),
    ],
)
def test_bad_sizes_are_named(call) -> None:
    with pytest.raises(InputError, match=r"expected|make it"):
        call()
