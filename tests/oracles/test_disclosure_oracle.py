"""Slow, obvious twins: a table row asked of the consent engine, a score added up from JSON, domains by sorting."""

import datetime as dt
import json
from collections import Counter
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.catalog.consent_bridge import doubt, records_of_rights_row
from linernotes.catalog.consent_engine import decide
from linernotes.catalog.recording import Recording
from linernotes.corpus.consent import STATUSES, Consent
from linernotes.corpus.manifest import Item
from linernotes.corpus.source import Source
from linernotes.disclosure.answer import stated, unknown
from linernotes.disclosure.completeness import score_answers
from linernotes.disclosure.fields53 import FIELDS_53
from linernotes.disclosure.sources import domains, n_domains_to_list

DAYS = st.dates(dt.date(2025, 1, 1), dt.date(2025, 1, 9))
SCOPES = st.sampled_from(
    ["", "training", "generative-training", "data-mining", "voice-model; all", "data-mining; voice-model"]
)


def _doubt_by_engine(consent, day):
    records = records_of_rights_row(
        "rain",
        status=consent.status,
        scope=consent.scope,
        date=consent.date,
        evidence=consent.evidence,
        until=consent.until,
        granted_by="Owner",
    )
    decision = decide(
        records, subjects=[("recording", "rain")], layer="master", use="generative-training", on=day
    )
    return doubt(decision, records)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(STATUSES),
    SCOPES,
    DAYS | st.none(),
    st.sampled_from(["", "contract 7"]),
    DAYS | st.none(),
    DAYS,
)
def test_table_and_engine_agree_on_whether_consent_counts(status, scope, given_on, evidence, until, day):
    if given_on and until and until < given_on:
        return  # the engine refuses such a row outright
    consent = Consent(
        status=status,
        scope=scope,
        date=given_on.isoformat() if given_on else None,
        evidence=evidence,
        until=until.isoformat() if until else None,
    )
    assert (consent.doubt(day) is None) == (_doubt_by_engine(consent, day) is None)


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from([one.field_id for one in FIELDS_53]),
        st.sampled_from(
            [stated(True), stated(False), stated("various sources"), stated(["example.org"]), unknown("no")]
        ),
    )
)
def test_the_score_is_the_weighted_mean_of_the_lowest_marks(answers):
    scored = score_answers(answers)
    points = weights = 0.0
    for field in json.loads(json.dumps([one.model_dump(mode="json") for one in scored.fields])):
        if field["counted"]:
            points += field["weight"] * min(field["completeness"], field["clarity"], field["consistency"])
            weights += field["weight"]
    assert abs(scored.score - points / weights) < 1e-12


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 9)), min_size=1, max_size=40))
def test_the_domain_list_holds_the_largest(found):
    items = [
        Item(
            item_id=f"i{n}",
            path=f"{n}.wav",
            content_sha256=f"{n:064x}",
            audio_sha256=f"{n:064x}",
            duration_s=float(minutes * 60),
            sample_rate=8000,
            n_channels=1,
            coding="WAV/PCM_16",
            recording=Recording(recording_id=f"i{n}", title="", artist=""),
            source=Source(source_class="crawled", url=f"https://www.site{site}.example.org/{n}.mp3"),
        )
        for n, (site, minutes) in enumerate(found)
    ]
    minutes: Counter[str] = Counter()
    for item in items:
        minutes[urlsplit(item.source.url).netloc.removeprefix("www.")] += round(item.duration_s / 60)
    ordered = sorted(minutes, key=lambda host: (-minutes[host], host))
    amounts = domains(items)
    assert [round(amounts[host] * 60) for host in amounts] == [minutes[host] for host in ordered]
    assert set(amounts) == set(ordered)
    n_listed = n_domains_to_list(len(ordered), small=False)
    assert n_listed * 10 >= len(ordered) > (n_listed - 1) * 10
