"""Statements fitted on simulated removals come true on removals and queries that were held out."""

import dataclasses

import numpy as np
import pytest

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import CorpusFit
from linernotes.attribution.statements.calibration import PREDICTORS, Calibration
from linernotes.errors import InputError
from linernotes.evaluation.calibrating import calibrate, coverage, cross_coverage, nobody_rate
from linernotes.evaluation.cross_fitting import CalibrationConfig, blocks
from linernotes.evaluation.removals import RELATIVE, Removals, compared

N_ITEMS, NOISE = 120, 0.02


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("linernotes.evaluation.calibrating.N_BOOTSTRAP", 60)
        yield


def world(seed, n_queries=20, n_sets=20, quality=1.0, n_seeds=3):
    """Return scores and removals of a world where effects are saturating sums of true influences.

    ``quality`` 1: scores are the true influences; 0: they have nothing to do with them.
    """
    random = np.random.default_rng(seed)
    items = tuple(f"item-{number:03d}" for number in range(N_ITEMS))
    queries = tuple(f"query-{seed}-{number}" for number in range(n_queries))
    loss = np.exp(random.normal(0, 0.4, n_queries))
    influence = np.exp(random.normal(-1, 1.4, (n_queries, N_ITEMS))) * 0.006
    sizes = random.integers(1, 16, n_sets)
    removed = np.zeros((n_sets, N_ITEMS), dtype=bool)
    for row, size in zip(removed, sizes, strict=True):
        row[random.permutation(N_ITEMS)[:size]] = True
    effect = np.tanh(removed.astype(float) @ influence.T)
    noise = NOISE * np.exp(random.normal(0, 0.3, n_queries))
    without = loss * (1 + effect[:, None] + noise * random.normal(size=(n_sets, n_seeds, n_queries)))
    full = loss * (1 + noise * random.normal(size=(7, n_queries)))
    shown = influence if quality == 1 else random.normal(size=influence.shape)
    scores = [
        ItemScores(name, "m", "u", items, 5 * np.repeat(row[:, None], 4, 1), np.zeros(3))
        for name, row in zip(queries, shown, strict=True)
    ]
    return scores, compared(items, queries, [f"set-{n}" for n in range(n_sets)], removed, without, full)


def test_a_rise_is_a_part_of_the_outputs_own_loss():
    removed = np.array([[True, False]])
    without, full = np.array([[[3.0, 30.0], [3.0, 30.0]]]), np.array([[1.0, 10.0], [3.0, 30.0]])
    relative = compared(["a", "b"], ["x", "y"], ["a"], removed, without, full)
    assert relative.effects.tolist() == [[0.5], [0.5]]
    assert relative.unit == RELATIVE
    assert relative.noise == pytest.approx([0.5, 0.5])
    plain = compared(["a", "b"], ["x", "y"], ["a"], removed, without, full, "nats")
    assert plain.effects.tolist() == [[1.0], [10.0]]
    assert plain.unit == "nats"


def test_noise_is_what_seeds_alone_do():
    random = np.random.default_rng(0)
    removed = np.ones((400, 2), dtype=bool)
    names = [str(n) for n in range(400)]
    without, full = 1 + 0.1 * random.normal(size=(400, 3, 1)), 1 + 0.1 * random.normal(size=(5000, 1))
    removals = compared(["a", "b"], ["q"], names, removed, without, full)
    assert removals.noise[0] == pytest.approx(removals.effects.std(), rel=0.1)
    assert removals.mattered.mean() == pytest.approx(0.05, abs=0.025)


def test_blocks_share_neither_query_nor_set_and_hold_every_pair_once():
    seen = np.zeros((7, 9))
    for held, rest in blocks((7, 9), CalibrationConfig()):
        seen[held] += 1
        assert not set(held[0].ravel()) & set(rest[0].ravel())
        assert not set(held[1].ravel()) & set(rest[1].ravel())
    assert (seen == 1).all()


def test_ranges_hold_nine_in_ten_held_out_outcomes():
    found = [cross_coverage(*world(seed)) for seed in range(4)]
    assert 0.85 <= np.mean([one.coverage for one in found]) <= 0.95
    assert np.mean([one.correlation for one in found]) > 0.6
    assert np.mean([one.gap for one in found]) < 0.12
    assert all(one.brier < one.brier_base for one in found)
    assert all(one.interval[0] <= one.coverage <= one.interval[1] for one in found)


def test_statements_hold_for_queries_and_sets_of_another_draw():
    held = []
    for seed in range(3):
        calibration = calibrate(*world(seed))
        test = coverage(calibration, *world(100 + seed))
        held.append(test.coverage)
        assert test.gap < 0.15
        assert test.below + test.above == pytest.approx(1 - test.coverage)
    assert 0.85 <= np.mean(held) <= 0.95


def test_scores_without_meaning_still_get_honest_ranges_and_no_better_chances():
    scores, removals = world(5, quality=0)
    found = cross_coverage(scores, removals)
    assert 0.8 <= found.coverage <= 0.98
    assert found.brier > 0.9 * found.brier_base
    informed = cross_coverage(*world(5))
    assert informed.width < found.width, "who knows more says it more sharply"


def test_more_confidence_is_wider():
    scores, removals = world(6)
    narrow, wide = (
        cross_coverage(scores, removals, CalibrationConfig(confidence=level)) for level in (0.7, 0.95)
    )
    assert narrow.width < wide.width
    assert narrow.coverage < wide.coverage


def test_the_unit_of_a_method_does_not_matter():
    scores, removals = world(7)
    scaled = [dataclasses.replace(one, replicates=one.replicates * 1024) for one in scores]
    plain, other = calibrate(scores, removals), calibrate(scaled, removals)
    for one, same in zip(plain.statements(scores[0]), other.statements(scaled[0]), strict=True):
        assert one.effect == pytest.approx(same.effect)
        assert one.probability == pytest.approx(same.probability)


def test_the_order_of_the_scores_does_not_matter():
    scores, removals = world(8, n_queries=8, n_sets=8)
    assert calibrate(scores[::-1], removals) == calibrate(scores, removals)


def test_the_note_says_what_was_fitted():
    scores, removals = world(9, n_queries=10, n_sets=12)
    note = calibrate(scores, removals).note
    assert (note.n_queries, note.n_removals, note.n_seeds, note.confidence) == (10, 12, 3, 0.9)
    assert note.effect_unit == RELATIVE
    assert note.coverage == cross_coverage(scores, removals).coverage
    assert note.matters == pytest.approx(1.645 * note.noise)


def test_a_predictor_may_be_asked_for():
    scores, removals = world(10, n_queries=8, n_sets=8)
    for name in PREDICTORS:
        assert calibrate(scores, removals, config=CalibrationConfig(predictor=name)).predictor == name


def test_null_queries_make_it_abstain():
    scores, removals = world(11, n_queries=12, n_sets=8)
    random = np.random.default_rng(0)
    nulls = [
        ItemScores(
            f"out-{n}", "m", "u", scores[0].item_ids, 0.01 * random.normal(size=(N_ITEMS, 4)), np.zeros(3)
        )
        for n in range(12)
    ]
    calibration = calibrate(scores, removals, nulls=nulls)
    assert not any(calibration.nobody(one) for one in scores)
    fresh = dataclasses.replace(nulls[0], replicates=0.01 * random.normal(size=(N_ITEMS, 4)))
    assert calibration.nobody(fresh)
    assert "look like this with probability" in calibration.why_nobody(fresh)
    assert not calibrate(scores, removals).nobody(fresh), "without null queries nothing is known of them"
    assert nobody_rate(calibration, nulls) == 1.0
    assert nobody_rate(calibration, scores) < 0.5
    assert nobody_rate(calibration, scores, fit=CorpusFit(2.1, 2.0, 96)) == 1.0


def test_likeness_is_weighed_where_it_is_known():
    scores, removals = world(12, n_queries=12, n_sets=8)
    random = np.random.default_rng(1)
    like, unlike = random.normal(3, 0.3, 12).tolist(), random.normal(0, 0.3, 9).tolist()
    nulls = [dataclasses.replace(scores[n], query_id=f"out-{n}") for n in range(9)]
    calibration = calibrate(scores, removals, nulls=nulls, likeness=like, null_likeness=unlike)
    assert not calibration.nobody(scores[0], likeness=3.0)
    assert calibration.nobody(scores[0], likeness=0.0)
    with pytest.raises(InputError, match="likeness was not measured"):
        calibration.nobody(scores[0])


@pytest.mark.parametrize("change", ["queries", "items", "method", "none"])
def test_scores_of_something_else_are_refused(change):
    scores, removals = world(13, n_queries=6, n_sets=6)
    if change == "queries":
        scores = scores[1:]
    elif change == "items":
        scores = [dataclasses.replace(one, item_ids=one.item_ids[::-1]) for one in scores]
    elif change == "method":
        scores[3] = dataclasses.replace(scores[3], method="other")
    else:
        scores = []
    with pytest.raises(InputError, match="calibration: "):
        calibrate(scores, removals)


def test_removals_that_do_not_fit_are_refused():
    _, removals = world(14, n_queries=4, n_sets=4)
    for change in (
        {"names": removals.names[1:]},
        {"rises": removals.rises[:, :1]},
        {"rises": removals.rises * np.nan},
        {"baseline_noise": removals.baseline_noise[1:]},
    ):
        with pytest.raises(InputError, match="removals"):
            dataclasses.replace(removals, **change)
    with pytest.raises(InputError, match="two or more, besides the generator"):
        compared(["a"], ["q"], ["s"], np.ones((1, 1), bool), np.ones((1, 2, 1)), np.ones((1, 1)))
    with pytest.raises(InputError, match="2 folds"):
        CalibrationConfig(n_set_folds=1)
    scores, small = world(15, n_queries=6, n_sets=1)
    with pytest.raises(InputError, match="expected 2 or more of each"):
        calibrate(scores, small)


def test_some_queries_and_sets_of_removals():
    _, removals = world(16, n_queries=5, n_sets=6)
    part = removals.pick([3, 1], [5, 0])
    assert part.query_ids == (removals.query_ids[3], removals.query_ids[1])
    assert np.array_equal(part.effects, removals.effects[np.ix_([3, 1], [5, 0])])
    assert isinstance(part, Removals)


def test_a_calibration_survives_json():
    import json

    scores, removals = world(17, n_queries=6, n_sets=6)
    nulls = [dataclasses.replace(one, replicates=one.replicates[::-1] * 0.1) for one in scores]
    calibration = calibrate(scores, removals, nulls=nulls)
    assert Calibration.from_json(json.loads(json.dumps(calibration.as_json()))) == calibration
