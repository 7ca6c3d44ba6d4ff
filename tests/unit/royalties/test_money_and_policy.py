"""Amounts, rounding and policies: what is read, what is refused, and that nothing is lost."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import InputError, NewerRevision
from linernotes.royalties import Money, default_policy, load_policy, parse_money, parse_policy
from linernotes.royalties.money import EXPONENTS, MAX_MINOR
from linernotes.royalties.rounding import largest_remainder


@pytest.mark.parametrize(
    ("text", "minor", "printed"),
    [
        ("1000.00EUR", 100000, "1000.00 EUR"),
        ("EUR 1000.00", 100000, "1000.00 EUR"),
        ("1000 EUR", 100000, "1000.00 EUR"),
        (" EUR0.5 ", 50, "0.50 EUR"),
        ("7JPY", 7, "7 JPY"),
        ("JPY 7.0", 7, "7 JPY"),
        ("0.001 KWD", 1, "0.001 KWD"),
        ("-0.05USD", -5, "-0.05 USD"),
        ("90071992547409.91EUR", MAX_MINOR, "90071992547409.91 EUR"),
    ],
)
def test_amounts_that_are_read(text, minor, printed):
    money = parse_money(text)
    assert money.amount_minor == minor
    assert str(money) == printed


@pytest.mark.parametrize(
    "text",
    ["", "EUR", "1000", "1,000.00EUR", "1000.005EUR", "1.5JPY", "1000XXX", "1000eur", "1e3EUR", "nanEUR",
     ".5EUR", "5.EUR", "EUR 5 EUR", "٥EUR", "90071992547409.92EUR", "9" * 40 + "EUR", "1000.00 €"],
)  # fmt: skip
def test_amounts_that_are_refused(text):
    with pytest.raises(InputError):
        parse_money(text)


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(sorted(EXPONENTS)))
def test_every_amount_is_read_back_from_its_text(minor, currency):
    money = Money(minor, currency)
    assert parse_money(str(money)) == money


@pytest.mark.parametrize("minor", [1.0, True, "1", MAX_MINOR + 1])
def test_only_whole_minor_units(minor):
    with pytest.raises(InputError, match="whole minor units"):
        Money(minor, "EUR")


weights = st.dictionaries(
    st.text(max_size=3),
    st.fractions(min_value=0, max_value=1000, max_denominator=997),
    min_size=1,
    max_size=30,
)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**7), weights)
def test_parts_add_up_and_stay_within_one_of_the_quota(total, given_weights):
    whole = sum(given_weights.values())
    if whole == 0 and total > 0:
        with pytest.raises(InputError, match="no weight"):
            largest_remainder(total, given_weights)
        return
    parts = largest_remainder(total, given_weights)
    assert sum(parts.values()) == total
    for name, part in parts.items():
        assert part >= 0
        assert whole == 0 or abs(part - total * given_weights[name] / whole) < 1
    backwards = dict(reversed(given_weights.items()))
    assert largest_remainder(total, backwards) == parts


def test_a_thousand_equal_shares_do_not_overpay():
    """Rounding each share of 1000.00 by itself would pay 0.03 too much or too little."""
    parts = largest_remainder(100_003, {f"{n:04d}": Fraction(1) for n in range(1000)})
    assert sum(parts.values()) == 100_003
    assert [name for name, part in parts.items() if part == 101] == ["0000", "0001", "0002"]


def test_ten_thousand_random_pools_conserve_every_cent():
    random = Random(7)
    for _ in range(10_000):
        total, n = random.randrange(10**7), random.randrange(1, 9)
        given_weights = {str(i): Fraction(random.randrange(1, 10**6), 10**6) for i in range(n)}
        assert sum(largest_remainder(total, given_weights).values()) == total


def test_negative_weights_are_refused():
    with pytest.raises(InputError, match="negative"):
        largest_remainder(5, {"a": Fraction(-1), "b": Fraction(2)})


def test_the_packaged_policy_says_what_its_comments_say():
    policy = default_policy()
    assert (policy.mode, policy.unattributed, policy.consent_missing) == (
        "influence_and_presence", "presence", "escrow",
    )  # fmt: skip
    assert policy.minimum_payable == 1
    assert policy.reliability_floor == Fraction(1, 20)  # exact, not the nearest binary fraction
    assert policy.text.startswith("# How Linernotes divides a pool")


def test_layers_are_exact():
    policy = parse_policy("[layers]\nmaster = 0.7\npublishing = 0.2\nperformers = 0.1\n")
    assert sum(share for _, share in policy.layers) == 1
    assert policy.as_json()["layers"] == {"master": "0.7", "performers": "0.1", "publishing": "0.2"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('unatributed = "escrow"', "unknown key 'unatributed'; did you mean 'unattributed'"),
        ("zzz = 1", "unknown key 'zzz'; known keys: "),
        ('text = "x"', "unknown key 'text'"),
        ('mode = "generous"', "mode = 'generous', expected one of"),
        ("mode = 1", "expected text in quotes"),
        ("mode = []", "expected text in quotes"),
        ("influence_weight = 1.5", "influence_weight = 1.5, expected a number from 0 to 1"),
        ("reliability_floor = -0.1", "reliability_floor = -0.1"),
        ("item_cap = 0", "would pay nobody"),
        ("item_cap = nan", "expected a plain number"),
        ("minimum_payable = inf", "expected a plain number"),
        ("minimum_payable = -1", "minimum_payable = -1"),
        ("minimum_payable = 1e999999999", "expected a plain number"),
        ('item_cap = "0.5"', "expected a plain number"),
        ("item_cap = true", "expected a plain number"),
        ("layers = 1", "expected a table"),
        ("[layers]\nmaster = 0.5", "add up to 0.5"),
        ("[layers]\npublishing = 1", "'master'"),
        ("[layers]\nmaster = 1.5\npublishing = -0.5", "shares from 0"),
        ("mode = ", "not TOML"),
        ("revision = 0", "revision = 0"),
        ('revision = "1"', "revision = '1'"),
    ],
)
def test_policies_that_are_refused(text, reason):
    with pytest.raises(InputError) as refusal:
        parse_policy(text, "mine.toml")
    assert reason in str(refusal.value)
    assert str(refusal.value).startswith("mine.toml: ")


def test_a_policy_of_a_newer_revision(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("revision = 2\nnew_key = 1\n")
    with pytest.raises(NewerRevision, match="upgrade"):
        load_policy(path)


def test_policy_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
    path = tmp_path / "policy.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(InputError, match="UTF-8"):
        load_policy(path)
    path.write_bytes(b"\xef\xbb\xbfname = 'from an editor'")
    assert load_policy(path).name == "from an editor"
