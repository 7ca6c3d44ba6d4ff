"""Curvature methods on a tiny generator: promises, signs, sizes of steps, and the relations between them."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from linernotes.attribution.base import Query
from linernotes.attribution.curvature import ekfac as ekfac_module
from linernotes.attribution.curvature.ekfac import EkfacConfig, EkfacInfluence
from linernotes.attribution.curvature.kronecker import CurvatureConfig, fit_curvature
from linernotes.attribution.measurement import cleanest, network_with
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig, query_gradient
from linernotes.attribution.unlearning.forward import AsItIs, ForwardConfig, ForwardInfluence
from linernotes.attribution.unlearning.kronecker import EkfacUnlearning, EkfacUnlearningConfig
from linernotes.attribution.unlearning.skew import SkewUnlearning, SkewUnlearningConfig
from linernotes.attribution.unlearning.stepping import Step, StepConfig, opposite
from linernotes.errors import InputError, NotFitted
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.execution.resume import ShardStore
from linernotes.testing import check_attributor

FAST = {
    "ekfac": lambda: EkfacInfluence(EkfacConfig(n_repeats=2, n_query_draws=8, n_scoring_draws=4)),
    "ekfac log sampled": lambda: EkfacInfluence(
        EkfacConfig("kfac", "sampled", 2, 0.1, "network", n_query_draws=8, n_scoring_draws=4, score="log")
    ),
    "unlearning-ekfac": lambda: EkfacUnlearning(
        EkfacUnlearningConfig(n_repeats=2, n_query_draws=8, n_scoring_draws=4)
    ),
    "unlearning-skew": lambda: SkewUnlearning(SkewUnlearningConfig(n_query_draws=8, n_scoring_draws=4)),
    "forward": lambda: ForwardInfluence(ForwardConfig(n_query_draws=8, n_scoring_draws=4)),
    "forward two-sided": lambda: ForwardInfluence(
        ForwardConfig(n_query_draws=8, n_scoring_draws=4, two_sided=True)
    ),
}
METHODS = (EkfacInfluence, EkfacUnlearning, SkewUnlearning, ForwardInfluence)


def scored(method, generator, corpus, queries, run):
    method.fit(generator, corpus, run)
    return method.attribute(queries, run)


@pytest.fixture(scope="module")
def by_method(tiny_generator, tiny_corpus, tiny_queries):
    return {
        name: scored(make(), tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5))
        for name, make in FAST.items()
    }


@pytest.mark.parametrize("name", FAST)
def test_every_method_keeps_its_promises(name, tiny_generator, tiny_corpus, tiny_queries):
    check_attributor(FAST[name], tiny_generator, tiny_corpus, tiny_queries, SerialRunner)


def test_workers_do_not_change_a_bit(by_method, tiny_generator, tiny_corpus, tiny_queries):
    with ProcessRunner(2, 5) as run:
        for name in ("ekfac", "unlearning-ekfac", "forward two-sided"):
            again = scored(FAST[name](), tiny_generator, tiny_corpus, tiny_queries, run)
            for a, b in zip(by_method[name], again, strict=True):
                assert np.array_equal(a.replicates, b.replicates), name
                assert np.array_equal(a.segment_scores, b.segment_scores), name


@pytest.mark.parametrize("name", ["ekfac log sampled", "unlearning-ekfac"])
def test_a_run_goes_on_from_stored_shards_to_the_same_bits(
    name, tmp_path, tiny_generator, tiny_corpus, tiny_queries
):
    runs = [
        scored(FAST[name](), tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5, ShardStore(tmp_path)))
        for _ in range(2)
    ]
    stored = {path.name.rsplit("-", 1)[0] for path in tmp_path.iterdir()}
    assert {"covariances", "eigenvalues"} <= stored or name.endswith(
        "sampled"
    )  # K-FAC measures no eigenvalues
    for a, b in zip(*runs, strict=True):
        assert np.array_equal(a.replicates, b.replicates)


@pytest.mark.parametrize("name", FAST)
def test_training_segments_explain_themselves(name, tiny_generator, tiny_corpus):
    queries = [Query(f"self {n}", tiny_corpus.segments.pick([n])) for n in range(len(tiny_corpus.segments))]
    results = scored(FAST[name](), tiny_generator, tiny_corpus, queries, SerialRunner(5))
    own = np.array([result.segment_scores[n] for n, result in enumerate(results)])
    places = [int((result.segment_scores > score).sum()) for result, score in zip(results, own, strict=True)]
    assert (own > 0).mean() > 0.9, "positive: training on it made the output more likely"
    assert np.mean(places) < 1.5, "chance is 8.5"


@pytest.mark.parametrize("make", METHODS)
def test_asked_before_it_was_fitted(make, tiny_queries):
    with pytest.raises(NotFitted, match=f"{make.name}: fit it on"):
        make().attribute(tiny_queries, SerialRunner(4))


@pytest.mark.parametrize("make", METHODS)
def test_the_seed_reaches_the_settings_and_settings_are_plain(make):
    settings = make(seed=7).settings
    assert settings["seed"] == 7
    assert all(isinstance(value, str | int | float | bool) for value in settings.values())


# -- relations between methods ------------------------------------------------------------------


def test_a_short_two_sided_step_is_the_influence_function(tiny_generator, tiny_corpus, tiny_queries):
    shared = {"n_repeats": 2, "n_query_draws": 8, "n_scoring_draws": 4}
    for first, second in (("difference", "difference"), ("log", "skew")):
        influence = EkfacInfluence(EkfacConfig(score=first, **shared))
        step = EkfacUnlearning(
            EkfacUnlearningConfig(two_sided=True, relative_rise=0.01, score=second, **shared)
        )
        for a, b in zip(
            scored(influence, tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5)),
            scored(step, tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5)),
            strict=True,
        ):
            assert np.corrcoef(a.replicates.ravel(), b.replicates.ravel())[0, 1] > 0.999


def test_skew_is_unlearning_with_the_other_score(tiny_generator, tiny_corpus, tiny_queries):
    ours = SkewUnlearning(SkewUnlearningConfig(n_query_draws=8, n_scoring_draws=4, seed=3))
    theirs = FisherUnlearning(UnlearningConfig(n_query_draws=8, n_scoring_draws=4, score="skew", seed=3))
    for a, b in zip(
        scored(ours, tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5)),
        scored(theirs, tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5)),
        strict=True,
    ):
        assert np.allclose(a.replicates, b.replicates, rtol=1e-3, atol=1e-6)
    assert ours.unit == theirs.unit == "skew of the training loss"


def test_two_sides_are_half_the_difference_of_both(tiny_generator, tiny_corpus, tiny_queries):
    config = ForwardConfig(n_query_draws=8, n_scoring_draws=4, two_sided=True)
    [both, _] = scored(ForwardInfluence(config), tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5))
    up = Step(tiny_generator, AsItIs(), tiny_generator.noise_draws(8, 3), 0.05)(tiny_queries[0])
    draws = tiny_generator.noise_draws(4, 1)
    with torch.no_grad():
        high, low = (
            tiny_generator.losses(network_with(tiny_generator, weights), tiny_corpus.segments, draws).double()
            for weights in (up, opposite(tiny_generator, up))
        )
    expected = ((high - low) / 2).mean(dim=1).numpy()
    assert np.allclose(both.segment_scores, expected, rtol=1e-3, atol=1e-6)


def test_the_cleanest_draws_keep_their_order(tiny_generator):
    draws = tiny_generator.noise_draws(8, 0)
    assert torch.equal(cleanest(draws, 1.0).noise, draws.noise)
    assert torch.equal(cleanest(draws, 0.75).levels, draws.levels[:6])
    assert len(cleanest(draws, 0.01)) == 1


@pytest.mark.parametrize("kind", ["forward", "ekfac"])
def test_the_step_raises_the_loss_of_the_query_by_the_set_fraction(
    kind, tiny_generator, tiny_corpus, tiny_queries
):
    made = AsItIs()
    if kind == "ekfac":
        made = fit_curvature(tiny_generator, tiny_corpus, SerialRunner(8), CurvatureConfig(n_repeats=1))
    draws = tiny_generator.noise_draws(16, 3)
    weights = Step(tiny_generator, made, draws, 0.01)(tiny_queries[0])
    before, _ = query_gradient(tiny_generator, tiny_queries[0], draws)
    with torch.no_grad():
        losses = tiny_generator.losses(
            network_with(tiny_generator, weights), tiny_queries[0].segments, draws, audible_only=True
        )
    assert float(losses.mean()) / before - 1 == pytest.approx(0.01, rel=0.25)


def test_queries_in_several_passes_score_as_in_one(
    by_method, tiny_generator, tiny_corpus, tiny_queries, monkeypatch
):
    monkeypatch.setattr(ekfac_module, "DIRECTION_BYTES", 1)
    again = scored(FAST["ekfac"](), tiny_generator, tiny_corpus, tiny_queries, SerialRunner(5))
    for a, b in zip(by_method["ekfac"], again, strict=True):
        assert np.allclose(a.replicates, b.replicates, rtol=1e-4, atol=1e-4 * np.abs(a.replicates).max())


# -- the curvature ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curvature(tiny_generator, tiny_corpus):
    return fit_curvature(tiny_generator, tiny_corpus, SerialRunner(5), CurvatureConfig(n_repeats=4))


@pytest.fixture(scope="module")
def gradient(tiny_generator, tiny_queries):
    return query_gradient(tiny_generator, tiny_queries[0], tiny_generator.noise_draws(4, 3))[1]


def inner(a, b):
    return sum(float((a[name].double() * b[name].double()).sum()) for name in a)


def test_a_pickled_curvature_solves_the_same(curvature, gradient):
    again = pickle.loads(pickle.dumps(curvature))  # noqa: S301
    for name, value in curvature.solve(gradient).items():
        assert torch.equal(value, again.solve(gradient)[name])


def test_solving_keeps_names_shapes_and_order(curvature, gradient):
    solved = curvature.solve(gradient)
    assert list(solved) == list(gradient)
    assert [value.shape for value in solved.values()] == [value.shape for value in gradient.values()]
    assert not curvature.diagonal, "all weights of the transformer layers are in Linear layers"


@given(a=st.integers(0, 99), b=st.integers(0, 99), damping=st.floats(1e-3, 1e3))
def test_the_inverse_is_symmetric_positive_and_shrinks_with_damping(curvature, gradient, a, b, damping):
    random = torch.Generator().manual_seed(1000 * a + b)
    x, y = ({k: torch.randn(v.shape, generator=random) for k, v in gradient.items()} for _ in range(2))
    solver = curvature.with_damping(damping)
    x_solved, y_solved = solver.solve(x), solver.solve(y)
    size = (inner(x, x_solved) * inner(y, y_solved)) ** 0.5
    assert inner(x, y_solved) == pytest.approx(inner(y, x_solved), abs=1e-3 * size)
    assert inner(x, x_solved) > 0
    more = curvature.with_damping(2 * damping).solve(x)
    assert inner(x, more) < inner(x, x_solved)


def test_under_heavy_damping_of_the_whole_network_the_step_is_the_gradient(curvature, gradient):
    solved = curvature.with_damping(1e6, "network").solve(gradient)
    cosine = inner(solved, gradient) / (inner(solved, solved) * inner(gradient, gradient)) ** 0.5
    assert cosine == pytest.approx(1.0, abs=1e-4)


def test_the_corpus_shapes_the_step(curvature, gradient):
    solved = curvature.with_damping(1e-2).solve(gradient)
    cosine = inner(solved, gradient) / (inner(solved, solved) * inner(gradient, gradient)) ** 0.5
    assert 0 < cosine < 0.95


def test_a_network_that_says_nothing_gives_zeros(tiny_generator, tiny_corpus, tiny_queries):
    import copy

    silent = copy.deepcopy(tiny_generator)
    with torch.no_grad():
        for weight in silent.network.parameters():
            weight.zero_()
    for name, make in FAST.items():
        for result in scored(make(), silent, tiny_corpus, tiny_queries, SerialRunner(5)):
            assert not result.scores.any(), name


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (CurvatureConfig, {"kind": "shampoo"}),
        (CurvatureConfig, {"gradients": "true"}),
        (CurvatureConfig, {"scope": "row"}),
        (CurvatureConfig, {"damping": 0.0}),
        (CurvatureConfig, {"n_repeats": 0}),
        (CurvatureConfig, {"n_repeats": 65}),
        (EkfacConfig, {"score": "skew"}),
        (EkfacConfig, {"n_scoring_draws": 1}),
        (EkfacConfig, {"damping": -1.0}),
        (EkfacConfig, {"query_levels": 0.0}),
        (StepConfig, {"query_levels": 1.5}),
        (EkfacUnlearningConfig, {"kind": ""}),
        (EkfacUnlearningConfig, {"relative_rise": 0.0}),
        (SkewUnlearningConfig, {"damping": 0.0}),
        (SkewUnlearningConfig, {"score": "log"}),
        (ForwardConfig, {"n_query_draws": 0}),
        (StepConfig, {"n_scoring_draws": 1}),
    ],
)
def test_impossible_settings_are_refused(kind, wrong):
    with pytest.raises(InputError, match="expected"):
        kind(**wrong)


def test_sampled_curvature_needs_an_adapter_with_outputs(tiny_generator, tiny_corpus):
    class WithoutOutputs:
        def __getattr__(self, name):
            if name == "outputs":
                raise AttributeError(name)
            return getattr(tiny_generator, name)

    config = CurvatureConfig(gradients="sampled", n_repeats=1)
    with pytest.raises(InputError, match=r"no 'outputs'.*gradients='empirical'"):
        fit_curvature(WithoutOutputs(), tiny_corpus, SerialRunner(5), config)
    by_itself, asked = (
        fit_curvature(
            WithoutOutputs(), tiny_corpus, SerialRunner(5), dataclasses.replace(config, gradients=kind)
        )
        for kind in ("auto", "empirical")
    )
    for a, b in zip(by_itself.blocks, asked.blocks, strict=True):
        assert torch.equal(a.eigenvalues, b.eigenvalues)
