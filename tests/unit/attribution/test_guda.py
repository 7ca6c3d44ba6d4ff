"""Group unlearning on a tiny generator: operators, signs, sharing out, promises of a method."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.base import Query
from linernotes.attribution.by_group.group_unlearning import (
    GroupUnlearning,
    GroupUnlearningConfig,
    must_be_straight,
    nearest,
    redirected_velocity,
)
from linernotes.attribution.by_group.groups import Groups, aggregate
from linernotes.attribution.by_group.guda import Guda, GudaConfig
from linernotes.attribution.by_group.open_weights import network_with_change
from linernotes.attribution.by_group.shapley import draw_coalitions, solve
from linernotes.errors import InputError, NotFitted
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.generators.base import NoiseDraws
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network
from linernotes.testing import check_attributor

FAST = {"n_steps": 3, "n_segments": 2, "n_draws": 2, "n_anchors": 3}
OPERATORS = {
    "redirect": {"operator": "redirect"},
    "ascent": {"operator": "ascent"},
    "ascent beside the plain loss": {"operator": "ascent", "preserve": "loss"},
    "fisher": {"operator": "fisher"},
    "last layer": {"operator": "redirect", "weights": "last"},
    "low rank": {"weights": "lora", "rank": 2},
}


def fast(n_scoring_draws=4, **changes):
    return GudaConfig(GroupUnlearningConfig(**FAST | changes), n_scoring_draws)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_keeps_the_promises_of_a_method(name, tiny_generator, tiny_corpus, tiny_queries):
    config = fast(**OPERATORS[name])
    check_attributor(lambda: Guda(config), tiny_generator, tiny_corpus, tiny_queries, SerialRunner)


@pytest.fixture(scope="module")
def pairs():
    return Groups.of(tuple("abcd"), {"a": "x", "b": "x", "c": "y", "d": "y"})


@pytest.fixture(scope="module")
def overlapping():
    return Groups.of(tuple("abcd"), {"a": ["x", "y"], "b": "x", "c": ["y", "z"]})


def test_a_partition_gets_its_scores_back_from_the_items(pairs, tiny_generator, tiny_corpus, tiny_queries):
    method = Guda(fast(), groups=pairs)
    method.fit(tiny_generator, tiny_corpus, SerialRunner(4))
    by_group = method.attribute_groups(tiny_queries, SerialRunner(4))
    by_item = method.attribute(tiny_queries, SerialRunner(4))
    for groups, items in zip(by_group, by_item, strict=True):
        assert groups.names == ("x", "y")
        assert groups.replicates.shape == (2, 4)
        assert aggregate(items, pairs).replicates == pytest.approx(groups.replicates)
        assert items.scores[0] == items.scores[1] == pytest.approx(groups.scores[0] / 2)
        assert items.segment_scores == pytest.approx(items.scores[tiny_corpus.item_of])


def test_overlapping_groups_add_on_the_items_they_share(
    overlapping, tiny_generator, tiny_corpus, tiny_queries
):
    method = Guda(fast(), groups=overlapping)
    method.fit(tiny_generator, tiny_corpus, SerialRunner(4))
    x, y, z = method.attribute_groups(tiny_queries, SerialRunner(4))[0].scores
    scores = method.attribute(tiny_queries, SerialRunner(4))[0].scores
    assert scores == pytest.approx([x / 2 + y / 2, x / 2, y / 2 + z, 0.0])


def test_workers_do_not_change_a_bit(pairs, tiny_generator, tiny_corpus, tiny_queries):
    found = []
    with ProcessRunner(2, 5) as workers:
        for run in (SerialRunner(5), workers):
            method = Guda(fast(operator="fisher"), groups=pairs)
            method.fit(tiny_generator, tiny_corpus, run)
            found.append(method.attribute_groups(tiny_queries, run))
    for a, b in zip(*found, strict=True):
        assert np.array_equal(a.replicates, b.replicates)


@pytest.fixture(scope="module")
def learnt(tiny_generator, tiny_corpus):
    """The tiny generator after some training on the tiny corpus."""
    items = []
    for number, name in enumerate(tiny_corpus.item_ids):
        part = tiny_corpus.segments.pick(np.flatnonzero(tiny_corpus.item_of == number).tolist())
        items.append(TrainingItem(name, part.latents.flatten(0, 1), part.conditions[0]))
    recipe = Recipe(
        n_steps=200, batch_size=16, warmup_steps=5, width=32, depth=1, n_heads=2, learning_rate=5e-3
    )
    network = train_network(items, recipe, 8).requires_grad_(False)
    return ReferenceGenerator(tiny_generator.representation, network, tiny_generator.vocabulary, recipe)


STRONG = {
    "redirect": {"operator": "redirect", "learning_rate": 3e-3, "trust": 5.0},
    "ascent": {"operator": "ascent", "learning_rate": 3e-3, "rise": 0.3},
    "fisher": {"operator": "fisher"},
    "low rank": {"operator": "ascent", "weights": "lora", "learning_rate": 2e-2, "rise": 0.3},
}


@pytest.mark.parametrize("name", STRONG)
def test_unlearning_a_group_hurts_the_group_and_spares_the_rest(name, learnt, tiny_corpus):
    config = GudaConfig(
        GroupUnlearningConfig(**{"n_steps": 15, "n_segments": 4, "n_draws": 4} | STRONG[name]), 32
    )
    method = Guda(config, groups=Groups.each_item(tiny_corpus.item_ids))
    method.fit(learnt, tiny_corpus, SerialRunner(8))
    queries = [
        Query(name, tiny_corpus.segments.pick(np.flatnonzero(tiny_corpus.item_of == number).tolist()))
        for number, name in enumerate(tiny_corpus.item_ids)
    ]
    scores = np.stack([result.scores for result in method.attribute_groups(queries, SerialRunner(8))])
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert (scores.diagonal() > 0).all()
    others = scores[~np.eye(4, dtype=bool)]
    assert scores.diagonal().mean() > 3 * others.mean()


def test_ascent_goes_no_further_than_the_set_rise(learnt, tiny_corpus):
    held = np.array([True, False, False, False])
    inside = tiny_corpus.segments.pick(np.flatnonzero(held[tiny_corpus.item_of]).tolist())
    draws = learnt.noise_draws(64, 5)

    def rise(limit):
        config = GroupUnlearningConfig(
            "ascent", n_steps=60, n_segments=4, learning_rate=3e-3, forget_weight=3.0, rise=limit
        )
        network = network_with_change(learnt, GroupUnlearning(learnt, tiny_corpus, config)(held))
        with torch.no_grad():
            after = learnt.losses(network, inside, draws).mean()
            return float(after / learnt.losses(learnt.network, inside, draws).mean()) - 1

    small, large = rise(0.05), rise(0.4)
    assert 0.02 < small < 0.3
    assert 1.5 * small < large < 0.8


def by_loops(forget, anchors, draws, trust):
    """Redirection one number of the sum at a time."""
    result = torch.zeros(len(forget), len(draws), *forget.shape[1:])
    for s, clean in enumerate(forget):
        for d in range(len(draws)):
            level, noise = draws.levels[d], draws.noise[d]
            mixed = (1 - level) * clean + level * noise
            near = anchors[s]
            logits = torch.stack([-((mixed - (1 - level) * a) ** 2).sum() / (2 * level**2) for a in near])
            shift = torch.zeros_like(clean)
            for weight, anchor in zip(torch.softmax(logits, 0), near, strict=True):
                delta = (1 - level) / level * (clean - anchor)
                shift += weight * delta * min(1.0, trust * noise.numel() ** 0.5 / float(delta.norm()))
            origin = clean - level / (1 - level) * shift  # where the path through `mixed` now starts
            result[s, d] = noise + shift - origin
    return result


@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.3, 100.0]))
@settings(max_examples=10, deadline=None)
def test_redirection_is_its_formula(seed, trust):
    random = torch.Generator().manual_seed(seed)
    forget = torch.randn(2, 3, 4, generator=random)
    anchors = forget[:, None] + 0.5 * torch.randn(2, 5, 3, 4, generator=random)
    draws = NoiseDraws(torch.tensor([0.1, 0.5, 0.9]), torch.randn(3, 3, 4, generator=random))
    found = redirected_velocity(forget, anchors, draws, trust)
    assert torch.allclose(found, by_loops(forget, anchors, draws, trust), rtol=1e-3, atol=1e-3)


def test_redirecting_a_segment_to_itself_teaches_what_training_did():
    random = torch.Generator().manual_seed(1)
    forget = torch.randn(2, 3, 4, generator=random)
    draws = NoiseDraws(torch.tensor([0.2, 0.7]), torch.randn(2, 3, 4, generator=random))
    target = redirected_velocity(forget, forget[:, None], draws, 1.0)
    assert torch.allclose(target, draws.noise - forget[:, None], atol=1e-5)


def test_anchors_are_the_nearest_retained():
    latents = torch.tensor([0.0, 1.0, 5.0, 2.0])[:, None, None]
    assert nearest(latents, np.array([0]), np.array([2, 3]), 2).tolist() == [[3, 2]]
    assert nearest(latents, np.array([0, 2]), np.array([1, 3]), 9).tolist() == [[1, 3], [3, 1]]


def test_changes_are_small_and_only_where_they_may_be(tiny_generator, tiny_corpus):
    held = np.array([True, False, False, True])
    low_rank = GroupUnlearning(tiny_generator, tiny_corpus, fast(weights="lora", rank=2).unlearning)(held)
    assert {name.rpartition(".")[2] for name in low_rank} == {"weight"}
    for name, (up, down) in low_rank.items():
        shape = dict(tiny_generator.network.named_parameters())[name].shape
        assert (up.shape, down.shape) == ((shape[0], 2), (2, shape[1]))
        assert up.dtype == torch.float16
    changed = dict(network_with_change(tiny_generator, low_rank).named_parameters())
    for name, weight in tiny_generator.network.named_parameters():
        assert torch.equal(changed[name], weight) == (name not in low_rank)


def test_the_last_layer_is_the_last_layer(tiny_generator, tiny_corpus):
    from linernotes.attribution.by_group.open_weights import _last_blocks

    names = ["layers.0.up.weight", "layers.1.up.weight", "layers.1.up.bias", "layers.10.up.weight"]
    assert _last_blocks(names, 1) == names[3:]
    assert _last_blocks(names, 2) == names[1:]
    assert _last_blocks(["head.weight", "out.bias"], 1) == ["out.bias"]


def test_coalitions_are_worth_what_is_left(overlapping, tiny_generator, tiny_corpus, tiny_queries):
    method = Guda(fast(operator="fisher"), groups=overlapping)
    run = SerialRunner(4)
    method.fit(tiny_generator, tiny_corpus, run)
    coalitions = draw_coalitions(3, 6)
    values = method.coalition_values(coalitions, tiny_queries, run)
    without_x = coalitions.members.tolist().index([False, True, True])  # b goes; a and c are held by others
    config, base = fast(operator="fisher").unlearning, method._fitted[0]
    change = GroupUnlearning(tiny_generator, tiny_corpus, config, base.fisher)(
        np.array([False, True, False, False])
    )
    losses = method._losses(tiny_generator, [{}, change], tiny_queries, run).mean(axis=2)
    assert values[without_x] == pytest.approx(losses[0] - losses[1])
    nobody_needed = coalitions.members.tolist().index([True, True, False])  # z alone holds nothing
    assert (values[nobody_needed] == 0).all()
    shares = solve(coalitions, values[:, 0], -1.0, 0.0).shares
    assert shares.sum() == pytest.approx(1.0)


def test_settings_name_everything_and_the_seed_goes_everywhere(tiny_generator):
    method = Guda(seed=7)
    assert method.settings["seed"] == method.settings["unlearning"]["seed"] == 7
    names = {field.name for field in dataclasses.fields(GroupUnlearningConfig)}
    assert set(method.settings["unlearning"]) == names


def test_asked_before_it_was_fitted(tiny_queries):
    for ask in (Guda().attribute, Guda().attribute_groups):
        with pytest.raises(NotFitted, match="fit it on"):
            ask(tiny_queries, SerialRunner(4))


@pytest.mark.parametrize(
    "wrong",
    [
        {"operator": "retrain"}, {"weights": "some"}, {"preserve": ""}, {"n_steps": 0}, {"n_segments": 0}, {"rank": 0},
        {"learning_rate": 0.0}, {"trust": float("nan")}, {"rise": -1.0}, {"segment_rise": 0.0},
        {"operator": "fisher", "weights": "lora"},
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        GroupUnlearningConfig(**wrong)


def test_groups_of_another_corpus_or_of_everything_are_refused(tiny_generator, tiny_corpus):
    for groups, says in (
        (Groups.each_item(tuple("dcba")), "another order"),
        (Groups(("all",), tuple("abcd"), np.ones((1, 4), bool)), "'all': holds every item"),
    ):
        with pytest.raises(InputError, match=says):
            Guda(fast(), groups=groups).fit(tiny_generator, tiny_corpus, SerialRunner(4))
    with pytest.raises(InputError, match="at least 2 scoring draws"):
        GudaConfig(n_scoring_draws=1)


class Hidden:
    """The members of a generator but for those that are hidden or replaced."""

    def __init__(self, inner, hidden=(), **replaced):
        self.__dict__.update(inner=inner, hidden=hidden, **replaced)

    def __getattr__(self, name):
        if name in self.hidden:
            raise AttributeError(name)
        return getattr(self.inner, name)


def test_a_generator_that_hides_its_outputs_is_told_what_it_can_have(
    tiny_generator, tiny_corpus, tiny_queries
):
    hidden = Hidden(tiny_generator, ("outputs",))
    for wrong in ({"operator": "redirect"}, {"operator": "ascent"}):
        with pytest.raises(InputError, match="does not show its outputs"):
            Guda(fast(**wrong)).fit(hidden, tiny_corpus, SerialRunner(4))
    for right in ({"operator": "ascent", "preserve": "loss"}, {"operator": "fisher"}):
        method = Guda(fast(**right))
        method.fit(hidden, tiny_corpus, SerialRunner(4))
        assert len(method.attribute(tiny_queries, SerialRunner(4))) == 2


def test_redirection_is_refused_for_what_is_not_a_rectified_flow(tiny_generator, tiny_corpus):
    must_be_straight(tiny_generator, tiny_corpus.segments)
    scaled = Hidden(tiny_generator, losses=lambda *a, **k: 2 * tiny_generator.losses(*a, **k))

    def bent(network, segments, draws):  # mixes by √ instead of on the straight line
        return tiny_generator.outputs(network, segments, NoiseDraws(draws.levels.sqrt(), draws.noise))

    for other in (scaled, Hidden(tiny_generator, outputs=bent)):
        with pytest.raises(InputError, match="not a rectified flow"):
            Guda(fast(operator="redirect")).fit(other, tiny_corpus, SerialRunner(4))
