"""A workspace with a sealed corpus, two rankings, a statement and a log, and its portal."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.workflows.seal import seal_corpus
from linernotes.workflows.settle import settle
from linernotes.workflows.verify import where_rows
from linernotes.workspace import RunFolder, Workspace

DEMO = Path(__file__).parents[3] / "demo" / "corpus"


@dataclass(frozen=True)
class Site:
    """A workspace and what its pages must show."""

    workspace: Path
    root: str
    item_ids: tuple[str, ...]
    statement_id: str


CELL = {
    "query_start_s": 1.0,
    "query_end_s": 2.0,
    "item_start_s": 3.0,
    "item_end_s": 4.0,
    "score": 4.0,
    "standard_error": 0.5,
    "share": 0.8,
}


def whole_map(query: str, item_id: str, masked: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "query": query,
        "item_id": item_id,
        "unit": "rise of the loss",
        "query_spans_s": [[0.0, 1.0], [1.0, 2.0]],
        "item_spans_s": [[float(i), float(i + 1)] for i in range(4)],
        "cells": [[1.0, -0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0]],
        "standard_errors": [[0.5] * 4] * 2,
        "total": 4.5,
        "whole": 4.5,
        "additivity_gap": 0.0,
        "best": [CELL],
        "masked": masked,
    }


def claim(item_id: str, rank: int) -> dict[str, Any]:
    return {
        "item_id": item_id,
        "rank": rank,
        "by": "tail-patch",
        "outcome": "not confirmed",
        "level": 0.75,
        "alpha": 0.05,
        "win_rate": 0.0,
        "win_interval": [0.0, 0.6],
        "e_value": 0.01,
        "e_value_against": 85.3,
        "p_value": 1.0,
        "effect": -0.02,
        "standard_error": 0.01,
        "unit": "loss",
        "n_repeats": 4,
        "n_matched": 2,
        "cost": {"patches": 8, "training_steps": 64},
        "scope": "Says whether it moves this output; it is not proof of copying.",
    }


def keep_run(runs: Path, ranking: InfluenceRanking, number: int, **beyond: Any) -> Path:
    """Write a finished run folder as ``linernotes attribute`` does."""
    run = RunFolder.begin(runs, "attribute", {"seed": ranking.seed, "number": number}, {})
    answer = ranking.as_json() | {name: value for name, value in beyond.items() if name != "where"}
    if "where" in beyond:
        run.write_json("where.json", [{"query": ranking.query_id, "picture": "", "maps": beyond["where"]}])
        answer["where"] = where_rows({"maps": beyond["where"]})
    if "verification" in beyond:
        run.write_json("verify.json", [])
    if "groups" in beyond:
        run.write_json("groups.json", [])
    run.write_json("rankings.json", [answer])
    return run.finish()


def make_site(folder: Path) -> Site:
    """Seal four recordings, rank them for two outputs, test one ranking, settle."""
    with (DEMO / "rights.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))[:4]
    (folder / "audio").mkdir(parents=True)
    for row in rows:
        shutil.copy(DEMO / "audio" / row["file"], folder / "audio")
    rows[0]["title"] = "<b>Bold</b> & proud"
    with (folder / "rights.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    sealed = seal_corpus(folder / "audio", folder / "rights.csv", folder / "ws").corpus
    ids = tuple(item.item_id for item in sealed.items)
    with Workspace.open(folder / "ws") as workspace:
        for query in ("first take", "second.take"):
            for method in ("tracin", "similarity"):
                workspace.save_ranking(
                    _ranking(query, method, sealed.root, ids), folder / "ws" / "runs" / "a"
                )
    keep_run(
        folder / "ws" / "runs",
        _ranking("first take", "tracin", sealed.root, ids),
        0,
        where=[whole_map("first take", ids[0])],
        verification=[claim(ids[0], 1)],
    )
    statement = settle(folder / "ws", "100.00EUR", None, out=folder / "settled", method="tracin")
    return Site(folder / "ws", sealed.root, ids, statement["statement_id"])


def _ranking(query: str, method: str, root: str, ids: tuple[str, ...]) -> InfluenceRanking:
    shares = (0.4, 0.1, 0.0, 0.0) if query == "first take" else (0.0,) * 4
    return InfluenceRanking(
        query_id=query,
        method=method,
        unit="nats",
        generator_id="g",
        corpus_root=root,
        seed=3,
        influences=tuple(
            Influence(item_id=name, score=4.0 - i, share=share, interval=(share / 2, share * 1.5), rank=i + 1)
            for i, (name, share) in enumerate(zip(ids, shares, strict=True))
        ),
        unattributed_share=1 - sum(shares),
        reliability=Reliability(
            method=method,
            generator_id="g",
            corpus_root=root,
            lds=0.3 if method == "tracin" else 0.1,
            interval=(0.2, 0.4) if method == "tracin" else (0.05, 0.15),
            ceiling=0.6,
            baselines={"random": 0.0, "similarity": 0.1},
        ),
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return one site for all tests; nobody may change it."""
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def told() -> SimpleNamespace:
    """Return what writes runs that were asked more than a ranking."""
    return SimpleNamespace(whole_map=whole_map, claim=claim, keep_run=keep_run)


@pytest.fixture(scope="session")
def client(site: Site) -> Any:
    """Return a client of the site's portal."""
    testclient = pytest.importorskip("fastapi.testclient", reason="needs the extra 'web'")
    from linernotes.web.app import create_app

    return testclient.TestClient(create_app(site.workspace), raise_server_exceptions=False)
