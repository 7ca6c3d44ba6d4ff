"""Each file in ``signals/`` is named for its fault, its suffix for its kind; the error must name the fault, once."""

from pathlib import Path

import pytest

from linernotes.errors import InputError
from linernotes.signals.formats import FORMATS, read_signal
from linernotes.signals.locations import holding_at
from linernotes.signals.origin import Origin

MUSEUM = Path(__file__).parent / "signals"
FAULTS = {
    "robots_latin1.robots": "not UTF-8 at byte 19",
    "robots_with_nul.robots": "holds a NUL",
    "folded_line.http-head": "line 3: '  search=n'",
    "no_array.tdmrep": "expected a JSON array",
    "location_without_slash.tdmrep": "rule 1: location 'music/' does not begin with /",
    "rule_said_twice.tdmrep": "'tdm-reservation' stands twice",
    "foreign_namespace.rsl": "expected 'rsl' in the namespace",
    "content_without_url.rsl": "content with url ''",
    "billion_laughs.rsl": "has a document type",
    "outside_file.ddex-rin": "has a document type",
    "maybe.cawg": "expected 'use' to be one of allowed, notAllowed, constrained",
    "entries_is_a_list.cawg": "'entries' is no map",
    "use_said_twice.cawg": "'use' stands twice",
    "no_active_manifest.c2pa-report": "one 'active_manifest' of them",
    "infinite_figure.c2pa-report": "1e999 is no JSON number",
    "half_a_character.tdm-ai": "half a character",
    "no_code.tdm-ai": "expected a code such as ISCC:",
    "yes_for_true.tdm-ai": "all is yes; expected true or false",
    "cut_off.ddex-ern": "not well-formed XML",
    "two_parties_one_reference.ddex-ern": "two parties have the reference 'P1'",
    "two_recordings_one_reference.ddex-ern": "two recordings have the reference 'A1'",
    "message_of_another_family.ddex-ern": "expected NewReleaseMessage in a namespace",
}


def test_every_exhibit_has_its_fault():
    assert {path.name for path in MUSEUM.iterdir()} == set(FAULTS)
    assert {path.suffix[1:] for path in MUSEUM.iterdir()} <= set(FORMATS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named(name):
    data = (MUSEUM / name).read_bytes()
    origin = Origin(name=name, target="https://a.org/")
    with pytest.raises(InputError) as raised:
        read_signal(data, origin, name.rpartition(".")[2])
    assert FAULTS[name] in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError):
        holding_at(name.rpartition(".")[2], data, "https://a.org/", origin)
