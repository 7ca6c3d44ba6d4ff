import numpy as np
import pytest

from linernotes.errors import InputError
from linernotes.evaluation.lds import GroundTruth, ceiling, lds, seed_agreement, table


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("linernotes.evaluation.lds.N_BOOTSTRAP", 40)


@pytest.fixture
def truth():
    random = np.random.default_rng(0)
    inclusion = random.random((8, 5)) < 0.5
    return GroundTruth(
        tuple("abcde"), ("p", "q"), inclusion, random.normal(size=(8, 2, 2)).astype(np.float32)
    )


@pytest.mark.parametrize("shape", [(1, 5), (2, 4), (5, 2), (2, 5, 1)])
def test_scores_of_another_shape_are_refused(truth, shape):
    with pytest.raises(InputError, match="queries × items"):
        lds(np.zeros(shape), truth)


def test_ground_truth_that_does_not_fit_together_is_refused(truth):
    with pytest.raises(InputError, match="do not fit together"):
        GroundTruth(("a",), truth.query_ids, truth.inclusion, truth.losses)
    with pytest.raises(InputError, match="do not fit together"):
        GroundTruth(truth.item_ids, ("p",), truth.inclusion, truth.losses)
    with pytest.raises(InputError, match="do not fit together"):
        GroundTruth(truth.item_ids, truth.query_ids, truth.inclusion[:-1], truth.losses)


def test_one_seed_has_no_ceiling(truth):
    alone = GroundTruth(truth.item_ids, truth.query_ids, truth.inclusion, truth.losses[:, :1])
    with pytest.raises(InputError, match="one seed has no noise ceiling"):
        seed_agreement(alone)


def test_some_queries_are_a_ground_truth(truth):
    part = truth.queries([1])
    assert part.query_ids == ("q",)
    assert np.array_equal(part.losses[:, :, 0], truth.losses[:, :, 1])


def test_constant_scores_earn_nothing_rather_than_an_error(truth):
    result = lds(np.zeros((2, 5)), truth)
    assert result.value == 0.0
    assert result.interval == (0.0, 0.0)


def test_the_sign_is_that_of_the_contract(truth):
    scores = np.random.default_rng(1).normal(size=(2, 5))
    assert lds(-scores, truth).value == pytest.approx(-lds(scores, truth).value)


def test_the_table_holds_differences_to_the_baseline(truth):
    random = np.random.default_rng(2)
    scorers = {name: random.normal(size=(2, 5)) for name in ("mucs", "similarity")}
    rows = table(scorers, truth)
    assert rows["mucs"]["minus_similarity"] == pytest.approx(rows["mucs"]["lds"] - rows["similarity"]["lds"])
    assert "minus_similarity" not in rows["similarity"]
    assert rows["mucs"]["interval"] == list(lds(scorers["mucs"], truth).interval)


def test_seeds_that_disagree_have_a_ceiling_of_zero(truth):
    opposite = truth.losses.copy()
    opposite[:, 1] = -opposite[:, 0]
    assert ceiling(GroundTruth(truth.item_ids, truth.query_ids, truth.inclusion, opposite)) == 0.0
