"""Rights from the command line: import, check, decide, revoke, history, each beside its function."""

import csv
import json
import shutil
import sqlite3

import pytest
from typer.testing import CliRunner

from linernotes.cli.rights import app
from linernotes.errors import CorpusError, InputError, VerificationError
from linernotes.workflows import rights
from linernotes.workflows.audit import fsck
from linernotes.workflows.rights_decide import decide_rights

TABLES = {
    "recordings": "recording_id,title,artist,isrc\nrain,Rain,Ada Ling,QZES81912345\n",
    "works": "work_id,title,recordings,writers\nw-rain,Rain,rain,Ada Ling\n",
    "parties": "party_id,name\nada,Ada Ling\nnorth,North Label\n",
    "credits": "subject_kind,subject_id,party_id,role,billing\nrecording,rain,ada,vocalist,featured\n",
    "splits": "subject_kind,subject_id,layer,party_id,share\nrecording,rain,master,north,100%\n",
    "consent": (
        "record_id,subject_kind,subject,layer,use,value,granted_by,authority,evidence,given_on\n"
        "m,recording,rain,master,all,allow,North Label,owner,contract 1,2025-01-01\n"
        "p,work,w-rain,all,all,allow,Hill,publisher,contract 2,2025-01-01\n"
        "v,party,ada,all,all,allow,Ada Ling,performer,letter,2025-01-01\n"
    ),
}


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, content in TABLES.items():
        (folder / f"{name}.csv").write_text(content)
    return folder


@pytest.fixture
def workspace(tmp_path, tables):
    rights.import_rights([tables], tmp_path / "ws")
    return tmp_path / "ws"


def run(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_import_saves_and_logs(tmp_path, tables):
    result = run("import", tables, "--workspace", tmp_path / "ws", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer["saved"]
    assert (answer["n_new_consents"], answer["history_rows"], answer["log_index"]) == (3, 3, 0)
    assert fsck(tmp_path / "ws")["ok"]
    assert (
        json.loads(run("import", tables, "--workspace", tmp_path / "ws", "--json").stdout)["n_new_consents"]
        == 0
    )


def test_bad_rows_save_nothing_unless_they_are_passed_over(tmp_path, tables):
    (tables / "splits.csv").write_text(TABLES["splits"] + "recording,rain,performer,ada,0.5\n")
    result = run("import", tables, "--workspace", tmp_path / "ws")
    assert result.exit_code == 3
    assert "nothing saved" in result.stdout
    assert not (tmp_path / "ws").exists()
    result = run("import", tables, "--workspace", tmp_path / "ws", "--skip-bad-rows", "--json")
    answer = json.loads(result.stdout)
    assert answer["saved"]
    assert answer["problems"][0]["where"] == "splits.csv: sheet 'splits', row 3, column share"


def test_a_dry_run_saves_nothing(tmp_path, tables):
    result = run("import", tables, "--workspace", tmp_path / "ws", "--dry-run")
    assert result.exit_code == 0
    assert not (tmp_path / "ws").exists()


def test_decide_says_yes_with_0_and_no_with_1(workspace):
    question = ("decide", "rain", "--on", "2026-01-01", "--workspace", workspace)
    result = run(*question, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer["allowed"]
    assert [record["record_id"] for record in answer["records"]] == ["m", "p", "v"]
    assert run("decide", "rain", "--on", "2024-12-31", "--workspace", workspace).exit_code == 1
    assert "not allowed" not in run(*question).stdout
    assert run(*question, "--logged-before").exit_code == 1
    assert run(*question, "--use", "voice-model", "--territory", "DE").exit_code == 0
    notes = [note for one in answer["answers"] for note in one["notes"]]
    assert notes
    assert all(note.startswith("recorded-later") for note in notes)


def test_a_revocation_stops_the_use_from_its_day_and_is_kept(workspace):
    result = run("consent", "revoke", "v", "--on", "2025-06-01", "--workspace", workspace)
    assert result.exit_code == 0
    assert run("decide", "rain", "--on", "2026-01-01", "--workspace", workspace).exit_code == 1
    assert run("decide", "rain", "--on", "2025-05-31", "--workspace", workspace).exit_code == 0
    answer = json.loads(run("history", "--workspace", workspace, "--subject", "ada", "--json").stdout)
    assert [row["record"]["revoked_on"] for row in answer["rows"]] == [None, "2025-06-01"]
    assert (answer["n_rows"], answer["n_logged"]) == (4, 4)
    with pytest.raises(CorpusError, match="not in the history"):
        rights.revoke_consent(workspace, "nothing", "2025-06-01")


def test_a_statement_entered_by_hand_is_logged_with_its_document(workspace, tmp_path):
    contract = tmp_path / "contract.txt"
    contract.write_text("We allow it.")
    result = run(
        *("consent", "add", "rain", "--layer", "performer", "--use", "all", "--value", "deny"),
        *("--granted-by", "Ada Ling", "--authority", "performer", "--evidence-file", contract),
        *("--given-on", "2025-05-05", "--workspace", workspace, "--json"),
    )
    answer = json.loads(result.stdout)
    assert answer["record"]["evidence"] == "contract.txt"
    assert len(answer["record"]["evidence_sha256"]) == 64
    assert answer["log_index"] == 1
    assert not decide_rights("rain", workspace, use="generative-training", on="2026-01-01")["allowed"]
    with pytest.raises(InputError, match="layer 'masters'; expected one of"):
        rights.add_consent(workspace, answer["record"] | {"layer": "masters", "record_id": None})


def test_a_history_that_was_rewritten_whole_contradicts_the_log(workspace):
    from linernotes.workspace.consent_history import NO_HASH, _chained

    assert rights.history(workspace)["n_logged"] == 3
    path = workspace / "workspace.sqlite"
    with sqlite3.connect(path) as connection:
        last = NO_HASH
        rows = connection.execute("SELECT sequence, saved_at, body FROM consent ORDER BY sequence").fetchall()
        for sequence, saved_at, body in rows:
            changed = body.replace("2025-01-01", "2020-01-01")
            last = _chained(last, sequence, saved_at, changed)
            connection.execute(
                "UPDATE consent SET body = ?, sha256 = ? WHERE sequence = ?", (changed, last, sequence)
            )
    connection.close()
    with pytest.raises(VerificationError, match="the log says that row 3"):
        rights.history(workspace)


def test_rows_that_no_log_vouches_for_are_told(workspace):
    shutil.rmtree(workspace / "log")
    result = run("history", "--workspace", workspace, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["n_logged"] == 0


def test_check_reports_in_three_forms(workspace, tmp_path):
    result = run("check", "--workspace", workspace, "--json")
    assert result.exit_code == 0
    bad = tmp_path / "recordings.csv"
    bad.write_text("recording_id,title,artist,isrc\nsun,=Sun,Bo,QZES81912345\n")
    result = run("check", bad, "--workspace", workspace, "--csv", tmp_path / "problems.csv", "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["by_code"]["identifier-conflict"] == 2
    with (tmp_path / "problems.csv").open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(answer["n_problems"].values())
    assert rows[0]["severity"] == "high"
    assert "problems: 2 high" in run("check", bad, "--workspace", workspace).stdout
    with pytest.raises(InputError, match="nothing to check"):
        rights.check()


def test_template_and_export(workspace, tmp_path):
    assert run("template", "--out", tmp_path / "t.xlsx").exit_code == 0
    assert run("import", tmp_path / "t.xlsx", "--workspace", tmp_path / "other").exit_code == 0
    assert run("export", "--workspace", workspace, "--out", tmp_path / "r.json").exit_code == 0
    run("import", tmp_path / "r.json", "--workspace", tmp_path / "third")
    run("export", "--workspace", tmp_path / "third", "--out", tmp_path / "r2.json")
    assert (tmp_path / "r.json").read_bytes() == (tmp_path / "r2.json").read_bytes()


def test_every_command_ends_with_an_example():
    for command in ("import", "template", "export", "check", "decide", "history"):
        assert "Example: linernotes rights" in run(command, "--help").stdout
    for command in ("add", "revoke"):
        assert "Example: linernotes rights consent" in run("consent", command, "--help").stdout


def test_a_wrong_day_or_use_is_refused(workspace):
    with pytest.raises(InputError, match=r"day '1\.1\.2026'"):
        decide_rights("rain", workspace, use="generative-training", on="1.1.2026")
    with pytest.raises(InputError, match="use 'training'"):
        decide_rights("rain", workspace, use="training", on="2026-01-01")
    with pytest.raises(InputError, match="recording 'sun': not in the registry"):
        decide_rights("sun", workspace, use="generative-training", on="2026-01-01")
