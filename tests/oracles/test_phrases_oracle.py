"""The phrase network against the definition of its convolutions."""

from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions.phrases.circle import convolved, kernel, spectrum_of
from linernotes.versions.phrases.network import bundled_network, card
from tests.oracles.slow_phrases import slow_circle_convolution, slow_phrases


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_frames=st.integers(1, 9),
    n_taps=st.sampled_from([1, 3, 5]),
    dilation=st.integers(1, 4),
)
def test_a_convolution_is_what_its_definition_says(seed, n_frames, n_taps, dilation):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n_frames, 12, 2)).astype(np.float32)
    taps = random.normal(size=(n_taps, 12, 2, 3)).astype(np.float32)
    fast = convolved(spectrum_of(np.ascontiguousarray(x.transpose(1, 0, 2))), kernel(taps, dilation))
    np.testing.assert_allclose(fast.transpose(1, 0, 2), slow_circle_convolution(x, taps, dilation), atol=1e-3)


@pytest.mark.parametrize("step", [1, 2])
def test_the_network_is_what_its_definition_says(step):
    frames = np.random.default_rng(3).normal(0, 0.3, (7, 36)).astype(np.float32)
    path = resources.files("linernotes.versions.phrases") / "weights" / "phrases.npz"
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        weights = {name: stored[name].astype(float) for name in stored.files}
    vectors, costs = slow_phrases(frames, weights, card()["dilations"])
    found = bundled_network().embed(frames, step)
    np.testing.assert_allclose(found.vectors, vectors[::step], atol=2e-3)
    np.testing.assert_allclose(found.costs, costs[::step], atol=5e-3, rtol=1e-3)
