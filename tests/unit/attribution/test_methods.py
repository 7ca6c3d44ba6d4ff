"""Methods on a tiny generator: settings, signs, noise shared, shards and workers without effect."""

import numpy as np
import pytest
import torch

from linernotes.attribution.base import Query
from linernotes.attribution.chance import Chance
from linernotes.attribution.likeness.similarity import Similarity
from linernotes.attribution.measurement import difference, network_with, skew
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig, query_gradient
from linernotes.attribution.unlearning.mucs import BoundedUnlearning, Mucs, MucsConfig
from linernotes.errors import InputError, NotFitted
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network
from linernotes.workflows.methods import checked_seed, make_method

FAST = {
    "unlearning": lambda: FisherUnlearning(UnlearningConfig(n_query_draws=8, n_scoring_draws=4)),
    "mucs": lambda: Mucs(MucsConfig(n_steps=3, batch_size=8, n_scoring_draws=4)),
}


def scored(make, generator, corpus, queries, run):
    method = make()
    method.fit(generator, corpus, run)
    return method.attribute(queries, run)


@pytest.fixture(scope="module")
def by_method(tiny_generator, tiny_corpus, tiny_queries):
    return {
        name: scored(make, tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5))
        for name, make in FAST.items()
    }


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("shard_size", [1, 3, 100])
def test_the_shard_size_does_not_change_scores(
    name, shard_size, by_method, tiny_generator, tiny_corpus, tiny_queries
):
    again = scored(FAST[name], tiny_generator, tiny_corpus, tiny_queries, SerialRunner(shard_size))
    for a, b in zip(by_method[name], again, strict=True):
        assert np.allclose(a.replicates, b.replicates, rtol=1e-3, atol=3e-6)


def test_workers_do_not_change_a_bit(by_method, tiny_generator, tiny_corpus, tiny_queries):
    with ProcessRunner(2, 5) as run:  # by_method comes from the for-loop
        for name, make in FAST.items():
            again = scored(make, tiny_generator, tiny_corpus, tiny_queries, run)
            for a, b in zip(by_method[name], again, strict=True):
                assert np.array_equal(a.replicates, b.replicates), name
                assert np.array_equal(a.segment_scores, b.segment_scores)


def test_unlearning_a_training_segment_hurts_it_most(tiny_generator, tiny_corpus):
    segment = 2
    queries = [Query("self", tiny_corpus.segments.pick([segment]))]
    [result] = scored(FAST["unlearning"], tiny_generator, tiny_corpus, queries, SerialRunner(5))
    assert result.segment_scores.argmax() == segment
    assert result.segment_scores[segment] > 0, "positive: training on it made the output more likely"


def test_the_step_raises_the_loss_of_the_query_by_the_set_fraction(tiny_generator, tiny_corpus, tiny_queries):
    config = UnlearningConfig(n_query_draws=16, n_scoring_draws=4, relative_rise=0.01)
    method = FisherUnlearning(config)
    run = SerialRunner(8)
    method.fit(tiny_generator, tiny_corpus, run)
    from linernotes.attribution.unlearning.diagonal import FisherStep

    draws = tiny_generator.noise_draws(16, 3)
    fisher = method._fitted[2]
    weights = FisherStep(tiny_generator, fisher, draws, config)(tiny_queries[0])
    before, _ = query_gradient(tiny_generator, tiny_queries[0], draws)
    network = network_with(tiny_generator, weights)
    with torch.no_grad():
        losses = tiny_generator.losses(network, tiny_queries[0].segments, draws, audible_only=True)
    assert float(losses.mean()) / before - 1 == pytest.approx(0.01, rel=0.25)


@pytest.fixture(scope="module")
def learnt(tiny_generator, tiny_corpus):
    """The tiny generator after some training: MUCS forgets only what was learnt."""
    parts = [np.flatnonzero(tiny_corpus.item_of == number) for number in range(4)]
    segments = [tiny_corpus.segments.pick(list(part)) for part in parts]
    items = [
        TrainingItem(name, part.latents.flatten(0, 1), part.conditions[0])
        for name, part in zip(tiny_corpus.item_ids, segments, strict=True)
    ]
    recipe = Recipe(
        n_steps=200, batch_size=16, warmup_steps=5, width=32, depth=1, n_heads=2, learning_rate=5e-3
    )
    network = train_network(items, recipe, 8).requires_grad_(False)
    return ReferenceGenerator(tiny_generator.representation, network, tiny_generator.vocabulary, recipe)


def mean_losses(generator, weights, segments):
    draws = generator.noise_draws(64, 99)
    with torch.no_grad():
        after = generator.losses(network_with(generator, weights), segments, draws, audible_only=True)
        return float(after.mean()), float(generator.null_losses(segments, draws, audible_only=True).mean())


def test_the_climb_goes_up_and_stops_at_the_loss_of_an_untrained_network(learnt, tiny_corpus):
    query = Query("self", tiny_corpus.segments.pick([2]))
    before, null = mean_losses(learnt, {}, query.segments)
    assert before < 0.9 * null
    losses = []
    for n_steps in (1, 60, 120):
        config = MucsConfig(n_steps, batch_size=8, learning_rate=1e-3, forget_weight=2.0, n_scoring_draws=2)
        weights = BoundedUnlearning(learnt, tiny_corpus, config)(query)
        losses.append(mean_losses(learnt, weights, query.segments)[0])
    assert before < losses[0] < losses[1]
    assert losses[1] == losses[2], "it had stopped: the bound was reached"
    assert 0.9 * null < losses[1] < 1.3 * null


def test_mucs_finds_what_was_unlearnt(learnt, tiny_corpus):
    queries = [Query(f"self {n}", tiny_corpus.segments.pick([n])) for n in (2, 8)]
    config = MucsConfig(n_steps=10, batch_size=8, learning_rate=1e-3, forget_weight=1.0, n_scoring_draws=8)
    results = scored(lambda: Mucs(config), learnt, tiny_corpus, queries, SerialRunner(5))
    assert [int(result.segment_scores.argmax()) for result in results] == [2, 8]
    assert [int(result.scores.argmax()) for result in results] == tiny_corpus.item_of[[2, 8]].tolist()


@pytest.mark.parametrize("make", [FisherUnlearning, Mucs, Similarity, Chance])
def test_asked_before_it_was_fitted(make, tiny_queries):
    with pytest.raises(NotFitted, match="fit it on"):
        make().attribute(tiny_queries, SerialRunner(4))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (UnlearningConfig, {"score": "cosine"}),
        (UnlearningConfig, {"n_scoring_draws": 1}),
        (UnlearningConfig, {"damping": 0.0}),
        (UnlearningConfig, {"relative_rise": -1.0}),
        (MucsConfig, {"score": ""}),
        (MucsConfig, {"n_steps": 0}),
        (MucsConfig, {"forget_weight": 0.0}),
        (MucsConfig, {"batch_size": 0}),
    ],
)
def test_impossible_settings_are_refused(kind, wrong):
    with pytest.raises(InputError, match="expected"):
        kind(**wrong)


def test_similarity_finds_the_recording_itself(tiny_generator, tiny_corpus):
    method = Similarity()
    method.fit(tiny_generator, tiny_corpus, SerialRunner(4))
    queries = [Query("self", tiny_corpus.segments.pick([7, 8]))]
    [result] = method.attribute(queries, SerialRunner(4))
    assert tiny_corpus.item_of[7] == 1
    assert result.scores.argmax() == 1
    assert result.scores[1] == pytest.approx(1.0)
    assert result.replicates.shape == (4, 2)
    assert (np.abs(result.replicates) <= 1 + 1e-9).all()


def test_chance_knows_the_query_and_the_seed_and_nothing_else(tiny_generator, tiny_corpus, tiny_queries):
    def scores(seed, queries):
        method = Chance(seed=seed)
        method.fit(tiny_generator, tiny_corpus, SerialRunner(4))
        return np.stack([result.scores for result in method.attribute(queries, SerialRunner(4))])

    first = scores(0, tiny_queries)
    assert np.array_equal(first, scores(0, tiny_queries))
    assert np.array_equal(first[::-1], scores(0, tiny_queries[::-1]))
    assert not np.allclose(first, scores(1, tiny_queries))
    assert not np.allclose(first[0], first[1])


def test_another_seed_is_other_noise_but_the_same_answer_in_kind(tiny_generator, tiny_corpus):
    queries = [Query("self", tiny_corpus.segments.pick([2]))]
    results = [
        scored(lambda seed=seed: FisherUnlearning(UnlearningConfig(16, 8, seed=seed)), tiny_generator,
               tiny_corpus, queries, SerialRunner(8))[0]
        for seed in (0, 1)
    ]  # fmt: skip
    assert not np.array_equal(results[0].replicates, results[1].replicates)
    assert results[0].segment_scores.argmax() == results[1].segment_scores.argmax()


def test_rise_and_skew():
    before, after = np.float32([1.0, 2.0]), np.float32([1.5, 1.0])
    assert difference(before, after).tolist() == [0.5, -1.0]
    assert skew(before, after, floor=0.0) == pytest.approx([0.2, -1 / 3])
    assert skew(before, after, floor=0.0) == pytest.approx(-skew(after, before, floor=0.0))


def test_methods_come_by_name_through_the_public_door():
    for name in ("mucs", "unlearning", "similarity", "random"):
        method = make_method(name, 3)
        assert method.name == name
        assert method.settings.get("seed", 3) == 3
    with pytest.raises(InputError, match="method 'oracle': not installed; expected one of activations"):
        make_method("oracle")


@pytest.mark.parametrize("seed", [-1, 2**31, 2**70])
def test_impossible_seeds_are_refused(seed):
    with pytest.raises(InputError, match="expected a whole number from 0"):
        make_method("random", seed)
    with pytest.raises(InputError, match="seed"):
        checked_seed(seed)
