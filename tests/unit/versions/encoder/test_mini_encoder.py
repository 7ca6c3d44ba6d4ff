import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
import torch

from linernotes.audio.files import Audio
from linernotes.errors import InputError, VerificationError
from linernotes.versions.encoder import mini
from linernotes.versions.encoder.embed import embed, segment_distances
from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder
from linernotes.versions.encoder.reduce import bpwr

RATE = 22050


def song(seed, shift=0, beat_s=0.5, decay=2.0, partials=5, n=48):
    """A walk of the melody over chords of its own, in one of many keys, speeds and timbres."""
    random = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    roots = random.integers(0, 6, n // 4)
    degrees = np.clip(np.cumsum(random.integers(-2, 3, n)), -6, 8)
    time_s = np.arange(int(beat_s * RATE)) / RATE
    out = np.zeros((n, len(time_s)))
    for beat in range(n):
        root = roots[beat // 4]
        chord = [scale[(root + third) % 7] - 12 * (third == 0) for third in (0, 2, 4)]
        lead = 12 + scale[degrees[beat] % 7] + 12 * (degrees[beat] // 7)
        for pitch, gain in [(p, 0.4) for p in chord] + [(lead, 1.0)]:
            hz = 440 * 2 ** ((60 + shift + pitch - 69) / 12)
            for partial in range(1, partials + 1):
                out[beat] += (
                    gain / partial * np.sin(2 * np.pi * hz * partial * time_s) * np.exp(-decay * time_s)
                )
    return Audio((0.1 * out.ravel()).astype(np.float32), RATE)


def test_the_shipped_encoder_is_the_default_and_small():
    encoder = load_encoder(DEFAULT_ENCODER)
    assert encoder.name.startswith("mini-")
    size = len((resources.files("linernotes.versions.encoder") / "weights/mini.safetensors").read_bytes())
    assert size < 1.5e6


def test_its_card_says_what_a_reader_must_know():
    card = mini.card()
    assert card["n_parameters"] < 750_000
    assert {"trained_on", "licence", "licence_note", "recipe", "chosen", "sha256"} <= card.keys()
    assert mini.load_mini().name == f"mini-{card['sha256'][:8]}"


def test_vectors_are_the_same_in_every_run_and_have_one_length():
    audio = song(1)
    one, two = embed(audio), embed(audio)
    assert np.array_equal(one.vectors, two.vectors)
    assert one.vectors.dtype == np.float32
    np.testing.assert_allclose((one.vectors**2).sum(axis=1), 128, rtol=1e-4)


@pytest.mark.parametrize(
    "change", [{"shift": 4}, {"shift": -5}, {"decay": 6.0, "partials": 2}, {"beat_s": 0.55}]
)
def test_a_song_in_another_key_timbre_or_tempo_is_nearer_than_another_song(change):
    one = embed(song(1))
    same = bpwr(segment_distances(one, embed(song(1, **change))))
    others = [bpwr(segment_distances(one, embed(song(seed)))) for seed in (2, 3, 4)]
    assert same < min(others)


def test_many_segments_in_blocks_are_those_one_by_one():
    audio = song(5, n=72)
    one_by_one = replace(mini.load_mini(), at_once=1)
    np.testing.assert_allclose(embed(audio, one_by_one).vectors, embed(audio).vectors, atol=1e-3)


def test_silence_has_finite_vectors():
    assert np.isfinite(embed(Audio(np.zeros(8 * RATE, np.float32), RATE)).vectors).all()


def test_weights_that_are_not_those_of_the_card_are_refused(monkeypatch):
    monkeypatch.setattr(mini, "card", lambda: json.loads(json.dumps(CARD)) | {"sha256": "0" * 64})
    mini._loaded.cache_clear()
    with pytest.raises(VerificationError, match="install Linernotes anew"):
        load_encoder("mini")
    mini._loaded.cache_clear()


CARD = mini.card()


def test_a_device_that_is_not_there_is_refused_by_name():
    with pytest.raises(InputError, match="nonsense"):
        load_encoder("mini", "nonsense")


@pytest.mark.device
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator here")
def test_an_accelerator_gives_the_same_vectors():
    audio = song(1)
    near = embed(audio, load_encoder("mini", "cuda")).vectors
    np.testing.assert_allclose(near, embed(audio).vectors, atol=5e-3)
