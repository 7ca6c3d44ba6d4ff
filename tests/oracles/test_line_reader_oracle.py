import numpy as np
import pytest

from linernotes.versions.notes.grid import N_LAYERS, N_PITCHES
from linernotes.versions.notes.lines import read_lines, shipped_weights
from tests.oracles.slow_line_reader import slow_lines


@pytest.mark.parametrize("source", ["shipped", "random"])
def test_the_line_reader_equals_its_definition(source):
    random = np.random.default_rng(3)
    weights = shipped_weights()
    if source == "random":
        weights = {name: random.normal(0, 0.1, w.shape).astype(np.float32) for name, w in weights.items()}
    grid = random.random((N_LAYERS, 5, N_PITCHES)).astype(np.float32)
    fast, slow = read_lines(grid, weights), slow_lines(grid.astype(float), weights)
    for name, expected in slow.items():
        np.testing.assert_allclose(getattr(fast, name), expected, atol=2e-4)
