"""Gaps that are nobody's single recording: of the corpus, the log, and what the provider says beyond the seal.

Conventions
-----------
All have the empty item id. A check that could not be made is not silently passed over: `wide_checks` returns its reason,
which `linernotes.corpus.checks_run.checks_run` prints.

Known limits
------------
Witnesses are counted, not judged: whether two of them are independent of each other is for the reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from linernotes.corpus.gaps import Gap, gap
from linernotes.disclosure.counts import beside_the_sound
from linernotes.disclosure.facts import DisclosureFacts
from linernotes.disclosure.source_answers import entries_of
from linernotes.evidence.reliability import Reliability

EXPECTED_KEYS = ("content_sha256", "audio_sha256", "sketch")
"""Kinds of key that every recording has: without one of them a recording can be in the corpus and not be found."""


@dataclass(slots=True)
class WideChecks:
    """What was found, which checks ran, and remarks on them."""

    gaps: list[Gap] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, check: str, found: Iterator[Gap], note: str = "") -> None:
        """Note that a check ran, what it found and on how much."""
        self.ran.append(check)
        self.gaps.extend(found)
        if note:
            self.notes[check] = note


def wide_checks(facts: DisclosureFacts) -> WideChecks:
    """Make the checks of corpus, log and provider."""
    made = WideChecks()
    material = facts.material
    made.add("seal-date", _seal_date(facts))
    made.add("source", _sources(facts), f"{len(facts.items)} recordings")
    made.add("synthetic", _synthetic(facts))
    made.add("base-models", _base_models(facts))
    made.add("user-data", _user_data(facts))
    made.add("beyond-the-seal", _beyond(facts))
    made.add("soundtracks", iter(()), "see field 1.3.b of the EU summary")
    if material.log is None:
        made.notes["log-witnesses"] = "this workspace has no audit log"
    else:
        made.add("log-witnesses", _witnesses(facts), f"{material.log.n_witnesses} cosignatures")
    header = facts.corpus.header
    if header is not None:
        made.add("presence-keys", _keys(header.key_kinds), ", ".join(header.key_kinds))
    else:
        made.notes["presence-keys"] = "the seal does not name its kinds of key"
    if material.unmatched is None:
        made.notes["identification"] = "run 'linernotes corpus identify' first"
    else:
        made.add("identification", _unmatched(facts), f"{material.n_identified} recordings were compared")
    if material.n_rankings == 0:
        made.notes["reliability"] = "no influence ranking in this workspace"
    else:
        made.add("reliability", _reliability(facts), f"{material.n_rankings} rankings")
    if material.leads is None:
        made.notes["leads"] = "no output was compared with a catalogue ('linernotes leads')"
    else:
        made.add("leads", (gap("contradiction-lead", "", words) for words in material.leads))
    return made


def _seal_date(facts: DisclosureFacts) -> Iterator[Gap]:
    corpus = facts.corpus
    if corpus.training_date is None:
        yield gap("training-date-unknown", "", f"judged on {facts.day.isoformat()}")
    elif corpus.stage == "after-training":
        yield gap(
            "committed-after-training", "", f"sealed {corpus.sealed_at[:10]}, training {corpus.training_date}"
        )
    elif facts.material.log is not None and facts.material.log.seal_time[:10] > corpus.training_date:
        when = facts.material.log.seal_time[:10]
        yield gap("committed-after-training", "", f"logged {when}, training {corpus.training_date}")


def _sources(facts: DisclosureFacts) -> Iterator[Gap]:
    for item in facts.items:
        if item.source is None or item.source.source_class == "unknown":
            yield gap("source-unknown", item.item_id)


def _synthetic(facts: DisclosureFacts) -> Iterator[Gap]:
    models = facts.provider["synthetic.market_models"]
    disclosed = {one["name"].casefold() for one in entries_of(models) if one.get("summary")}
    for item in facts.items:
        if item.source is None:
            continue
        upstream = item.source.synthetic_from or ""
        made = item.source.source_class == "synthetic" or bool(upstream)
        if made and upstream.casefold() not in disclosed:
            yield gap("synthetic-upstream", item.item_id, upstream or "generator not named")
    said = facts.provider["synthetic.used"]
    if facts.of_class("synthetic") is None and said.value is True and not disclosed:
        yield gap("synthetic-upstream", "", "synthetic content is stated, its generators' summaries are not")


def _base_models(facts: DisclosureFacts) -> Iterator[Gap]:
    said = facts.provider["model.base_models"]
    if said.state == "unknown":
        yield gap("base-model-undisclosed", "", said.reason)
    for one in entries_of(said):
        if not one.get("summary"):
            yield gap("base-model-undisclosed", "", str(one["name"]))


def _user_data(facts: DisclosureFacts) -> Iterator[Gap]:
    said, services = facts.provider["user_data.other_services"], facts.provider["user_data.services"]
    if said.state == "unknown":
        yield gap("other-service-user-data", "", said.reason)
    elif said.value is True and not services.known:
        yield gap("other-service-user-data", "", f"used; services: {services.reason}")
    elif not services.known:
        signals = beside_the_sound(facts.items).get("behavioural signals used")
        if signals:
            yield gap("other-service-user-data", "", f"signals in the sealed table: {', '.join(signals)}")


def _beyond(facts: DisclosureFacts) -> Iterator[Gap]:
    """Name what the provider says was used and the seal does not hold."""
    for one in entries_of(facts.provider["content.other_modalities"]):
        yield gap("undisclosed-corpus", "", f"{one['modality']}: {one['amount']}, declared only")
    names: Mapping[str, str] = {
        "public": "public.used",
        "licensed": "licensed.used",
        "private": "private.used",
        "crawled": "crawled.used",
        "user-data": "user_data.other_services",
        "other": "other.used",
    }
    if facts.of_class("unknown") is None:  # else it may be among the recordings that state no source
        for source_class, name in names.items():
            if facts.provider.is_true(name) and facts.of_class(source_class) is None:
                yield gap(
                    "undisclosed-corpus", "", f"{source_class}: stated as used, no sealed recording has it"
                )


def _witnesses(facts: DisclosureFacts) -> Iterator[Gap]:
    log = facts.material.log
    if log is not None and log.n_witnesses == 0:
        yield gap("unwitnessed-log", "", log.origin)


def _keys(key_kinds: Sequence[str]) -> Iterator[Gap]:
    missing = [name for name in EXPECTED_KEYS if name not in key_kinds]
    if missing:
        yield gap("keys-not-checked", "", ", ".join(missing))


def _unmatched(facts: DisclosureFacts) -> Iterator[Gap]:
    for item_id in sorted(facts.material.unmatched or ()):
        yield gap("unmatched-audio", item_id)


def _reliability(facts: DisclosureFacts) -> Iterator[Gap]:
    measured = facts.material.reliability
    if not any(_beyond_chance(one) for one in measured):
        detail = "no method was measured" if not measured else "no method is beyond chance"
        yield gap("low-reliability", "", detail)


def _beyond_chance(one: Reliability) -> bool:
    return bool(one.interval[0] > max(0.0, one.baselines.get("random", 0.0)))
