"""The unrolled method: planted cases, what its settings mean, and what it refuses."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from linernotes.attribution.retraining.descent import DescentConfig, DescentPass, Plane, State
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig
from linernotes.attribution.retraining.unrolled import Unrolled, UnrolledConfig, joined
from linernotes.errors import InputError
from linernotes.execution.serial import SerialRunner
from linernotes.testing import check_attributor

SHORT = DescentConfig(FineTuneConfig(n_steps=10, batch_size=8, learning_rate=2e-3, average=0.9, seed=5))
QUICK = UnrolledConfig(
    fine_tuning=SHORT,
    anew=replace(SHORT, anew=True, swept=0.5),
    n_waypoints=2,
    n_draws=4,
    n_groups=2,
    n_query_draws=8,
)


class Bare:
    """A generator that scores no pairs, only grids of segments and draws, and shows no untrained network."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        if name in ("paired_losses", "untrained"):
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __reduce__(self):
        return Bare, (self._inner,)


def test_unrolled_keeps_the_contract(tiny_generator, tiny_corpus, tiny_queries):
    check_attributor(lambda: Unrolled(QUICK), tiny_generator, tiny_corpus, tiny_queries, SerialRunner)


def test_a_training_segment_finds_its_own_recording(tiny_generator, tiny_corpus):
    from linernotes.evaluation.sanity import ranks_of, self_queries

    method = Unrolled(QUICK)
    method.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    queries, owners = self_queries(tiny_corpus, 4)
    assert ranks_of(method.attribute(queries, SerialRunner(8)), owners).mean() <= 1.5


def test_a_bare_generator_is_served_by_fine_tunings(tiny_generator, tiny_corpus, tiny_queries):
    method = Unrolled(QUICK)
    method.fit(Bare(tiny_generator), tiny_corpus, SerialRunner(8))
    result = method.attribute(tiny_queries, SerialRunner(8))[0]
    assert np.isfinite(result.scores).all()
    assert result.scores.std() > 0
    assert result.replicates.shape == (4, 2)


def test_trainings_anew_of_a_bare_generator_are_refused(tiny_generator, tiny_corpus):
    method = Unrolled(replace(QUICK, n_fine_tunings=0))
    with pytest.raises(InputError, match="untrained"):
        method.fit(Bare(tiny_generator), tiny_corpus, SerialRunner(8))
    fold = DescentPass(Bare(tiny_generator), tiny_corpus, (QUICK.anew,), 1)
    with pytest.raises(InputError, match="untrained"):
        SerialRunner(1)(fold, [0])


def test_replicates_are_descents_times_groups_of_draws(tiny_generator, tiny_corpus, tiny_queries):
    method, alone = Unrolled(QUICK), Unrolled(replace(QUICK, n_anew=0))
    for one in (method, alone):
        one.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    both = method.attribute(tiny_queries[:1], SerialRunner(8))[0].replicates
    first = alone.attribute(tiny_queries[:1], SerialRunner(8))[0].replicates
    assert both.shape == (4, 2 * 2)
    assert np.corrcoef(both[:, 0], first[:, 0])[0, 1] > 0.9999  # scaled to the common spread


def test_descents_enter_with_equal_spread(tiny_corpus):
    random = np.random.default_rng(0)
    small, large = (size * random.normal(size=(len(tiny_corpus.segments), 2)) for size in (0.1, 10.0))
    rows = joined(tiny_corpus, [small, large])
    spreads = [tiny_corpus.per_item(rows[:, part]).mean(axis=1).std() for part in (slice(2), slice(2, 4))]
    assert spreads[0] == pytest.approx(spreads[1])
    one = joined(tiny_corpus, [large])
    np.testing.assert_allclose(one, large)


def test_more_queries_than_are_held_at_once_change_nothing(
    tiny_generator, tiny_corpus, tiny_queries, monkeypatch
):
    method = Unrolled(QUICK)
    method.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    together = method.attribute(tiny_queries, SerialRunner(8))
    monkeypatch.setattr("linernotes.attribution.retraining.unrolled.QUERIES_AT_ONCE", 1)
    for a, b in zip(together, method.attribute(tiny_queries, SerialRunner(8)), strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-4 * a.scores.std())


@pytest.mark.parametrize("anew", [False, True])
def test_a_descent_lowers_the_loss_of_the_corpus(tiny_generator, tiny_corpus, anew):
    config = DescentConfig(FineTuneConfig(60, 8, 3e-3, 0.9, seed=2), anew=anew)
    descent = SerialRunner(1)(DescentPass(tiny_generator, tiny_corpus, (config,), 1), [0])[0]
    draws, found = tiny_generator.noise_draws(32, 1), []
    plane = Plane(tiny_generator, tiny_corpus)
    for vector in (descent.kept[0].vector, descent.mean):
        plane.go_to(vector)
        with torch.no_grad():
            found.append(float(tiny_generator.losses(plane.network, tiny_corpus.segments, draws).mean()))
    assert found[1] < found[0]
    assert torch.equal(descent.kept[0].vector, Plane(tiny_generator, tiny_corpus).vector()) is not anew


def test_other_seeds_start_from_other_untrained_networks(tiny_generator):
    first, again, other = (
        torch.cat([w.flatten() for w in tiny_generator.untrained(seed).parameters()]) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_weights_make_a_round_trip_as_a_vector(tiny_generator, tiny_corpus):
    plane = Plane(tiny_generator, tiny_corpus)
    moved = plane.vector() + 1.0
    plane.go_to(moved)
    assert torch.equal(plane.vector(), moved)
    assert not torch.equal(Plane(tiny_generator, tiny_corpus).vector(), moved)  # the generator stays


def test_the_floor_holds_back_weights_with_small_gradients():
    slope = torch.tensor([1.0, 1e-6])
    start = State(torch.zeros(2), torch.zeros(2), torch.zeros(2))
    ratios = []
    for floor in (1e-3, 1.0):
        metric = start.next(replace(SHORT, floor=floor), 0, slope)[1]
        ratios.append(float(metric[1] / metric[0]))
    assert ratios[0] > 100 > 10 > ratios[1]


@pytest.mark.parametrize(("n_steps", "swept"), [(1, 1.0), (2, 0.5), (9, 0.3), (10, 1.0), (50, 0.5)])
def test_every_step_that_is_swept_lies_in_one_stretch(n_steps, swept):
    config = DescentConfig(FineTuneConfig(n_steps, 4, 1e-3, 0.9, seed=0), swept=swept)
    assert 1 <= config.stride <= n_steps
    steps = range(config.first_swept, n_steps)
    n_stretches = min(3, len(steps))
    stretches = [config.stretch_of(number, n_stretches) for number in steps]
    assert sorted(stretches) == stretches
    assert set(stretches) == set(range(n_stretches))
    middles = config.middles(n_stretches)
    assert [config.stretch_of(number, n_stretches) for number in middles] == list(range(n_stretches))
    assert config.averaging.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_fine_tunings": 0, "n_anew": 0},
        {"n_anew": -1},
        {"anew": SHORT},
        {"n_waypoints": 0},
        {"n_waypoints": 201},
        {"n_draws": 7, "n_groups": 2},
        {"own": 1.5},
        {"probe": -1.0},
        {"query_levels": 1.5},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        UnrolledConfig(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"swept": 0.0}, {"swept": 1.1}, {"momentum": 1.0}, {"memory": -0.1}, {"floor": 0.0}]
)
def test_descents_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        replace(SHORT, **wrong)


def test_a_rate_at_which_it_diverges_is_refused(tiny_generator, tiny_corpus):
    wild = replace(SHORT, tuning=replace(SHORT.tuning, learning_rate=1e30))
    with pytest.raises(InputError, match="diverged"):
        Unrolled(replace(QUICK, fine_tuning=wild)).fit(tiny_generator, tiny_corpus, SerialRunner(8))


def test_weights_that_are_not_numbers_are_refused(tiny_generator, tiny_corpus):
    broken = copy.copy(tiny_generator)
    broken._network = copy.deepcopy(tiny_generator.network)
    with torch.no_grad():
        next(broken._network.parameters()).fill_(float("nan"))
    with pytest.raises(InputError, match="finite"):
        Unrolled(QUICK).fit(broken, tiny_corpus, SerialRunner(8))
