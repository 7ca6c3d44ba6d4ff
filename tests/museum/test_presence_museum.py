"""Presence proofs, good ones and each fault that has a name."""

import importlib.util
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
        ("opened_by_sketch", True, "sketch"),
    ],
)
def test_good_proofs_verify(name, present, how):
    answer = verify(FOLDER / f"good_{name}.proof", ROOT)
    assert (answer.present, answer.how) == (present, how)
    assert [item.item_id for item in answer.items] == (["item-0003"] if "opened" in name else [])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("bad_*.proof")), ids=lambda path: path.stem)
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
    path = tmp_path / "song.proof"
    path.write_bytes(content)
    with pytest.raises(VerificationError):
        verify(path, ROOT)


def test_the_museum_is_made_of_what_stands_here(tmp_path, monkeypatch):
    """The files are those that the script writes: a format that changes in silence is found out."""
    spec = importlib.util.spec_from_file_location("make_presence", FOLDER.parent / "make_presence.py")
    making = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(making)
    monkeypatch.setattr(making, "FOLDER", tmp_path)
    making.main()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in FOLDER.iterdir()
    }
