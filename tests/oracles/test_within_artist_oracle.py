"""Within-artist LDS against a loop over blocks, and what blocks are for: the artist alone earns exactly nothing."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from linernotes.errors import InputError
from linernotes.evaluation.lds import GroundTruth, ceiling, lds, per_query_lds, seed_agreement

ARTISTS = np.array([0, 0, 0, 0, 1, 1, 1, 2])
N_BLOCKS, PER_BLOCK, N_QUERIES = 6, 4, 3


@pytest.fixture
def truth():
    random = np.random.default_rng(2)
    inclusion = np.zeros((N_BLOCKS * PER_BLOCK, len(ARTISTS)), dtype=bool)
    for block in range(N_BLOCKS):
        counts = [2, int(random.integers(1, 3)), int(random.integers(0, 2))]
        for row in inclusion[block * PER_BLOCK : (block + 1) * PER_BLOCK]:
            for artist, count in enumerate(counts):
                row[random.permutation(np.flatnonzero(artist == ARTISTS))[:count]] = True
    weights = random.normal(size=(N_QUERIES, len(ARTISTS)))
    losses = -(inclusion @ weights.T)[:, None] + 0.5 * random.normal(size=(len(inclusion), 2, N_QUERIES))
    blocks = np.repeat(np.arange(N_BLOCKS), PER_BLOCK)
    return GroundTruth(tuple("abcdefgh"), ("p", "q", "r"), inclusion, losses.astype(np.float32), blocks)


def loop(scores, truth):
    values = []
    for q in range(N_QUERIES):
        predicted, outcome = [], []
        for block in range(N_BLOCKS):
            rows = [m for m in range(len(truth.inclusion)) if truth.blocks[m] == block]
            p = [scores[q][truth.inclusion[m]].sum() for m in rows]
            y = [-float(np.mean(truth.losses[m, :, q].astype(float))) for m in rows]
            predicted += [value - np.mean(p) for value in p]
            outcome += [value - np.mean(y) for value in y]
        values.append(spearmanr(np.round(predicted, 12), np.round(outcome, 12)).statistic)
    return np.array(values)


def test_within_artist_lds_is_the_loop_s(truth):
    scores = np.random.default_rng(3).normal(size=(N_QUERIES, len(ARTISTS)))
    assert per_query_lds(scores, truth, within=True) == pytest.approx(loop(scores, truth), abs=1e-9)
    result = lds(scores, truth, within=True)
    assert result.value == pytest.approx(loop(scores, truth).mean(), abs=1e-9)
    assert result.interval[0] <= result.value <= result.interval[1]


def test_a_scorer_that_knows_the_artist_alone_earns_exactly_nothing_within(truth):
    by_artist = np.random.default_rng(4).normal(size=(N_QUERIES, 3))[:, ARTISTS]
    assert per_query_lds(by_artist, truth, within=True).tolist() == [0.0] * N_QUERIES
    assert lds(by_artist, truth, within=True).interval == (0.0, 0.0)


def test_adding_to_all_of_an_artist_changes_nothing_within(truth):
    scores = np.random.default_rng(5).normal(size=(N_QUERIES, len(ARTISTS)))
    shifted = scores + np.array([3.0, -1.0, 7.0])[ARTISTS]
    assert per_query_lds(shifted, truth, within=True) == pytest.approx(
        per_query_lds(scores, truth, within=True), abs=1e-9
    )


def test_the_ceiling_has_a_within_twin(truth):
    assert -1 <= seed_agreement(truth, within=True) <= 1
    assert 0 <= ceiling(truth, within=True) <= 1
    assert ceiling(truth, within=True) != ceiling(truth)


def test_without_blocks_there_is_no_within(truth):
    bare = GroundTruth(truth.item_ids, truth.query_ids, truth.inclusion, truth.losses)
    with pytest.raises(InputError, match="without blocks"):
        lds(np.zeros((N_QUERIES, len(ARTISTS))), bare, within=True)


def test_blocks_must_fit_the_subsets(truth):
    with pytest.raises(InputError, match="one block per subset"):
        GroundTruth(truth.item_ids, truth.query_ids, truth.inclusion, truth.losses, np.zeros(3, dtype=int))


def test_blocks_must_be_of_one_size(truth):
    ragged = GroundTruth(
        truth.item_ids, truth.query_ids, truth.inclusion, truth.losses, np.minimum(truth.blocks, 4)
    )
    with pytest.raises(InputError, match="unequal size"):
        lds(np.zeros((N_QUERIES, len(ARTISTS))), ragged)
