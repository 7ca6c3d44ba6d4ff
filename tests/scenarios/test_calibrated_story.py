"""Calibrate through the program: retrain without artists, make statements, refuse what cannot be calibrated."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from linernotes.cli.main import main
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows.left_out import FILE as LOSSES

DEMO = Path(__file__).parents[2] / "demo"
COLUMNS = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,tags"
ARTISTS = ("Ada", "Ada", "Ada", "Bo", "Bo", "Cy", "Di", "Eve")
SIZES = ("--groups", 4, "--seeds", 2, "--full", 2, "--outputs", 8, "--steps", 30, "--workers", 1)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Eight recordings by five artists, a generator that has learnt a little of them, seven by nobody of theirs."""
    home = tmp_path_factory.mktemp("calibrated")
    (home / "music").mkdir()
    (home / "outside").mkdir()
    sounds = sorted((DEMO / "corpus" / "audio").glob("*.ogg"))[::4]
    rows = [COLUMNS]
    for number, (path, artist) in enumerate(zip(sounds, ARTISTS, strict=False)):
        excerpt(path, home / "music" / f"{path.stem}.flac")
        holder = "One Ltd" if number < 6 else "Two Ltd"
        rows.append(
            f"{path.stem}.flac,T {number},{artist},{holder},contract,yes,2025-01-01,no. {number},calm"
        )
    for path in sounds[8:15]:
        excerpt(path, home / "outside" / f"{path.stem}.flac")
    (home / "rights.csv").write_text("\n".join(rows) + "\n", "utf-8")
    before = Path.cwd()
    os.chdir(home)
    try:
        assert main(["corpus", "seal", "music", "--rights", "rights.csv", "--out", "ws"]) == 0
        train = ["generator", "train", "--workspace", "ws", "--width", "16", "--depth", "1", "--batch", "8"]
        assert main([*train, "--steps", "150", "--out", "g"]) == 0
        assert main([*train, "--steps", "1", "--out", "untrained"]) == 0
        made = ["generate", "--generator", "g", "--out", "out.wav", "--seconds", "4.1", "--prompt", "calm"]
        assert main(made) == 0
    finally:
        os.chdir(before)
    return home


def excerpt(source, target):
    samples, rate = soundfile.read(source, dtype="float32")
    soundfile.write(target, samples[5 * rate : 14 * rate], rate)


@pytest.fixture
def run(home, monkeypatch, capsys):
    monkeypatch.chdir(home)

    def called(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return called


def calibrate(*words, generator="g", outside="outside"):
    named = ("--outside", outside) if outside else ()
    return (
        "generator", "calibrate", "--generator", generator, "--workspace", "ws", *named, "--methods", "similarity",
        *words,
    )  # fmt: skip


@pytest.fixture(scope="module")
def calibrated(home):
    """The generator's folder after one calibration; made once, copied by tests that change it."""
    before = Path.cwd()
    os.chdir(home)
    try:
        if not (home / "g" / LOSSES).exists():
            assert main([str(word) for word in calibrate(*SIZES)]) == 0
    finally:
        os.chdir(before)
    return home / "g"


@pytest.fixture
def copy(calibrated, tmp_path):
    shutil.copytree(calibrated, tmp_path / "copy")
    return tmp_path / "copy"


def test_how_long_it_takes_is_told_and_nothing_is_made(home, run, tmp_path):
    shutil.copytree(home / "untrained", tmp_path / "bare")
    before = {path.name for path in (tmp_path / "bare").iterdir()}
    code, out, err = run(*calibrate(*SIZES, "--estimate", "--json", generator=tmp_path / "bare"))
    assert code == 0, err
    cost = json.loads(out)
    assert (cost["n_models"], cost["n_outside"], cost["n_outputs"]) == (10, 7, 8)
    assert 0 < cost["seconds_per_model"] < 60
    assert 10 * cost["seconds_per_model"] <= cost["seconds"]["low"] <= cost["seconds"]["high"]
    assert {path.name for path in (tmp_path / "bare").iterdir()} == before
    assert "10 models to train" in run(*calibrate(*SIZES, "--estimate", generator=tmp_path / "bare"))[1]


def test_statements_are_made_and_attribute_uses_them(calibrated, run):
    stored = json.loads((calibrated / "calibration.json").read_text())
    measured = stored["methods"]["similarity"]["measured"]
    assert 0 <= measured["coverage"]["coverage"] <= 1
    assert measured["coverage"]["n_sets"] == 4
    assert any("few data: 4 groups" in remark for remark in measured["remarks"]), (
        "it says how little it rests on"
    )
    asked = ("attribute", "out.wav", "--workspace", "ws", "--generator", "g", "--method", "similarity")
    code, out, err = run(*asked, "--workers", 1, "--json")
    assert code == 0, err
    [answer] = json.loads(out)
    assert answer["calibration"] == stored["methods"]["similarity"]["calibration"]["note"]
    for row in answer["influences"]:
        assert 0 <= row["probability"] <= 1
        assert row["effect_interval"][0] <= row["effect_interval"][1]
    assert (answer["unattributed_share"] == 1) == ("nobody_because" in answer)


def test_a_further_method_takes_the_stored_losses(copy, run):
    losses = (copy / LOSSES).read_bytes()
    code, out, err = run(*calibrate("--methods", "random", "--workers", 1, "--json", generator=copy))
    assert code == 0, err
    report = json.loads(out)
    assert not report["retrained"]
    assert report["n_models"] == 10
    assert [group["name"] for group in report["groups"]] == ["Ada", "Bo", "Cy", "Di"], (
        "the largest, then by name"
    )
    assert (copy / LOSSES).read_bytes() == losses
    stored = json.loads((copy / "calibration.json").read_text())
    assert set(stored["methods"]) == {"similarity", "random"}
    assert run(*calibrate("--estimate", generator=copy))[1].startswith("no model to train")


def test_an_interrupted_run_goes_on_with_the_same_result(copy, run):
    with np.load(copy / LOSSES) as stored:
        before = {name: stored[name] for name in stored.files}
    report = (copy / "calibration.json").read_bytes()
    (copy / LOSSES).unlink()  # as if stopped just before the end: the models' losses lie in the workspace
    code, _out, err = run(*calibrate(*SIZES, generator=copy))
    assert code == 0, err
    with np.load(copy / LOSSES) as stored:
        for name in stored.files:
            assert (stored[name] == before[name]).all(), name
    assert (copy / "calibration.json").read_bytes() == report


def test_the_table_tells_what_a_reader_must_know(copy, run):
    code, out, err = run(*calibrate("--workers", 1, generator=copy))
    assert code == 0, err
    for words in (
        "Left out in turn, by artist",
        "Ada",
        "in the 90 % intervals",
        "Nobody in particular",
        "few data",
    ):
        assert words in out


def test_given_outputs_are_bound_by_their_content(home, calibrated, copy, run, tmp_path):
    (copy / LOSSES).unlink()
    names = []
    for number in range(8):
        name = tmp_path / f"given-{number}.wav"
        words = ("--seconds", "4.1", "--seed", number, "--prompt", "calm")
        assert run("generate", "--generator", "g", "--out", name, *words)[0] == 0
        names += ["--output", name]
    sizes = ("--groups", 4, "--full", 2, "--steps", 2, "--workers", 1)
    code, out, err = run(*calibrate(*sizes, *names, "--json", generator=copy))
    assert code == 0, err
    assert json.loads(out)["methods"]["similarity"]["coverage"]["n_queries"] == 8
    code, _out, err = run(*calibrate(generator=copy))
    assert code == 3
    assert "losses of 8 given outputs" in err
    record = tmp_path / "given-0.wav.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"generator_id": "reference-other"}))
    code, _out, err = run(*calibrate(*names, generator=copy))
    assert code == 3
    assert "made by reference-other" in err


def refused(run, *words, code=3, **names):
    found, out, err = run(*calibrate(*words, **names))
    assert (found, out) == (code, ""), err
    return err


def test_too_few_groups(run, home, tmp_path):
    shutil.copytree(home / "untrained", tmp_path / "bare")
    bare = tmp_path / "bare"
    assert "try --by artist" in refused(run, "--by", "rightsholder", generator=bare)
    assert "recordings name 5" in refused(run, "--groups", 9, generator=bare)
    assert "expected at least 4 groups" in refused(run, "--groups", 2, generator=bare)
    assert "expected artist or rightsholder" in refused(run, "--by", "genre", generator=bare)


def test_nobody_from_outside(run, home, tmp_path):
    err = refused(run, outside=None)
    assert "the catalogue of the workspace holds 0 recordings from outside" in err
    assert "--outside DIR" in err
    assert "no folder" in refused(run, outside=tmp_path / "none")
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(next((home / "outside").iterdir()), few)
    assert "holds 1 recordings from outside" in refused(run, outside=few)
    shutil.copy(next((home / "music").iterdir()), few)
    assert "the generator was trained on this file" in refused(run, outside=few)


def test_a_generator_that_learnt_nothing(run):
    assert "train it longer" in refused(run, *SIZES, generator="untrained")


def test_an_unknown_method_and_no_method(run):
    assert "not installed" in refused(run, "--methods", "horoscope")
    assert "no method to calibrate" in refused(run, "--methods", ",")


def test_stored_losses_of_other_sizes(run, copy):
    err = refused(run, "--seeds", 3, generator=copy)
    assert "n_seeds 2, not 3" in err
    assert "remove it to retrain" in err


def test_another_generators_losses(run, copy, home):
    shutil.copy(copy / LOSSES, home / "untrained" / LOSSES)
    try:
        assert "remove it to retrain" in refused(run, generator="untrained")
    finally:
        (home / "untrained" / LOSSES).unlink()


def test_a_generator_that_cannot_be_retrained(run, copy, monkeypatch):
    """Their losses make it possible all the same; without them it is said what to do."""
    from linernotes.workflows import calibrate_plan as workflow

    class Theirs:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

    monkeypatch.setattr(workflow, "load_generator", lambda folder: Theirs(ReferenceGenerator.load(folder)))
    code, out, err = run(*calibrate("--workers", 1, "--json", generator=copy))
    assert code == 0, err
    remarks = json.loads(out)["methods"]["similarity"]["remarks"]
    assert any("likeness cannot be measured" in remark for remark in remarks)
    (copy / LOSSES).unlink()
    assert "retrain it yourself" in refused(run, generator=copy)


def test_the_catalogue_is_taken_where_no_folder_is_named(home, copy, run, tmp_path):
    rows = [{"file": path.name, "title": path.stem, "artist": "?"} for path in (home / "outside").iterdir()]
    for path in (home / "outside").iterdir():
        shutil.copy(path, home / f"{path.name}")
    shutil.copytree(home / "ws", tmp_path / "ws")
    with (tmp_path / "catalog.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, ["file", "title", "artist"])
        table.writeheader()
        table.writerows(rows)
    added = run(
        "catalog", "add", "outside", "--metadata", tmp_path / "catalog.csv", "--workspace", tmp_path / "ws"
    )
    assert added[0] == 0, added[2]
    words = [str(w) for w in calibrate("--workers", 1, "--json", generator=copy, outside=None)]
    words[words.index("ws")] = str(tmp_path / "ws")
    code, out, err = run(*words)
    assert code == 0, err
    assert len(json.loads(out)["outside"]) == 7
