"""Each table in ``rights/`` is named for its fault; the error must say where it is."""

from pathlib import Path

import pytest

from linernotes.catalog.tables import read_rights_table
from linernotes.errors import InputError

MUSEUM = Path(__file__).parent / "rights"
PLACES = {
    "latin1_bytes": "line 2: byte 0xfc at offset 93",
    "file_named_twice": r"line 4: file 'rain\.wav' stands already on line 2",
    "column_misspelt": "missing column rightsholder;",
    "american_date": "line 2: column 'consent_date': value '01/31/2025'",
    "comma_without_quotes": "line 2: 9 cells, expected 8",
    "consent_probably": "line 2: column 'consent': value 'probably'",
}


def test_every_exhibit_has_its_place():
    assert {path.stem for path in MUSEUM.glob("*.csv")} == set(PLACES)


@pytest.mark.parametrize("name", PLACES)
def test_the_fault_is_found_where_it_is(name):
    with pytest.raises(InputError, match=PLACES[name]) as raised:
        read_rights_table(MUSEUM / f"{name}.csv")
    assert f"{name}.csv" in str(raised.value)
