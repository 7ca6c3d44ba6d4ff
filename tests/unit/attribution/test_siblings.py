"""The siblings method: the contract, planted cases, and what a fine-tuned sibling remembers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.measurement import network_with
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig, FineTunePass, SiblingLossPass
from linernotes.attribution.retraining.gradient_kernel import KernelConfig, fit_kernel
from linernotes.attribution.retraining.siblings import SiblingConfig, Siblings, halves
from linernotes.errors import InputError
from linernotes.execution.serial import SerialRunner
from linernotes.testing import check_attributor

QUICK = SiblingConfig(
    n_siblings=6,
    n_steps=12,
    batch_size=8,
    learning_rate=3e-3,
    n_query_draws=8,
    n_replicates=2,
    kernel=KernelConfig(n_draws=4, n_slots=256, n_loosened=1, loosening_steps=4, loosening_batch=4),
)


def test_siblings_keep_the_contract(tiny_generator, tiny_corpus, tiny_queries):
    check_attributor(lambda: Siblings(QUICK), tiny_generator, tiny_corpus, tiny_queries, SerialRunner)


def test_a_training_segment_finds_its_own_recording(tiny_generator, tiny_corpus):
    from linernotes.evaluation.sanity import ranks_of, self_queries

    method = Siblings(QUICK)
    method.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    queries, owners = self_queries(tiny_corpus, 4)
    assert ranks_of(method.attribute(queries, SerialRunner(8)), owners).mean() <= 1.5


def test_a_sibling_remembers_what_it_was_shown(tiny_generator, tiny_corpus):
    shown = np.array([[True, True, False, False], [False, False, True, True]])
    config = FineTuneConfig(n_steps=60, batch_size=8, learning_rate=3e-3, average=0.9, seed=0)
    siblings = SerialRunner(1)(FineTunePass(tiny_generator, tiny_corpus, shown, config), range(2))
    draws = tiny_generator.noise_draws(32, 1)
    losses = np.stack(
        [
            tiny_corpus.per_item(
                tiny_generator.losses(network_with(tiny_generator, w), tiny_corpus.segments, draws)
                .mean(dim=1).double().numpy()
            )
            for w in siblings
        ]
    )  # fmt: skip
    advantage = (losses[1] - losses[0])[:2].mean() + (losses[0] - losses[1])[2:].mean()
    assert advantage > 0


def test_losses_of_groups_of_draws_average_to_the_loss(tiny_generator, tiny_queries):
    draws = tiny_generator.noise_draws(12, 3)
    fold = SiblingLossPass(tiny_generator, ({},), draws, 4)
    table = SerialRunner(1)(fold, tiny_queries)
    for query, row in zip(tiny_queries, table, strict=True):
        whole = float(tiny_generator.losses(tiny_generator.network, query.segments, draws).double().mean())
        assert row.shape == (1, 4)
        assert row.mean() == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize(("n_items", "n_halves"), [(2, 4), (7, 5), (10, 8)])
def test_every_sibling_is_shown_half(n_items, n_halves):
    shown = halves(n_items, n_halves, seed=1)
    assert shown.sum(axis=1).tolist() == [n_items // 2] * n_halves


def test_other_seeds_draw_other_halves():
    assert not np.array_equal(halves(9, 4, seed=0), halves(9, 4, seed=1))
    assert Siblings(seed=4).settings["seed"] == 4


@pytest.mark.parametrize(
    "wrong",
    [{"n_siblings": 3}, {"noise": 0.0}, {"n_query_draws": 7}, {"n_steps": 0}, {"learning_rate": -1.0}],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        SiblingConfig(**wrong)


def test_one_recording_has_no_halves(tiny_generator, tiny_corpus):
    rows = np.flatnonzero(tiny_corpus.item_of == 0)
    alone = EncodedCorpus(
        ("a",), tiny_corpus.segments.pick(rows.tolist()), np.zeros(len(rows), dtype=np.int64), "ab"
    )
    with pytest.raises(InputError, match="at least two"):
        Siblings(QUICK).fit(tiny_generator, alone, SerialRunner(8))


def test_siblings_that_were_shown_the_same_are_the_same(tiny_generator, tiny_corpus):
    shown = np.array([[True, False, True, False]] * 2)
    common = FineTuneConfig(n_steps=4, batch_size=8, learning_rate=3e-3, average=0.9, seed=0)
    own = replace(common, one_plan=False)
    for config, expected in ((common, True), (own, False)):
        first, second = SerialRunner(1)(FineTunePass(tiny_generator, tiny_corpus, shown, config), range(2))
        assert all(torch.equal(first[name], second[name]) for name in first) is expected


def test_a_lesson_is_what_its_segments_weigh_under_the_plan(tiny_generator, tiny_corpus):
    shown = np.array([[True, True, True, True], [False, True, False, True]])
    config = FineTuneConfig(n_steps=3, batch_size=6, learning_rate=1e-3, average=0.9, seed=2)
    fold = FineTunePass(tiny_generator, tiny_corpus, shown, config)
    for whole, part in zip(fold.lessons(0), fold.lessons(1), strict=True):
        kept = [place for place, number in enumerate(whole.segments) if tiny_corpus.item_of[number] in (1, 3)]
        assert part.segments == [whole.segments[place] for place in kept]
        assert torch.equal(part.draws.noise, whole.draws.noise[kept])
        alone = [
            tiny_generator.losses(
                tiny_generator.network, tiny_corpus.segments.pick([number]), part.draws.pick([place])
            )
            for place, number in enumerate(part.segments)
        ]
        expected = sum(float(loss.detach()) for loss in alone) / 6
        found = part.loss(tiny_generator, tiny_generator.network, tiny_corpus) if part.segments else 0.0
        assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_kernel_has_a_mean_diagonal_of_one_and_follows_its_networks(tiny_generator, tiny_corpus):
    config = KernelConfig(n_draws=4, n_slots=256, n_loosened=2, loosening_steps=4, loosening_batch=4)
    kernel = fit_kernel(tiny_generator, tiny_corpus, SerialRunner(4), config, seed=0)
    assert len(kernel.members) == 3
    assert np.trace(kernel.matrix) / len(kernel.matrix) == pytest.approx(1.0)
    assert np.linalg.eigvalsh(kernel.matrix).min() > -1e-6
    weights = [torch.cat([w.flatten() for w in member.network.parameters()]) for member in kernel.members]
    assert not torch.equal(weights[1], weights[2])


@pytest.mark.parametrize("wrong", [{"n_slots": 0}, {"n_loosened": -1}, {"loosening_rate": 0.0}])
def test_settings_of_a_kernel_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        KernelConfig(**wrong)
