"""Each file in ``provider/`` is named for its fault; the error must name file, key and what was expected."""

from pathlib import Path

import pytest

from linernotes.disclosure.provider import read_provider
from linernotes.errors import InputError

MUSEUM = Path(__file__).parent / "provider"
FAULTS = {
    "left_blank": r"\[provider\] name: ''; expected text that is not empty, or \{ unknown",
    "unknown_without_reason": r"\[model\] base_models\.unknown: ''; expected text",
    "misspelt_key": r"\[crawled\] behavior: unknown key; did you mean 'behaviour'",
    "misspelt_section": r"section \[sythetic\]: unknown; did you mean 'synthetic'",
    "prose_for_domains": r"\[crawled\] domains: 'publicly accessible websites'; expected a list of host names",
    "one_domain_not_in_a_list": r"\[crawled\] domains: 'example\.org'; expected a list",
    "yes_in_quotes": r"\[user_data\] other_services: 'no'; expected true or false",
    "required_by_law_without_reason": r"\[summary\] status\.required_by_law: ''; expected text",
    "base_model_without_name": r"\[model\] base_models\[1\]: has no 'name'",
    "american_date": r"\[model\] first_used: '05/31/2026'; expected a date, yyyy-mm-dd",
    "key_twice": "not TOML in UTF-8",
    "latin1_bytes": "not TOML in UTF-8",
    "policy_without_scheme": r"\[rights\] policy: 'example\.org/copyright'; expected an address",
    "named_twice": r"\[model\] names: an entry stands there twice",
    "right_to_left_override": r"\[provider\] name: holds the control character U\+202E",
}


def test_every_exhibit_has_its_fault():
    assert {path.stem for path in MUSEUM.glob("*.toml")} == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named(name):
    with pytest.raises(InputError, match=FAULTS[name]) as raised:
        read_provider(MUSEUM / f"{name}.toml")
    assert f"{name}.toml" in str(raised.value)
