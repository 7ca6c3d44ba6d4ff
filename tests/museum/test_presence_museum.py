"""Presence proofs, good ones and each fault that has a name."""

import json
from pathlib import Path

import pytest

from linernotes.errors import VerificationError
from linernotes.workflows.presence import verify

FOLDER = Path(__file__).parent / "presence"
ROOT = (FOLDER / "root.txt").read_text().strip()


@pytest.mark.parametrize(
    ("name", "present", "how"),
    [
        ("present", True, "exact"),
        ("absent", False, "none"),
        ("sketch", True, "sketch"),
        ("opened", True, "exact"),
    ],
)
def test_good_proofs_verify(name, present, how):
    answer = verify(FOLDER / f"good_{name}.json", ROOT)
    assert (answer.present, answer.how) == (present, how)
    assert [item.item_id for item in answer.items] == (["item-0003"] if name == "opened" else [])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("bad_*.json")), ids=lambda path: path.stem)
def test_each_fault_is_refused(path):
    with pytest.raises(VerificationError):
        verify(path, ROOT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[" * 200_000,
        b'{"keys": [], "keys": []}',
        b'{"present": NaN}',
        b"1" * 5000,
    ],
)
def test_files_that_are_no_proof(tmp_path, content):
    path = tmp_path / "proof.json"
    path.write_bytes(content)
    with pytest.raises(VerificationError):
        verify(path, ROOT)


def test_a_field_that_stands_twice_is_refused(tmp_path):
    text = (FOLDER / "good_present.json").read_text()
    path = tmp_path / "proof.json"
    path.write_text(text.replace('"present": true,', '"present": true, "present": true,', 1))
    assert json.loads(path.read_text()) == json.loads(text)
    with pytest.raises(VerificationError, match="stands twice"):
        verify(path, ROOT)
