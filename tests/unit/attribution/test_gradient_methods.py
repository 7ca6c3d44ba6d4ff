"""Gradient and activation methods on a tiny generator: signs, sketches, shards, workers, refusals."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.gradients.das import Das, DasConfig, relative_errors
from linernotes.attribution.gradients.dtrak import DTrak
from linernotes.attribution.gradients.per_item import (
    GradientConfig,
    Sketch,
    differentiable,
    flattened,
    mean_gradient,
    training_loss,
)
from linernotes.attribution.gradients.tracin import GradCos, GradDot, checkpoints_of
from linernotes.attribution.gradients.trak import DampedKernel, Trak, TrakConfig
from linernotes.attribution.likeness.activations import Activations, ActivationsConfig, layers_of, listening
from linernotes.errors import InputError, NotFitted
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.testing import check_attributor

SMALL = {"n_draws": 3, "n_query_draws": 4, "n_replicates": 2, "n_slots": 256}
METHODS = {
    "grad-dot": lambda: GradDot(GradientConfig(**SMALL)),
    "grad-cos": lambda: GradCos(GradientConfig(**SMALL)),
    "trak": lambda: Trak(TrakConfig(**SMALL)),
    "d-trak": lambda: DTrak(TrakConfig(**SMALL)),
    "das": lambda: Das(DasConfig(**SMALL)),
    "activations": lambda: Activations(ActivationsConfig(n_bands=2, n_replicates=2)),
}
LINEAR_IN_THE_QUERY = ("grad-dot", "trak", "d-trak")


class LossesAlone:
    """A generator that offers what `Generator` asks and no more."""

    def __init__(self, generator):
        self.__dict__.update(
            {name: getattr(generator, name) for name in ("paper", "licence", "generator_id", "network")}
        )
        self.losses, self.updatable = generator.losses, generator.updatable
        self.noise_draws = generator.noise_draws


def scored(make, generator, corpus, queries, run):
    method = make()
    method.fit(generator, corpus, run)
    return method.attribute(queries, run)


@pytest.fixture(scope="module")
def by_method(tiny_generator, tiny_corpus, tiny_queries):
    return {
        name: scored(make, tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5))
        for name, make in METHODS.items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_the_contract(name, tiny_generator, tiny_corpus, tiny_queries):
    check_attributor(METHODS[name], tiny_generator, tiny_corpus, tiny_queries, SerialRunner)
    assert METHODS[name]().name == name


@pytest.mark.parametrize("name", METHODS)
def test_the_shard_size_does_not_change_scores(name, by_method, tiny_generator, tiny_corpus, tiny_queries):
    again = scored(METHODS[name], tiny_generator, tiny_corpus, tiny_queries, SerialRunner(1))
    close = {"rtol": 1e-5 if name == "das" else 0.0, "atol": 0.0}  # its errors come from batches of segments
    for a, b in zip(by_method[name], again, strict=True):
        assert np.allclose(a.replicates, b.replicates, **close)
        assert np.allclose(a.segment_scores, b.segment_scores, **close)


def test_workers_do_not_change_a_bit(by_method, tiny_generator, tiny_corpus, tiny_queries):
    with ProcessRunner(2, 5) as run:
        for name in ("grad-dot", "das", "activations"):
            again = scored(METHODS[name], tiny_generator, tiny_corpus, tiny_queries, run)
            for a, b in zip(by_method[name], again, strict=True):
                assert np.array_equal(a.replicates, b.replicates), name


@pytest.mark.parametrize("name", METHODS)
def test_the_order_of_items_does_not_matter(name, by_method, tiny_generator, tiny_corpus, tiny_queries):
    order = [2, 0, 3, 1]
    rows = np.concatenate([np.flatnonzero(tiny_corpus.item_of == item) for item in order])
    owners = np.argsort(order)[tiny_corpus.item_of[rows]]
    shuffled = EncodedCorpus(
        tuple(tiny_corpus.item_ids[item] for item in order),
        tiny_corpus.segments.pick(list(rows)), owners, tiny_corpus.root,
    )  # fmt: skip
    again = scored(METHODS[name], tiny_generator, shuffled, tiny_queries, SerialRunner(5))
    for a, b in zip(by_method[name], again, strict=True):
        assert np.allclose(
            a.replicates[order], b.replicates, rtol=1e-6, atol=1e-9 * np.abs(a.replicates).max()
        )


@pytest.mark.parametrize("name", METHODS)
def test_replicates_measure_the_same_thing_with_other_noise(name, by_method):
    for result in by_method[name]:
        assert result.replicates.shape == (4, 2)
        assert not np.allclose(result.replicates[:, 0], result.replicates[:, 1])
        if name == "activations":  # the best segment counts there
            continue
        assert np.allclose(result.scores, [
            result.segment_scores[first:last].mean() for first, last in ((0, 6), (6, 9), (9, 13), (13, 18))
        ])  # fmt: skip


@pytest.mark.parametrize("name", [name for name in METHODS if name != "das"])
def test_a_segment_of_the_corpus_finds_itself(name, tiny_generator, tiny_corpus):
    queries = [Query(f"self {number}", tiny_corpus.segments.pick([number])) for number in (2, 8)]
    make = {
        "activations": METHODS["activations"],
        "grad-dot": lambda: GradDot(GradientConfig(16, 64, 2, 4096)),
        "grad-cos": lambda: GradCos(GradientConfig(16, 64, 2, 4096)),
        "trak": lambda: Trak(TrakConfig(16, 64, 2, 4096, damping=0.01)),
        "d-trak": lambda: DTrak(TrakConfig(16, 64, 2, 4096, damping=0.01)),
    }[name]
    results = scored(make, tiny_generator, tiny_corpus, queries, SerialRunner(8))
    if name != "grad-dot":  # the loudest gradient may win there
        assert [int(result.segment_scores.argmax()) for result in results] == [2, 8]
    assert results[0].segment_scores[2] > 0
    assert results[1].segment_scores[8] > 0


def test_grad_dot_says_what_a_training_step_does(tiny_generator, tiny_corpus, tiny_queries):
    """A step on a segment lowers the query's loss by the step times the score."""
    config = GradientConfig(n_draws=4, n_query_draws=8, n_replicates=2, n_slots=10**6)
    [result] = scored(lambda: GradDot(config), tiny_generator, tiny_corpus, tiny_queries[:1], SerialRunner(8))
    network, weights = differentiable(tiny_generator)
    draws, asked = tiny_generator.noise_draws(4, 1), tiny_generator.noise_draws(8, 3)

    def loss_of_query():
        with torch.no_grad():
            losses = tiny_generator.losses(network, tiny_queries[0].segments, asked, audible_only=True)
            return float(losses.double().mean())

    before = loss_of_query()
    segment = tiny_corpus.segments.pick([3])
    gradient = mean_gradient(tiny_generator, network, weights, training_loss, segment, draws)
    step = 1e-3
    with torch.no_grad():
        for name, weight in weights.items():
            weight -= step * gradient[name]
    assert (before - loss_of_query()) / step == pytest.approx(result.segment_scores[3], rel=0.05)


def test_checkpoints_add_up(tiny_generator, tiny_corpus, tiny_queries):
    other = copy.deepcopy(tiny_generator.network)
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(0.9)

    def with_history(*history):
        told = copy.copy(tiny_generator)
        told.checkpoints = history
        return told

    run, make = SerialRunner(8), METHODS["grad-dot"]
    [now] = scored(make, with_history((tiny_generator.network, 0.5)), tiny_corpus, tiny_queries[:1], run)
    [then] = scored(make, with_history((other, 2.0)), tiny_corpus, tiny_queries[:1], run)
    both = with_history((other, 2.0), (tiny_generator.network, 0.5))
    [sum_of_both] = scored(make, both, tiny_corpus, tiny_queries[:1], run)
    assert np.allclose(sum_of_both.replicates, now.replicates + then.replicates, rtol=1e-9)
    [cosine] = scored(METHODS["grad-cos"], both, tiny_corpus, tiny_queries[:1], run)
    assert (np.abs(cosine.scores) <= 1).all()
    with pytest.raises(InputError, match=r"checkpoint 1 has learning rate 0.0; expected a positive"):
        checkpoints_of(with_history((other, 2.0), (other, 0.0)))


# -- sketches ---------------------------------------------------------------------------------------


@settings(deadline=None)
@given(seed=st.integers(0, 2**31 - 1), n_slots=st.integers(1, 40))
def test_a_sketch_is_linear_and_keeps_inner_products_on_average(seed, n_slots):
    random = np.random.default_rng(seed)
    a, b = random.standard_normal((2, 60)).astype(np.float32)
    weights = {"w": torch.zeros(6, 10)}

    def gradient(row):
        return {"w": torch.from_numpy(row).reshape(6, 10)}

    fold = Sketch(n_slots, seed).fold_of(weights)
    assert fold(gradient(a)).shape == (n_slots,)
    assert np.allclose(fold(gradient(a)) + fold(gradient(b)), fold(gradient(a + b)), atol=1e-4)
    assert np.array_equal(fold(gradient(a)), Sketch(n_slots, seed).fold_of(weights)(gradient(a)))


def test_many_sketches_average_to_the_inner_product():
    random = np.random.default_rng(1)
    a, b = random.standard_normal((2, 500)).astype(np.float32)
    weights = {"x": torch.zeros(200), "y": torch.zeros(30, 10)}

    def gradient(row):
        return {"x": torch.from_numpy(row[:200]), "y": torch.from_numpy(row[200:]).reshape(30, 10)}

    found = []
    for seed in range(400):
        fold = Sketch(64, seed).fold_of(weights)
        found.append(float(fold(gradient(a)) @ fold(gradient(b))))
    spread = float(
        np.sqrt((a @ a * (b @ b) + (a @ b) ** 2) / 64)
    )  # variance of the sketch, from its definition
    assert np.mean(found) == pytest.approx(float(a @ b), abs=4 * spread / 20)
    assert np.std(found) == pytest.approx(spread, rel=0.2)


def test_weights_of_two_names_are_hashed_apart():
    weights = {"x": torch.zeros(300), "y": torch.zeros(300)}
    fold = Sketch(128).fold_of(weights)
    one = torch.randn(300, generator=torch.Generator().manual_seed(0))
    first, second = fold({"x": one, "y": 0 * one}), fold({"x": 0 * one, "y": one})
    assert abs(first @ second) < 0.5 * np.linalg.norm(first) * np.linalg.norm(second)


def test_where_there_is_room_gradients_are_kept_as_they_are():
    gradient = {"x": torch.arange(3.0), "y": torch.arange(4.0).reshape(2, 2)}
    assert np.array_equal(Sketch(7).fold_of(gradient)(gradient), flattened(gradient))
    assert Sketch(6).fold_of(gradient)(gradient).shape == (6,)


# -- kernels ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1), n_rows=st.integers(1, 12), n_slots=st.integers(1, 12),
    damping=st.floats(1e-3, 1e3),
)  # fmt: skip
def test_both_ways_round_the_kernel_gives_the_damped_inverse(seed, n_rows, n_slots, damping):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((n_rows, n_slots)).astype(np.float32)
    asked = random.standard_normal((3, n_slots))
    exact = rows.astype(np.float64)
    damped = exact.T @ exact + damping * np.square(exact).sum() / n_rows * np.eye(n_slots)
    expected = exact @ np.linalg.inv(damped) @ asked.T
    assert np.allclose(DampedKernel(rows, damping)(asked), expected, rtol=1e-6, atol=1e-9)


def test_scores_do_not_depend_on_the_unit_of_the_loss_up_to_scale():
    rows = np.random.default_rng(2).standard_normal((5, 8)).astype(np.float32)
    asked = np.ones((1, 8))
    small, large = DampedKernel(rows, 0.3)(asked), DampedKernel(1024 * rows, 0.3)(1024 * asked)
    assert np.allclose(small, large)


def test_a_corpus_without_gradients_has_no_scores():
    assert not DampedKernel(np.zeros((3, 4), dtype=np.float32), 0.1)(np.ones((2, 4))).any()


def test_common_directions_count_less_than_rare_ones():
    rows = np.float32([[1, 0]] * 9 + [[0, 1]])
    [common, *_, rare] = DampedKernel(rows, 0.01)(np.array([[1.0, 1.0]]))[:, 0]
    assert rare > 5 * common


# -- activations --------------------------------------------------------------------------------------


def test_the_layers_of_the_generator_are_found(tiny_generator):
    assert layers_of(tiny_generator.network) == ["layers.0"]
    assert layers_of(tiny_generator.network, ("layers.0.up", "tokens_in")) == ["layers.0.up", "tokens_in"]
    with pytest.raises(InputError, match=r"layer 'layers.9': not in the network; expected one of"):
        layers_of(tiny_generator.network, ("layers.9",))
    with pytest.raises(InputError, match="without a ModuleList or a linear layer"):
        layers_of(torch.nn.Sequential(torch.nn.GELU()))


def test_hooks_are_gone_when_the_block_ends(tiny_generator):
    with pytest.raises(ZeroDivisionError), listening(tiny_generator.network, ["layers.0"]):
        1 / 0  # noqa: B018
    assert not tiny_generator.network.layers[0]._forward_hooks


def test_layers_of_unequal_width_and_layers_without_tokens(tiny_generator, tiny_corpus, tiny_queries):
    config = ActivationsConfig(2, 2, layers=("layers.0.up", "layers.0.down", "layers.0.steer"))
    results = scored(lambda: Activations(config), tiny_generator, tiny_corpus, tiny_queries, SerialRunner(4))
    assert all((np.abs(result.scores) <= 1).all() for result in results)


def test_a_layer_that_does_not_see_every_draw_is_refused(tiny_generator, tiny_corpus):
    class Twice(type(tiny_generator)):
        def losses(self, network, segments, draws, **settings):
            super().losses(network, segments, draws, **settings)
            return super().losses(network, segments, draws, **settings)

    odd = copy.copy(tiny_generator)
    odd.__class__ = Twice
    with pytest.raises(InputError, match=r"layer 'layers.0'.*8 rows for 4 noise draws"):
        METHODS["activations"]().fit(odd, tiny_corpus, SerialRunner(4))


# -- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [DTrak, Das])
def test_generators_without_outputs_are_told_what_to_offer(make, tiny_generator, tiny_corpus):
    with pytest.raises(InputError, match=r"has no 'outputs'.*such as trak"):
        make().fit(LossesAlone(tiny_generator), tiny_corpus, SerialRunner(4))


@pytest.mark.parametrize("name", ["grad-dot", "grad-cos", "trak", "activations"])
def test_losses_alone_are_enough_for_the_others(name, by_method, tiny_generator, tiny_corpus, tiny_queries):
    results = scored(METHODS[name], LossesAlone(tiny_generator), tiny_corpus, tiny_queries, SerialRunner(5))
    assert np.array_equal(results[0].replicates, by_method[name][0].replicates)


def test_a_gradient_that_is_not_a_number_is_refused(tiny_generator, tiny_corpus):
    latents = tiny_corpus.segments.latents.clone()
    latents[7, 0, 0] = torch.nan
    broken = replace(tiny_corpus, segments=replace(tiny_corpus.segments, latents=latents))
    with pytest.raises(
        InputError, match="segment 7 of the corpus: its gradient holds values that are not numbers"
    ):
        METHODS["trak"]().fit(tiny_generator, broken, SerialRunner(4))


@pytest.mark.parametrize("make", [GradDot, GradCos, Trak, DTrak, Das, Activations])
def test_asked_before_it_was_fitted(make, tiny_queries):
    with pytest.raises(NotFitted, match="fit it on"):
        make(seed=3).attribute(tiny_queries, SerialRunner(4))
    assert make(seed=3).settings["seed"] == 3


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (GradientConfig, {"n_draws": 0}),
        (GradientConfig, {"n_slots": 0}),
        (GradientConfig, {"n_query_draws": 10, "n_replicates": 4}),
        (TrakConfig, {"damping": 0.0}),
        (TrakConfig, {"damping": float("nan")}),
        (TrakConfig, {"n_replicates": 0}),
        (DasConfig, {"n_directions": 0}),
        (DasConfig, {"damping": -1.0}),
        (ActivationsConfig, {"n_bands": 0}),
    ],
)
def test_impossible_settings_are_refused(kind, wrong):
    with pytest.raises(InputError, match="expected"):
        kind(**wrong)


def test_errors_are_relative_to_the_segment():
    assert relative_errors(np.float32([[1, 1], [4, 4], [0, 0]])) == pytest.approx([2**-0.5, 2**-0.5, 0])
