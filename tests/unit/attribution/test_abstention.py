"""When nobody in particular is the answer."""

import numpy as np
import pytest

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import (
    CorpusFit,
    NullReference,
    corpus_fit,
    null_reference,
    signs_of,
)
from linernotes.attribution.statements.ranking import rank
from linernotes.errors import InputError
from linernotes.evaluation.sanity import fresh, randomised


def scores_of(values):
    names = tuple(f"item-{number:02d}" for number in range(len(values)))
    return ItemScores("q", "m", "u", names, np.repeat(np.asarray(values, float)[:, None], 3, 1), np.zeros(3))


def drawn(random, n, *centre):
    return [
        dict(zip(("peak", "spread", "likeness"), random.normal(centre, 1.0), strict=False)) for _ in range(n)
    ]


def test_a_random_or_fresh_network_has_not_learnt_its_corpus(tiny_generator, tiny_corpus):
    for generator in (randomised(tiny_generator), fresh(tiny_generator), tiny_generator):
        found = corpus_fit(generator, tiny_corpus)
        assert not found.learnt, "the tiny generator was never trained either"
        assert "has not learnt its corpus" in found.why_nobody
    assert corpus_fit(fresh(tiny_generator), tiny_corpus).loss == pytest.approx(found.null_loss)


def test_a_trained_network_has_learnt_its_corpus(tiny_generator, tiny_corpus):
    from linernotes.generators.reference.adapter import ReferenceGenerator
    from linernotes.generators.reference.training import Recipe, TrainingItem, train_network

    item = TrainingItem("all", tiny_corpus.segments.latents.flatten(0, 1), tiny_corpus.segments.conditions[0])
    recipe = Recipe(
        n_steps=150, batch_size=16, warmup_steps=5, width=32, depth=1, n_heads=2, learning_rate=5e-3
    )
    network = train_network([item], recipe, 8).requires_grad_(False)
    learnt = ReferenceGenerator(tiny_generator.representation, network, tiny_generator.vocabulary, recipe)
    found = corpus_fit(learnt, tiny_corpus)
    assert found.learnt
    assert found.why_nobody is None
    assert not corpus_fit(randomised(learnt), tiny_corpus).learnt, "the same values, shuffled"


def test_nobody_is_credited_by_a_generator_that_has_not_learnt():
    scores = scores_of([*np.linspace(-1, 1, 30), 50.0])
    known = {"generator_id": "g", "corpus_root": "r", "seed": 0}
    assert rank(scores, **known).unattributed_share < 0.3
    found = rank(scores, **known, fit=CorpusFit(2.0, 2.0, 96))
    assert found.unattributed_share == 1.0
    assert all(one.share == 0 and one.interval == (0.0, 0.0) for one in found.influences)
    assert "has not learnt" in found.nobody_because
    assert rank(scores, **known, fit=CorpusFit(1.0, 2.0, 96)) == rank(scores, **known)


def test_signs_follow_unit_and_offset_as_they_should():
    values = np.random.default_rng(0).normal(size=40)
    plain, other = signs_of(scores_of(values)), signs_of(scores_of(4 * values + 7))
    assert other["peak"] == pytest.approx(plain["peak"])
    assert other["spread"] == pytest.approx(plain["spread"] + np.log(4))
    assert signs_of(scores_of(values), likeness=0.25) == plain | {"likeness": 0.25}


@pytest.mark.parametrize("values", [[0.0] * 8, [1.0], [0.0] * 7 + [5.0]])
def test_signs_of_next_to_nothing_are_finite(values):
    assert np.isfinite(list(signs_of(scores_of(values)).values())).all()


@pytest.mark.parametrize("n_nulls", [8, 13, 60])
def test_null_queries_are_credited_as_rarely_as_promised(n_nulls):
    random = np.random.default_rng(n_nulls)
    credited, outputs = [], []
    for _ in range(150):
        reference = null_reference(
            drawn(random, 24, 1, 0, 3), drawn(random, n_nulls, 0, 0, 0), false_credit=0.05
        )
        credited += [reference.p_value(one) <= 0.05 for one in drawn(random, 20, 0, 0, 0)]
        outputs += [reference.p_value(one) <= 0.05 for one in drawn(random, 20, 1, 0, 3)]
    assert np.mean(credited) < 0.07
    assert np.mean(outputs) > 0.75


def test_signs_that_tell_nothing_credit_hardly_anybody():
    random = np.random.default_rng(1)
    credited = []
    for _ in range(200):
        reference = null_reference(drawn(random, 24, 0, 0), drawn(random, 13, 0, 0), false_credit=0.05)
        credited += [reference.p_value(one) <= 0.05 for one in drawn(random, 10, 0, 0)]
    assert np.mean(credited) < 0.07


def test_only_signs_that_all_queries_have_are_weighed():
    random = np.random.default_rng(2)
    reference = null_reference(drawn(random, 9, 2, 0), drawn(random, 9, 0, 0, 0))
    assert reference.signs == ("peak", "spread")
    with pytest.raises(InputError, match="spread was not measured"):
        reference.p_value({"peak": 1.0})


def test_too_few_are_refused():
    random = np.random.default_rng(3)
    with pytest.raises(InputError, match="5 null queries; expected at least 4 and 6"):
        null_reference(drawn(random, 9, 2, 0), drawn(random, 5, 0, 0))


def test_equal_null_queries_credit_nobody():
    assert NullReference(("peak",), (1.0,), (0.0,), (9.0,), (0.5,) * 8).p_value({"peak": 9.0}) == 1.0


def test_a_reference_survives_json():
    random = np.random.default_rng(4)
    reference = null_reference(drawn(random, 9, 2, 0), drawn(random, 9, 0, 0))
    assert NullReference.from_json(reference.as_json()) == reference


def test_what_goes_beyond_every_output_convinces_no_more():
    random = np.random.default_rng(5)
    own, nulls = drawn(random, 20, 3, 0, 3), drawn(random, 12, 0, 0, 0)
    reference = null_reference(own, nulls)
    best = {name: max(one[name] for one in own) for name in ("peak", "spread", "likeness")}
    beyond = best | {"likeness": best["likeness"] + 50}
    assert reference.figure(beyond) == pytest.approx(reference.figure(best))


@pytest.mark.parametrize("values", [[0.0] * 30, [1e-12] * 29 + [1.0]])
def test_scores_that_hardly_differ_credit_nobody_though_a_small_spread_is_a_good_sign(values):
    random = np.random.default_rng(6)
    own, nulls = drawn(random, 20, 3, -3), drawn(random, 12, 0, 0)
    reference = null_reference(own, nulls)
    assert reference.weights[1] < 0, "outputs have the smaller spread here"
    flat = signs_of(scores_of(np.asarray(values) * 1e-9))
    assert reference.strange(flat)
    assert reference.p_value(flat) == 1.0
