"""Sealing and proving through the program, as a user does."""

import json
import os
import signal
import subprocess
import sys

import pytest
import soundfile

from linernotes.cli.main import main
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError
from linernotes.workflows import audit
from linernotes.workflows.seal import seal_corpus
from linernotes.workspace import Workspace

ROW = "{},Rain,Ada,Ada Ltd,contract,{},{},no. 7,GBAYE6900001"


@pytest.fixture
def run(capsys):
    def call(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def material(make_folder, rights, tmp_path):
    folder = make_folder("rain.wav", "sun.wav", "x/moon.flac", duration_s=4.0)
    table = rights(ROW.format("rain.wav", "yes", "2025-01-01"), ROW.format("sun.wav", "no", ""))
    return folder, table, tmp_path / "ws"


def test_seal_gives_the_fields_of_the_contract(run, material):
    folder, table, out = material
    (folder / "cover.jpg").touch()
    code, text, err = run("corpus", "seal", folder, "--rights", table, "--out", out, "--json")
    assert code == 0
    answer = json.loads(text)
    assert answer["n_items"] == 3
    assert answer["n_without_consent"] == 2
    assert answer["duration_s"] == pytest.approx(12.0)
    assert answer["duplicates"] == []
    codes = {(gap["code"], gap["item_id"]) for gap in answer["gaps"]}
    assert {("consent-refused", "sun"), ("no-rights-row", "moon"), ("missing-iswc", "rain")} <= codes
    assert all(gap["severity"] and gap["next_step"] for gap in answer["gaps"])
    assert "cover.jpg: not an audio file" in err
    with Workspace.open(out) as workspace:
        corpus = workspace.corpus()
        corpus.verify()
        assert corpus.root == answer["root"]
        assert all(corpus.audio_path(item).is_file() for item in corpus.items)
        facts = audit.verify(answer["receipt"], audit.trusted_key_path(workspace))
    assert (facts["kind"], facts["subject_sha256"]) == ("corpus-seal", answer["root"])
    bundles = [path for path in (out / "log" / "tile" / "entries").rglob("*") if path.is_file()]
    assert bundles
    assert not any(b"Rain" in path.read_bytes() for path in bundles)
    assert [path.name for path in out.parent.iterdir() if "partial" in path.name] == []


def test_sealing_again_gives_the_same_root_and_other_audio_is_refused(run, material):
    folder, table, out = material
    words = ("corpus", "seal", folder, "--rights", table, "--out", out, "--json")
    first, second = json.loads(run(*words)[1]), json.loads(run(*words)[1])
    assert first == second
    assert audit.fsck(out)["size"] == 1
    soundfile.write(folder / "new.wav", [0.1, -0.1] * 8000, 16000)
    code, text, err = run(*words)
    assert (code, text) == (3, "")
    assert "a seal is never exchanged" in err
    with Workspace.open(out) as workspace:
        assert workspace.corpus().root == first["root"]


def test_the_same_secret_seals_elsewhere_to_the_same_root(run, material, tmp_path):
    folder, table, _ = material
    secret = tmp_path / "secret"
    secret.write_text("ab" * 32 + "\n")
    roots = set()
    for name in ("one", "two"):
        words = (
            "corpus",
            "seal",
            folder,
            "--rights",
            table,
            "--out",
            tmp_path / name,
            "--secret-file",
            secret,
        )
        roots.add(json.loads(run(*words, "--json")[1])["root"])
    assert len(roots) == 1
    secret.write_text("abc")
    code, _, err = run(
        "corpus", "seal", folder, "--rights", table, "--out", tmp_path / "x", "--secret-file", secret
    )
    assert code == 3
    assert "64 hexadecimal digits" in err


def test_consent_after_the_training_date_does_not_count(run, material):
    folder, table, out = material
    words = (
        "corpus",
        "seal",
        folder,
        "--rights",
        table,
        "--out",
        out,
        "--training-date",
        "2024-12-31",
        "--json",
    )
    answer = json.loads(run(*words)[1])
    assert answer["n_without_consent"] == 3
    assert answer["stage"] == "after-training"
    assert ("consent-after-training", "rain") in {(gap["code"], gap["item_id"]) for gap in answer["gaps"]}


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (lambda folder, table: (folder / "bad.mp3").write_text("words"), "bad.mp3"),
        (lambda folder, table: table.write_text("file,title\n"), "missing columns artist"),
        (lambda folder, table: table.unlink(), "rights.csv: no such file"),
        (lambda folder, table: (folder / "rain.wav").unlink(), "line 2: file 'rain.wav'"),
    ],
)
def test_an_error_writes_nothing(run, material, spoil, names):
    folder, table, out = material
    spoil(folder, table)
    before = sorted(out.parent.iterdir())
    code, text, err = run("corpus", "seal", folder, "--rights", table, "--out", out)
    assert (code, text) == (3, "")
    assert names in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(out.parent.iterdir()) == before


def test_skip_bad_makes_a_gap(run, material):
    folder, table, out = material
    (folder / "bad.mp3").write_text("words")
    words = ("corpus", "seal", folder, "--rights", table, "--out", out, "--skip-bad", "--json")
    answer = json.loads(run(*words)[1])
    assert answer["n_items"] == 3
    assert answer["gaps"][0]["code"] in ("unreadable-audio", "consent-refused")
    assert "unreadable-audio" in {gap["code"] for gap in answer["gaps"]}


def test_an_occupied_place_is_left_alone(run, material, tmp_path):
    folder, table, _ = material
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("taken", "file"):
        code, _, err = run("corpus", "seal", folder, "--rights", table, "--out", tmp_path / name)
        assert code == 3
        assert name in err
    assert (tmp_path / "taken" / "thesis.txt").read_text() == "mine"


def test_an_existing_workspace_without_a_corpus_takes_one(run, material):
    folder, table, out = material
    Workspace.create(out).close()
    assert run("corpus", "seal", folder, "--rights", table, "--out", out)[0] == 0
    with Workspace.open(out) as workspace:
        assert isinstance(workspace.corpus(), SealedCorpus)


def _interrupt_after(n_files):
    def progress(_name, n_done, _n_all):
        if n_done == n_files:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_seal_leaves_nothing(material):
    folder, table, out = material
    before = sorted(out.parent.iterdir())
    with pytest.raises(KeyboardInterrupt):
        seal_corpus(folder, table, out, progress=_interrupt_after(2))
    assert sorted(out.parent.iterdir()) == before


def test_a_log_that_cannot_be_written_leaves_nothing(material, monkeypatch):
    folder, table, out = material
    before = sorted(out.parent.iterdir())

    def full_disk(*_words):
        raise CorpusError("the disk is full")

    monkeypatch.setattr("linernotes.workflows.seal.record", full_disk)
    with pytest.raises(CorpusError, match="disk is full"):
        seal_corpus(folder, table, out)
    assert sorted(out.parent.iterdir()) == before


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_a_killed_seal_leaves_a_whole_workspace_or_none(material):
    folder, table, out = material
    program = (
        "import sys; from linernotes.workflows.seal import seal_corpus\n"
        "seal_corpus(*sys.argv[1:], progress=lambda *call: print(*call, flush=True))"
    )
    words = [sys.executable, "-c", program, str(folder), str(table), str(out)]
    for n_lines in (1, 3):  # after the first file; after the last, while the workspace is being written
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            for _ in range(n_lines):
                assert process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert not out.exists() or Workspace.open(out).corpus().verify()
    assert seal_corpus(folder, table, out).corpus.verify()


def test_presence_and_absence_through_the_program(run, material, tmp_path, music):
    folder, table, out = material
    root = json.loads(run("corpus", "seal", folder, "--rights", table, "--out", out, "--json")[1])["root"]
    other = tmp_path / "other.wav"
    soundfile.write(other, music(99, 2.0).samples, 16000)
    proof = tmp_path / "song.proof"
    for path, present in ((folder / "rain.wav", True), (other, False)):
        code, text, _ = run("presence", "prove", path, "--workspace", out, "--out", proof, "--json")
        assert code == 0
        assert json.loads(text)["present"] is present
        code, text, _ = run("presence", "verify", proof, "--root", root, "--file", path, "--json")
        assert code == 0
        assert json.loads(text)["present"] is present
        assert run("presence", "verify", proof, "--root", root, "--file", folder / "sun.wav")[0] == 1
        assert run("presence", "verify", proof, "--root", "00" * 32)[0] == 1
        data = bytearray(proof.read_bytes())
        data[-20] ^= 1
        proof.write_bytes(data)
        assert run("presence", "verify", proof, "--root", root)[0] == 1
    with Workspace.open(out) as workspace:
        digest = workspace.corpus().items[0].content_sha256
    assert json.loads(run("presence", "prove", digest, "--workspace", out, "--out", proof, "--json")[1])[
        "present"
    ]


def test_presence_faults_are_named(run, material, tmp_path):
    folder, table, out = material
    code, _, err = run(
        "presence", "prove", folder / "rain.wav", "--workspace", out, "--out", tmp_path / "p.proof"
    )
    assert code == 3
    assert "no such workspace" in err
    run("corpus", "seal", folder, "--rights", table, "--out", out)
    assert run("presence", "prove", "nofile.wav", "--workspace", out, "--out", tmp_path / "p.proof")[0] == 3
    assert not (tmp_path / "p.proof").exists()
    (tmp_path / "p.proof").write_text("LNP9")
    code, _, err = run("presence", "verify", tmp_path / "p.proof", "--root", "00" * 32)
    assert code == 1
    assert "not a presence proof" in err
    assert run("presence", "verify", tmp_path / "p.proof", "--root", "12")[0] == 3
    assert run("presence", "verify", tmp_path / "none.json", "--root", "00" * 32)[0] == 3


def test_snapshots_through_the_program(run, material, tmp_path, music):
    folder, table, out = material
    first = json.loads(run("corpus", "seal", folder, "--rights", table, "--out", out, "--json")[1])
    code, _, err = run("corpus", "snapshot", folder, "--rights", table, "--workspace", out)
    assert code == 3
    assert "nothing changed" in err
    soundfile.write(folder / "snow.wav", music(50, 4.0).samples, 16000)
    code, text, _ = run("corpus", "snapshot", folder, "--rights", table, "--workspace", out, "--json")
    assert code == 0
    second = json.loads(text)
    assert second["previous_root"] == first["root"]
    assert (second["added"], second["removed"], second["changed"]) == (["snow"], [], [])
    rows = json.loads(run("corpus", "snapshots", "--workspace", out, "--json")[1])
    assert [row["root"] for row in rows] == [first["root"], second["root"]]
    assert "snow" in run("corpus", "snapshots", "--workspace", out)[1]
    with Workspace.open(out) as workspace:
        assert [one.root for one in workspace.snapshots()] == [first["root"], second["root"]]
        assert workspace.corpus().verify().root == second["root"]
        facts = audit.verify(second["receipt"], audit.trusted_key_path(workspace))
    assert (facts["kind"], facts["subject_sha256"]) == ("corpus-snapshot", second["root"])
    proof = tmp_path / "song.proof"
    asked = ("presence", "prove", folder / "snow.wav", "--workspace", out, "--out", proof, "--json")
    assert json.loads(run(*asked)[1])["present"]
    earlier = json.loads(run(*asked, "--snapshot", first["root"][:16])[1])
    assert (earlier["present"], earlier["root"]) == (False, first["root"])
    assert run("presence", "verify", proof, "--root", second["root"])[0] == 1


def test_a_manifest_through_the_program(run, tmp_path):
    rows = [{"item_id": f"i{n}", "content_sha256": f"{n:064x}", "isrc": f"GBAYE69{n:05}"} for n in range(3)]
    manifest, out, proof = tmp_path / "items.jsonl", tmp_path / "ws", tmp_path / "song.proof"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, text, _ = run("corpus", "seal", "--manifest", manifest, "--out", out, "--json")
    assert code == 0
    root = json.loads(text)["root"]
    assert json.loads(text)["n_items"] == 3
    code, text, _ = run(
        "presence", "prove", "GB-AYE-69-00001", "--workspace", out, "--out", proof, "--open", "--json"
    )
    assert json.loads(text)["present"]
    code, text, _ = run("presence", "verify", proof, "--root", root, "--key", "GBAYE6900001", "--json")
    assert code == 0
    assert [item["item_id"] for item in json.loads(text)["items"]] == ["i1"]
    assert run("presence", "verify", proof, "--root", root, "--key", "GBAYE6900002")[0] == 1
    assert run("corpus", "seal", "--out", out)[0] == 2
    assert run("corpus", "seal", tmp_path, "--manifest", manifest, "--out", out)[0] == 2
