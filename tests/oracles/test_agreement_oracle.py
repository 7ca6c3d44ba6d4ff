"""What tune and chords say beyond each other agrees with what is written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from linernotes.versions.agreement import APART, SOFTNESS, along, beyond
from linernotes.versions.projection import Embedded

_spec = importlib.util.spec_from_file_location(
    "slow_agreement", Path(__file__).with_name("slow_agreement.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


def embedded(random, n_frames, scale=1.5):
    vectors = random.normal(0, scale, (n_frames, 24)).astype(np.float32)
    return Embedded(vectors, random.normal(3, 1, n_frames).astype(np.float32))


def written(side):
    return side.vectors.tolist(), side.costs.tolist()


@pytest.mark.parametrize(("seed", "n_steps"), [(0, 1), (1, 4), (2, 23), (3, 40)])
def test_beyond_agrees(seed, n_steps):
    random = np.random.default_rng(seed)
    one, other = [(embedded(random, n_steps), embedded(random, n_steps)) for _ in range(2)]
    at = np.cumsum(random.integers(1, 3, n_steps))
    slow = oracle.slow_beyond(
        tuple(written(x) for x in one), tuple(written(x) for x in other), at.tolist(), APART, SOFTNESS
    )
    np.testing.assert_allclose(beyond(one, other, at), slow, atol=1e-3)


def test_along_agrees():
    random = np.random.default_rng(4)
    a, b = embedded(random, 30, 3.0), embedded(random, 30, 3.0)
    slow = [oracle.log_odds(written(a), written(b), i, i) for i in range(30)]
    np.testing.assert_allclose(along(a, b), slow, atol=1e-3)
