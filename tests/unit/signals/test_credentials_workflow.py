"""Credentials on an output: logged, signed, followed back to the log, and refused when anything moved."""

import json
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.auditlog import Receipt
from linernotes.cli.main import main
from linernotes.errors import InputError
from linernotes.signals.attribution_assertion import LABEL, checked
from linernotes.signals.c2pa_files import load_signer, read_manifest, write_manifest
from linernotes.workflows.credentials import CredentialRequest, make_keys, write_credentials
from linernotes.workflows.credentials_check import read_credentials, verify_credentials


@pytest.fixture
def keys(tmp_path):
    made = make_keys(tmp_path / "keys")
    return {
        "certificates": tmp_path / "keys" / "TEST-certificates.pem",
        "private_key": Path(made["private_key"]),
    }


@pytest.fixture
def signed(workspace, output, keys, tmp_path, save_ranking):
    save_ranking(workspace, output, {"rain": 0.5, "sun": 0.2})
    out = tmp_path / "signed.wav"
    found = write_credentials(CredentialRequest(output=output, workspace=workspace, out=out, **keys))
    return out, found


def verdicts(report):
    return {row["check"]: row["ok"] for row in report["checks"]}


def test_the_record_says_what_is_known_and_how_well(signed, workspace, output, entries):
    _, found = signed
    made = found["record"]["attribution"]
    assert (made["method"], made["reliability"]["lds"], made["unattributed_share"]) == (
        "unlearning",
        0.31,
        pytest.approx(0.3),
    )
    assert "not proof of copying" in found["record"]["limitation"]
    assert "unresolved gaps" in found["record"]["limitation"]
    logged = entries(workspace)
    assert logged[found["log"]["index"]]["body"]["record"] == found["record"]
    assert logged[-1]["kind"] == "output-credential"
    assert logged[-1]["subject_sha256"] == found["file_sha256"]


def test_the_manifest_names_its_source_and_its_owners_wish(signed):
    store = read_manifest(signed[0])
    assert store.active.source_types() == ("trainedAlgorithmicMedia",)
    said = store.active.named("cawg.training-mining")[0].data["entries"]
    assert {entry["use"] for entry in said.values()} == {"notAllowed"}
    assert len(said) == 4


def test_verified_against_workspace_and_offline(signed, workspace):
    out, found = signed
    report = verify_credentials(out, workspace=workspace)
    assert report["ok"]
    assert verdicts(report)["ranking is kept in the workspace"] is True
    report = verify_credentials(out, receipt=found["receipt"], key=workspace / "keys" / "log.pub")
    assert report["ok"]
    assert verdicts(report)["signer trusted"] is None  # nobody vouches for it, and that is said


def test_changed_sound_is_seen(signed, workspace, tmp_path):
    out, _ = signed
    data = bytearray(out.read_bytes())
    data[20_000] ^= 0x40
    (tmp_path / "bad.wav").write_bytes(data)
    report = verify_credentials(tmp_path / "bad.wav", workspace=workspace)
    assert not report["ok"]
    assert verdicts(report)["bytes unchanged since signing"] is False
    assert verdicts(report)["sound is the one of the record"] is False


def test_a_manifest_moved_to_other_music_is_seen(signed, workspace, keys, tmp_path):
    """Somebody signs other sound with a true record: the hashes of bytes hold, the record's sound does not."""
    out, _ = signed
    data = read_manifest(out).active.named(LABEL)[0].data
    write_audio(tmp_path / "other.wav", Audio(np.linspace(-0.5, 0.5, 9000).astype(np.float32), 22050))
    manifest = {
        "title": "x",
        "assertions": [
            {
                "label": "c2pa.actions",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": "http://x/y"}]},
            },
            {"label": LABEL, "kind": "Json", "data": data},
        ],
    }
    signer = load_signer(keys["certificates"], tmp_path / "keys" / "TEST-private_key.pem")
    write_manifest(tmp_path / "other.wav", tmp_path / "moved.wav", manifest, signer)
    report = verify_credentials(tmp_path / "moved.wav", workspace=workspace)
    assert verdicts(report)["bytes unchanged since signing"] is True
    assert verdicts(report)["sound is the one of the record"] is False
    data["record"]["attribution"]["unattributed_share"] = 0.0  # and a record that was touched up
    write_manifest(tmp_path / "other.wav", tmp_path / "lying.wav", manifest, signer)
    report = verify_credentials(tmp_path / "lying.wav", workspace=workspace)
    assert verdicts(report)["record is the one that is named"] is False
    assert verdicts(report)["record is the one in the log"] is False


def test_another_receipt_does_not_serve(signed, workspace, tmp_path):
    out, _ = signed
    assert (
        main(["audit", "prove", "--workspace", str(workspace), "--index", "0", "--out", str(tmp_path / "r")])
        == 0
    )
    report = verify_credentials(out, receipt=tmp_path / "r", key=workspace / "keys" / "log.pub")
    assert not report["ok"]
    assert verdicts(report)["receipt is of the entry that the file names"] is False
    damaged = tmp_path / "damaged"
    receipt = Receipt.load(tmp_path / "r")
    damaged.write_bytes(receipt.to_bytes().replace(b'"leaf_index":0', b'"leaf_index":1'))
    report = verify_credentials(out, receipt=damaged, key=workspace / "keys" / "log.pub")
    assert verdicts(report)["receipt holds"] is False


def test_no_credentials_is_no_verdict_on_the_music(output, workspace):
    report = verify_credentials(output, workspace=workspace)
    assert not report["ok"]
    assert "carries none" in report["checks"][0]["detail"]
    assert read_credentials(output)["credentials"] is None


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_other_containers(workspace, output, keys, tmp_path, suffix):
    source, out = tmp_path / f"o.{suffix}", tmp_path / f"s.{suffix}"
    write_audio(source, read_audio(output))
    found = write_credentials(CredentialRequest(output=source, workspace=workspace, out=out, **keys))
    assert found["record"]["attribution"] is None
    assert "No ranking was made" in found["record"]["limitation"]
    assert verify_credentials(out, workspace=workspace)["ok"]


def test_what_cannot_be_written(signed, workspace, output, keys, tmp_path, entries):
    out, _ = signed
    base = {"output": output, "workspace": workspace, "out": tmp_path / "n.wav", **keys}
    n_before = len(entries(workspace))
    for change, why in (
        ({"output": out}, "carries credentials already"),
        ({"out": output}, "is the output itself"),
        ({"rights": "maybe"}, "expected one of"),
        ({"rights_info": "ask"}, "goes with rights 'constrained'"),
        ({"method": "trak"}, "no ranking by 'trak'"),
        ({"certificates": output}, "expected a PEM chain"),
    ):
        with pytest.raises(InputError, match=why):
            write_credentials(CredentialRequest(**(base | change)))
    assert len(entries(workspace)) == n_before
    assert not (tmp_path / "n.wav").exists()


def test_two_rankings_need_a_name(workspace, output, keys, tmp_path, save_ranking):
    save_ranking(workspace, output, {"rain": 0.5})
    save_ranking(workspace, output, {"sun": 0.5}, method="similarity")
    base = {"output": output, "workspace": workspace, "out": tmp_path / "n.wav", **keys}
    with pytest.raises(InputError, match="2 rankings"):
        write_credentials(CredentialRequest(**base))
    found = write_credentials(CredentialRequest(**base, method="similarity"))
    assert found["record"]["attribution"]["method"] == "similarity"


def test_keys_are_never_overwritten(tmp_path):
    make_keys(tmp_path)
    assert (tmp_path / "TEST-private_key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="exists"):
        make_keys(tmp_path)


def test_an_assertion_with_anything_else_is_refused(signed):
    data = read_manifest(signed[0]).active.named(LABEL)[0].data
    checked(data)
    for change in ({"extra": 1}, {"record_sha256": "x"}, {"record": {}}):
        with pytest.raises(InputError, match="attribution assertion"):
            checked(data | change)


def test_the_command_line(workspace, output, tmp_path, capsys):
    folder, out = str(tmp_path / "k"), str(tmp_path / "s.wav")
    assert main(["credentials", "keys", "--out", folder, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    given = [
        "--workspace",
        str(workspace),
        "--certificate",
        made["certificates"],
        "--key",
        made["private_key"],
    ]
    assert main(["credentials", "write", str(output), *given, "--out", out, "--rights", "allowed"]) == 0
    assert "training on this file: allowed" in capsys.readouterr().out
    assert main(["credentials", "read", out]) == 0
    assert "trainedAlgorithmicMedia" in capsys.readouterr().out
    trust = ["--trust", made["authority"]]
    assert main(["credentials", "verify", out, "--workspace", str(workspace), *trust, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "trusted"
    assert main(["credentials", "verify", str(output), "--workspace", str(workspace)]) == 1
    assert main(["credentials", "verify", out]) == 3
