"""The phrase network: equivariant under transposition, guarded, and in the place of the linear projection."""

from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import NotFitted, VerificationError
from linernotes.versions.background import bundled_background
from linernotes.versions.features import FEATURES_REVISION
from linernotes.versions.hypotheses import Piece
from linernotes.versions.phrases.network import bundled_network, card, read_network
from linernotes.versions.projection import bundled_projections, embed, in_every_key, values


def _weights() -> bytes:
    return (resources.files("linernotes.versions.phrases") / "weights" / "phrases.npz").read_bytes()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n_frames=st.integers(2, 40), steps=st.integers(1, 11))
def test_transposing_a_piece_is_rolling_its_vectors(seed, n_frames, steps):
    frames = np.random.default_rng(seed).normal(0, 0.3, (n_frames, 3, 12)).astype(np.float32)
    network = bundled_network()
    plain = network.embed(frames.reshape(n_frames, 36))
    moved = network.embed(np.roll(frames, steps, axis=2).reshape(n_frames, 36))
    turned = np.split(in_every_key(moved.vectors), 12)[steps]
    np.testing.assert_allclose(plain.vectors, turned, atol=2e-3)
    np.testing.assert_allclose(plain.costs, moved.costs, atol=5e-3, rtol=1e-3)


def test_every_second_frame_is_every_second_frame():
    frames = values(bundled_background().pieces[1], "overall")
    every, second = bundled_network().embed(frames), bundled_network().embed(frames, step=2)
    np.testing.assert_allclose(every.vectors[::2], second.vectors, atol=1e-3)
    np.testing.assert_allclose(every.costs[::2], second.costs, atol=1e-2)


def test_overall_is_the_networks_and_its_sharp_twin_stays_linear():
    features = bundled_background().pieces[4]
    frames = values(features, "overall", 1.25)
    of_network = bundled_network().embed(frames, 2)
    np.testing.assert_allclose(Piece(features).embedded("overall", 1.25).vectors, of_network.vectors)
    linear = embed(frames, bundled_projections()["overall-sharp"], 1)
    sharp = Piece(features).embedded("overall-sharp", 1.25, 1)
    np.testing.assert_allclose(sharp.vectors, linear.vectors)


def test_a_piece_is_more_like_its_noisy_self_than_like_others():
    background = bundled_background()
    frames = values(background.pieces[0], "overall")
    noisy = frames + np.random.default_rng(0).normal(0, 0.1, frames.shape).astype(np.float32)
    network = bundled_network()
    a, b, c = (network.embed(x, 2) for x in (frames, noisy, values(background.pieces[9], "overall")))
    n = min(len(a), len(c))
    same = (a.vectors * b.vectors).sum(axis=1) - a.costs - b.costs
    other = (a.vectors[:n] * c.vectors[:n]).sum(axis=1) - a.costs[:n] - c.costs[:n]
    assert np.median(same) > 0 > np.median(other)


def test_damaged_weights_are_refused():
    data = bytearray(_weights())
    data[len(data) // 2] ^= 1
    with pytest.raises(VerificationError, match="install the package again"):
        read_network(bytes(data), card())


def test_other_features_are_refused():
    with pytest.raises(NotFitted, match="train_phrases"):
        read_network(_weights(), card(), revision=FEATURES_REVISION + 1000)
