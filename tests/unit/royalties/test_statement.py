"""Statements: what is refused, who is held, carried and paid, and that every figure can be checked."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from linernotes.catalog.recording import Recording
from linernotes.corpus.consent import Consent
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import seal_items
from linernotes.errors import CorpusError, InputError, NotFitted, PolicyRefusal, VerificationError
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.royalties import build_statement, check_statement, parse_money, parse_policy, statement_csv

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AGREED = Consent(status="yes", date="2025-01-01", evidence="contract 1")
POOL = parse_money("1000.00EUR")


def item(name, party, *, cluster="", consent=AGREED):
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Item(
        item_id=name,
        path=f"{name}.ogg",
        content_sha256=digest,
        audio_sha256=digest,
        duration_s=10.0,
        sample_rate=44100,
        n_channels=1,
        coding="OGG/VORBIS",
        recording=Recording(recording_id=name, title=name.title(), artist="A", rightsholder=party),
        consent=consent,
        cluster_id=cluster or name,
    )


ITEMS = (
    item("fog", "Ada"),
    item("fog-copy", "Ada", cluster="fog"),
    item("hail", "Bo"),
    item("rain", ""),
    item("snow", "Cy", consent=Consent(status="no")),
    item("sun", "=Di"),
)
SHARES = {"fog": 0.3, "fog-copy": 0.1, "hail": 0.2, "rain": 0.1, "snow": 0.1, "sun": 0.0}


@pytest.fixture(scope="module")
def corpus():
    return seal_items(ITEMS, audio_dir="audio", secret=bytes(32), now=NOW)


def ranking(corpus, query="out-1", *, shares=None, lds=0.4, **change):
    shares = SHARES if shares is None else shares
    reliability = None
    if lds is not None:
        reliability = Reliability(
            method="trak",
            generator_id="g1",
            corpus_root=corpus.root,
            lds=lds,
            interval=(0.3, 0.5),
            ceiling=0.8,
        )
    found = InfluenceRanking(
        query_id=query,
        method="trak",
        unit="nats",
        generator_id="g1",
        corpus_root=corpus.root,
        seed=0,
        influences=tuple(
            Influence(
                item_id=name, score=share, share=share, interval=(max(0, share - 0.05), share + 0.05), rank=n
            )
            for n, (name, share) in enumerate(shares.items(), start=1)
        ),
        unattributed_share=1 - sum(shares.values()),
        reliability=reliability,
    )
    return dataclasses.replace(found, **change)


def settle(corpus, text="", rankings=None, **options):
    rankings = [ranking(corpus)] if rankings is None else rankings
    return build_statement(POOL, corpus, rankings, parse_policy(text), now=NOW, **options)


def amounts(statement):
    return {line["line_id"]: line["amount_minor"] for line in statement["lines"]}


def test_the_formula_by_hand(corpus):
    """Five recordings, six files; r = 0.4; a fifth of the influence is nobody's and goes by presence."""
    paid = amounts(settle(corpus))
    assert paid["hail/master"] == 21600  # 1000.00 * (0.4 * (0.2 + 0.2 / 5) + 0.6 / 5)
    assert paid["fog/master"] == 18800  # 1000.00 * (0.4 * (0.3 + 0.2 / 10) + 0.6 / 10)
    assert paid["fog-copy/master"] == 10800
    assert paid["sun/master"] == 13600
    assert paid["(unattributed)"] == 0
    assert sum(paid.values()) == 100000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('mode = "presence_only"', {"fog/master": 10000, "fog-copy/master": 10000, "hail/master": 20000}),
        ('reliability_scale = "ceiling"', {"hail/master": 22000, "(unattributed)": 0}),  # r = 0.4 / 0.8
        ("reliability_floor = 0.41", {"hail/master": 20000, "fog/master": 10000}),
        ("influence_weight = 0.5", {"hail/master": 20800}),
        ('unattributed = "escrow"', {"(unattributed)": 8000, "hail/master": 20000}),
        ('unattributed = "return"', {"(unattributed)": 8000, "hail/master": 20000}),
        ("[layers]\nmaster = 0.75\npublishing = 0.25", {"hail/master": 16200, "hail/publishing": 5400}),
        ("item_cap = 0.2", dict.fromkeys(["hail/master", "rain/master", "sun/master"], 20000)),
        ("item_cap = 0.1", {"(over-cap)": 50000, "hail/master": 10000}),
    ],
)
def test_every_policy_key_does_what_it_says(corpus, text, expected):
    statement = settle(corpus, text)
    paid = amounts(statement)
    assert expected.items() <= paid.items()
    assert sum(paid.values()) == 100000


def test_who_is_held_carried_and_paid(corpus):
    statement = settle(corpus, 'unattributed = "return"\nminimum_payable = 140')
    status = {line["line_id"]: line["status"] for line in statement["lines"]}
    assert status == {
        "fog/master": "payable",
        "fog-copy/master": "payable",  # Ada's two lines together pass the minimum
        "hail/master": "payable",
        "rain/master": "escrow",
        "snow/master": "escrow",
        "sun/master": "carried_forward",
        "(unattributed)": "return",
    }
    parties = {row["party"]: row for row in statement["parties"]}
    assert parties["Cy"]["held_minor"] > 0
    assert parties["Cy"]["amount_minor"] == 0
    assert parties["=Di"]["status"] == "carried_forward"
    snow = next(line for line in statement["lines"] if line["item_id"] == "snow")
    assert "consent-refused" in snow["why"]


def test_consent_may_be_ignored_or_required(corpus):
    paid = settle(corpus, 'consent_missing = "pay"')
    assert {line["status"] for line in paid["lines"] if line["item_id"] == "snow"} == {"payable"}
    with pytest.raises(PolicyRefusal, match="1 items without consent that counts \\(snow\\)"):
        settle(corpus, 'consent_missing = "refuse"')
    with pytest.raises(PolicyRefusal, match="1 items without a rightsholder \\(rain\\)"):
        settle(corpus, 'rightsholder_missing = "refuse"')


def test_an_unmeasured_ranking_is_refused(corpus):
    unmeasured = [ranking(corpus, lds=None)]
    with pytest.raises(PolicyRefusal, match="nobody measured how reliable method trak") as refusal:
        settle(corpus, rankings=unmeasured)
    assert refusal.value.exit_code == 1
    assert settle(corpus, 'mode = "presence_only"', rankings=unmeasured)["reliability"] == []
    assert settle(corpus, 'mode = "presence_only"', rankings=[])["sensitivity"][0]["influence_only"] is None


def test_a_reliability_does_not_travel(corpus):
    strange = ranking(corpus)
    for field in ("method", "generator_id", "corpus_root"):
        moved = dataclasses.replace(strange.reliability, **{field: "other"})
        with pytest.raises(PolicyRefusal, match="measured for another"):
            settle(corpus, rankings=[dataclasses.replace(strange, reliability=moved)])


@pytest.mark.parametrize("lds", [-0.3, 0.0])
def test_a_method_without_skill_pays_by_presence(corpus, lds):
    paid = amounts(settle(corpus, rankings=[ranking(corpus, lds=lds)]))
    assert paid == amounts(settle(corpus, 'mode = "presence_only"'))


def test_full_trust_pays_the_shares(corpus):
    paid = amounts(settle(corpus, 'unattributed = "escrow"', rankings=[ranking(corpus, lds=1.0)]))
    assert paid["fog/master"] == 30000
    assert paid["(unattributed)"] == 20000


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"corpus_root": "ff" * 32}, CorpusError, "ranked against corpus ffff"),
        ({"shares": {"thunder": 0.5}}, CorpusError, "thunder, which is not in the sealed corpus"),
        ({"shares": {"hail": -0.5}}, InputError, "share of hail is -0.5"),
        ({"lds": float("nan")}, InputError, "reliability: nan"),
    ],
)
def test_rankings_that_do_not_fit(corpus, change, error, reason):
    root = change.pop("corpus_root", None)
    wrong = ranking(corpus, **change)
    if root:
        reliability = dataclasses.replace(wrong.reliability, corpus_root=root)
        wrong = dataclasses.replace(wrong, corpus_root=root, reliability=reliability)
    with pytest.raises(error, match=reason):
        settle(corpus, rankings=[wrong])


def test_what_has_no_answer_is_refused(corpus):
    with pytest.raises(NotFitted, match="linernotes attribute"):
        settle(corpus, rankings=[])
    with pytest.raises(InputError, match="two rankings"):
        settle(corpus, rankings=[ranking(corpus), ranking(corpus)])
    other = ranking(corpus, "out-2", generator_id="g2")
    with pytest.raises(InputError, match=r"2 generators \(g1, g2\)"):
        settle(corpus, rankings=[ranking(corpus), other])
    with pytest.raises(InputError, match="expected more than zero"):
        build_statement(parse_money("0EUR"), corpus, [ranking(corpus)], parse_policy(""))


def test_outputs_may_have_earned_different_sums(corpus):
    two = [ranking(corpus, "out-1", lds=1.0), ranking(corpus, "out-2", shares={"sun": 1.0}, lds=1.0)]
    assert amounts(settle(corpus, rankings=two))["sun/master"] == 50000 + 2000
    weighted = settle(corpus, rankings=two, output_weights={"out-1": Fraction(1), "out-2": Fraction(3)})
    assert amounts(weighted)["sun/master"] == 75000 + 1000
    with pytest.raises(InputError, match="out-2"):
        settle(corpus, rankings=two, output_weights={"out-1": Fraction(1)})
    with pytest.raises(InputError, match="negative"):
        settle(corpus, rankings=two, output_weights={"out-1": Fraction(2), "out-2": Fraction(-1)})


def test_intervals_hold_the_amount_and_come_from_the_shares(corpus):
    lines = {line["line_id"]: line for line in settle(corpus)["lines"]}
    assert lines["hail/master"]["interval_minor"] == [19600, 23600]  # 1000.00 * 0.4 * 0.05 to each side
    assert lines["sun/master"]["interval_minor"] == [13600, 15600]  # a share cannot fall below zero
    capped = {line["line_id"]: line for line in settle(corpus, "item_cap = 0.1")["lines"]}
    assert capped["hail/master"]["interval_minor"][0] < 10000


def test_the_sensitivity_block_adds_up_under_every_rule(corpus):
    rows = settle(corpus, 'unattributed = "escrow"')["sensitivity"]
    for rule in ("presence_only_minor", "influence_only_minor", "declared_minor"):
        assert sum(row[rule] for row in rows) == 100000
    by_party = {row["party"]: row for row in rows}
    assert by_party["Ada"]["presence_only"] == "200.00 EUR"
    assert by_party["Ada"]["influence_only"] == "400.00 EUR"
    assert by_party["(unattributed)"]["influence_only_minor"] == 20000


def test_every_line_says_how_far_it_can_be_trusted(corpus):
    statement = settle(corpus)
    for line in statement["lines"]:
        assert corpus.root[:12] in line["limits"]
        assert "reliability (LDS) 0.400, 95 % interval 0.300 to 0.500, noise ceiling 0.800" in line["limits"]
        assert "Unattributed share 20.00 %" in line["limits"]
        assert line["why"]
    text = json.dumps(statement).lower()
    assert not any(word in text for word in ("copied", "stolen", "trained on", "detected"))


def test_the_same_question_has_the_same_answer(corpus):
    rankings = [ranking(corpus, f"out-{n}") for n in range(3)]
    first = settle(corpus, rankings=rankings)
    later = build_statement(POOL, corpus, rankings[::-1], parse_policy(""))
    assert first["statement_id"] == later["statement_id"]
    assert {**first, "created_at": ""} == {**later, "created_at": ""}


@pytest.mark.parametrize(
    "tamper",
    [
        lambda s: s["lines"][0].update(amount_minor=s["lines"][0]["amount_minor"] + 1),
        lambda s: s["lines"][0].update(party="Mallory"),
        lambda s: s["lines"].pop(),
        lambda s: s["lines"][0].update(amount="999.00 EUR"),
        lambda s: s["lines"][0].update(interval_minor=[0, 1]),
        lambda s: s["policy"].update(name="kinder"),
        lambda s: s.update(statement_id="0" * 16),
        lambda s: s.pop("pool"),
        lambda s: s.update(lines=None),
    ],
)
def test_an_edited_statement_does_not_add_up(corpus, tamper):
    statement = json.loads(json.dumps(settle(corpus)))
    check_statement(statement)
    tamper(statement)
    with pytest.raises(VerificationError):
        check_statement(statement)


def test_the_table_has_the_same_sums_and_runs_no_formulas(corpus):
    text = statement_csv(settle(corpus))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert sum(int(row["amount_minor"]) for row in rows[:-1]) == int(rows[-1]["amount_minor"]) == 100000
    assert next(row for row in rows if row["item_id"] == "sun")["party"] == "'=Di"
    assert next(row for row in rows if row["item_id"] == "hail")["amount"] == "216.00"


@pytest.mark.parametrize(
    ("pool", "minimum", "printed"), [("1001JPY", "135.5", "136 JPY"), ("1.001KWD", "0.1355", "0.136 KWD")]
)
def test_currencies_with_other_exponents(corpus, pool, minimum, printed):
    """The minimum is rounded up to what the currency can pay; a party owed just that is paid."""
    rankings, policy = [ranking(corpus)], parse_policy(f"minimum_payable = {minimum}")
    statement = build_statement(parse_money(pool), corpus, rankings, policy, now=NOW)
    assert statement["total"]["amount_minor"] == 1001
    parties = {row["party"]: row for row in statement["parties"]}
    assert parties["=Di"]["amount"] == printed
    assert parties["=Di"]["status"] == "payable"
