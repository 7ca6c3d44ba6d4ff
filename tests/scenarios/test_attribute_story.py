"""Seal, train, generate, attribute, through the program, as a user does: answers, interrupts, refusals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from linernotes.cli.main import main

DEMO = Path(__file__).parents[2] / "demo" / "corpus" / "audio"
COLUMNS = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,tags"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
OUTPUTS = ("first.wav", "second.wav")


def write_corpus(folder, stems):
    """Twelve seconds of each recording, and a rights table for them."""
    folder.mkdir()
    rows = [COLUMNS]
    for number, stem in enumerate(stems):
        samples, rate = soundfile.read(DEMO / f"{stem}.ogg", dtype="float32")
        soundfile.write(folder / f"{stem}.flac", samples[5 * rate : 17 * rate], rate)
        words = "calm;piano" if number % 2 else "fast"
        rows.append(f"{stem}.flac,Title {number},Ada,Ada Ltd,contract,yes,2025-01-01,no. {number},{words}")
    table = folder.parent / f"{folder.name}.csv"
    table.write_text("\n".join(rows) + "\n", "utf-8")
    return table


def call(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A folder with a sealed corpus ``ws``, a generator ``g`` and two outputs; returns it."""
    home = tmp_path_factory.mktemp("story")
    stems = sorted(path.stem for path in DEMO.glob("*.ogg"))[::14]
    before = Path.cwd()
    os.chdir(home)
    try:
        table = write_corpus(home / "music", stems)
        assert main(["corpus", "seal", "music", "--rights", str(table), "--out", "ws"]) == 0
        train = ["generator", "train", "--workspace", "ws", "--out", "g", "--steps", "30"]
        assert main([*train, "--width", "32", "--depth", "1", "--batch", "8"]) == 0
        for seed, name in enumerate(OUTPUTS):
            words = ["--seed", str(seed), "--seconds", "8.2", "--prompt", "calm piano"]
            assert main(["generate", "--generator", "g", "--out", name, *words]) == 0
    finally:
        os.chdir(before)
    return home


@pytest.fixture
def here(story, monkeypatch):
    monkeypatch.chdir(story)
    return story


@pytest.fixture
def run(capsys):
    return lambda *words: call(capsys, *words)


ATTRIBUTE = ("--workspace", "ws", "--generator", "g")


def test_the_generator_s_card_says_what_it_was_trained_on(here):
    card = json.loads((here / "g" / "card.json").read_text())
    assert len(card["trained_on"]["items"]) == 5
    assert card["recipe"]["n_steps"] == 30
    assert card["vocabulary"] == ["calm", "fast", "piano"]
    assert not list(here.glob("*.partial")), "training leaves nothing behind"


def test_an_output_has_the_record_of_how_it_was_made(here):
    record = json.loads((here / "first.wav.json").read_text())
    assert record["prompt"] == "calm piano"
    assert record["seed"] == 0
    assert record["generator_id"] == json.loads((here / "g" / "card.json").read_text())["generator_id"]
    assert soundfile.info(here / "first.wav").duration == pytest.approx(8.2, abs=0.01)


@pytest.mark.parametrize("method", ["mucs", "unlearning", "similarity", "random"])
def test_every_method_answers_in_the_fields_of_the_contract(here, run, method):
    code, out, err = run("attribute", *OUTPUTS, *ATTRIBUTE, "--method", method, "--workers", 1, "--json")
    assert code == 0, err
    answers = json.loads(out)
    assert [answer["query"] for answer in answers] == list(OUTPUTS)
    for answer in answers:
        assert answer["method"] == method
        assert answer["unit"]
        assert answer["reliability"] is None
        assert "not proof of copying" in answer["scope"]
        influences = answer["influences"]
        assert [one["rank"] for one in influences] == [1, 2, 3, 4, 5]
        assert len({one["item_id"] for one in influences}) == 5
        total = answer["unattributed_share"] + sum(one["share"] for one in influences)
        assert total == pytest.approx(1.0, abs=1e-6)
        for one in influences:
            assert 0 <= one["interval"][0] <= one["share"] <= one["interval"][1] <= 1
    assert answers[0]["influences"] != answers[1]["influences"]
    assert not list((here / "ws" / "runs").glob("*.partial"))


def test_asked_again_it_gives_the_same_bytes(here, run):
    words = ("attribute", OUTPUTS[0], *ATTRIBUTE, "--method", "unlearning", "--json", "--workers")
    first, again = run(*words, 1), run(*words, 1)
    assert first[0] == 0
    assert first == again


def test_a_rerun_is_identical(here, run):
    assert run("attribute", OUTPUTS[1], *ATTRIBUTE, "--method", "unlearning", "--workers", 1)[0] == 0
    [folder] = [
        path
        for path in (here / "ws" / "runs").glob("attribute-*")
        if "unlearning" in (path / "run.toml").read_text()
        and len(json.loads((path / "rankings.json").read_text())) == 1
        and OUTPUTS[1] in (path / "rankings.json").read_text()
    ]
    code, out, err = run("rerun", folder, "--json")
    assert code == 0, out + err
    assert json.loads(out)["identical"] is True
    assert json.loads(out)["n_results"] == 2


def test_settling_is_refused_while_nobody_measured_the_reliability(here, run):
    assert run("attribute", OUTPUTS[0], *ATTRIBUTE, "--method", "similarity")[0] == 0
    code, out, err = run("settle", "--workspace", "ws", "--pool", "100.00EUR", "--method", "similarity")
    assert code == 1
    assert out == ""
    assert err.count("\n") == 1
    assert "reliab" in err


def refused(answer, code, *words):
    """Exit code, an empty stdout, one line on stderr with these words; no folder half-written."""
    found, out, err = answer
    assert found == code, err
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err


@pytest.fixture
def bad(tmp_path):
    """Outputs named for their fault."""
    rate = 24000
    time_s = np.arange(9 * rate) / rate
    tone = (0.3 * np.sin(2 * np.pi * 330 * time_s)).astype(np.float32)
    soundfile.write(tmp_path / "short.wav", tone[: 3 * rate], rate)
    soundfile.write(tmp_path / "silent.wav", np.zeros(9 * rate, np.float32), rate)
    (tmp_path / "text.mp3").write_text("this is no music\n" * 50)
    soundfile.write(tmp_path / "truncated.wav", tone, rate)
    body = (tmp_path / "truncated.wav").read_bytes()
    (tmp_path / "truncated.wav").write_bytes(body[: len(body) // 2])
    (tmp_path / "empty.wav").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("short.wav", "3.00 s; influence needs at least one segment of 4.10 s"),
        ("silent.wav", "silen"),
        ("text.mp3", "text.mp3"),
        ("truncated.wav", "truncated"),
        ("empty.wav", "empty.wav"),
        ("absent.wav", "absent.wav"),
    ],
)
def test_an_output_that_cannot_be_used_is_named(here, run, bad, name, reason):
    before = sorted((here / "ws" / "runs").glob("*"))
    refused(run("attribute", bad / name, *ATTRIBUTE), 3, reason, name)
    refused(run("attribute", OUTPUTS[0], bad / name, *ATTRIBUTE), 3, reason, name)
    assert sorted((here / "ws" / "runs").glob("*")) == before


def test_what_is_missing_or_unknown_is_named(here, run, tmp_path):
    (tmp_path / "other").mkdir()
    output = OUTPUTS[0]
    refused(
        run("attribute", output, "--workspace", "ws", "--generator", tmp_path), 3, "not a generator folder"
    )
    refused(run("attribute", output, "--workspace", tmp_path / "x", "--generator", "g"), 3, "x: ")
    refused(run("attribute", output, *ATTRIBUTE, "--method", "oracle"), 3, "method 'oracle'", "mucs")
    refused(run("attribute", output, *ATTRIBUTE, "--seed", "-1"), 3, "seed -1")
    refused(run("attribute", output, output, *ATTRIBUTE), 3, "named more than once")
    refused(
        run("attribute", *OUTPUTS, *ATTRIBUTE, "--prompt", "a", "--prompt", "b", "--prompt", "c"),
        3,
        "3 prompts for 2 files",
    )
    generate = ("generate", "--generator", "g", "--out", tmp_path / "made.wav")
    refused(run(*generate, "--prompt", "zebra"), 3, "prompt 'zebra'", "calm, fast, piano")
    refused(run(*generate, "--seconds", "-2"), 3, "seconds=-2.0")
    refused(run(*generate, "--seed", "-5"), 3, "seed -5")
    train = ("generator", "train", "--workspace", "ws")
    refused(run(*train, "--out", "g"), 3, "g: exists")
    refused(run(*train, "--out", tmp_path / "h", "--width", "30"), 3, "width=30")
    refused(run(*train, "--out", tmp_path / "h", "--steps", "0"), 3, "n_steps=0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"], "nothing half-written"


def test_a_damaged_record_beside_an_output_is_named(here, run, tmp_path):
    shutil.copy(OUTPUTS[0], tmp_path / "made.wav")
    (tmp_path / "made.wav.json").write_text("not json")
    refused(run("attribute", tmp_path / "made.wav", *ATTRIBUTE), 3, "made.wav.json", "--prompt")


def test_a_generator_of_another_corpus_has_nobody_to_rank(here, run, tmp_path):
    stems = sorted(path.stem for path in DEMO.glob("*.ogg"))[3:5]
    table = write_corpus(tmp_path / "strange", stems)
    seal = ("corpus", "seal", tmp_path / "strange", "--rights", table, "--out", tmp_path / "ws")
    assert run(*seal)[0] == 0
    asked = ("attribute", OUTPUTS[0], "--workspace", tmp_path / "ws", "--generator", "g")
    refused(run(*asked), 3, "none of its 5 training files is in the sealed corpus")
    measured = ("generator", "evaluate", "--generator", "g", "--workspace", tmp_path / "ws", "--subsets", "4")
    assert run(*measured)[0] == 3


def test_too_little_audio_leaves_no_generator_behind(run, tmp_path):
    samples, rate = soundfile.read(DEMO / "wansti__theme.ogg", dtype="float32")
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "a.flac", samples[: 8 * rate], rate)
    table = tmp_path / "rights.csv"
    table.write_text(COLUMNS + "\na.flac,A,Ada,Ada Ltd,contract,yes,2025-01-01,no. 1,\n")
    assert run("corpus", "seal", tmp_path / "music", "--rights", table, "--out", tmp_path / "ws")[0] == 0
    train = ("generator", "train", "--workspace", tmp_path / "ws", "--out", tmp_path / "g", "--steps", "2")
    refused(run(*train), 3, "add audio")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["music", "rights.csv", "ws"]


# -- interrupts: a separate process that really is stopped -----------------------------------------


def start(home, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "linernotes", *words],
        cwd=home,
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rankings(home):
    [path] = (home / "ws" / "runs").glob("attribute-*/rankings.json")
    return path.read_bytes()


def clean_copy(story, place):
    shutil.copytree(story, place, ignore=shutil.ignore_patterns("runs"))
    return place


def test_killed_and_interrupted_runs_resume_to_the_same_bytes(story, tmp_path, monkeypatch, capsys):
    asked = ["attribute", *OUTPUTS, *ATTRIBUTE, "--method", "mucs", "--workers", "1", "--json"]
    whole, stopped = (clean_copy(story, tmp_path / name) for name in ("whole", "stopped"))
    for number, (how, code) in enumerate(((signal.SIGKILL, -9), (signal.SIGINT, 130))):
        process = start(stopped, *asked)
        wait_for_shards(process, stopped, number + 1)
        process.send_signal(how)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        assert out == ""
        assert not list((stopped / "ws" / "runs").glob("attribute-*/rankings.json"))
    assert err.splitlines()[0].startswith("error: interrupted; repeat the same command")
    answers = []
    for home in (stopped, whole):
        monkeypatch.chdir(home)
        found, out, err = call(capsys, *asked)
        assert found == 0, err
        answers.append(out)
    assert rankings(stopped) == rankings(whole)
    assert answers[0] == answers[1]
    assert not list((stopped / "ws" / "runs").glob("*.partial"))


def wait_for_shards(process, home, n_wanted):
    """Wait until so many shards are finished and the run is not."""
    for _ in range(30000):
        shards = list((home / "ws" / "runs").glob("attribute-*.partial/shards/**/*"))
        if len([path for path in shards if path.is_file() and ".partial" not in path.name]) >= n_wanted:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.004)
    raise AssertionError("no shard was finished")
