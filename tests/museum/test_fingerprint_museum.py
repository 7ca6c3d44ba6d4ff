"""Tables of fingerprints that cannot be used: each is named with its fault, and no workspace is left behind."""

from pathlib import Path

import pytest

from linernotes.errors import InputError
from linernotes.workflows.imported_fingerprints import import_fingerprints

SHELF = Path(__file__).with_name("fingerprints")
FAULTS = {
    "array_cut.json": "not readable as JSON",
    "column_missing.csv": "missing column fingerprint; expected title, artist, duration, fingerprint",
    "column_twice.csv": "column 'title' stands twice",
    "empty.csv": "holds no fingerprint",
    "header_only.csv": "holds no fingerprint",
    "latin1_bytes.csv": "byte 0xe9 is not UTF-8",
    "letter.csv": "missing columns title, artist, duration, fingerprint",
    "quote_never_closed.csv": "line 2: not readable as CSV",
    "spreadsheet.csv": "NUL character",
}


def test_every_exhibit_has_its_label():
    assert {path.name for path in SHELF.iterdir()} == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named_and_nothing_is_left_behind(name, tmp_path):
    with pytest.raises(InputError) as refused:
        import_fingerprints(SHELF / name, tmp_path / "ws")
    message = str(refused.value)
    assert FAULTS[name] in message
    assert name in message
    assert "\n" not in message
    assert not (tmp_path / "ws").exists()
