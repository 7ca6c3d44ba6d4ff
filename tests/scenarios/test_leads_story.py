"""A recording taken out of the corpus but kept as a reference: its near-copies raise a lead, other music does not."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soxr

from linernotes.audio.files import Audio, file_sha256, read_audio, write_audio
from linernotes.cli import leads as command
from linernotes.cli.main import main
from linernotes.corpus.presence import verify_presence
from linernotes.disclosure.leads import LeadConfig
from linernotes.errors import CorpusError, InputError, NotDisclosed
from linernotes.workflows import audit
from linernotes.workflows.leads import find_leads
from linernotes.workflows.leads_records import keep_leads, refuse_attribution, refused_for
from linernotes.workspace import Workspace

DEMO = Path(__file__).parents[2] / "demo" / "corpus" / "audio"
CATALOGUE = Path(__file__).parents[2] / "demo" / "catalog" / "audio"
REMOVED = "josh-woodward__dead-code"
KEPT = ("eric-skiff__jumpshot", "foxsynergy__lunar-joyride", "wansti__theme")
OUTSIDE = ("tad-tad-miller__cue", "yubatake__jrpg-tavern")
OTHER = "dizzy-crow__pirates-orchestra"
RATE = 22050
CONFIG = LeadConfig(n_controls=3, versions=False)


def piece(name, start=8.0, end=28.0, folder=DEMO):
    return read_audio(folder / f"{name}.ogg", RATE).excerpt(start, end)


def pitched(audio, semitones):
    """Higher and faster, as a turntable does it."""
    samples = soxr.resample(audio.samples, audio.sample_rate * 2 ** (semitones / 12), audio.sample_rate)
    return Audio(samples.astype(np.float32), audio.sample_rate)


def under(audio, other, loudness=1.0):
    n = min(len(audio.samples), len(other.samples))
    mixed = audio.samples[:n] / np.std(audio.samples) + loudness * other.samples[:n] / np.std(other.samples)
    return Audio((0.1 * mixed).astype(np.float32), audio.sample_rate)


def make_home(home, corpus):
    (home / "music").mkdir()
    (home / "references").mkdir()
    rights = ["file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence"]
    for name in corpus:
        write_audio(home / "music" / f"{name}.flac", piece(name))
        rights.append(f"{name}.flac,{name},{name.split('__')[0]},A Ltd,CC0-1.0,yes,2025-01-01,no. 1")
    (home / "rights.csv").write_text("\n".join(rights) + "\n", "utf-8")
    table = ["file,title,artist"]
    for name in (REMOVED, *OUTSIDE):
        folder = DEMO if name == REMOVED else CATALOGUE
        write_audio(
            home / "references" / f"{name}.wav", piece(name, folder=folder)
        )  # another file than the corpus
        table.append(f"{name}.wav,{name.split('__')[1]},{name.split('__')[0]}")
    (home / "catalog.csv").write_text("\n".join(table) + "\n", "utf-8")
    before = Path.cwd()
    os.chdir(home)
    try:
        assert main(["corpus", "seal", "music", "--rights", "rights.csv", "--out", "ws"]) == 0
        assert main(["catalog", "add", "references", "--metadata", "catalog.csv", "--workspace", "ws"]) == 0
    finally:
        os.chdir(before)
    return home


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    source = piece(REMOVED, 12.0, 22.0)
    write_audio(folder / "again.ogg", source)  # coded anew, with loss
    write_audio(folder / "pitched.wav", pitched(source, 1.0))
    write_audio(folder / "under.wav", under(source, piece(KEPT[0], 10.0, 20.0)))
    write_audio(folder / "unrelated.wav", piece(OTHER, 10.0, 20.0))
    write_audio(folder / "disclosed.wav", piece(KEPT[2], 12.0, 22.0))
    return folder


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("without"), KEPT)


@pytest.fixture(scope="module")
def found(without, outputs):
    files = sorted(outputs.iterdir())
    return find_leads(files, without / "ws", config=CONFIG)


NEAR_COPIES = ("again.ogg", "pitched.wav", "under.wav")


def answer(found, name):
    return next(one for one in found["outputs"] if Path(one["query"]).name == name)


@pytest.mark.parametrize("name", NEAR_COPIES)
def test_a_near_copy_of_an_undisclosed_recording_raises_a_lead(found, name):
    one = answer(found, name)
    leads = [lead for lead in found["leads"] if lead["lead_id"] in one["leads"]]
    assert [lead["reference"]["recording_id"] for lead in leads] == ["josh-woodward-dead-code"]
    (lead,) = leads
    assert {key["kind"] for key in lead["keys"] if key["status"] == "absent"} >= {
        *("content_sha256", "audio_sha256", "iscc", "fingerprint", "chromaprint", "passage")
    }
    assert not any(key["status"] == "present" for key in lead["keys"])
    assert all(
        seen["false_match_rate"] is None or seen["false_match_rate"] <= 1e-3 for seen in lead["observations"]
    )
    assert one["attribution"]["allowed"] is False
    assert (
        "cannot be attributed: reference is not in the disclosed corpus"
        in one["attribution"]["refused"][0]["words"]
    )
    assert sum(part["end_s"] - part["start_s"] for part in one["attribution"]["refused"]) > 5
    assert lead["gap"]["code"] == "contradiction-lead"


@pytest.mark.parametrize("name", ["unrelated.wav", "disclosed.wav"])
def test_unrelated_and_disclosed_music_raises_none(found, name):
    one = answer(found, name)
    assert one["leads"] == []
    assert one["attribution"] == {"allowed": True, "refused": []}


def test_what_is_disclosed_is_named_as_such(found):
    assert "wansti-theme" in answer(found, "disclosed.wav")["disclosed"]


def test_the_batch_states_bounds_controls_and_multiplicity(found):
    batch = found["batch"]
    assert (batch["n_outputs"], batch["n_with_leads"]) == (5, 3)
    low, high = batch["share"]["interval"]
    assert 0.1 < low < 0.6 < high < 1
    assert batch["multiplicity"]["n_references"] == 3
    assert found["controls"]["unrelated"]["n_trials"] == 3
    assert found["controls"]["unrelated"]["n_hits"] == 0
    assert found["controls"]["reversed"]["n_hits"] == 0
    assert batch["chance_of_as_many"] < 1e-6


def test_each_lead_is_logged_with_a_receipt_that_verifies(found, without):
    for lead in found["leads"]:
        facts = audit.verify(lead["receipt"], without / "ws" / "keys" / "log.pub", lead["record"])
        assert facts["kind"] == "contradiction-lead"
        assert facts["subject_checked"]
    text = json.dumps(found).lower()
    for word in ("copied", "stolen", "proves", "trained on"):
        assert word not in text


def test_the_same_lead_is_logged_once(found, without):
    made_here = ("record", "receipt", "log_index")
    leads = [
        {name: value for name, value in lead.items() if name not in made_here} for lead in found["leads"]
    ]
    with Workspace.open(without / "ws") as workspace:
        size = audit.open_log(workspace).checkpoint().size
        assert keep_leads(workspace, leads) == found["leads"]
        assert audit.open_log(workspace).checkpoint().size == size
        keep_leads(workspace, [leads[0] | {"n_outputs": 6}])
        assert audit.open_log(workspace).checkpoint().size == size + 1
        keep_leads(workspace, leads[:1])


def test_absence_can_be_checked_by_anybody(found, without):
    (lead, *_) = found["leads"]
    proof = (without / "ws" / "leads" / f"{lead['lead_id']}.absence.proof").read_bytes()
    assert hashlib.sha256(proof).hexdigest() == lead["absence_proof_sha256"]
    answer = verify_presence(proof, found["corpus"]["root"])
    assert not answer.present
    assert {kind for kind, _, _ in answer.keys} >= {"content_sha256", "audio_sha256", "iscc", "sketch"}


def test_attribution_is_refused_for_an_output_with_a_lead(found, without, outputs):
    with Workspace.open(without / "ws") as workspace:
        with pytest.raises(NotDisclosed, match="cannot be attributed"):
            refuse_attribution(workspace, outputs / "again.ogg")
        refuse_attribution(workspace, outputs / "unrelated.wav")
        assert refused_for(workspace, outputs / "disclosed.wav") == []


def test_the_same_music_played_otherwise_raises_a_lead(without, tmp_path):
    """Five semitones higher and a third faster no passage is found; the music is."""
    write_audio(tmp_path / "far.wav", pitched(piece(REMOVED, 8.0, 28.0), 5.0))
    config = LeadConfig(n_controls=0)
    found = find_leads([tmp_path / "far.wav"], without / "ws", config=config, log=False)
    (lead,) = found["leads"]
    (seen,) = lead["observations"]
    assert (seen["kind"], lead["reference"]["recording_id"]) == ("version", "josh-woodward-dead-code")
    assert seen["control_rank"][0] == 0
    assert seen["commonplace"] <= 0.05
    assert {key["kind"]: key["status"] for key in lead["keys"]}["version"] == "absent"


def test_left_in_the_corpus_it_raises_no_lead(tmp_path, outputs):
    home = make_home(tmp_path, (*KEPT, REMOVED))
    files = [outputs / name for name in NEAR_COPIES[1:2]]
    found = find_leads(files, home / "ws", config=LeadConfig(n_controls=0, versions=False))
    assert found["leads"] == []
    for one in found["outputs"]:
        codes = {seen["recording_id"]: seen["code"] for seen in one["not_raised"]}
        assert codes["josh-woodward-dead-code"] == "disclosed"
        assert one["attribution"]["allowed"]
    assert not (home / "ws" / "leads").exists()


def test_the_command_and_its_page(without, outputs, tmp_path, capsys):
    page = tmp_path / "leads.html"
    command.leads(
        [outputs / "again.ogg"],
        without / "ws",
        controls=0,
        max_false_match_rate=1e-3,
        versions=False,
        seed=0,
        log=False,
        html=page,
        as_json=False,
    )
    said = capsys.readouterr().out
    assert "a reason to ask" in said.lower()
    assert "cannot be attributed" in said
    text = page.read_text("utf-8")
    assert "Reasons to ask" in text
    for word in ("copied", "stolen", "proves", "trained on"):
        assert word not in text.lower()
    assert json.loads(page.with_suffix(".json").read_text("utf-8"))["batch"]["n_outputs"] == 1


def test_a_catalogue_with_nothing_beyond_the_corpus_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    write_audio(tmp_path / "a" / "one.flac", piece(KEPT[0], 5, 12))
    (tmp_path / "r.csv").write_text(
        "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence\none.flac,A,B,C,CC0,yes,2025-01-01,e\n"
    )
    (tmp_path / "c.csv").write_text("file,title,artist\none.flac,A,B\n")
    ws = str(tmp_path / "ws")
    assert (
        main(["corpus", "seal", str(tmp_path / "a"), "--rights", str(tmp_path / "r.csv"), "--out", ws]) == 0
    )
    assert (
        main(
            ["catalog", "add", str(tmp_path / "a"), "--metadata", str(tmp_path / "c.csv"), "--workspace", ws]
        )
        == 0
    )
    with pytest.raises(CorpusError, match="no recording beyond the sealed corpus"):
        find_leads([tmp_path / "a" / "one.flac"], ws)


def test_no_output_and_no_corpus_are_refused(tmp_path):
    Workspace.create(tmp_path / "ws").close()
    with pytest.raises(InputError, match="at least one"):
        find_leads([], tmp_path / "ws")
    write_audio(tmp_path / "x.wav", piece(OTHER, 5, 12))
    with pytest.raises(CorpusError, match="no corpus is sealed"):
        find_leads([tmp_path / "x.wav"], tmp_path / "ws")
    assert len(file_sha256(tmp_path / "x.wav")) == 64
