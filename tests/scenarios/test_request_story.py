"""An owner asks, the desk answers with proofs and receipts, a dispute and a correction stand in the next answer."""

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from linernotes.audio.files import read_audio, write_audio
from linernotes.catalog.consent_record import consent
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.cli import requests as command
from linernotes.cli.main import main
from linernotes.disclosure.requests import AskedWork
from linernotes.disclosure.requests_clock import Clock
from linernotes.errors import CorpusError, InputError, VerificationError
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.fingerprint.chromaprint.codec import encode
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.workflows import requests as desk
from linernotes.workflows.requests_answer import answer
from linernotes.workflows.requests_disputes import correct, dispute
from linernotes.workspace import Workspace

DEMO = Path(__file__).parents[2] / "demo" / "corpus" / "audio"
IN_CORPUS = ("eric-skiff__jumpshot", "wansti__theme", "foxsynergy__lunar-joyride")
OUTSIDE = "kevin-macleod__vibe-ace"
RATE = 22050
TODAY = date(2026, 11, 23)
WHO = {"requester": "Wansti", "contact": "wansti@example.org", "statement": "I swear that these are mine."}


def piece(name):
    return read_audio(DEMO / f"{name}.ogg", RATE).excerpt(5, 17)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    home = tmp_path_factory.mktemp("desk")
    (home / "music").mkdir()
    rows = ["file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,isrc"]
    for number, name in enumerate(IN_CORPUS):
        write_audio(home / "music" / f"{name}.flac", piece(name))
        artist = name.split("__")[0]
        rows.append(f"{name}.flac,{name},{artist},{artist},CC0-1.0,yes,2025-01-01,no. 1,USS1Z990000{number}")
    (home / "rights.csv").write_text("\n".join(rows) + "\n", "utf-8")
    write_audio(home / "theme.ogg", piece("wansti__theme"))  # coded anew
    write_audio(home / "outside.wav", piece(OUTSIDE))
    assert (
        main(
            [
                "corpus",
                "seal",
                str(home / "music"),
                "--rights",
                str(home / "rights.csv"),
                "--out",
                str(home / "ws"),
            ]
        )
        == 0
    )
    return home


@pytest.fixture
def home(sealed, tmp_path):
    shutil.copytree(sealed, tmp_path / "home")
    return tmp_path / "home"


def works(home):
    return (
        AskedWork(label="by code", codes={"isrc": ("us-s1z-99-00001",)}),
        AskedWork(label="by sound", file=str(home / "theme.ogg")),
        AskedWork(label="by fingerprint", fingerprint=encode(extract(piece("wansti__theme"), None))),
        AskedWork(label="not there", file=str(home / "outside.wav"), codes={"isrc": ("GBAYE6900001",)}),
        AskedWork(label="not there, by code", codes={"isrc": ("GBAYE6900002",)}),
    )


def opened(home, **changes):
    given = WHO | {"works": works(home), "clock": Clock(30), "today": TODAY} | changes
    return desk.open_request(home / "ws", **given)


def verifier(folder, *options):
    done = subprocess.run(
        [sys.executable, folder / "linernotes_verify.py", "folder", folder, *options, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def read(folder, name):
    return json.loads((folder / name).read_text("utf-8"))


def test_a_request_is_answered_with_proofs_that_verify(home, tmp_path):
    ticket = opened(home)
    name = ticket["request_id"]
    assert (ticket["state"], ticket["due_on"], ticket["days_left"]) == ("open", "2026-12-23", 30)
    told = answer(
        home / "ws", name, out=tmp_path / "mail", today=date(2026, 11, 30), note="Thank you for asking."
    )
    results = {work["label"]: work["result"] for work in told["works"]}
    assert results == {
        "by code": "present",
        "by sound": "present",
        "by fingerprint": "present",
        "not there": "not-found",
        "not there, by code": "not-found-by-codes",
    }
    extract = read(tmp_path / "mail", "extract.json")
    first = extract["works"][0]["items"][0]
    assert (first["item_id"], first["entitled"], first["consent"]["doubt"]) == (
        "wansti-theme",
        "on-file",
        None,
    )
    assert "Another master" in extract["works"][3]["words"]
    page = (tmp_path / "mail" / "answer.html").read_text("utf-8")
    for words in ("Is your music in it?", "In the committed corpus.", "Thank you for asking."):
        assert words in page
    for word in ("copied", "stolen", "proves", "trained on"):
        assert word not in page.lower()
    code, facts = verifier(tmp_path / "mail", "--key", str(home / "ws" / "keys" / "log.pub"))
    assert (code, facts["ok"]) == (0, True)
    assert {work["label"]: work["proved"] for work in facts["works"]}["not there"] == "absent"
    assert desk.show_request(home / "ws", name, today=TODAY)["state"] == "answered"


def test_personal_data_stays_private(home):
    ticket = opened(home)
    folder = home / "ws" / "requests" / ticket["request_id"]
    assert stat.S_IMODE((folder / "request.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "ws" / "requests").stat().st_mode) == 0o700
    dispute(home / "ws", ticket["request_id"], 0, "other", "My telephone is 0123.", today=TODAY)
    for path in (home / "ws" / "log").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for text in (b"Wansti", b"wansti@example.org", b"I swear", b"telephone"):
                assert text not in data, path
    words = next((folder / "words").iterdir())
    assert stat.S_IMODE(words.stat().st_mode) == 0o600


def test_a_stranger_learns_presence_and_no_more_until_confirmed(home, tmp_path):
    ticket = opened(home, requester="Somebody Else")
    answer(home / "ws", ticket["request_id"], out=tmp_path / "a", today=TODAY)
    first = read(tmp_path / "a", "extract.json")["works"][0]
    assert first["result"] == "present"
    assert first["items"][0].keys() == {"item_id", "entitled", "withheld"}
    answer(home / "ws", ticket["request_id"], out=tmp_path / "b", confirm=["by code"], today=TODAY)
    works_b = read(tmp_path / "b", "extract.json")["works"]
    assert works_b[0]["items"][0]["entitled"] == "confirmed"
    assert works_b[1]["items"][0]["entitled"] == "not-on-file"
    with pytest.raises(InputError, match="nothing to confirm"):
        answer(home / "ws", ticket["request_id"], confirm=["another"], today=TODAY)


def test_dispute_and_correction_stand_in_every_later_answer(home, tmp_path):
    name = opened(home)["request_id"]
    first = answer(home / "ws", name, out=tmp_path / "first", today=TODAY)
    disputed = dispute(
        home / "ws", name, first["log_index"], "not-found-but-used", "I heard it.", today=TODAY
    )
    assert disputed["state"] == "disputed"
    (number,) = disputed["open_disputes"]
    with pytest.raises(InputError, match="is open"):
        desk.close_request(home / "ws", name, today=TODAY)
    corrected = correct(
        home / "ws",
        name,
        first["log_index"],
        "Looked again.",
        outcome="upheld",
        dispute_entry=number,
        today=TODAY,
    )
    assert corrected["state"] == "corrected"
    assert [m["kind"] for m in corrected["marks"][str(first["log_index"])]] == [
        "request-disputed",
        "request-corrected",
    ]
    answer(home / "ws", name, out=tmp_path / "second", today=TODAY)
    history = read(tmp_path / "second", "extract.json")["history"]
    told = {step["kind"]: step for step in history}
    assert told["request-disputed"]["words"] == "I heard it."
    assert told["request-corrected"]["words"] == "Looked again."
    assert "I heard it." in (tmp_path / "second" / "answer.html").read_text("utf-8")
    code, facts = verifier(tmp_path / "second", "--key", str(home / "ws" / "keys" / "log.pub"))
    assert (code, facts["ok"]) == (0, True)
    assert desk.close_request(home / "ws", name, today=TODAY)["state"] == "closed"
    with pytest.raises(CorpusError, match="after the request was closed"):
        dispute(home / "ws", name, 0, "late", "Too late.", today=TODAY)


def test_an_extract_holds_consent_influence_and_payment_of_the_own_works_alone(home, tmp_path):
    with Workspace.open(home / "ws") as workspace:
        root = workspace.corpus().root
        facts = {
            "query_id": "out.wav",
            "method": "unlearning",
            "unit": "nats",
            "generator_id": "g",
            "corpus_root": root,
        }
        shares = {"wansti-theme": 0.25, "eric-skiff-jumpshot": 0.5}
        influences = tuple(
            Influence(item_id=name, score=1.0, share=share, interval=(0.1, 0.6), rank=rank)
            for rank, (name, share) in enumerate(shares.items(), start=1)
        )
        workspace.save_ranking(
            InfluenceRanking(**facts, seed=0, influences=influences, unattributed_share=0.25), home / "run"
        )
        line = {"layer": "master", "amount": "1.00 EUR", "status": "pay"}
        lines = [line | {"item_id": name, "line_id": f"{name}/master"} for name in shares]
        workspace.save_statement({"statement_id": "s1", "created_at": "2026-11-20T00:00:00Z", "lines": lines})
        workspace.save_registry(
            Registry(
                recordings=(Recording(recording_id="wansti-theme", title="Theme", artist="Wansti"),),
                consents=(
                    consent(
                        subject_kind="recording",
                        subject="wansti-theme",
                        layer="master",
                        value="deny",
                        use="generative-training",
                        authority="owner",
                        given_on="2025-06-01",
                    ),
                ),
            )
        )
    name = opened(home, works=works(home)[:1])["request_id"]
    answer(home / "ws", name, out=tmp_path / "mail", today=TODAY)
    (found,) = read(tmp_path / "mail", "extract.json")["works"][0]["items"]
    assert [(one["share"], one["rank"]) for one in found["influence"]] == [(0.25, 1)]
    assert [(one["line_id"], one["amount"]) for one in found["settlement"]] == [
        ("wansti-theme/master", "1.00 EUR")
    ]
    layers = {one["layer"]: one["value"] for one in found["consent"]["layers"]}
    assert (layers["master"], found["consent"]["allowed"]) == ("deny", False)
    text = (tmp_path / "mail" / "extract.json").read_text("utf-8")
    assert "jumpshot" not in text
    page = (tmp_path / "mail" / "answer.html").read_text("utf-8")
    assert "For the recording (master): refused." in page
    assert "1.00 EUR" in page


def test_without_listening_codes_and_the_map_answer(home, tmp_path):
    with Workspace.open(home / "ws") as workspace:
        workspace.save_corpus(replace(workspace.corpus(), audio_dir=str(home / "gone")))
    name = opened(home)["request_id"]
    with pytest.raises(InputError, match="--no-listen"):
        answer(home / "ws", name, today=TODAY)
    told = answer(home / "ws", name, out=tmp_path / "mail", listen=False, today=TODAY)
    results = {work["label"]: work["result"] for work in told["works"]}
    assert results["by code"] == "present"
    assert results["not there"] == "not-found-by-codes"
    assert read(tmp_path / "mail", "answer.json")["sound_compared"] == 0
    assert verifier(tmp_path / "mail", "--key", str(home / "ws" / "keys" / "log.pub"))[0] == 0


def test_the_clock_notes_overdue_requests_once(home):
    name = opened(home, clock=Clock(7))["request_id"]
    assert desk.run_clock(home / "ws", today=date(2026, 11, 30))["overdue"] == []
    late = desk.run_clock(home / "ws", today=date(2026, 12, 1))
    assert (late["overdue"], late["noted"]) == ([name], [name])
    assert desk.run_clock(home / "ws", today=date(2026, 12, 2))["noted"] == []
    told = answer(home / "ws", name, today=date(2026, 12, 3))
    assert told["late"]
    shown = desk.show_request(home / "ws", name, today=date(2026, 12, 3))
    assert shown["state"] == "answered"
    assert desk.run_clock(home / "ws", today=date(2026, 12, 4))["overdue"] == []


@pytest.mark.parametrize(
    "name", ["answer.json", "extract.json", "request.json", "answer.html", "proofs/00001.proof"]
)
def test_a_changed_answer_is_refused(home, tmp_path, name):
    request_id = opened(home)["request_id"]
    answer(home / "ws", request_id, out=tmp_path / "mail", today=TODAY)
    path = tmp_path / "mail" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    code, facts = verifier(tmp_path / "mail", "--key", str(home / "ws" / "keys" / "log.pub"))
    assert (code, facts["ok"]) == (1, False)


def test_parts_of_another_answer_are_refused(home, tmp_path):
    key = str(home / "ws" / "keys" / "log.pub")
    one, other = opened(home)["request_id"], opened(home)["request_id"]
    answer(home / "ws", one, out=tmp_path / "one", today=TODAY)
    answer(home / "ws", other, out=tmp_path / "other", today=TODAY)
    shutil.rmtree(tmp_path / "one" / "receipts")
    shutil.copytree(tmp_path / "other" / "receipts", tmp_path / "one" / "receipts")
    code, facts = verifier(tmp_path / "one", "--key", key)
    assert code == 1
    assert "different requests" in facts["error"]
    (tmp_path / "other" / "extra.txt").write_text("more")
    assert verifier(tmp_path / "other", "--key", key)[0] == 1


def test_a_changed_private_request_is_noticed(home):
    name = opened(home)["request_id"]
    path = home / "ws" / "requests" / name / "request.json"
    os.chmod(path, 0o600)
    path.write_bytes(path.read_bytes().replace(b"Wansti", b"Vansti"))
    with pytest.raises(VerificationError, match="it was changed"):
        desk.show_request(home / "ws", name, today=TODAY)


def test_the_desk_refuses_what_it_cannot_use(home):
    with pytest.raises(InputError, match="ISWC"):
        opened(home, works=(AskedWork(label="a", codes={"iswc": ("T-1",)}),))
    with pytest.raises(InputError, match="no such file"):
        opened(home, works=(AskedWork(label="a", file="nowhere.wav"),))
    with pytest.raises(InputError, match="statement is empty"):
        opened(home, statement=" ")
    name = opened(home)["request_id"]
    with pytest.raises(InputError, match="expected one of"):
        dispute(home / "ws", name, 0, "angry", "x", today=TODAY)
    with pytest.raises(InputError, match="the log has entries"):
        dispute(home / "ws", name, 99, "other", "x", today=TODAY)
    with pytest.raises(InputError, match="not an open dispute"):
        correct(home / "ws", name, 0, "x", dispute_entry=0, today=TODAY)
    with pytest.raises(InputError, match="not answered yet"):
        desk.close_request(home / "ws", name, today=TODAY)
    with pytest.raises(CorpusError, match="not in the log"):
        desk.show_request(home / "ws", "0" * 16)
    with Workspace.open(home / "ws") as workspace:
        assert workspace.has_corpus()


def test_the_commands(home, tmp_path, capsys):
    ws = str(home / "ws")
    capsys.readouterr()
    (tmp_path / "sworn.txt").write_text("I swear.")
    call = lambda *words: _run(capsys, *words)  # noqa: E731
    code, ticket = call(
        *(
            "open",
            "--workspace",
            ws,
            "--requester",
            "Wansti",
            "--contact",
            "c",
            "--statement",
            f"@{tmp_path / 'sworn.txt'}",
        ),
        *("--isrc", "USS1Z9900001", "--clock", "7-days", "--today", "2026-11-23", "--json"),
    )
    assert code == 0
    name = ticket["request_id"]
    assert (
        call("list", "--workspace", ws, "--today", "2026-11-23", "--json")[1]["requests"][0]["request_id"]
        == name
    )
    assert call("clock", "--workspace", ws, "--today", "2026-12-23", "--json")[0] == 1
    code, told = call("answer", name, "--workspace", ws, "--out", str(tmp_path / "m"), "--json")
    assert (code, told["n_present"]) == (0, 1)
    entry = str(told["log_index"])
    common = ("--workspace", ws, "--entry", entry, "--json")
    code, shown = call("dispute", name, *common, "--reason", "wrong-consent", "--words", "No.")
    number = str(shown["open_disputes"][0])
    assert call("correct", name, *common, "--words", "Yes.", "--dispute", number)[1]["state"] == "corrected"
    assert call("show", name, "--workspace", ws, "--json")[1]["statement"] == "I swear."
    assert call("close", name, "--workspace", ws, "--json")[1]["state"] == "closed"
    assert "Wansti" in _run(capsys, "show", name, "--workspace", ws, as_json=False)[1]
    assert name in _run(capsys, "list", "--workspace", ws, as_json=False)[1]


def _run(capsys, *words, as_json=True):
    import typer

    code = typer.main.get_command(command.app).main(args=list(words), standalone_mode=False) or 0
    said = capsys.readouterr()
    return code, json.loads(said.out) if as_json else said.out
