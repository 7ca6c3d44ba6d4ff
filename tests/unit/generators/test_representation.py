import numpy as np
import pytest
import torch

from linernotes.errors import InputError, NotFitted
from linernotes.generators.reference.representation import (
    Representation,
    RepresentationConfig,
    mel_filters,
)

SIZES = [(32, 512, 8000, 30.0), (128, 1536, 24000, 30.0), (64, 1024, 16000, 50.0), (80, 256, 8000, 20.0)]


@pytest.mark.parametrize("sizes", SIZES)
def test_mel_filters_hear_every_bin_and_no_band_is_deaf(sizes):
    n_mels, n_fft, sample_rate, lowest = sizes
    filters = mel_filters(n_mels, n_fft, sample_rate, lowest)
    assert filters.shape == (n_mels, n_fft // 2 + 1)
    assert filters.dtype == np.float32
    assert (filters >= 0).all()
    assert (filters.sum(axis=1) > 0).all()
    centres = filters.argmax(axis=1)
    assert (np.diff(centres) >= 0).all()
    hz = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    inside = (hz > hz[centres[0]]) & (hz < hz[centres[-1]])
    assert (filters.sum(axis=0)[inside] > 0).all()


def test_mel_filters_have_unit_area_where_bins_are_dense():
    filters = mel_filters(20, 8192, 16000, 50.0)
    assert filters.sum(axis=1) * (8000 / 4096) == pytest.approx(np.ones(20), rel=0.02)


def test_tokens_keep_the_spectrogram_up_to_the_directions_dropped(fitted, melody):
    spectrogram = fitted.log_mel(melody(0, 4.0).samples)
    back = fitted.spectrogram(fitted.tokens(spectrogram))
    assert back.shape == spectrogram.shape
    error = (back - spectrogram).square().mean()
    assert error < 0.35 * (spectrogram - spectrogram.mean(dim=0)).square().mean()
    again = fitted.tokens(fitted.spectrogram(fitted.tokens(spectrogram)))
    # what was kept is kept exactly, but for values below the floor
    assert (again - fitted.tokens(spectrogram)).abs().mean() < 0.1


def test_with_all_directions_nothing_is_lost(melody):
    sizes = RepresentationConfig(
        sample_rate=8000, n_fft=256, hop=128, n_mels=8, n_dims=16, patch_frames=2, segment_tokens=8
    )
    shape = Representation(sizes)
    spectrogram = shape.log_mel(melody(0, 4.0).samples)
    shape.fit([spectrogram])
    assert torch.allclose(shape.spectrogram(shape.tokens(spectrogram)), spectrogram, atol=1e-3)


def test_whitening_is_half(fitted, melody):
    tokens = torch.cat(
        [fitted.tokens(fitted.log_mel(melody(seed, 4.0).samples)) for seed in range(3)]
    ).double()
    covariance = torch.cov(tokens.T)
    variance = covariance.diag()
    assert float(variance.mean()) == pytest.approx(1.0, abs=0.02)
    off = covariance - torch.diag(variance)
    assert float(off.abs().max()) < 1e-3 * float(variance.max())
    # token variance is proportional to the standard deviation before: scale² = c · σ, variance = σ² / scale²
    scale = fitted.tensors["scale"].double()
    deviation = variance.sqrt() * scale
    assert torch.allclose(variance / deviation, (variance / deviation)[0].expand(len(variance)), rtol=1e-3)


def test_too_little_audio_is_refused(tiny_sizes, melody):
    shape = Representation(tiny_sizes)
    with pytest.raises(InputError, match="expected more than 12; add audio"):
        shape.fit([shape.log_mel(melody(0, 0.4).samples)])


def test_an_unfitted_representation_says_so(tiny_sizes, melody):
    shape = Representation(tiny_sizes)
    with pytest.raises(NotFitted, match="fit it on a corpus"):
        shape.tokens(shape.log_mel(melody(0).samples))


def test_silence_is_inaudible(fitted, tiny_sizes, melody):
    samples = melody(0, 2.048).samples.copy()
    samples[tiny_sizes.token_samples * 10 :] = 0.0
    audible = fitted.audible(fitted.log_mel(samples))
    assert audible[:9].all()
    assert not audible[11:].any()


def test_samples_repeat_for_a_seed_and_are_never_clipped(fitted, melody):
    spectrogram = fitted.log_mel(8 * melody(0).samples)
    first, again = fitted.samples(spectrogram, 5), fitted.samples(spectrogram, 5)
    assert first.dtype == np.float32
    assert len(first) == len(spectrogram) * fitted.config.hop
    assert np.array_equal(first, again)
    assert not np.array_equal(first, fitted.samples(spectrogram, 6))
    assert np.abs(first).max() <= 0.981


def test_sound_comes_back_with_its_spectrum(fitted, melody):
    audio = melody(2, 2.0)
    spectrogram = fitted.log_mel(audio.samples)
    back = fitted.log_mel(fitted.samples(spectrogram))[: len(spectrogram)]
    loud = spectrogram > float(spectrogram.max()) - 4
    assert float((back - spectrogram)[loud].abs().mean()) < 1.0
