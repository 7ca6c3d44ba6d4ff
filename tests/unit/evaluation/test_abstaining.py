"""How often nobody is credited is measured by references that did not see the query."""

import dataclasses

import numpy as np
import pytest

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import null_reference, signs_of
from linernotes.errors import InputError
from linernotes.evaluation.abstaining import cross_abstention
from linernotes.evaluation.calibrating import calibrate, is_nobody
from linernotes.evaluation.removals import compared

N_ITEMS, N_QUERIES, N_SETS = 60, 12, 8
ITEMS = tuple(f"item-{number:02d}" for number in range(N_ITEMS))


@pytest.fixture(scope="module")
def world():
    """Outputs with one recording that stands out, moved by its removal; null queries without."""
    random = np.random.default_rng(3)
    influence = 0.002 * np.abs(random.normal(size=(N_QUERIES, N_ITEMS)))
    influence[np.arange(N_QUERIES), np.arange(N_QUERIES) % N_SETS] += 0.3
    removed = np.zeros((N_SETS, N_ITEMS), dtype=bool)
    for number in range(N_SETS):
        removed[number, [number, N_SETS + number]] = True
    effect = (removed.astype(float) @ influence.T)[:, None]
    without = 1 + effect + 0.01 * random.normal(size=(N_SETS, 3, N_QUERIES))
    full = 1 + 0.01 * random.normal(size=(5, N_QUERIES))
    names = [f"query-{number}" for number in range(N_QUERIES)]
    removals = compared(ITEMS, names, [f"set-{n}" for n in range(N_SETS)], removed, without, full)
    own = [scores(name, row) for name, row in zip(names, influence, strict=True)]
    nulls = [scores(f"out-{number}", 0.002 * random.normal(size=N_ITEMS)) for number in range(10)]
    return own, removals, nulls


@pytest.fixture(scope="module")
def calibration(world):
    own, removals, nulls = world
    return calibrate(own, removals, nulls=nulls)


def scores(name, row):
    return ItemScores(name, "m", "u", ITEMS, np.repeat(row[:, None], 4, axis=1), np.zeros(3))


def test_music_from_outside_credits_nobody_and_outputs_do(world, calibration):
    own, removals, nulls = world
    found = cross_abstention(calibration, own, removals, nulls)
    assert found.null_queries >= 0.9
    assert found.outputs <= 0.2
    assert found.mattering == found.outputs, "somebody mattered for all of them"
    assert found.credited_mattering == 1.0
    assert (found.n_null_queries, found.n_outputs, found.n_mattering) == (10, 12, 12)
    assert found.as_json()["n_outputs"] == 12


def test_a_null_query_does_not_vouch_for_itself(world, calibration):
    """One of them looks like an output: among its like it would be excused, judged by the others it is not."""
    own, removals, nulls = world
    odd = [*nulls[:-1], dataclasses.replace(own[0], query_id="out-9")]
    own_signs, odd_signs = ([signs_of(one) for one in group] for group in (own, odd))
    calibration = dataclasses.replace(calibration, nulls=null_reference(own_signs, odd_signs))
    assert is_nobody(calibration, odd[-1])
    found = cross_abstention(calibration, own, removals, odd)
    assert found.null_queries == pytest.approx(0.9), "it is counted as a fault"


def test_the_order_of_scores_is_free(world, calibration):
    own, removals, nulls = world
    assert cross_abstention(calibration, own[::-1], removals, nulls) == cross_abstention(
        calibration, own, removals, nulls
    )


def test_without_null_queries_there_is_nothing_to_measure(world, calibration):
    own, removals, nulls = world
    with pytest.raises(InputError, match="fitted without null queries"):
        cross_abstention(dataclasses.replace(calibration, nulls=None), own, removals, nulls)
    with pytest.raises(InputError, match="add recordings from outside"):
        cross_abstention(calibration, own, removals, nulls[:6])
