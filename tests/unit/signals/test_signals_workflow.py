"""Signals into a workspace, and the opt-out audit of its sealed corpus."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from linernotes.catalog.credits import Split
from linernotes.catalog.entities import Party
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError
from linernotes.signals import cawg
from linernotes.signals.c2pa_files import load_signer, write_manifest
from linernotes.signals.trial_signer import make_trial_signer
from linernotes.workflows import signal_audit
from linernotes.workflows.rights import save
from linernotes.workflows.seal import seal_corpus
from linernotes.workflows.signal_audit import audit_signals
from linernotes.workflows.signals import import_files, read_files
from linernotes.workspace import Workspace

ROBOTS = "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /free/ train-ai=y\n"


def write(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def audit(workspace):
    found = audit_signals(workspace)
    return found, {(gap["item_id"], gap["code"]) for gap in found["gaps"]}


def test_an_opt_out_beside_a_consent_is_a_conflict(workspace, tmp_path):
    robots = write(tmp_path, "robots.txt", ROBOTS)
    import_files([robots], workspace, target="https://a.org/", seen_on="2025-06-01")
    found, gaps = audit(workspace)
    assert gaps == {("rain", "opt-out-conflict")}
    assert (found["n_items"], found["n_with_address"], found["n_opted_out"], found["n_conflicts"]) == (
        3,
        2,
        1,
        1,
    )
    assert found["on"] == "2026-01-01"
    assert any("1 items without a well-formed address" in line for line in found["not_checked"])
    rain = next(item for item in found["items"] if item["item_id"] == "rain")
    assert [(one["source"], one["value"]) for one in rain["signals"]] == [("aipref robots.txt", "deny")]


def test_a_signal_seen_after_training_is_shown_and_does_not_count(workspace, tmp_path):
    robots = write(tmp_path, "robots.txt", ROBOTS)
    import_files([robots], workspace, target="https://a.org/", seen_on="2026-06-01")
    found, gaps = audit(workspace)
    assert gaps == set()
    rain = next(item for item in found["items"] if item["item_id"] == "rain")
    assert rain["signals"][0]["does_not_count"].startswith("given-later")


def test_a_signal_about_the_recording_itself(workspace, tmp_path):
    text = json.dumps({"entries": {"cawg.ai_generative_training": {"use": "notAllowed"}}})
    import_files([write(tmp_path, "a.json", text)], workspace, target="USS1Z9900001", seen_on="2025-06-01")
    import_files([write(tmp_path, "a.json", text)], workspace, target="wind", seen_on="2025-06-01")
    assert audit(workspace)[1] == {("rain", "opt-out-conflict"), ("wind", "consent-refused")}


def test_a_declaration_bound_to_the_content_code(workspace, tmp_path):
    with Workspace.open(workspace) as opened:
        code = opened.corpus().item("rain").iscc
    text = json.dumps({"version": "1.0", "iscc": code, "intent": "activate", "all": "false"})
    import_files([write(tmp_path, "d.json", text)], workspace, seen_on="2025-06-01")
    assert audit(workspace)[1] == {("rain", "opt-out-conflict")}


def test_of_several_tdmrep_places_the_strongest_speaks(workspace, tmp_path):
    file = write(tmp_path, "tdmrep.json", '[{"location": "/", "tdm-reservation": 1}]')
    import_files([file], workspace, target="https://a.org/", seen_on="2025-06-01")
    assert audit(workspace)[1] == {("rain", "opt-out-conflict"), ("sun", "opt-out-conflict")}
    head = write(tmp_path, "head.txt", "HTTP/1.1 200 OK\ntdm-reservation: 0\n")
    import_files([head], workspace, target="https://a.org/music/rain.flac", seen_on="2025-06-01")
    assert audit(workspace)[1] == {("sun", "opt-out-conflict")}


def test_a_licence_that_is_named_and_not_brought_is_said(workspace, tmp_path):
    robots = write(tmp_path, "robots.txt", "License: https://a.org/license.xml\n")
    import_files([robots], workspace, target="https://a.org/")
    assert any(
        "RSL licence that the robots.txt of https://a.org" in one
        for one in audit(workspace)[0]["not_checked"]
    )
    licence = '<rsl xmlns="https://rslstandard.org/rsl"><content url="/music/*"><license><permits type="usage">ai-train'
    licence += '</permits><payment type="royalty"/></license></content></rsl>'
    import_files(
        [write(tmp_path, "l.xml", licence)], workspace, target="https://a.org/", seen_on="2025-06-01"
    )
    found, gaps = audit(workspace)
    assert not any("RSL licence" in one for one in found["not_checked"])
    assert gaps == {("rain", "opt-out-conflict")}


def test_credentials_inside_the_corpus_are_heeded(sealed, tmp_path):
    chain, key, _ = make_trial_signer()
    (tmp_path / "c.pem").write_bytes(chain)
    (tmp_path / "k.pem").write_bytes(key)
    plain, folder = sealed / "audio" / "rain.flac", tmp_path / "other"
    folder.mkdir()
    entry = cawg.Entry("cawg.ai_generative_training", "notAllowed")
    manifest = {"title": "x", "assertions": [{"label": cawg.LABEL, "data": cawg.assertion((entry,))}]}
    actions = {
        "actions": [{"action": "c2pa.created", "digitalSourceType": "http://x/trainedAlgorithmicMedia"}]
    }
    manifest["assertions"].append({"label": "c2pa.actions", "data": actions})
    write_manifest(plain, folder / "rain.flac", manifest, load_signer(tmp_path / "c.pem", tmp_path / "k.pem"))
    rights = write(tmp_path, "r.csv", "\n".join((sealed / "rights.csv").read_text().splitlines()[:2]) + "\n")
    seal_corpus(folder, rights, tmp_path / "ws2")
    found, gaps = audit(tmp_path / "ws2")
    assert gaps == {("rain", "opt-out-conflict"), ("rain", "synthetic-upstream")}
    assert found["items"][0]["signals"][0]["source"] == "cawg rain.flac"
    assert audit_signals(tmp_path / "ws2", credentials=False)["gaps"] == []


def test_without_the_library_the_audit_says_what_it_did_not_read(workspace, monkeypatch):
    monkeypatch.setattr(signal_audit, "can_read", lambda: False)
    assert any("linernotes[credentials]" in line for line in audit_signals(workspace)["not_checked"])


def test_import_keeps_the_evidence_and_logs_it(workspace, tmp_path, entries):
    robots = write(tmp_path, "robots.txt", ROBOTS)
    found = import_files([robots], workspace, target="https://a.org/")["files"][0]
    assert found["log_index"] == len(entries(workspace)) - 1
    last = entries(workspace)[-1]
    assert (last["kind"], last["subject_sha256"]) == ("signal-import", found["sha256"])
    kept = workspace / "signals" / f"{found['sha256']}.bin"
    assert kept.read_text() == ROBOTS
    with Workspace.open(workspace) as opened:
        assert len(opened.registry().consents) == 2
    kept.write_text(ROBOTS.replace("=n", "=y"))
    with pytest.raises(CorpusError, match="was changed since it was imported"):
        audit_signals(workspace)


DDEX = Path(__file__).parents[2] / "vectors" / "ddex"


def test_messages_complete_the_registry_and_overwrite_nothing(workspace):
    own = Registry(
        recordings=(
            Recording(recording_id="rain", title="Rain (my title)", artist="Ada", isrc="US-S1Z-99-00001"),
        ),
        parties=(Party(party_id="isni-000000012281955x", name="A. Ling", dpid="PADPIDA2007061301U"),),
        splits=(
            Split(
                subject_kind="recording",
                subject_id="rain",
                layer="master",
                party_id="north-label",
                share=Fraction(1, 2),
            ),
        ),
    )
    with Workspace.open(workspace) as opened:
        save(opened, own, "my table")
    files = [DDEX / "ern_432_single.xml", DDEX / "rin_21_session.xml"]
    found = import_files(files, workspace)
    with Workspace.open(workspace) as opened:
        registry = opened.registry()
    rain = next(one for one in registry.recordings if one.recording_id == "rain")
    assert (rain.title, rain.rightsholder, rain.iswc) == (
        "Rain (my title)",
        "2026 North Label",
        "T0345246801",
    )
    ada = next(one for one in registry.parties if one.party_id == "isni-000000012281955x")
    assert (ada.name, ada.dpid, ada.isni, ada.names) == (
        "A. Ling",
        "PADPIDA2007061301U",
        "000000012281955X",
        ("Ada Ling",),
    )
    assert [one["code"] for one in found["conflicts"]] == ["share-conflict"]
    assert {one.share for one in registry.splits if one.layer == "master"} == {Fraction(1, 2)}
    (work,) = registry.works
    assert work.recordings == ("rain",)
    roles = {(one.party_id, one.role) for one in registry.credits if one.subject_id == "rain"}
    assert ("cy-reed", "session-musician") in roles  # from the label
    assert ("dee-frost", "recording-engineer") in roles  # from the studio
    again = import_files(files, workspace)
    assert again["registry"] == found["registry"]


def test_credits_come_to_the_item_of_the_sealed_corpus(workspace):
    import_files([DDEX / "ern_432_single.xml"], workspace)
    with Workspace.open(workspace) as opened:
        registry = opened.registry()
    assert {one.recording_id for one in registry.recordings} == {"rain"}


def test_the_same_file_again_adds_no_records(workspace, tmp_path):
    robots = write(tmp_path, "robots.txt", ROBOTS)
    for _ in range(2):
        found = import_files([robots], workspace, target="https://a.org/")
    assert found["registry"]["consents"] == 2


def test_the_audit_is_kept_and_logged(workspace, entries):
    found = audit_signals(workspace)
    assert json.loads((workspace / "signals" / "audit.json").read_text())["root"] == found["root"]
    assert entries(workspace)[-1]["kind"] == "signal-audit"


@pytest.mark.parametrize(
    ("name", "text", "target", "why"),
    [
        ("robots.txt", ROBOTS, "", "say which with --for"),
        ("robots.txt", ROBOTS, "rain", "say which with --for"),
        ("a.json", '{"entries": {"cawg.ai_training": {"use": "allowed"}}}', "", "say it with --for"),
        ("a.json", "{}", "rain", "say it with --kind"),
    ],
)
def test_what_cannot_be_imported(workspace, tmp_path, name, text, target, why, entries):
    n_before = len(entries(workspace))
    with pytest.raises(InputError, match=why):
        import_files([write(tmp_path, name, text)], workspace, target=target)
    assert len(entries(workspace)) == n_before
    assert not list((workspace / "signals").glob("*.bin")) if (workspace / "signals").exists() else True


def test_one_bad_file_imports_none(workspace, tmp_path):
    good, bad = write(tmp_path, "robots.txt", ROBOTS), write(tmp_path, "b.json", "{")
    with pytest.raises(InputError):
        import_files([good, bad], workspace, target="https://a.org/")
    with Workspace.open(workspace) as opened:
        assert not opened.registry().consents


def test_reading_says_what_it_is_not(tmp_path):
    found = read_files([write(tmp_path, "robots.txt", ROBOTS)], target="https://a.org/")[0]
    assert found["kind"] == "robots"
    assert "no contract" in found["scope"]


def test_the_command_line(workspace, tmp_path, capsys):
    robots = str(write(tmp_path, "robots.txt", ROBOTS))
    assert main(["signals", "read", robots, "--for", "https://a.org/", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["consents"]
    given = ["--workspace", str(workspace), "--for", "https://a.org/", "--seen-on", "2025-06-01"]
    assert main(["signals", "import", robots, *given]) == 0
    assert "log entry" in capsys.readouterr().out
    assert main(["signals", "audit", "--workspace", str(workspace), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["n_conflicts"] == 1
    assert main(["signals", "read", robots, "--seen-on", "June"]) == 3
    assert main(["signals", "read", robots, "--kind", "xml"]) == 3
