"""Embeddings of made-up recordings."""

import numpy as np
import pytest

from linernotes.versions.encoder.embed import SegmentEmbeddings


def _piece(seed, n=6, near=None, noise=0.05):
    vectors = np.random.default_rng(seed).standard_normal((n, 16)).astype(np.float32)
    if near is not None:
        vectors = near.vectors[:n] + noise * vectors
    return SegmentEmbeddings(vectors, np.arange(n, dtype=np.float32) * 5, 20.0, "toy-1")


@pytest.fixture
def piece():
    """Return what makes the embeddings of a recording, near another's if one is given."""
    return _piece


@pytest.fixture
def pieces():
    return [_piece(seed) for seed in range(8)]
