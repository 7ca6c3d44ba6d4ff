"""What stands in each field of the EU summary: computed where the seal can tell, else what the provider says.

Idea
----
A computed answer wins over a stated one, and where the two contradict each other the field says so. A question that its
yes-or-no field has closed is *not applicable*, with that field as the reason; a question that nobody can answer is
*unknown*.

Conventions
-----------
Audio and video bands: under 10,000 h, 10,000 h to 1 million h, over 1 million h. A sealed corpus is audio; every other
modality is the provider's word.

Known limits
------------
Where no recording states its source, the seal cannot answer sections 2.1 to 2.6, and the provider's word stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from linernotes.disclosure.answer import (
    CORPUS,
    LOG,
    Answer,
    computed,
    n_recordings,
    not_applicable,
    stated,
    unknown,
)
from linernotes.disclosure.counts import audio_facts, beside_the_sound
from linernotes.disclosure.facts import DisclosureFacts
from linernotes.disclosure.fields53 import FIELDS_53
from linernotes.disclosure.source_answers import (
    class_datasets,
    class_modalities,
    class_used,
    crawl_period,
    domain_list,
    entries_of,
    smaller_datasets,
    stated_modalities,
)
from linernotes.disclosure.sources import period

BANDS_H = ((10_000, "less than 10,000 hours"), (1_000_000, "10,000 hours to 1 million hours"))
LAST_BAND = "more than 1 million hours"


def audio_band(hours: float) -> str:
    """Return the template's band for an amount of audio or video.

    Examples
    --------
    >>> audio_band(29.2), audio_band(1_000_001)
    ('less than 10,000 hours', 'more than 1 million hours')
    >>> audio_band(10_000) == audio_band(1_000_000) == "10,000 hours to 1 million hours"
    True
    """
    if hours < BANDS_H[0][0]:
        return BANDS_H[0][1]
    return BANDS_H[1][1] if hours <= BANDS_H[1][0] else LAST_BAND


def answers53(facts: DisclosureFacts) -> dict[str, Answer]:
    """Return the answer to every field, by id, in the order of the form."""
    found = {field_id: make(facts) for field_id, make in _MAKERS.items()}
    for one in FIELDS_53:
        if one.gate and found[one.gate].value is False:
            found[one.field_id] = not_applicable(f"the answer to {one.gate} is no")
    return {one.field_id: found[one.field_id] for one in FIELDS_53}


def _said(name: str) -> Callable[[DisclosureFacts], Answer]:
    return lambda facts: facts.provider[name]


def _version(facts: DisclosureFacts) -> Answer:
    value: dict[str, Any] = {"version": facts.version, "snapshot": facts.corpus.root}
    updated = facts.provider["summary.last_update"]
    value["last_update"] = updated.value if updated.known else "see the time of the log entry"
    before = facts.previous
    if before is not None:
        value["previous"] = {
            "version": before.version,
            "sha256": before.sha256,
            "log_index": before.log_index,
            "snapshot": before.corpus_root,
        }
    earlier = facts.provider["summary.earlier_versions"]
    if earlier.known:
        value["earlier_versions"] = earlier.value
    return computed(value, LOG, "" if before else "the first version that this log knows")


def _contact(facts: DisclosureFacts) -> Answer:
    name, contact = facts.provider["provider.name"], facts.provider["provider.contact"]
    if not name.known and not contact.known:
        return unknown(name.reason)
    return stated({"name": name.value or "unknown", "contact": contact.value or "unknown"})


def _modalities(facts: DisclosureFacts) -> Answer:
    others = facts.provider["content.other_modalities"]
    names = ["audio"]
    if others.known:
        names += [one["modality"] for one in entries_of(others) if one["modality"].lower() != "audio"]
    remark = (
        "" if others.state in ("stated", "not-applicable") else f"besides audio: unknown ({others.reason})"
    )
    return computed(list(dict.fromkeys(names)), CORPUS, remark)


def _sizes(facts: DisclosureFacts) -> Answer:
    rows: list[dict[str, Any]] = [
        {
            "modality": "audio",
            "band": audio_band(facts.hours),
            "amount": f"{facts.hours:,.2f} hours in {n_recordings(len(facts.items), 'sealed')}",
        }
    ]
    others = facts.provider["content.other_modalities"]
    for one in entries_of(others):
        rows.append(
            {"modality": one["modality"], "amount": one["amount"], "sound_inside": _sound_inside(one)}
        )
    return computed(
        rows, CORPUS, "audio is computed, the rest is stated by the provider" if len(rows) > 1 else ""
    )


def _sound_inside(one: Mapping[str, Any]) -> str:
    if one["modality"].lower() != "video":
        return "none"
    if one.get("contains_audio") is False:
        return "none"
    if "audio_hours" in one:
        return f"{one['audio_hours']} hours, not part of the audio above"
    return "not stated"


def _types(facts: DisclosureFacts) -> Answer:
    said = facts.provider["content.types_of_audio"]
    tags: dict[str, int] = {}
    for item in facts.items:
        for tag in item.recording.tags:
            tags[tag] = tags.get(tag, 0) + 1
    common = sorted(tags, key=lambda tag: (-tags[tag], tag))[:12]
    if not common:
        return said
    value: dict[str, Any] = {"most frequent tags": [f"{tag} ({tags[tag]})" for tag in common]}
    if said.known:
        value = {"in words": said.value} | value
    return computed(value, CORPUS)


def _latest(facts: DisclosureFacts) -> Answer:
    _, last = period(facts.items)
    said, goes_on = facts.provider["content.latest_collection"], facts.provider["content.continuous"]
    if last is None and not said.known:
        return said
    going = {True: "yes", False: "no"}.get(bool(goes_on.value), "no") if goes_on.known else "unknown"
    value = {"latest_collection": last or said.value, "training_goes_on": going}
    return computed(value, CORPUS) if last else stated(value)


def _characteristics(facts: DisclosureFacts) -> Answer:
    found, said = beside_the_sound(facts.items), facts.provider["content.characteristics"]
    if not found:
        return said
    return computed({"in words": said.value} | found if said.known else found, CORPUS)


def _services(facts: DisclosureFacts) -> Answer:
    """Behavioural signals (plays, skips) are data of users of some service, whatever the recording's source is."""
    signals = beside_the_sound(facts.items).get("behavioural signals used")
    answer = class_used("user-data", "user_data.other_services")(facts)
    if not signals or (answer.state == "computed" and answer.value is True):
        return answer
    remark = f"behavioural signals: {', '.join(signals)}"
    if facts.provider.is_true("user_data.other_services") is False:
        remark += "; provider.toml says no"
    return computed(True, CORPUS, remark)


def _reservations(facts: DisclosureFacts) -> Answer:
    """Print what an opt-out audit counted beside the measures that the provider states."""
    said, audit = facts.provider["rights.measures"], facts.material.signal_audit
    if audit is None:
        return said
    counted = {
        name: audit[name] for name in ("on", "n_items", "n_with_signals", "n_opted_out", "n_conflicts")
    }
    value = {"in words": said.value} if said.known else {}
    return computed(value | {"opt-out audit": counted, "looked for": list(audit["checked"])}, LOG)


def _comments(facts: DisclosureFacts) -> Answer:
    audio = audio_facts(facts.items)
    said = facts.provider["content.comments"]
    value: dict[str, Any] = {
        "sampling rates in Hz, by recordings": audio["sample_rates_hz"],
        "channels, by recordings": audio["channels"],
        "codings, by recordings": audio["codings"],
    }
    if said.known:
        value["in words"] = said.value
    return computed(value, CORPUS)


def _policy(facts: DisclosureFacts) -> Answer:
    policy, comments = facts.provider["rights.policy"], facts.provider["rights.comments"]
    if not policy.known and not comments.known:
        return policy
    value = {"policy": policy.value or "unknown"} | ({"comments": comments.value} if comments.known else {})
    return stated(value)


def _other_information(facts: DisclosureFacts) -> Answer:
    value: dict[str, Any] = {
        "corpus root": facts.corpus.root,
        "sealed at": facts.corpus.sealed_at,
        "look up one recording": "linernotes presence prove",
    }
    if facts.material.log is not None:
        value["audit log"] = facts.material.log.origin
    said = facts.provider["rights.other"]
    if said.known:
        value["in words"] = said.value
    return computed(value, LOG)


_MAKERS: dict[str, Callable[[DisclosureFacts], Answer]] = {
    "0": _version,
    "1.1.a": _contact,
    "1.1.b": _said("provider.representative"),
    "1.2.a": _said("model.names"),
    "1.2.b": _said("model.base_models"),
    "1.2.c": _said("model.placed_on_market"),
    "1.3.a": _modalities,
    "1.3.b": _sizes,
    "1.3.c": _types,
    "1.3.d": _latest,
    "1.3.e": _said("content.languages"),
    "1.3.f": _characteristics,
    "1.3.g": _comments,
    "2.1.a": class_used("public", "public.used"),
    "2.1.b": class_modalities("public"),
    "2.1.c": class_datasets("public", "public.datasets"),
    "2.1.d": smaller_datasets("public", "public.description"),
    "2.1.e": _said("public.comments"),
    "2.2.1.a": class_used("licensed", "licensed.used"),
    "2.2.1.b": class_modalities("licensed"),
    "2.2.2.a": class_used("private", "private.used"),
    "2.2.2.b": class_modalities("private"),
    "2.2.2.c": class_datasets("private", "private.datasets"),
    "2.2.2.d": smaller_datasets("private", "private.description"),
    "2.2.2.e": _said("private.comments"),
    "2.3.a": class_used("crawled", "crawled.used"),
    "2.3.b": _said("crawled.crawlers"),
    "2.3.c": _said("crawled.purposes"),
    "2.3.d": _said("crawled.behaviour"),
    "2.3.e": crawl_period,
    "2.3.f": _said("crawled.description"),
    "2.3.g": stated_modalities("crawled", "crawled.modalities"),
    "2.3.h": domain_list,
    "2.3.i": _said("crawled.comments"),
    "2.4.a": _said("user_data.interactions"),
    "2.4.b": _services,
    "2.4.c": _said("user_data.services"),
    "2.4.d": stated_modalities("user-data", "user_data.modalities"),
    "2.4.e": _said("user_data.comments"),
    "2.5.a": class_used("synthetic", "synthetic.used"),
    "2.5.b": stated_modalities("synthetic", "synthetic.modalities"),
    "2.5.c": _said("synthetic.market_models"),
    "2.5.d": _said("synthetic.other_models"),
    "2.5.e": _said("synthetic.comments"),
    "2.6.a": class_used("other", "other.used"),
    "2.6.b": _said("other.description"),
    "2.6.c": _said("other.comments"),
    "3.1.a": _said("rights.code_of_practice"),
    "3.1.b": _reservations,
    "3.1.c": _policy,
    "3.2.a": _said("rights.illegal_content"),
    "3.3.a": _other_information,
}
