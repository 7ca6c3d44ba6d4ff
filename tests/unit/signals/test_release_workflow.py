"""The check before release: what holds an output back, who may let it go, and what the log keeps."""

import json
import shutil

import pytest

from linernotes.audio.files import Audio, write_audio
from linernotes.cli.main import main
from linernotes.errors import InputError, NewerRevision, PolicyRefusal
from linernotes.workflows import release_checks
from linernotes.workflows.release import check_release, override
from linernotes.workflows.release_checks import Finding, check_consent, decision_of, rankings_for
from linernotes.workflows.release_policy import default_policy, load_policy, parse_policy
from linernotes.workflows.signals import import_files
from linernotes.workspace import Workspace

OPEN = """
name = "Open"
attribution_missing = "note"
credentials_missing = "note"
consent_conditional = "note"
consent_unknown = "note"
"""


def actions(found):
    return {(one["check"], one["status"]): one["action"] for one in found["findings"]}


@pytest.fixture(scope="module")
def searched(tmp_path_factory, sealed, music):
    """The sealed folder with its search index, made once."""
    home = tmp_path_factory.mktemp("searched") / "home"
    shutil.copytree(sealed, home)
    write_audio(home / "first.wav", Audio(music[3].samples[: 22050 * 4], 22050))
    check_release([home / "first.wav"], home / "ws")
    return home


@pytest.fixture
def workspace(tmp_path, searched):
    shutil.copytree(searched, tmp_path / "home")
    return tmp_path / "home" / "ws"


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "open.toml").write_text(OPEN)
    return tmp_path / "open.toml"


def test_a_passage_of_a_disclosed_recording_holds_an_output_back(workspace, tmp_path, music, policy, entries):
    write_audio(tmp_path / "near.wav", Audio(music[0].samples * 0.8, 22050))
    found = check_release([tmp_path / "near.wav"], workspace, policy)[0]
    assert found["decision"] in ("hold", "refuse")
    reasons = " ".join(one["reason"] for one in found["findings"])
    assert "rain" in reasons
    last = entries(workspace)[-1]
    assert (last["kind"], last["subject_sha256"], last["body"]["decision"]) == (
        "release-decision",
        found["sha256"],
        found["decision"],
    )
    assert last["body"]["policy_sha256"] == load_policy(policy).sha256


def test_the_same_sound_is_refused_sample_by_sample(workspace, tmp_path, music, policy):
    write_audio(tmp_path / "same.wav", music[0])
    found = check_release([tmp_path / "same.wav"], workspace, policy)[0]
    assert found["decision"] == "refuse"
    with pytest.raises(PolicyRefusal, match="refused this output"):
        override(workspace, found["log_index"], by="Ada Ling", reason="it is ours")


def test_other_music_passes_and_says_what_was_not_checked(workspace, output, policy):
    found = check_release([output], workspace, policy)[0]
    assert found["decision"] == "release"
    assert actions(found)["personhood", "not-checked"] == "note"
    assert actions(found)["attribution", "not-checked"] == "note"
    with pytest.raises(InputError, match="nothing to override"):
        override(workspace, found["log_index"], by="Ada Ling", reason="to be sure")


def consent_findings(workspace, output, policy):
    with Workspace.open(workspace) as opened:
        return list(check_consent(opened, rankings_for(opened, output, None), load_policy(policy)))


def test_consent_of_those_who_are_credited_counts(workspace, output, tmp_path, policy, save_ranking):
    (not_asked,) = consent_findings(workspace, output, policy)
    assert (not_asked.status, not_asked.action) == ("not-checked", "note")
    save_ranking(workspace, output, {"rain": 0.5, "sun": 0.2, "wind": 0.001})
    (found,) = consent_findings(workspace, output, policy)
    assert (found.action, found.facts["items"]) == (
        "note",
        ["sun"],
    )  # under a licence; wind's share is too small
    (tmp_path / "robots.txt").write_text("User-agent: *\nContent-Usage: train-ai=n\n")
    import_files([tmp_path / "robots.txt"], workspace, target="https://a.org/", seen_on="2025-06-01")
    (found,) = consent_findings(workspace, output, policy)
    assert (found.action, found.facts["items"]) == ("refuse", ["rain", "sun"])


def test_a_hold_is_overridden_by_a_person_in_a_new_entry(workspace, output, entries):
    found = check_release([output], workspace)[0]
    assert found["decision"] == "hold"
    before = entries(workspace)
    for by, reason in (("", "because"), ("Ada Ling", " "), ("A", "because it is fine")):
        with pytest.raises(InputError, match="needs a person's name"):
            override(workspace, found["log_index"], by=by, reason=reason)
    released = override(workspace, found["log_index"], by="Ada Ling", reason="heard it, ours")
    after = entries(workspace)
    assert after[: len(before)] == before
    assert after[-1]["kind"] == "release-override"
    assert after[-1]["subject_sha256"] == found["sha256"]
    assert after[-1]["body"] == {
        "overrides": found["log_index"],
        "decision": "release",
        "by": "Ada Ling",
        "reason": "heard it, ours",
    }
    with pytest.raises(InputError, match="expected a 'release-decision'"):
        override(workspace, released["log_index"], by="Ada Ling", reason="once more")


def test_the_gravest_action_decides():
    def finding(action):
        return Finding(check="c", status="found", action=action, reason="")

    assert decision_of([]) == "release"
    assert decision_of([finding("note"), finding("hold")]) == "hold"
    assert decision_of([finding("refuse"), finding("hold"), finding(None)]) == "refuse"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('passages = "hold"', "did you mean 'passage'"),
        ('passage = "stop"', "expected one of note, hold, refuse"),
        ("max_false_rate = 0", "expected a number from"),
        ("consent_top = 1.5", "whole number"),
        ('consent_use = "everything"', "expected one of generative-training"),
        ("passage_seconds = true", "expected a number"),
        ("max_false_rate = nan", "expected a number"),
        ("name = ''", "what the parties call it"),
        ("x = [", "not TOML"),
        ("revision = 0", "revision = 0"),
        ("passage = 1", "expected one of note"),
    ],
)
def test_policies_that_are_refused(text, why):
    with pytest.raises(InputError, match=why):
        parse_policy(text)


def test_a_policy_of_a_newer_revision():
    with pytest.raises(NewerRevision):
        parse_policy("revision = 99")


def test_the_shipped_policy_documents_every_key():
    shown = default_policy().text
    for key in default_policy().as_json():
        assert f"\n{key} = " in shown


def test_nothing_to_search_is_not_nothing_found(tmp_path, output):
    with Workspace.create(tmp_path / "empty"):
        pass
    found = check_release([output], tmp_path / "empty")[0]
    assert found["decision"] == "hold"
    assert actions(found)["identification", "not-checked"] == "hold"


def test_without_the_library_credentials_are_not_checked(workspace, output, policy, monkeypatch):
    monkeypatch.setattr(release_checks, "can_read", lambda: False)
    store, why_not = release_checks.credentials_of(output)
    found = release_checks.check_credentials(store, why_not, load_policy(policy))
    assert (found.status, found.action) == ("not-checked", "note")
    assert "linernotes[credentials]" in found.reason


def test_the_command_line(workspace, output, policy, tmp_path, capsys, entries):
    given = ["--workspace", str(workspace)]
    assert main(["release", "check", str(output), *given, "--policy", str(policy), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["decision"] == "release"
    assert main(["release", "check", str(output), *given]) == 1
    assert "HOLD" in capsys.readouterr().out
    index = str(len(entries(workspace)) - 1)
    assert main(["release", "override", index, *given, "--by", "Ada Ling", "--reason", "heard it"]) == 0
    assert main(["release", "policy", "--out", str(tmp_path / "p.toml")]) == 0
    assert load_policy(tmp_path / "p.toml").as_json() == default_policy().as_json()
    assert main(["release", "policy", "--out", str(tmp_path / "p.toml")]) == 3
