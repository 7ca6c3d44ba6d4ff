"""The sweep against what it stands for: change what a recording weighs, run the fine-tuning again, look at the loss."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.retraining.adjoint import SweepPass, sweep
from linernotes.attribution.retraining.descent import DescentConfig, DescentPass, Plane, lessons_of
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig
from linernotes.attribution.retraining.unrolled import Unrolled, UnrolledConfig, WaypointPass
from linernotes.execution.serial import SerialRunner
from linernotes.generators.base import NoiseDraws
from linernotes.generators.reference.adapter import ReferenceGenerator

TUNING = FineTuneConfig(n_steps=11, batch_size=6, learning_rate=0.02, average=0.7, seed=3)
CONFIG = DescentConfig(TUNING)
ANEW = DescentConfig(TUNING, anew=True)


class Exact(ReferenceGenerator):
    """The reference generator in double precision, so that differences can be small."""

    def noise_draws(self, n_draws, seed):
        draws = super().noise_draws(n_draws, seed)
        return NoiseDraws(draws.levels.double(), draws.noise.double())

    def untrained(self, seed):
        return super().untrained(seed).double()


def doubled(segments):
    return replace(segments, latents=segments.latents.double(), conditions=segments.conditions.double())


@pytest.fixture(scope="module")
def exact(tiny_generator, tiny_corpus, tiny_queries):
    """Generator, corpus and queries in double precision."""
    generator = copy.copy(tiny_generator)
    generator.__class__ = Exact
    generator._network = copy.deepcopy(tiny_generator.network).double()
    corpus = EncodedCorpus(
        tiny_corpus.item_ids, doubled(tiny_corpus.segments), tiny_corpus.item_of, tiny_corpus.root
    )
    return generator, corpus, [Query(query.query_id, doubled(query.segments)) for query in tiny_queries]


def start_of(generator, corpus, config):
    network = generator.untrained(config.tuning.seed) if config.anew else None
    return Plane(generator, corpus, network).vector()


def averaged_after(plane, config, metrics, weight_of_item):
    """Train in the plainest way, each pair's loss times what its recording weighs; return the averaged weights."""
    vector = start_of(plane.generator, plane.corpus, config)
    drift, visited = torch.zeros_like(vector), [vector]
    for number, lesson in enumerate(lessons_of(plane, config)):
        plane.go_to(vector)
        owners = plane.corpus.item_of[lesson.segments]
        losses = plane.generator.paired_losses(
            plane.network, plane.corpus.segments.pick(lesson.segments), lesson.draws
        )
        slope = plane.slope((losses * torch.from_numpy(weight_of_item[owners])).sum() / len(owners))
        drift = config.momentum * drift + (1 - config.momentum) * slope
        vector = vector - config.tuning.rate(number) * metrics[number] * drift
        visited.append(vector)
    return sum(part * vector for part, vector in zip(config.averaging.tolist(), visited, strict=True))


def loss_at(plane, vector, query, draws):
    plane.go_to(vector)
    with torch.no_grad():
        return float(plane.generator.losses(plane.network, query.segments, draws, audible_only=True).mean())


@pytest.mark.parametrize("config", [CONFIG, ANEW], ids=["fine-tuning", "anew"])
def test_the_sweep_is_the_derivative_of_the_whole_run(exact, config):
    generator, corpus, queries = exact
    draws, n_items = generator.noise_draws(6, 1), len(corpus.item_ids)
    descent = SerialRunner(1)(DescentPass(generator, corpus, (config,), 3), [0])[0]
    plane = Plane(generator, corpus)
    metrics = {step.number: step.metric for step in descent.backwards(plane)}
    swept = SerialRunner(1)(SweepPass(generator, corpus, descent, draws, probe=1e-7), queries)
    found = np.stack([np.bincount(corpus.item_of, one.own, n_items) for one in swept])
    h, expected = 1e-4, np.zeros_like(found)
    for item in range(n_items):
        more, less = np.ones(n_items), np.ones(n_items)
        more[item], less[item] = 1 + h, 1 - h
        ends = [averaged_after(plane, config, metrics, weights) for weights in (more, less)]
        for number, query in enumerate(queries):
            above, below = (loss_at(plane, end, query, draws) for end in ends)
            expected[number, item] = -(above - below) / (2 * h)  # positive: training on it helps
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_what_a_segment_did_is_its_gradient_along_u(exact):
    generator, corpus, queries = exact
    descent = SerialRunner(1)(DescentPass(generator, corpus, (CONFIG,), 3), [0])[0]
    plane, other = Plane(generator, corpus), Plane(generator, corpus)
    fold = SweepPass(generator, corpus, descent, generator.noise_draws(6, 1), probe=1e-7)
    summed = torch.zeros_like(descent.waypoints)
    for step, _, along, effects in sweep(plane, descent, fold.query_slopes(plane, queries[:1]), fold.probe):
        other.go_to(step.vector)
        chosen = corpus.segments.pick(step.lesson.segments)
        losses = generator.paired_losses(other.network, chosen, step.lesson.draws)
        expected = float(other.slope(losses[2]) @ along) / len(effects)
        assert float(effects[2]) == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(effects.abs().max()))
        summed[CONFIG.stretch_of(step.number, 3)] += along
    again = SerialRunner(1)(fold, queries)[0].along
    # differences of gradients round otherwise with other threads
    torch.testing.assert_close(again, summed, rtol=1e-5, atol=1e-6 * float(summed.abs().max()))


def test_a_descent_is_adam_with_a_floor(exact):
    generator, corpus, _ = exact
    config = replace(CONFIG, floor=1e-9)
    descent = SerialRunner(1)(DescentPass(generator, corpus, (config,), 3), [0])[0]
    plane = Plane(generator, corpus)
    optimiser = torch.optim.Adam(plane.weights, betas=(0.9, 0.99), eps=1e-9)
    visited = [plane.vector()]
    for number, lesson in enumerate(lessons_of(plane, config)):
        optimiser.zero_grad()
        optimiser.param_groups[0]["lr"] = config.tuning.rate(number)
        lesson.loss(generator, plane.network, corpus).backward()
        optimiser.step()
        visited.append(plane.vector())
    parts = config.averaging.tolist()
    expected = sum(part * vector for part, vector in zip(parts, visited, strict=True))
    torch.testing.assert_close(descent.mean, expected, rtol=0, atol=5e-4)  # of steps of 0.02


@pytest.mark.parametrize("swept", [1.0, 0.4])
def test_steps_seen_backwards_are_the_steps_that_were_taken(exact, swept):
    generator, corpus, _ = exact
    config = replace(CONFIG, swept=swept)
    numbers = range(config.first_swept, 11)
    descent = SerialRunner(1)(DescentPass(generator, corpus, (config,), len(numbers)), [0])[0]
    steps = list(descent.backwards(Plane(generator, corpus)))
    assert [step.number for step in steps] == list(reversed(numbers))
    for step in steps:  # a waypoint in every step
        expected = descent.waypoints[step.number - config.first_swept]
        torch.testing.assert_close(step.vector, expected, rtol=1e-12, atol=1e-12)


def test_products_are_those_of_a_loop_over_segments_and_steps(exact):
    generator, corpus, _ = exact
    descent = SerialRunner(1)(DescentPass(generator, corpus, (CONFIG,), 2), [0])[0]
    sums = torch.randn(3, *descent.waypoints.shape, dtype=torch.float64)
    draws = tuple(generator.noise_draws(4, 7 + waypoint) for waypoint in range(2))
    fold = WaypointPass(generator, corpus, descent.waypoints, sums, draws, 2)
    found = SerialRunner(5)(fold, range(len(corpus.segments)))
    plane = Plane(generator, corpus)
    for number in range(0, len(corpus.segments), 4):
        expected = np.zeros((3, 2))
        for waypoint in range(2):
            plane.go_to(descent.waypoints[waypoint])
            for draw in range(4):
                one = draws[waypoint].pick([draw])
                loss = generator.losses(plane.network, corpus.segments.pick([number]), one).sum()
                expected[:, draw % 2] += (sums[:, waypoint] @ plane.slope(loss)).numpy() / 2
        np.testing.assert_allclose(found[number], expected, rtol=1e-9, atol=1e-12)


def test_single_precision_says_the_same(exact, tiny_generator, tiny_corpus, tiny_queries):
    generator, corpus, queries = exact
    short = replace(CONFIG, tuning=replace(TUNING, learning_rate=2e-3))
    config = UnrolledConfig(
        fine_tuning=short,
        anew=replace(short, anew=True),
        n_waypoints=2,
        n_draws=4,
        n_groups=2,
        n_query_draws=8,
    )
    scores = []
    for made, pieces, asked in ((generator, corpus, queries), (tiny_generator, tiny_corpus, tiny_queries)):
        method = Unrolled(config)
        method.fit(made, pieces, SerialRunner(8))
        scores.append(np.stack([result.scores for result in method.attribute(asked, SerialRunner(8))]))
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-2 * scores[0].std())
