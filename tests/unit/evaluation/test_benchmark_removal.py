"""Leave-top-K-out: which models are retrained, what their losses say, and what is shipped of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linernotes.evaluation.group_ranking import seed_ceiling

ROOT = Path(__file__).parents[3]
N_ITEMS = 40


@pytest.fixture(scope="module")
def removal():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.counterfactual import removal

        yield removal


@pytest.fixture(scope="module")
def scores():
    random = np.random.default_rng(2)
    long = random.normal(size=(5, N_ITEMS))
    return {"unrolled": long, "twin": long[:3] * 7, "other": random.normal(size=(2, N_ITEMS))}


def test_every_scorer_is_asked_of_its_own_queries(removal, scores):
    wanted = removal.removals_of(scores)
    assert {name: [one.query for one in wanted if one.scorer == name] for name in scores} == {
        "unrolled": [0, 1, 2, 3, 4], "twin": [0, 1, 2], "other": [0, 1],
    }  # fmt: skip
    for one in wanted:
        row = scores[one.scorer][one.query]
        kept = np.delete(row, one.left_out)
        assert len(set(one.left_out)) == removal.TOP
        assert row[list(one.left_out)].min() > kept.max()


def test_rivals_are_asked_of_all_outputs_and_the_rest_of_the_first(removal):
    random = np.random.default_rng(5)
    given = {name: random.normal(size=(removal.N_FRESH, N_ITEMS)) for name in ("unrolled", "guda", "ekfac")}
    given["trak"] = random.normal(size=(removal.N_OTHERS, N_ITEMS))
    found = removal.listed(given)
    assert {name: len(rows) for name, rows in found.items()} == {
        "unrolled": removal.N_FRESH, "ekfac": removal.N_FRESH, "guda": removal.N_OTHERS, "trak": removal.N_OTHERS,
        "unrolled + guda": removal.N_OTHERS,
    }  # fmt: skip


def test_equal_scores_go_by_place(removal):
    (one,) = removal.removals_of({"flat": np.zeros((1, N_ITEMS))})
    assert one.left_out == tuple(range(removal.TOP))


def test_a_list_that_two_scorers_share_is_retrained_once(removal, scores):
    wanted = removal.removals_of(scores)
    jobs = removal.jobs_of_removals(wanted, N_ITEMS)
    assert len(jobs) == 5 + 2
    included = {job.name: job.included for job in jobs}
    for one in wanted:
        assert tuple(np.flatnonzero(~included[one.name])) == one.left_out


def test_controls_leave_out_as_many_and_are_drawn_once_and_for_all(removal):
    controls = removal.controls_of(N_ITEMS)
    assert len({one.left_out for one in controls}) == removal.N_CONTROLS
    assert {len(one.left_out) for one in controls} == {removal.TOP}
    assert controls == removal.controls_of(N_ITEMS)


def test_effects_are_rises_beyond_the_controls_of_the_same_query(removal, scores):
    wanted, controls = removal.removals_of(scores), removal.controls_of(N_ITEMS)
    random = np.random.default_rng(3)
    losses = {one.name: random.uniform(1, 2, 5).astype(np.float32) for one in [*controls, *wanted]}
    found = removal.effects(wanted, controls, losses)
    for name, rises in found.items():
        slow = []
        for query in range(len(scores[name])):
            (mine,) = (losses[one.name] for one in wanted if (one.scorer, one.query) == (name, query))
            mean = sum(float(losses[one.name][query]) for one in controls) / len(controls)
            slow.append((float(mine[query]) - mean) / mean)
        assert rises == pytest.approx(slow, rel=1e-6)


def test_leads_are_paired_over_the_queries_that_both_have(removal):
    rises = {"best": np.array([0.04, 0.02, 0.06, 0.08]), "other": np.array([0.01, 0.01])}
    same = np.ones((3, 4))
    found = removal.rows(rises, same, "best")
    assert found["best"]["lead"] is found["best"]["apart"] is None
    assert found["other"]["apart"] is True
    assert removal.rows(rises, same, "nobody")["other"]["lead"] is None
    assert found["other"]["n_queries"] == 2
    assert found["other"]["lead"]["value"] == pytest.approx(0.02)
    low, high = found["best"]["rise"]["interval"]
    assert 0.02 <= low < 0.05 < high <= 0.08


def test_controls_that_differ_widen_the_interval_of_a_rise_but_not_of_a_lead(removal):
    rises = {"best": np.full(4, 0.04), "other": np.full(4, 0.01)}
    apart = np.array([[0.99], [1.0], [1.01]]) * np.ones(4)
    found = removal.rows(rises, apart, "best")
    low, high = found["best"]["rise"]["interval"]
    assert 1.04 / 1.01 - 1 <= low < 0.036 < 0.044 < high <= 1.04 / 0.99 - 1 + 1e-12
    assert found["best"]["rise"]["value"] == pytest.approx(0.04)
    assert found["other"]["lead"]["interval"] == pytest.approx([0.03, 0.03])


def test_stored_losses_are_known_again_to_the_same_generator_and_recipe(removal, tmp_path, monkeypatch):
    kept = {"removal-a-1": np.arange(removal.N_FRESH, dtype=np.float32)}
    assert removal.known_losses("one", tmp_path) == {}
    removal.save_losses(kept, "one", tmp_path)
    np.testing.assert_array_equal(removal.known_losses("one", tmp_path)["removal-a-1"], kept["removal-a-1"])
    assert removal.known_losses("another", tmp_path) == {}
    with monkeypatch.context() as patch:
        patch.setattr(removal, "N_FRESH", removal.N_FRESH + 1)
        assert removal.known_losses("one", tmp_path) == {}
    monkeypatch.setattr(removal, "RECIPE", replace(removal.RECIPE, n_steps=removal.RECIPE.n_steps + 1))
    assert removal.known_losses("one", tmp_path) == {}


def test_every_row_of_the_table_was_retrained(removal):
    results = ROOT / "benchmarks" / "counterfactual" / "results"
    table = json.loads((results / "table.json").read_text(encoding="utf-8"))
    asked = json.loads((results / "removal.json").read_text(encoding="utf-8"))["scorers"]
    assert set(table["generated"]["scorers"]) == set(asked)
    assert {name for name, row in asked.items() if row["n_queries"] == removal.N_FRESH} == set(removal.RIVALS)


def test_the_shipped_losses_say_what_the_shipped_figures_say(removal):
    stored = json.loads(
        (ROOT / "benchmarks" / "counterfactual" / "results" / "removal.json").read_text(encoding="utf-8")
    )
    with np.load(removal.DATA / removal.FILE, allow_pickle=False) as shipped:
        known = removal.known_losses(str(shipped["generator_id"]))
    assert len(known) >= stored["n_models"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.counterfactual.pack import load_corpus
        from benchmarks.counterfactual.plan import PlanConfig, artist_jobs_of
        from benchmarks.counterfactual.truth import Truth
    items, _ = load_corpus()
    assert all(one.name in known for one in removal.controls_of(len(items)))
    names = [job.name for job in artist_jobs_of([item.artist for item in items], PlanConfig())]
    truth = Truth(PlanConfig(), tuple(names), np.stack([known[name] for name in names]))
    found = seed_ceiling(truth.removals(range(removal.N_FRESH)))["top-1"].value
    assert found == pytest.approx(stored["groups"]["ceiling"]["top-1"]["value"])
