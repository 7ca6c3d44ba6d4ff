"""A sealed workspace of three short pieces of real music, with addresses and consents of every kind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from linernotes.audio.files import Audio, file_sha256, read_audio, write_audio
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.workflows.seal import seal_corpus
from linernotes.workspace import Workspace
from linernotes.workspace.runs import RunFolder

DEMO = Path(__file__).parents[3] / "demo" / "corpus" / "audio"
NAMES = ("rain", "sun", "wind")
RIGHTS = """file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,source_url,source_class,isrc
rain.flac,Rain,Ada,North,,yes,2025-01-01,contract 1,https://a.org/music/rain.flac,crawled,USS1Z9900001
sun.flac,Sun,Bo,South,CC BY 4.0,licence,2025-01-01,page,https://a.org/free/sun.flac,crawled,
wind.flac,Wind,Cy,East,,,,,,crawled,
"""


@pytest.fixture(scope="session")
def music() -> list[Audio]:
    """Eight seconds out of three recordings of the demo."""
    found = []
    for path in sorted(DEMO.glob("*.ogg"))[:4]:
        audio = read_audio(path, 22050)
        start = len(audio.samples) // 3
        found.append(Audio(audio.samples[start : start + 22050 * 8], 22050))
    return found


@pytest.fixture(scope="session")
def sealed(tmp_path_factory, music) -> Path:
    """A folder with ``audio``, ``rights.csv`` and the workspace ``ws`` made of them, sealed once for all tests."""
    home = tmp_path_factory.mktemp("sealed")
    folder = home / "audio"
    folder.mkdir()
    for name, audio in zip(NAMES, music, strict=False):
        write_audio(folder / f"{name}.flac", audio)
    (home / "rights.csv").write_text(RIGHTS)
    seal_corpus(folder, home / "rights.csv", home / "ws", training_date="2026-01-01")
    return home


@pytest.fixture
def workspace(tmp_path, sealed) -> Path:
    """A copy of the sealed workspace of one's own."""
    shutil.copytree(sealed, tmp_path / "home")
    return tmp_path / "home" / "ws"


@pytest.fixture
def output(tmp_path, music) -> Path:
    """A generated file that is none of the three."""
    write_audio(tmp_path / "out.wav", Audio(music[3].samples[: 22050 * 4], 22050))
    return tmp_path / "out.wav"


@pytest.fixture(name="save_ranking")
def _save_ranking():
    return save_ranking


@pytest.fixture(name="entries")
def _entries():
    return entries


def save_ranking(workspace: Path, output: Path, shares: dict[str, float], method: str = "unlearning") -> str:
    """Keep a ranking of *output* the way `attribute` does, and return its run's name."""
    with Workspace.open(workspace) as opened:
        root = opened.corpus().root
        influences = tuple(
            Influence(item_id=name, score=share, share=share, interval=(0.0, share), rank=rank)
            for rank, (name, share) in enumerate(shares.items(), start=1)
        )
        reliability = Reliability(
            method=method, generator_id="g", corpus_root=root, lds=0.31, interval=(0.2, 0.4), ceiling=0.6
        )
        ranking = InfluenceRanking(
            query_id=str(output),
            method=method,
            unit="nats",
            generator_id="g",
            corpus_root=root,
            seed=0,
            influences=influences,
            unattributed_share=1.0 - sum(shares.values()),
            reliability=reliability,
        )
        run = RunFolder.begin(
            opened.folder("runs"),
            "attribute",
            {"method": method, "seed": 0},
            {"query 0": file_sha256(output)},
        )
        run.write_json("rankings.json", [ranking.as_json()])
        run.finish()
        opened.save_ranking(ranking, run.path)
    return run.path.name


def entries(workspace: Path) -> list[dict]:
    """Return every entry of the workspace's log."""
    from linernotes.workflows.audit import open_log

    with Workspace.open(workspace) as opened:
        return [json.loads(entry) for entry in open_log(opened).entries()]
