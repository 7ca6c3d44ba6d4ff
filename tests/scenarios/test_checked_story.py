"""Attribute with checks, through the program: claims tested, seconds told, groups scored, all of it repeatable."""

import importlib.metadata
import json
import os
import shutil
import sys
import types
from pathlib import Path

import pytest
import soundfile

from linernotes.cli.main import main
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows import generators

DEMO = Path(__file__).parents[2] / "demo" / "corpus" / "audio"
COLUMNS = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,tags"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Six recordings by two artists, sealed; a generator that saw them for a moment; one output."""
    home = tmp_path_factory.mktemp("checked")
    (home / "music").mkdir()
    rows = [COLUMNS]
    for number, path in enumerate(sorted(DEMO.glob("*.ogg"))[::11][:6]):
        samples, rate = soundfile.read(path, dtype="float32")
        soundfile.write(home / "music" / f"{path.stem}.flac", samples[5 * rate : 14 * rate], rate)
        artist = ("Ada", "Bo")[number % 2]
        rows.append(
            f"{path.stem}.flac,T {number},{artist},{artist} Ltd,contract,yes,2025-01-01,no. {number},calm"
        )
    (home / "rights.csv").write_text("\n".join(rows) + "\n", "utf-8")
    before = Path.cwd()
    os.chdir(home)
    try:
        assert main(["corpus", "seal", "music", "--rights", "rights.csv", "--out", "ws"]) == 0
        train = ["generator", "train", "--workspace", "ws", "--out", "g", "--steps", "20"]
        assert main([*train, "--width", "16", "--depth", "1", "--batch", "8"]) == 0
        made = ["generate", "--generator", "g", "--out", "out.wav", "--seconds", "4.1", "--prompt", "calm"]
        assert main(made) == 0
    finally:
        os.chdir(before)
    return home


@pytest.fixture
def run(home, monkeypatch, capsys):
    monkeypatch.chdir(home)

    def called(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return called


MEMBERS = (
    "paper", "licence", "weights_licence", "trained_on", "revision", "loss_unit", "generator_id", "sample_rate",
    "segment_s", "network", "encode", "noise_draws", "losses", "null_losses", "updatable", "generate", "trained",
    "weights_sha256",
)  # fmt: skip


class Theirs:
    """A third party's adapter: every member that attribution asks for, nothing of ours inherited, no token losses."""

    def __init__(self, inner):
        for name in MEMBERS:
            setattr(self, name, getattr(inner, name))

    @classmethod
    def load(cls, folder):
        return cls(ReferenceGenerator.load(folder))


@pytest.fixture
def theirs(home, tmp_path, monkeypatch):
    """The generator's folder with a card that names their adapter, which is installed."""
    folder = tmp_path / "theirs"
    shutil.copytree(home / "g", folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"name": "theirs"}))
    package = types.ModuleType("their_package")
    package.Theirs = Theirs
    monkeypatch.setitem(sys.modules, "their_package", package)
    point = importlib.metadata.EntryPoint("theirs", "their_package:Theirs", generators.GROUP)
    monkeypatch.setattr(generators, "entry_points", lambda group: [point])
    return folder


PLAIN = (
    "attribute",
    "out.wav",
    "--workspace",
    "ws",
    "--generator",
    "g",
    "--method",
    "similarity",
    "--workers",
    1,
)
ALL = (*PLAIN, "--verify", 1, "--where", "--group-by", "artist")


def checked_folders(home):
    return [path.parent for path in (home / "ws" / "runs").glob("attribute-*/verify.json")]


def test_the_answer_is_the_ranking_with_what_was_asked_beyond_it(home, run):
    _, plain, _ = run(*PLAIN, "--json")
    code, out, err = run(*ALL, "--json")
    assert code == 0, err
    [ranking], [answer] = json.loads(plain), json.loads(out)
    assert {name: answer[name] for name in ranking} == ranking, "the ranking itself is the same"
    first = [row["item_id"] for row in ranking["influences"]]
    assert [claim["item_id"] for claim in answer["verification"]] == first[:1]
    for claim in answer["verification"]:
        assert claim["by"] == "tail-patch"
        assert claim["outcome"] in ("confirmed", "not confirmed", "undecided")
        assert 0 <= claim["win_interval"][0] <= claim["win_rate"] <= claim["win_interval"][1] <= 1
        assert claim["cost"]["patches"] == 2 * claim["n_repeats"]
        assert "not proof of copying" in claim["scope"]
    assert [place["item_id"] for place in answer["where"]] == first[:3]
    for place in answer["where"]:
        for cell in place["cells"]:
            assert 0 <= cell["query_start_s"] < cell["query_end_s"] <= 4.11
            assert 0 <= cell["item_start_s"] < cell["item_end_s"] <= 9.01
    assert {group["name"] for group in answer["groups"]} == {"Ada", "Bo"}
    assert sum(group["n_items"] for group in answer["groups"]) == 6


def test_the_run_folder_holds_it_all_and_a_rerun_is_identical(home, run):
    assert run(*ALL)[0] == 0
    [folder] = checked_folders(home)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "groups.json", "provenance.json", "rankings.json", "run.toml", "segments.json", "verify.json",
        "where-01.png", "where.json",
    }  # fmt: skip
    [place] = json.loads((folder / "where.json").read_text())
    assert len(place["maps"]) == 3
    for one in place["maps"]:
        assert one["additivity_gap"] < 0.1, "it has hardly learnt: the steps are long for it"
        assert len(one["cells"]) == len(one["query_spans_s"])
        assert len(one["cells"][0]) == len(one["item_spans_s"])
    code, out, err = run("rerun", folder, "--json")
    assert code == 0, out + err
    assert json.loads(out)["identical"] is True
    assert json.loads(out)["n_results"] == 6


def test_the_portal_shows_it_and_says_what_was_not_asked(home, run):
    testclient = pytest.importorskip("fastapi.testclient", reason="needs the extra 'web'")
    from linernotes.web.app import create_app

    for words in ((*PLAIN, "--method", "random"), ALL):
        assert run(*words)[0] == 0
    [answer] = json.loads(run(*ALL, "--json")[1])
    client = testclient.TestClient(create_app(home / "ws"))
    facts = client.get("/outputs/out.wav.json").json()
    page = client.get("/outputs/out.wav").text.replace("\N{NO-BREAK SPACE}", " ")
    shown = next(one for one in facts["rankings"] if one["method"] == "similarity" and one["where"])
    for drawn, told in zip(shown["where"]["maps"], answer["where"], strict=True):
        assert drawn["cells"] == told["cells"]
        assert drawn["masked"] == told["masked"]
        assert drawn["words"] in page
    [claim] = shown["verification"][0]["claims"]
    assert {name: claim[name] for name in answer["verification"][0]} == answer["verification"][0]
    assert claim["evidence_words"] in page
    assert [row["name"] for row in shown["groups"][0]["rows"]] == [g["name"] for g in answer["groups"]]
    assert facts["not_asked"] == facts["faults"] == []
    bare = next(one for one in facts["rankings"] if one["method"] == "random")
    assert (bare["where"], bare["verification"], bare["groups"]) == (None, [], [])


def test_people_read_it_in_a_table(run):
    code, out, _ = run(*ALL)
    assert code == 0
    for words in (
        "tested again by tail-patch",
        "matched recordings",
        "where",
        "by artist",
        "not proof of copying",
    ):
        assert words in out


def test_checks_can_be_taken_up_where_they_were_left(home, run, monkeypatch):
    """Interrupted in the middle of the maps, the same command ends with the same bytes."""
    assert run(*ALL, "--seed", 3)[0] == 0
    [whole] = [path for path in checked_folders(home) if "seed = 3" in (path / "run.toml").read_text()]
    before = {path.name: path.read_bytes() for path in whole.iterdir() if path.name != "provenance.json"}
    whole.rename(home / "kept-aside")
    from linernotes.workflows import verify as module

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "draw_maps", interrupted)
        assert run(*ALL, "--seed", 3)[0] == 130
    assert whole.with_name(whole.name + ".partial").is_dir()
    assert run(*ALL, "--seed", 3)[0] == 0
    assert {p.name: p.read_bytes() for p in whole.iterdir() if p.name != "provenance.json"} == before


def test_what_cannot_be_asked_is_named(run, home):
    before = sorted((home / "ws" / "runs").glob("*"))
    for words, reason in (
        (("--verify", "-1"), "--verify -1: expected"),
        (
            ("--verify", "1", "--verify-by", "prayer"),
            "--verify-by prayer: expected one of tail-patch, retrain",
        ),
        (("--group-by", "mood"), "--group-by mood: expected one of artist, rightsholder"),
    ):
        code, out, err = run(*PLAIN, *words)
        assert (code, out) == (3, "")
        assert reason in err
    assert sorted((home / "ws" / "runs").glob("*")) == before
    code, out, err = run(*PLAIN, "--verify", "5")
    assert (code, out) == (3, "")
    assert "5 claims to verify among 6 recordings" in err


def test_a_claim_can_be_tested_by_retraining(run):
    code, out, err = run(*PLAIN, "--verify", 1, "--verify-by", "retrain", "--json")
    assert code == 0, err
    [claim] = json.loads(out)[0]["verification"]
    assert claim["by"] == "retrain"
    assert claim["cost"] == {"retrainings": 2 * claim["n_repeats"], "training_steps": 40 * claim["n_repeats"]}
    assert "training without it" in claim["scope"]


def test_the_cost_can_be_asked_before(home, run):
    before = sorted((home / "ws" / "runs").glob("*"))
    code, out, err = run(*ALL, "--estimate", "--json")
    assert code == 0, err
    cost = json.loads(out)
    assert cost["checks"]["verify"]["most_patches"] == 64
    assert cost["checks"]["where"]["forward_passes"] > 0
    assert cost["seconds"]["low"] <= cost["seconds"]["high"]
    code, out, _ = run(*PLAIN, "--verify", 1, "--verify-by", "retrain", "--estimate")
    assert code == 0
    assert "checks.verify.most_retrainings" in out
    assert sorted((home / "ws" / "runs").glob("*")) == before, "nothing is run"


def test_a_third_party_s_generator_is_attributed_like_ours(home, run, theirs, monkeypatch):
    asked = ("attribute", "out.wav", "--workspace", "ws", "--method", "similarity", "--workers", 1, "--json")
    code, out, err = run(*asked, "--generator", theirs)
    assert code == 0, err
    [answer] = json.loads(out)
    code, _, err = run(*asked, "--generator", theirs, "--where")
    assert code == 3
    assert "its adapter has no token_losses" in err
    code, _, err = run(*asked, "--generator", theirs, "--verify", 1, "--verify-by", "retrain")
    assert code == 3
    assert "use --verify-by tail-patch" in err
    monkeypatch.undo()
    monkeypatch.chdir(home)
    code, _, err = run(*asked, "--generator", theirs)
    assert code == 3
    assert "made by the adapter 'theirs', which no installed package offers" in err
    code, out, _ = run(*asked, "--generator", "g")
    assert json.loads(out)[0]["influences"] == answer["influences"]
