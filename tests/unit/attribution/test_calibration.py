"""From predictions to statements: maps that never fall, statements about items and clusters."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.calibration import (
    Calibration,
    EffectMaps,
    Monotone,
    centred_isotonic,
    predictions,
    venn_abers,
)
from linernotes.attribution.statements.ranking import rank
from linernotes.errors import CorpusError, InputError
from linernotes.evidence.influence import InfluenceRanking
from linernotes.evidence.reliability import CalibrationNote
from linernotes.workspace.rows import ranking_from_json

NOTE = CalibrationNote(
    confidence=0.9,
    coverage=0.91,
    effect_unit="parts",
    noise=0.01,
    matters=0.016,
    n_queries=24,
    n_removals=20,
    n_seeds=3,
)
MAPS = EffectMaps(
    Monotone((0.0, 10.0), (0.0, 1.0)),
    Monotone((0.0, 1.0), (0.1, 0.3)),
    (-1.0, 2.0),
    Monotone((0.0, 10.0), (0.05, 0.95)),
)
CALIBRATION = Calibration("m", "sum", MAPS, NOTE)
lists = arrays(np.float64, st.integers(2, 30), elements=st.integers(-50, 50))


def scores_of(values, method="m"):
    names = tuple(f"item-{number:02d}" for number in range(len(values)))
    return ItemScores(
        "q", method, "u", names, np.repeat(np.asarray(values, float)[:, None], 3, 1), np.zeros(3)
    )


@given(lists, st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_map_never_falls_and_stays_within_what_was_seen(x, seed):
    y = np.random.default_rng(seed).normal(size=len(x))
    fitted = centred_isotonic(x, y)
    assert (np.diff(fitted.at) > 0).all()
    assert (np.diff(fitted.value) >= 0).all()
    assert y.min() - 1e-9 <= fitted.value[0] <= fitted.value[-1] <= y.max() + 1e-9


@given(lists, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_chance_never_falls_and_is_never_certain(x, seed):
    fitted = venn_abers(x, np.random.default_rng(seed).random(len(x)) < 0.4)
    assert (np.diff(fitted.value) >= 0).all()
    assert 0 < fitted.value[0] <= fitted.value[-1] < 1


def test_chances_are_frequencies():
    random = np.random.default_rng(0)
    x = random.normal(size=1500)
    fitted = venn_abers(x, random.random(1500) < 1 / (1 + np.exp(-2 * x)))
    grid = np.linspace(-1.5, 1.5, 13)
    assert np.abs(fitted(grid) - 1 / (1 + np.exp(-2 * grid))).max() < 0.12


def test_a_set_is_predicted_by_its_sum():
    scores = scores_of([1.0, 2.0, 6.0])
    sets = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert predictions(scores, sets, "sum").tolist() == [3.0, 6.0]
    assert predictions(scores, sets, "excess").tolist() == [-1.0, 4.0]
    assert predictions(scores, sets, "relative").tolist() == [1.0, 2.0]
    assert predictions(scores, sets, "relative-excess") == pytest.approx([-0.6, 2.4])
    assert predictions(scores_of([0.0] * 3), sets, "relative").tolist() == [0.0, 0.0]


def test_a_statement_gives_effect_range_and_chance():
    [low, high] = CALIBRATION.statements(scores_of([0.0, 5.0]))
    assert (low.item_id, low.effect, low.probability) == ("item-00", 0.0, 0.05)
    assert low.effect_interval == pytest.approx((-0.1, 0.2))
    assert high.effect == pytest.approx(0.5)
    assert high.effect_interval == pytest.approx((0.3, 0.9))
    assert high.probability == pytest.approx(0.5)


def test_members_of_a_cluster_get_the_statement_about_all_of_them():
    statements = CALIBRATION.statements(
        scores_of([2.0, 3.0, 1.0]), {"item-00": "item-00", "item-01": "item-00"}
    )
    assert [one.effect for one in statements] == pytest.approx([0.5, 0.5, 0.1])


def test_scores_of_another_method_are_refused():
    with pytest.raises(InputError, match="never travels to another method"):
        CALIBRATION.statements(scores_of([1.0], method="other"))


def test_a_ranking_carries_its_statements_and_reads_back():
    scores = scores_of([*np.linspace(-1, 1, 30), 9.0])
    found = rank(
        scores,
        generator_id="g",
        corpus_root="r",
        seed=0,
        calibration=CALIBRATION,
        clusters={"item-30": "item-29"},
    )
    by_item = {one.item_id: one for one in found.influences}
    assert by_item["item-29"].effect == by_item["item-30"].effect == pytest.approx(1.0)
    assert found.calibration == NOTE
    fields = found.as_json()
    assert fields["calibration"]["coverage"] == 0.91
    assert {"probability", "effect", "effect_interval", "cluster_id"} <= fields["influences"][0].keys()
    assert ranking_from_json(fields) == found


def test_without_a_calibration_a_ranking_reads_as_it_always_did():
    found = rank(scores_of(np.linspace(-1, 1, 9)), generator_id="g", corpus_root="r", seed=0)
    fields = found.as_json()
    assert fields.keys() == {
        "query", "method", "unit", "generator_id", "corpus_root", "seed", "reliability", "unattributed_share",
        "influences", "scope",
    }  # fmt: skip
    assert fields["influences"][0].keys() == {"item_id", "score", "share", "interval", "rank"}
    assert isinstance(ranking_from_json(fields), InfluenceRanking)
    assert ranking_from_json(fields) == found


def test_a_calibrated_ranking_in_which_nobody_stands_out_says_so():
    found = rank(
        scores_of(np.linspace(-1, 1, 30)), generator_id="g", corpus_root="r", seed=0, calibration=CALIBRATION
    )
    assert found.unattributed_share == 1.0
    assert found.nobody_because == "no recording stands out of the noise of the measurement"


def damaged():
    whole = CALIBRATION.as_json()
    for path, value in [
        (("effect", "value"), [1.0, 0.0]),
        (("effect", "at"), [1.0, 1.0]),
        (("width", "value"), [1.0]),
        (("chance", "at"), []),
        (("effect", "at"), [float("nan"), 1.0]),
        (("residuals",), [2.0, -1.0]),
        (("residuals",), [1.0]),
        (("predictor",), "guess"),
        (("note", "coverage"), None),
        (("nulls",), {"signs": ["peak"]}),
    ]:
        broken = copy.deepcopy(whole)
        place = broken
        for name in path[:-1]:
            place = place[name]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        yield pytest.param(broken, id="-".join(path))


@pytest.mark.parametrize("fields", list(damaged()))
def test_a_damaged_calibration_is_refused(fields):
    with pytest.raises(CorpusError, match="calibration: damaged"):
        Calibration.from_json(fields)


def test_no_calibration_is_a_damaged_one():
    with pytest.raises(CorpusError, match="damaged"):
        Calibration.from_json({})
