import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.catalog.recording import Recording
from linernotes.corpus.checks import find_gaps
from linernotes.corpus.consent import STATUSES, Consent, parse_date
from linernotes.corpus.gaps import GAP_KINDS, Gap, gap
from linernotes.errors import InputError

DAY = dt.date(2025, 6, 1)
AGREED = Consent(status="yes", date="2025-05-31", evidence="contract 7")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"date": "2025-06-01"}, None),
        ({"date": "2025-06-02"}, "consent-after-training"),
        ({"until": "2025-06-01"}, None),
        ({"until": "2025-05-31"}, "consent-expired"),
        ({"date": None}, "consent-undated"),
        ({"evidence": ""}, "consent-no-evidence"),
        ({"status": "no"}, "consent-refused"),
        ({"status": "unknown"}, "consent-unknown"),
        ({"status": "licence", "date": None, "evidence": ""}, "consent-by-licence-only"),
        ({"status": "licence", "date": "2025-06-02"}, "consent-after-training"),
    ],
)
def test_when_consent_counts(changes, expected):
    assert dataclasses.replace(AGREED, **changes).doubt(DAY) == expected


@given(
    st.sampled_from(STATUSES),
    st.dates(dt.date(2000, 1, 1), dt.date(2040, 1, 1)),
    st.text(max_size=3),
    st.dates(),
)
def test_consent_given_after_training_never_counts(status, given_on, evidence, used_on):
    consent = Consent(status=status, date=given_on.isoformat(), evidence=evidence)
    if given_on > used_on:
        assert consent.doubt(used_on) is not None
    assert Consent.from_json(consent.as_json()) == consent


@pytest.mark.parametrize("text", ["", "2025-1-01", "20250101", "2025-W01-1", "2025-02-29", "yesterday"])
def test_dates_are_strict(text):
    with pytest.raises(InputError, match="yyyy-mm-dd"):
        parse_date(text)


def test_a_status_nobody_defined_is_refused():
    with pytest.raises(InputError, match="consent 'maybe'"):
        Consent(status="maybe")


def test_every_gap_says_what_to_do_and_survives_json():
    for code, kind in GAP_KINDS.items():
        assert kind.next_step.endswith(".")
        assert kind.who in ("provider", "rightsholder")
        assert Gap.from_json(gap(code, "x").as_json()) == gap(code, "x")
    with pytest.raises(InputError, match="gap code 'nope'"):
        gap("nope", "x")


def _codes(items):
    return [(g.code, g.item_id) for g in find_gaps(items, DAY)]


def _full(new_item, n, **changes):
    recording = Recording(
        recording_id=f"item-{n:04}",
        title="T",
        artist="A",
        rightsholder="R",
        licence="L",
        isrc=f"GBAYE25{n:05}",
        iswc="T0345246801",
    )
    return new_item(n, recording=dataclasses.replace(recording, **changes), consent=AGREED)


def test_a_complete_item_has_no_gap(new_item):
    assert _codes([_full(new_item, 1), _full(new_item, 2)]) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": ""}, "missing-title"),
        ({"artist": ""}, "missing-artist"),
        ({"rightsholder": ""}, "missing-rightsholder"),
        ({"licence": ""}, "missing-licence"),
        ({"isrc": None}, "missing-isrc"),
        ({"isrc": "GB1"}, "malformed-isrc"),
        ({"iswc": None}, "missing-iswc"),
        ({"iswc": "T0345246802"}, "malformed-iswc"),
    ],
)
def test_each_lack_is_one_gap(new_item, changes, code):
    assert _codes([_full(new_item, 1, **changes)]) == [(code, "item-0001")]


def test_a_file_without_a_row_has_one_gap_only(new_item):
    assert _codes([new_item(1)]) == [("no-rights-row", "item-0001")]


def test_twins_and_shared_codes(new_item):
    one, two, three = (_full(new_item, n, isrc="GBAYE2500001") for n in (1, 2, 3))
    two = dataclasses.replace(two, cluster_id="item-0001")
    assert _codes([one, two]) == [("near-duplicate", "item-0001"), ("near-duplicate", "item-0002")]
    assert _codes([one, three]) == [
        ("identifier-conflict", "item-0001"),
        ("identifier-conflict", "item-0003"),
    ]
