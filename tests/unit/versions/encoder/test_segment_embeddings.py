import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.audio.files import Audio
from linernotes.errors import InputError, TooShort
from linernotes.versions.encoder.cqt import N_BINS, constant_q_bands
from linernotes.versions.encoder.embed import SegmentEmbeddings, embed, segment_distances
from linernotes.versions.encoder.load import load_encoder
from linernotes.versions.encoder.reduce import best_pairs, bpwr, minimum
from linernotes.versions.encoder.segments import cut, segment_starts

RATE = 11025


def melody(notes, beat_s=0.5, shift=0.0, partials=4):
    time_s = np.arange(int(beat_s * RATE)) / RATE
    out = []
    for midi in notes:
        hz = 440 * 2 ** ((midi + shift - 69) / 12)
        wave = sum(np.sin(2 * np.pi * hz * h * time_s) / h for h in range(1, partials + 1))
        out.append(wave * np.exp(-3 * time_s))
    return Audio((0.2 * np.concatenate(out)).astype(np.float32), RATE)


def tune(seed, n=50):
    steps = np.random.default_rng(seed).integers(-4, 5, n)
    return (60 + np.clip(np.cumsum(steps), -10, 14)).tolist()


@settings(max_examples=100, deadline=None)
@given(st.floats(4, 400), st.floats(5, 30), st.floats(1, 20))
def test_every_second_is_inside_a_segment_and_none_is_padded(duration_s, length_s, hop_s):
    starts = segment_starts(duration_s, length_s, hop_s)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert np.diff(starts).max(initial=0) <= hop_s + 0.26
    if duration_s >= length_s:
        assert starts[-1] + length_s <= duration_s + 1e-3
        assert starts[-1] + length_s >= duration_s - 0.26
    else:
        assert len(starts) == 1


def test_a_short_recording_is_repeated():
    frames = np.arange(5, dtype=np.float32)[:, None]
    assert cut(frames, np.zeros(1, np.float32), 12.0, 1.0)[0, :, 0].tolist() == [0, 1, 2, 3, 4] * 2 + [0, 1]


@pytest.mark.parametrize("seconds", [0, 1, 3.9])
def test_less_than_four_seconds_are_refused(seconds):
    with pytest.raises(TooShort, match="at least 4 s"):
        embed(Audio(np.zeros(int(seconds * RATE), np.float32), RATE), load_encoder("chroma2d"))


def test_values_that_are_not_finite_are_refused():
    samples = np.zeros(8 * RATE, np.float32)
    samples[100] = np.nan
    with pytest.raises(InputError, match="not finite"):
        embed(Audio(samples, RATE), load_encoder("chroma2d"))


def test_embeddings_of_two_encoders_are_not_compared():
    one = SegmentEmbeddings(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), 20.0, "mini-1")
    two = SegmentEmbeddings(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), 20.0, "mini-2")
    with pytest.raises(InputError, match="one encoder"):
        segment_distances(one, two)


def test_an_unknown_encoder_is_refused_by_name():
    with pytest.raises(InputError, match="maxi"):
        load_encoder("maxi")
    with pytest.raises(InputError, match="clews:PATH"):
        load_encoder("clews:")


@pytest.mark.parametrize("bad", [np.zeros((0, 3), np.float32), np.full((2, 2), np.nan, np.float32)])
def test_reductions_refuse_what_holds_no_distance(bad):
    with pytest.raises(InputError):
        bpwr(bad)
    with pytest.raises(InputError):
        minimum(bad)


def test_no_pairs_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        best_pairs(np.zeros((2, 2), np.float32), 0)


@pytest.mark.parametrize("midi", [24, 36, 47, 48, 60, 71, 84, 95])
@pytest.mark.parametrize("rate", [11025, 22050, 44100])
def test_a_tone_lights_the_bin_of_its_semitone(midi, rate):
    time_s = np.arange(2 * rate) / rate
    tone = Audio(np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * time_s).astype(np.float32), rate)
    bands = constant_q_bands(tone)
    assert bands.shape == (20, N_BINS)
    assert (bands[5:15].argmax(axis=1) == midi - 24).all()


@pytest.mark.parametrize("cents", [-40, -15, 20, 45])
def test_the_bands_follow_the_tuning(cents):
    in_tune, off = constant_q_bands(melody(tune(1))), constant_q_bands(melody(tune(1), shift=cents / 100))
    assert np.corrcoef(in_tune.ravel(), off.ravel())[0, 1] > 0.97


def test_a_frame_stands_for_its_tenth_of_a_second():
    samples = np.zeros(4 * RATE, np.float32)
    samples[round(2.05 * RATE)] = 1.0
    energy = constant_q_bands(Audio(samples, RATE))[:, 60:].sum(axis=1)
    assert energy.argmax() == 20


def test_silence_has_a_vector_of_zeros_in_chroma2d():
    vectors = embed(Audio(np.zeros(6 * RATE, np.float32), RATE), load_encoder("chroma2d")).vectors
    assert vectors.shape == (1, 455)
    assert not vectors.any()


@pytest.mark.parametrize("semitones", [-3, 2, 6])
def test_the_same_tune_in_another_key_is_nearer_than_another_tune(semitones):
    encoder = load_encoder("chroma2d")
    one = embed(melody(tune(1)), encoder)
    same = bpwr(segment_distances(one, embed(melody(tune(1), shift=semitones, partials=2), encoder)))
    others = [bpwr(segment_distances(one, embed(melody(tune(seed)), encoder))) for seed in (2, 3, 4)]
    assert same < 0.7 * min(others)


def test_loudness_does_not_count():
    encoder = load_encoder("chroma2d")
    loud = melody(tune(7))
    quiet = Audio(loud.samples * np.float32(0.05), RATE)
    np.testing.assert_allclose(embed(loud, encoder).vectors, embed(quiet, encoder).vectors, atol=1e-3)
