"""The shipped ground truth, and how a larger plan goes on from it."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def truth():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.counterfactual import truth

        yield truth


@pytest.fixture
def stored(truth, tmp_path):
    """A ground truth of an earlier, smaller plan."""
    plan = replace(truth.PlanConfig(), removal_seeds=2)
    names = ("full-0", "without-00-0", "without-00-1")
    losses = np.arange(6, dtype=np.float32).reshape(3, 2)
    truth.save_truth(truth.Truth(plan, names, losses), tmp_path)
    return tmp_path


def test_a_plan_with_more_seeds_keeps_what_was_trained(truth, stored):
    known = truth.known_losses(stored)
    assert {name: row.tolist() for name, row in known.items()} == {
        "full-0": [0, 1], "without-00-0": [2, 3], "without-00-1": [4, 5],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["half_blocks", "ninety_blocks", "per_block", "n_seeds", "seed"])
def test_a_plan_that_draws_other_subsets_keeps_nothing(truth, stored, name):
    with np.load(stored / truth.FILE) as old:
        arrays = dict(old)
    plan = json.loads(str(arrays["plan"]))
    arrays["plan"] = json.dumps(plan | {name: plan[name] + 1})
    np.savez(stored / truth.FILE, **arrays)
    assert truth.known_losses(stored) == {}


def test_another_recipe_keeps_nothing(truth, stored, monkeypatch):
    monkeypatch.setattr(truth, "RECIPE", replace(truth.RECIPE, n_steps=truth.RECIPE.n_steps + 1))
    assert truth.known_losses(stored) == {}


def test_nothing_stored_is_nothing_known(truth, tmp_path):
    assert truth.known_losses(tmp_path) == {}


def test_the_shipped_truth_is_what_the_plan_asks_for(truth):
    known = truth.known_losses()
    with np.load(truth.DATA / truth.FILE) as shipped:
        assert json.loads(str(shipped["plan"])) == asdict(truth.PlanConfig())
        assert set(known) == {str(name) for name in shipped["names"]}


def test_ensembles_are_means_of_standard_scores_where_all_members_are_there():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.counterfactual.table import ENSEMBLES, with_ensembles
    random = np.random.default_rng(3)
    rows = {name: random.normal(size=(2, 9)) * 10**place for place, name in enumerate(("unrolled", "guda"))}
    found = with_ensembles(rows)
    assert found.keys() == {"unrolled", "guda", "unrolled + guda"} < {*rows, *ENSEMBLES}
    expected = sum((x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) for x in rows.values()) / 2
    np.testing.assert_allclose(found["unrolled + guda"], expected)


def test_outputs_are_made_as_the_shipped_ones_were_and_new_ones_are_new():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.counterfactual.build import QUERY_SEED
        from benchmarks.counterfactual.outputs import outputs_of, with_fresh
        from benchmarks.counterfactual.pack import load_pack
    pack = load_pack()
    words = [item.words for item in pack.items if item.kind == "plain"]
    ((again, prompt),) = outputs_of(pack.generator, words, 1, QUERY_SEED, "generated")
    shipped = pack.queries[0]
    assert (again.query_id, prompt) == (shipped.query_id, pack.prompts[0])
    together = np.corrcoef(again.segments.latents.flatten(), shipped.segments.latents.flatten())[0, 1]
    assert together > 0.99  # half precision, and another processor's rounding
    more = with_fresh(pack, 1)
    assert more.queries[:-1] == pack.queries
    assert (more.kinds[-1], more.queries[-1].query_id) == ("fresh", "fresh-00")
    other = np.corrcoef(more.queries[-1].segments.latents.flatten(), shipped.segments.latents.flatten())[0, 1]
    assert other < 0.9
