"""The portal shows what was asked of a ranking beyond itself, from the run folders, and nothing that is not its own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from linernotes.evidence.influence import InfluenceRanking
from linernotes.workflows import attribute, verify
from linernotes.workflows import further as module
from linernotes.workflows.further import Gathered
from linernotes.workflows.group_scores import group_rows, holders_of
from linernotes.workspace import Workspace


@pytest.fixture
def workspace(site: Any, tmp_path: Path) -> Path:
    """Return a copy of the site's workspace, to be written into."""
    shutil.copytree(site.workspace.parent, tmp_path / "site")
    return tmp_path / "site" / site.workspace.name


@pytest.fixture
def ranking(workspace: Path) -> InfluenceRanking:
    with Workspace.open(workspace) as opened:
        return next(r for r in opened.rankings() if r.query_id == "first take" and r.method == "similarity")


@pytest.fixture
def asked(workspace: Path, ranking: InfluenceRanking, told: Any) -> list[Path]:
    """Ask for everything, each in a run of its own."""
    whole_map, claim, keep_run = told.whole_map, told.claim, told.keep_run
    first, second = (one.item_id for one in ranking.influences[:2])
    with Workspace.open(workspace) as opened:
        groups = group_rows(
            ranking.as_json(), holders_of(opened.corpus(), "artist", opened.registry()), "artist"
        )
    runs = workspace / "runs"
    return [
        keep_run(runs, ranking, 1, where=[whole_map(ranking.query_id, first)]),
        keep_run(runs, ranking, 2, verification=[claim(first, 1)]),
        keep_run(runs, ranking, 3, verification=[claim(first, 1), claim(second, 2)]),
        keep_run(runs, ranking, 4, groups=groups),
    ]


def client_of(workspace: Path) -> Any:
    testclient = pytest.importorskip("fastapi.testclient", reason="needs the extra 'web'")
    from linernotes.web.app import create_app

    return testclient.TestClient(create_app(workspace), raise_server_exceptions=False)


def test_the_names_of_the_results_are_those_that_are_written() -> None:
    assert (module.RESULT, module.GROUPS) == (attribute.RESULT, attribute.GROUPS)
    assert (module.VERIFIED, module.WHERE) == (verify.VERIFIED, verify.WHERE)


def test_runs_that_asked_at_different_times_come_together(
    workspace: Path, ranking: InfluenceRanking, asked: list[Path]
) -> None:
    gathered = Gathered.from_runs(workspace / "runs")
    found = gathered.of(ranking)
    assert gathered.faults == ()
    assert len(found.where) == 1
    assert [len(claims) for claims in found.verification] == [2], "the run that tested most claims"
    assert len(found.groups) == 1


def test_evidence_of_another_ranking_is_not_taken(
    workspace: Path, ranking: InfluenceRanking, asked: list[Path]
) -> None:
    from dataclasses import replace

    gathered = Gathered.from_runs(workspace / "runs")
    flipped = replace(ranking, influences=tuple(reversed(ranking.influences)))
    for other in (replace(ranking, seed=9), replace(ranking, query_id="second.take"), flipped):
        found = gathered.of(other)
        assert (found.where, found.verification, found.groups) == (None, (), ())


def test_of_two_runs_with_maps_the_tested_ones_are_shown(
    workspace: Path, ranking: InfluenceRanking, told: Any
) -> None:
    first = ranking.influences[0].item_id
    masked = {
        "win_rate": 0.5,
        "win_interval": [0.2, 0.8],
        "e_value": 1.0,
        "n_pairs": 4,
        "effect": 0.1,
        "standard_error": 0.1,
    }
    for number, tested in enumerate((None, masked, None), start=11):
        found = told.whole_map(ranking.query_id, first, tested)
        told.keep_run(workspace / "runs", ranking, number, where=[found])
    [found] = Gathered.from_runs(workspace / "runs").of(ranking).where
    assert found["masked"] == masked


def test_the_page_and_its_twin_show_seconds_tests_and_groups(workspace: Path, asked: list[Path]) -> None:
    client = client_of(workspace)
    page = client.get("/outputs/first take").text.replace("\N{NO-BREAK SPACE}", " ")
    twin = client.get("/outputs/first take.json").json()
    best = next(one for one in twin["rankings"] if one["method"] == "similarity")
    assert [cell["share"] for cell in best["where"]["maps"][0]["cells"]] == [0.8]
    assert len(best["verification"][0]["claims"]) == 2
    assert best["groups"][0]["by"] == "artist"
    assert twin["not_asked"] == []
    for words in (
        best["where"]["maps"][0]["words"],
        best["verification"][0]["claims"][1]["evidence_words"],
        best["groups"][0]["overlap_words"],
        "✗ not confirmed",
    ):
        assert words in page
    assert 'data-of="where-2-1" data-span="3.000 4.000"' in page
    assert 'data-of="sound' not in page, "the portal does not hold the output's audio"
    assert re.search(r'<audio [^>]*src="/corpus/[^"]+/audio"', page)
    assert "style=" not in page, "the policy forbids inline style"
    assert "<b>Bold</b>" not in page


def test_the_page_of_a_recording_tells_its_own_seconds_and_tests(
    workspace: Path, ranking: InfluenceRanking, asked: list[Path]
) -> None:
    client = client_of(workspace)
    first, second, third = (one.item_id for one in ranking.influences[:3])
    for item_id, n_maps, n_tests in ((first, 1, 1), (second, 0, 1), (third, 0, 0)):
        rows = client.get(f"/corpus/{item_id}.json").json()["credits"]
        row = next(r for r in rows if r["query"] == "first take" and r["method"] == "similarity")
        assert (len(row["where"]), len(row["retested"])) == (n_maps, n_tests)
        page = client.get(f"/corpus/{item_id}").text.replace("\N{NO-BREAK SPACE}", " ")
        for one in row["retested"]:
            assert one["words"] in page
            assert one["evidence_words"] in page
            assert one["limits"]
    assert "Strongest: 0:01.0–0:02.0 of the output" in client.get(f"/corpus/{first}").text


def test_what_was_not_asked_names_its_option(client: Any) -> None:
    page = client.get("/outputs/second.take").text
    twin = client.get("/outputs/second.take.json").json()
    assert [one["option"] for one in twin["not_asked"]] == ["--where", "--verify K", "--group-by artist"]
    for one in twin["not_asked"]:
        assert one["words"].replace("'", "&#39;") in page


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_result_that_is_not_what_the_run_wrote_is_not_shown_and_named(
    workspace: Path, asked: list[Path], damage: str
) -> None:
    place = asked[0] / "where.json"
    if damage == "changed":
        place.write_text(place.read_text().replace("4.0", "9.0"))
    elif damage == "cut":
        place.write_bytes(place.read_bytes()[:40])
    else:
        (asked[0] / "rankings.json").unlink()
    client = client_of(workspace)
    response = client.get("/outputs/first take")
    twin = client.get("/outputs/first take.json").json()
    assert response.status_code == 200
    assert f"What run {asked[0].name} found beyond its ranking is not shown" in response.text
    assert str(workspace) not in response.text
    ranking = next(one for one in twin["rankings"] if one["method"] == "similarity")
    assert ranking["where"] is None
    assert len(ranking["verification"]) == 1


def test_looking_writes_nothing(workspace: Path) -> None:
    shutil.rmtree(workspace / "runs", ignore_errors=True)
    before = sorted(path.name for path in workspace.iterdir())
    assert client_of(workspace).get("/outputs/first take").status_code == 200
    assert sorted(path.name for path in workspace.iterdir()) == before


def test_facts_of_the_portal_pass_the_same_checks_as_a_dossier(workspace: Path, asked: list[Path]) -> None:
    from linernotes.reports.schema import RankingFacts

    twin = client_of(workspace).get("/outputs/first take.json").json()
    for ranking in twin["rankings"]:
        RankingFacts.model_validate({k: v for k, v in ranking.items() if k != "generator_id"})
    json.dumps(twin, allow_nan=False)
