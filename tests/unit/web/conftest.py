"""A workspace with a sealed corpus, two rankings, a statement and a log, and its portal."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from linernotes.evidence import Influence, InfluenceRanking, Reliability
from linernotes.workflows.seal import seal_corpus
from linernotes.workflows.settle import settle
from linernotes.workspace import Workspace

DEMO = Path(__file__).parents[3] / "demo" / "corpus"


@dataclass(frozen=True)
class Site:
    """A workspace and what its pages must show."""

    workspace: Path
    root: str
    item_ids: tuple[str, ...]
    statement_id: str


def make_site(folder: Path) -> Site:
    """Seal four recordings, rank them for two outputs, settle."""
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
def client(site: Site) -> Any:
    """Return a client of the site's portal."""
    testclient = pytest.importorskip("fastapi.testclient", reason="needs the extra 'web'")
    from linernotes.web.app import create_app

    return testclient.TestClient(create_app(site.workspace), raise_server_exceptions=False)
