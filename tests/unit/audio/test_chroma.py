import numpy as np
import pytest

from linernotes.audio.chroma import ConstantQConfig, chroma, constant_q, estimate_tuning, fold_octaves
from linernotes.audio.files import Audio

RATE = 16000


def _tone(hz, seconds=1.5, rate=RATE, partials=4):
    time_s = np.arange(int(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * hz * h * time_s) / h for h in range(1, partials + 1))
    return Audio((0.3 * wave).astype(np.float32), rate)


@pytest.mark.parametrize("midi", [40, 48, 57, 64, 71, 83])
@pytest.mark.parametrize("rate", [11025, 16000, 44100])
def test_a_note_is_strongest_in_its_pitch_class(midi, rate):
    values = chroma(_tone(440 * 2 ** ((midi - 69) / 12), rate=rate))
    assert values[8:-8].mean(axis=0).argmax() == midi % 12


def test_bins_lie_where_the_formula_says():
    config = ConstantQConfig()
    for k in (0, 40, 100, 200):
        hz = config.lowest_hz * 2 ** (k / 36)
        assert constant_q(_tone(hz, partials=1), config)[15].argmax() == k


def test_a_sine_reads_half_its_amplitude():
    config = ConstantQConfig()
    magnitudes = constant_q(_tone(config.lowest_hz * 4, partials=1), config)
    assert magnitudes[15].max() == pytest.approx(0.15, rel=0.05)


@pytest.mark.parametrize("shift", [-0.4, -0.2, 0.0, 0.25, 0.4])
def test_tuning_is_read_off(shift):
    tone = _tone(440 * 2 ** (shift / 12))
    assert estimate_tuning(constant_q(tone)) == pytest.approx(shift, abs=0.06)


def test_a_mistuned_chord_keeps_its_pitch_classes():
    parts = [_tone(440 * 2 ** ((midi - 69 + 0.35) / 12)).samples for midi in (60, 64, 67)]
    values = chroma(Audio(sum(parts) / 3, RATE))[8:-8].mean(axis=0)
    assert set(np.argsort(values)[-3:].tolist()) == {0, 4, 7}


def test_loudness_does_not_matter():
    tone = _tone(330)
    quiet = Audio(tone.samples * np.float32(0.01), RATE)
    np.testing.assert_allclose(chroma(tone), chroma(quiet), atol=1e-3)


def test_silence_gives_zero_chroma_and_no_tuning():
    silent = Audio(np.zeros(RATE, np.float32), RATE)
    assert not chroma(silent).any()
    assert estimate_tuning(constant_q(silent)) == 0


def test_register_weights_choose_octaves():
    pitches = np.ones((1, 24), np.float32)
    low_only = np.repeat(np.array([1, 0], np.float32), 12)
    np.testing.assert_array_equal(fold_octaves(pitches, low_only), np.ones((1, 12), np.float32))
