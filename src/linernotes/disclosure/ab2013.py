"""The twelve items of California's AB 2013, answered from the same facts as the EU summary.

Conventions
-----------
Labels are in our own words; ``item`` is the number in the statute's list. Ranges are allowed by the law; where the seal
counts, the count is printed.

References
----------
California Civil Code 3110 and 3111 (AB 2013, Statutes of 2024, chapter 817).

Known limits
------------
Items 1 to 9 were compared with the published statute; the wording of 10 to 12 is from general knowledge. Whether a
system falls under the law is not judged. Category-level words satisfy the form, and do not tell anybody whether their
recording was used: that is what the presence proof is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Self

from pydantic import model_validator

from linernotes.disclosure.answer import CORPUS, Answer, Facts, Said, computed, stated, unknown
from linernotes.disclosure.counts import audio_facts, beside_the_sound, licence_counts
from linernotes.disclosure.facts import DisclosureFacts, Level
from linernotes.disclosure.limitation import Limitation
from linernotes.disclosure.source_answers import entries_of
from linernotes.disclosure.sources import period

FORMAT: Final = "linernotes-ab2013"
TITLE = "Training data documentation"
LABELS: tuple[str, ...] = (
    "Sources or owners of the datasets",
    "How the datasets serve the purpose of the system",
    "Number of data points",
    "Types of data points",
    "Content protected by copyright, trademark or patent, or wholly public domain",
    "Datasets that were purchased or licensed",
    "Personal information",
    "Aggregate consumer information",
    "Cleaning, processing or other change, and its purpose",
    "Period of collection, and whether it goes on",
    "Dates on which the datasets were first used in development",
    "Synthetic data generation, used or continuing",
)
PUBLIC_DOMAIN = ("cc0", "public domain", "pd", "publicdomain", "pddl", "unlicense")


class StatuteItem(Facts):
    """One of the twelve items."""

    item: int
    label: Said
    answer: Answer


class Ab2013(Facts):
    """The documentation."""

    format: Literal["linernotes-ab2013"]
    revision: Literal[1]
    title: Said
    status: Said
    level: Level
    limitation: Limitation
    items: list[StatuteItem]

    @model_validator(mode="after")
    def _all_twelve(self) -> Self:
        if [one.item for one in self.items] != list(range(1, len(LABELS) + 1)):
            raise ValueError("items: expected all twelve, in order")
        return self


def build_ab2013(facts: DisclosureFacts, limitation: Limitation) -> Ab2013:
    """Return the documentation."""
    return Ab2013(
        format=FORMAT,
        revision=1,
        title=TITLE,
        status="In the form of California Civil Code 3111. Whether the law applies to this system is not claimed here.",
        level=facts.level,
        limitation=limitation,
        items=[
            StatuteItem(item=i, label=label, answer=make(facts))
            for i, (label, make) in enumerate(zip(LABELS, _MAKERS, strict=True), start=1)
        ],
    )


def _sources(facts: DisclosureFacts) -> Answer:
    rows: list[Any] = []
    for one in facts.sources:
        named = [dataset.name for dataset in one.datasets if dataset.name]
        row: dict[str, Any] = {"source": one.words, "recordings": one.n_items, "hours": one.hours}
        if named and one.source_class in ("public", "private", "crawled"):
            row["datasets"] = named
        rows.append(row)
    stated_alone = [one["name"] for one in entries_of(facts.provider["public.datasets"])]
    if stated_alone:
        rows.append({"source": "public datasets that the provider names", "datasets": stated_alone})
    owners = {item.recording.rightsholder for item in facts.items if item.recording.rightsholder}
    without = sum(not item.recording.rightsholder for item in facts.items)
    remark = f"{len(owners)} rightsholders are named in the sealed table; {without} recordings name none"
    return computed(rows, CORPUS, remark)


def _number(facts: DisclosureFacts) -> Answer:
    audio = audio_facts(facts.items)
    rows: list[Any] = [
        {
            "modality": "audio",
            "recordings": audio["n_items"],
            "hours": audio["hours"],
            "distinct sounds": audio["n_distinct_sounds"],
        }
    ]
    others = facts.provider["content.other_modalities"]
    if isinstance(others.value, list):
        rows += [
            {"modality": one["modality"], "amount": one["amount"]}
            for one in others.value
            if isinstance(one, dict)
        ]
    return computed(
        rows,
        CORPUS,
        ""
        if others.known or others.state == "not-applicable"
        else f"besides audio: unknown ({others.reason})",
    )


def _types(facts: DisclosureFacts) -> Answer:
    tags = {tag for item in facts.items for tag in item.recording.tags}
    value: dict[str, Any] = {"type": "whole or cut recordings of music", "labels": len(tags)}
    if tags:
        counts = {tag: sum(tag in item.recording.tags for item in facts.items) for tag in tags}
        value["most frequent labels"] = sorted(tags, key=lambda tag: (-counts[tag], tag))[:12]
    value |= beside_the_sound(facts.items)
    said = facts.provider["content.types_of_audio"]
    if said.known:
        value["in words"] = said.value
    return computed(value, CORPUS)


def is_public_domain(licence: str) -> bool:
    """Tell whether a licence's name says that nobody holds the rights.

    Examples
    --------
    >>> is_public_domain("CC0-1.0"), is_public_domain("CC-BY-3.0"), is_public_domain("")
    (True, False, False)
    """
    name = licence.casefold()
    return any(name == word or name.startswith((f"{word}-", f"{word} ")) for word in PUBLIC_DOMAIN)


def _protected(facts: DisclosureFacts) -> Answer:
    licences = licence_counts(facts.items)
    free = sum(row["n_items"] for row in licences if is_public_domain(row["licence"]))
    unclear = sum(row["n_items"] for row in licences if row["licence"] == "not stated")
    value: dict[str, Any] = {
        "dedicated to the public domain": free,
        "under a licence or contract": len(facts.items) - free - unclear,
        "licence not stated": unclear,
        "licences": [f"{row['licence']} ({row['n_items']})" for row in licences],
    }
    said = facts.provider["content.protected"]
    if isinstance(said.value, Mapping) and said.value.get("text"):
        value["in words"] = said.value["text"]
    return computed(
        value, CORPUS, "by the licence that the sealed table names; trademarks and patents are not recorded"
    )


def _purchased(facts: DisclosureFacts) -> Answer:
    found = facts.of_class("licensed")
    said = facts.provider["licensed.used"]
    if found is None:
        if facts.of_class("unknown") is None and not said.known:
            return computed(False, CORPUS, "every sealed recording states another source")
        return said
    return computed({"licensed recordings": found.n_items, "hours": found.hours}, CORPUS)


def _collected(facts: DisclosureFacts) -> Answer:
    first, last = period(facts.items)
    goes_on = facts.provider["content.continuous"]
    going = ("yes" if goes_on.value else "no") if goes_on.known else "unknown"
    latest = facts.provider["content.latest_collection"]
    if first or last:
        value = {"from": first or "unknown", "until": last or "unknown", "goes on": going}
        return computed(value, CORPUS)
    return (
        stated({"from": "unknown", "until": latest.value, "goes on": going})
        if latest.known
        else unknown(latest.reason)
    )


def _first_used(facts: DisclosureFacts) -> Answer:
    said = facts.provider["model.first_used"]
    if said.known or facts.corpus.training_date is None:
        return said
    return computed(facts.corpus.training_date, CORPUS, "the day of training stated at sealing")


def _synthetic(facts: DisclosureFacts) -> Answer:
    found, said = facts.of_class("synthetic"), facts.provider["synthetic.used"]
    if found is not None:
        return computed({"synthetic recordings": found.n_items, "hours": found.hours}, CORPUS)
    if said.known or facts.of_class("unknown") is not None:
        return said
    return computed(False, CORPUS, "every sealed recording states another source")


def _said(name: str) -> Callable[[DisclosureFacts], Answer]:
    def make(facts: DisclosureFacts) -> Answer:
        said = facts.provider[name]
        if isinstance(said.value, Mapping) and "answer" in said.value:
            return stated(bool(said.value["answer"]), str(said.value.get("text", "")))
        return said

    return make


_MAKERS: tuple[Callable[[DisclosureFacts], Answer], ...] = (
    _sources,
    _said("model.purpose"),
    _number,
    _types,
    _protected,
    _purchased,
    _said("content.personal_information"),
    _said("content.consumer_information"),
    _said("content.cleaning"),
    _collected,
    _first_used,
    _synthetic,
)
