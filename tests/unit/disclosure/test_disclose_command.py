"""Publishing, checking and scoring through the program, as a provider and a creator do."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from linernotes.auditlog.files import sole_writer
from linernotes.cli.main import main
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError, LinernotesError, VerificationError
from linernotes.workflows import disclose as module
from linernotes.workflows.audit import open_log, record
from linernotes.workflows.disclose import disclose
from linernotes.workflows.disclose_check import check_disclosure
from linernotes.workspace import Workspace


@pytest.fixture
def run(capsys):
    def call(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def desk(scene, tmp_path):
    """A workspace with a sealed and logged corpus, and a provider file."""
    corpus = scene.sealed(scene.items())
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.save_corpus(corpus)
        workspace.save_registry(scene.registry())
        record(workspace, "corpus-seal", corpus.root, {"n_items": len(corpus.items)})
    (tmp_path / "provider.toml").write_text(scene.provider_text)
    return tmp_path


def _words(desk, out="out", *more):
    return "disclose", desk / "ws", "--provider", desk / "provider.toml", "--out", desk / out, *more


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_document_is_written_logged_and_checks(run, desk):
    code, text, _ = run(*_words(desk, "out", "--json"))
    assert code == 0
    answer = json.loads(text)
    assert (answer["version"], answer["logged"], answer["level"]) == (1, True, "aggregate")
    assert answer["n_gaps"] == len(answer["gaps"]) > 0
    assert all({"code", "item_id", "severity", "next_step"} <= gap.keys() for gap in answer["gaps"])
    assert "hidden-file" not in text
    assert answer["limitation"]
    names = set(_files(desk / "out"))
    assert names == {*answer["documents"], "receipt.json", "seal-receipt.json"}
    assert {"index.html", "article53.html", "ab2013.html", "completeness.html"} <= names
    for page in (name for name in names if name.endswith(".html")):
        assert page.replace(".html", ".json") in names
    with Workspace.open(desk / "ws") as workspace:
        entry = open_log(workspace).entry(answer["log_index"])
    assert (entry.kind, entry.subject_sha256) == ("disclosure", answer["sha256"])
    assert "Hidden" not in json.dumps(entry.body)
    for trust in (("--workspace", desk / "ws"), ("--key", desk / "ws" / "keys" / "log.pub")):
        code, text, _ = run("disclose", "check", desk / "out", *trust, "--json")
        assert code == 0
        found = json.loads(text)
        assert found["ok"] is True
        assert found["corpus_root"] == answer["corpus_root"]
        assert found["sealed_at"]


def test_equal_input_gives_equal_documents_and_no_further_entry(run, desk):
    run(*_words(desk, "one"))
    code, text, _ = run(*_words(desk, "two", "--json"))
    assert (code, json.loads(text)["logged"]) == (0, False)
    assert _files(desk / "one") == _files(desk / "two")
    code, text, _ = run(*_words(desk, "one"))  # over an earlier disclosure, whole
    assert code == 0
    assert "stands: nothing has changed" in text
    assert not list(desk.glob("*.partial")) + list(desk.glob("*.replaced"))


def test_a_new_version_names_the_one_before(run, desk):
    first = json.loads(run(*_words(desk, "one", "--json"))[1])
    provider = desk / "provider.toml"
    provider.write_text(provider.read_text().replace("answer_days = 30", "answer_days = 14"))
    second = json.loads(run(*_words(desk, "two", "--json"))[1])
    assert (second["version"], second["previous_version"], second["logged"]) == (2, 1, True)
    index = json.loads((desk / "two" / "disclosure.json").read_text())
    assert index["previous"]["sha256"] == first["sha256"]
    assert index["previous"]["log_index"] == first["log_index"]
    third = json.loads(run(*_words(desk, "three", "--level", "full", "--json"))[1])
    assert third["version"] == 3
    assert check_disclosure(desk / "one", workspace=desk / "ws")["version"] == 1


def test_any_changed_file_is_noticed(desk):
    disclose(desk / "ws", desk / "provider.toml", desk / "out")
    key = desk / "ws" / "keys" / "log.pub"
    for name, data in _files(desk / "out").items():
        path = desk / "out" / name
        for damaged in (data[:-2], data.replace(b"6", b"7", 1), data + b" "):
            path.write_bytes(damaged)
            with pytest.raises(LinernotesError):
                check_disclosure(desk / "out", key=key)
        path.unlink()
        with pytest.raises(LinernotesError):
            check_disclosure(desk / "out", key=key)
        path.write_bytes(data)
    (desk / "out" / "praise.html").write_text("all is well")
    with pytest.raises(VerificationError, match=r"praise\.html"):
        check_disclosure(desk / "out", key=key)


def test_documents_of_another_corpus_or_log_are_refused(scene, desk, tmp_path):
    disclose(desk / "ws", desk / "provider.toml", desk / "out")
    other = scene.sealed([scene.make_item(1)])
    with Workspace.create(tmp_path / "other") as workspace:
        workspace.save_corpus(other)
        record(workspace, "corpus-seal", other.root, {})
    with pytest.raises(VerificationError, match="not a snapshot"):
        check_disclosure(desk / "out", workspace=tmp_path / "other")
    with pytest.raises(VerificationError):
        check_disclosure(desk / "out", key=tmp_path / "other" / "keys" / "log.pub")
    with pytest.raises(InputError, match="either --key"):
        check_disclosure(desk / "out")


def test_an_edited_document_with_an_edited_index_is_not_in_the_log(desk):
    import hashlib

    disclose(desk / "ws", desk / "provider.toml", desk / "out")
    page = desk / "out" / "article53.md"
    page.write_text(page.read_text() + "\nAll rights were cleared.\n")
    index = desk / "out" / "disclosure.json"
    said = json.loads(index.read_text())
    said["files"]["article53.md"] = hashlib.sha256(page.read_bytes()).hexdigest()
    index.write_text(json.dumps(said, sort_keys=True, ensure_ascii=False, indent=2) + "\n")
    with pytest.raises(VerificationError, match="another entry"):
        check_disclosure(desk / "out", key=desk / "ws" / "keys" / "log.pub")


def test_a_corpus_that_was_never_logged_is_only_declared(scene, tmp_path):
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.save_corpus(scene.sealed(scene.items()))
    (tmp_path / "p.toml").write_text(scene.provider_text)
    disclose(tmp_path / "ws", tmp_path / "p.toml", tmp_path / "out")
    index = json.loads((tmp_path / "out" / "disclosure.json").read_text())
    assert index["limitation"]["rung"] == 0
    assert "sealed but not logged" in index["limitation"]["statement"]
    assert not (tmp_path / "out" / "seal-receipt.json").exists()
    assert check_disclosure(tmp_path / "out", workspace=tmp_path / "ws")["sealed_at"] is None


def test_template_asks_and_is_never_written_over(run, desk):
    code, text, _ = run("disclose", "template", "--out", desk / "asked.toml")
    assert code == 0
    assert "questions; fill it in" in text
    code, _, err = run("disclose", "template", "--out", desk / "asked.toml")
    assert code == 3
    assert "is there already" in err
    code, text, _ = run(
        "disclose", desk / "ws", "--provider", desk / "asked.toml", "--out", desk / "o", "--json"
    )
    assert (code, json.loads(text)["completeness"] < 0.5) == (0, True)


def test_score_of_our_own_summary_is_the_one_we_print(run, desk):
    answer = json.loads(run(*_words(desk, "out", "--json"))[1])
    code, text, _ = run("disclose", "score", desk / "out" / "article53.json", "--json")
    assert (code, json.loads(text)["score"]) == (0, answer["completeness"])
    code, text, _ = run("disclose", "score", desk / "out" / "article53.json")
    assert code == 0
    assert "Why this number" in text
    code, _, err = run("disclose", "score", desk / "provider.toml")
    assert code == 3
    assert "linernotes-article53" in err or "not readable JSON" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--level", "titles"), 3, "aggregate, identifiers, full"),
        (("--witnesses", "none.txt"), 3, "none.txt"),
    ],
)
def test_bad_options_leave_nothing(run, desk, words, code, message):
    found, _, err = run(*_words(desk, "out", *words))
    assert (found, message in err) == (code, True)
    assert not (desk / "out").exists()


def test_a_folder_that_is_no_disclosure_is_not_touched(run, desk):
    (desk / "out").mkdir()
    (desk / "out" / "mine.txt").write_text("x")
    code, _, err = run(*_words(desk))
    assert code == 3
    assert "no earlier disclosure" in err
    assert (desk / "out" / "mine.txt").read_text() == "x"
    (desk / "file").write_text("x")
    assert run(*_words(desk, "file"))[0] == 3


def test_a_workspace_without_corpus_or_a_bad_provider_file(run, desk, tmp_path):
    with Workspace.create(tmp_path / "empty"):
        pass
    code, _, err = run(
        "disclose", tmp_path / "empty", "--provider", desk / "provider.toml", "--out", desk / "o"
    )
    assert code == 3
    assert "no corpus is sealed" in err
    (desk / "provider.toml").write_text("[provider]\nnmae = 'x'\n")
    code, _, err = run(*_words(desk))
    assert code == 3
    assert "did you mean 'name'" in err


def test_words_of_people_and_help(run, desk):
    code, text, err = run(*_words(desk))
    assert code == 0
    assert "completeness" in text
    assert "not checked: leads" in err
    code, text, _ = run("disclose", "check", desk / "out", "--workspace", desk / "ws")
    assert code == 0
    assert "holds" in text
    code, text, _ = run("disclose", "--help")
    assert code == 0
    for name in ("write", "template", "check", "score"):
        assert name in text


KILLED = """
import os, signal, sys
from linernotes.workflows import disclose as module
at, ws, provider, out = sys.argv[1:]
real = getattr(module, at)
def die(*a, **k):
    if at == "_take_place":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*a, **k)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, at, die)
module.disclose(ws, provider, out)
"""


@pytest.mark.parametrize("at", ["_write_partial", "_log", "_take_place"])
def test_killed_at_any_step_the_same_command_finishes_one_version(desk, at):
    words = [
        sys.executable,
        "-c",
        KILLED,
        at,
        str(desk / "ws"),
        str(desk / "provider.toml"),
        str(desk / "out"),
    ]
    done = subprocess.run(words, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (desk / "out").exists()
    again = disclose(desk / "ws", desk / "provider.toml", desk / "out")
    assert again["version"] == 1
    check_disclosure(desk / "out", workspace=desk / "ws")
    with Workspace.open(desk / "ws") as workspace:
        log = open_log(workspace)
        kinds = [log.entry(i).kind for i in range(log.checkpoint().size)]
    assert kinds.count("disclosure") == 1


def test_a_changed_manifest_is_not_published(desk, monkeypatch):
    real = Workspace.corpus

    def changed(self, root=None):
        corpus = real(self, root)
        data = corpus.to_json()
        data["items"][0]["duration_s"] = 1.0
        return SealedCorpus.from_json(data)

    monkeypatch.setattr(Workspace, "corpus", changed)
    with pytest.raises(VerificationError, match="not what was sealed"):
        disclose(desk / "ws", desk / "provider.toml", desk / "out")
    assert not (desk / "out").exists()
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(desk / "out.partial")


def test_an_opt_out_audit_is_printed_and_its_conflicts_are_gaps(run, desk):
    """What robots.txt of a crawled site reserves stands against the consent that the table claims."""
    crawled = next(one for one in _corpus(desk).items if one.source and one.source.source_class == "crawled")
    site = "/".join(crawled.source.url.split("/")[:3]) + "/"
    (desk / "robots.txt").write_text("User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n", "utf-8")
    place = ("--workspace", desk / "ws")
    assert (
        run("signals", "import", desk / "robots.txt", *place, "--for", site, "--seen-on", "2026-02-01")[0]
        == 0
    )
    assert run("signals", "audit", *place)[0] == 1  # a conflict is a no
    assert run(*_words(desk))[0] == 0
    fields = {one["id"]: one for one in json.loads((desk / "out" / "article53.json").read_text())["fields"]}
    counted = fields["3.1.b"]["answer"]["value"]["opt-out audit"]
    assert counted["n_items"] == len(_corpus(desk).items)
    assert counted["n_conflicts"] >= 1
    gaps = json.loads((desk / "out" / "gaps.json").read_text())["gaps"]
    assert any(one["code"] == "opt-out-conflict" for one in gaps)
    audit = desk / "ws" / "signals" / "audit.json"
    audit.write_text(audit.read_text().replace('"n_conflicts": ', '"n_conflicts": 1'))
    code, _, said = run(*_words(desk, "again"))
    assert code == 3
    assert "not as it was logged" in said


def _corpus(desk):
    with Workspace.open(desk / "ws") as workspace:
        return workspace.corpus()


def test_two_at_the_same_time_log_two_versions(desk, monkeypatch):
    real = module._log

    def slow(*given):
        time.sleep(0.3)  # long enough for the other to have chosen its version
        return real(*given)

    monkeypatch.setattr(module, "_log", slow)
    found = []

    def publish(level):
        found.append(disclose(desk / "ws", desk / "provider.toml", desk / level, level=level)["version"])

    writers = [threading.Thread(target=publish, args=(level,)) for level in ("aggregate", "full")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(found) == [1, 2]
    for level in ("aggregate", "full"):
        check_disclosure(desk / level, workspace=desk / "ws")


def test_who_cannot_have_the_workspace_alone_is_refused(desk, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    with (
        sole_writer(desk / "ws" / module.LOCK_FILE),
        pytest.raises(CorpusError, match="another program is publishing"),
    ):
        disclose(desk / "ws", desk / "provider.toml", desk / "out")
    assert not (desk / "out").exists()
    assert disclose(desk / "ws", desk / "provider.toml", desk / "out")["version"] == 1


@pytest.mark.parametrize(("entered", "counts"), [("2026-02-20", True), ("2026-03-02", False)])
def test_a_consent_entered_after_training_counts_by_its_stated_date_alone(
    run, scene, tmp_path, monkeypatch, entered, counts
):
    """Song and singer of the first recording agreed, dated before training; the day of entry tells more."""
    corpus = scene.sealed(scene.items())
    monkeypatch.setattr("linernotes.workspace.store.history_time", lambda: f"{entered}T10:00:00+00:00")
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.save_corpus(corpus)
        workspace.save_registry(scene.registry())
    (tmp_path / "provider.toml").write_text(scene.provider_text)
    found = {}
    for name, more in (("stated", ()), ("strict", ("--logged-before",))):
        code, text, _ = run(*_words(tmp_path, name, "--level", "full", *more, "--json"))
        assert code == 0
        gaps = json.loads(text)["gaps"]
        found[name] = {
            (gap["code"], gap["detail"].split()[0]) for gap in gaps if gap["item_id"] == "hidden-file-1"
        }
        note = next(one["note"] for one in json.loads(text)["checks_run"] if one["check"] == "consent-layers")
        assert ("entered after 2026-03-01" in note) == bool(more)
    late = {("consent-after-training", "publishing"), ("consent-after-training", "performer")}
    assert not late & found["stated"]
    assert (late <= found["strict"]) != counts


@pytest.mark.parametrize(
    "report", ["{", "[]", '{"corpus_root": "ROOT"}', '{"corpus_root": "ROOT", "items": [{}]}']
)
def test_a_damaged_report_of_identification_is_one_error(run, desk, scene, report):
    root = scene.sealed(scene.items()).root
    folder = desk / "ws" / "runs" / "corpus-identify-ab"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(report.replace("ROOT", root))
    code, _, err = run(*_words(desk))
    assert code == 3
    assert "damaged report" in err
    assert "identify again" in err
