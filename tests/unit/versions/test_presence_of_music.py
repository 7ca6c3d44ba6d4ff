"""Frames speak as far as something sounds around them: rests count, emptiness does not."""

import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.versions.background import bundled_background
from linernotes.versions.features import Features, centred, extract
from linernotes.versions.hypotheses import Piece
from linernotes.versions.presence import REACH_S, presence, weighed
from linernotes.versions.projection import Embedded

HOP_S = 0.25


def tune(sounds):
    melody = np.zeros((len(sounds), 12), np.float32)
    melody[np.asarray(sounds, bool), 3] = 1
    nothing = np.zeros_like(melody)
    return Features(
        nothing, centred(melody), np.zeros((len(sounds), 32), np.float32), HOP_S, len(sounds) * HOP_S
    )


def test_music_is_left_as_it_is():
    for piece in bundled_background().pieces[:8]:
        assert presence(piece, "overall").mean() > 0.95
        embedded = Piece(piece).embedded("overall")
        assert weighed(embedded, np.ones(len(embedded), np.float32)) is embedded


def test_noise_hardly_speaks():
    noise = np.random.default_rng(0).normal(0, 0.1, 30 * 22050).astype(np.float32)
    features = extract(Audio(noise, 22050))
    assert presence(features, "melody").max() == 0
    assert presence(features, "overall").mean() < 0.3
    assert presence(features, "rhythm").min() == 1


def test_a_rest_within_a_tune_speaks_and_a_long_silence_does_not():
    bar, rest, silence = [1] * 32, [0] * 16, [0] * 200
    found = presence(tune([*bar, *rest, *bar, *silence]), "melody")
    assert found[: len(bar) + len(rest) + len(bar)].min() == 1
    assert found[-(len(silence) - round(REACH_S / HOP_S) - 1) :].max() == 0


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_only_costs_below_nothing_are_weighed(share):
    frames = Embedded(np.full((3, 12), 2.0, np.float32), np.array([-4.0, 0.0, 4.0], np.float32))
    found = weighed(frames, np.full(3, share, np.float32))
    np.testing.assert_allclose(found.costs, [-4 * share, 0, 4])
    np.testing.assert_allclose(found.vectors, 2 * share)
