"""What the seal and the provider say about the kinds of source: sections 2.1 to 2.6 of the EU summary.

Conventions
-----------
Each function returns a *maker*: a function from the facts to one answer. What the seal computes wins over what the
provider states, and a contradiction is named in the answer's remark.

Known limits
------------
Where no recording states its source, the provider's word stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from linernotes.disclosure.answer import (
    CORPUS,
    Answer,
    computed,
    n_recordings,
    not_applicable,
    stated,
    unknown,
)
from linernotes.disclosure.facts import DisclosureFacts
from linernotes.disclosure.sources import LARGE_SHARE, domains, n_domains_to_list, period

Maker = Callable[[DisclosureFacts], Answer]


def class_used(class_name: str, name: str) -> Maker:
    """Return whether a class of source was used: from the seal, else from the provider."""

    def make(facts: DisclosureFacts) -> Answer:
        found, said = facts.of_class(class_name), facts.provider[name]
        if found is not None:
            remark = f"{n_recordings(found.n_items, 'sealed')}, {found.hours:.2f} hours"
            if facts.provider.is_true(name) is False:
                remark += "; provider.toml says no"
            return computed(True, CORPUS, remark)
        if said.state == "not-applicable":
            return stated(False, said.reason)
        if said.known:
            return said
        without = facts.of_class("unknown")
        if without is None:
            return computed(False, CORPUS, "every sealed recording states another source")
        return unknown(
            f"{said.reason}; {without.n_items} of {n_recordings(len(facts.items))} without a stated source"
        )

    return make


def class_modalities(class_name: str) -> Maker:
    """Return the modalities of a class that the seal holds: a sealed corpus is audio."""

    def make(facts: DisclosureFacts) -> Answer:
        if facts.of_class(class_name) is not None:
            return computed(["audio"], CORPUS)
        return unknown("no sealed recording states this source; the provider does not name the modality")

    return make


def stated_modalities(class_name: str, name: str) -> Maker:
    """Return the modalities that the provider states, else those of the seal."""

    def make(facts: DisclosureFacts) -> Answer:
        said = facts.provider[name]
        return (
            said
            if said.known
            else class_modalities(class_name)(facts)
            if facts.of_class(class_name)
            else said
        )

    return make


def class_datasets(class_name: str, name: str) -> Maker:
    """Return the large datasets of a class, and those that the provider alone names."""

    def make(facts: DisclosureFacts) -> Answer:
        found, said = facts.of_class(class_name), facts.provider[name]
        told = {one["name"]: one for one in entries_of(said)}
        rows: list[dict[str, Any]] = []
        for one in found.datasets if found else ():
            if one.share > LARGE_SHARE and one.name:
                rows.append(
                    {"name": one.name, "modality": "audio", "hours": one.hours, "recordings": one.n_items}
                    | ({"link": one.url} if one.url else {})
                    | {k: v for k, v in told.pop(one.name, {}).items() if k not in ("name", "hours")}
                )
        alone = {"stated": "provider.toml alone"} if found else {}
        rows += [one | alone for one in told.values()]
        if not rows:
            return said if said.state != "stated" else unknown("no dataset is named")
        nameless = sum(one.n_items for one in found.datasets if not one.name) if found else 0
        remark = (
            f"{n_recordings(nameless, 'sealed')} of this class without the name of a dataset"
            if nameless
            else ""
        )
        return computed(rows, CORPUS, remark) if found else stated(rows, remark)

    return make


def smaller_datasets(class_name: str, name: str) -> Maker:
    """Return a description of a class's datasets that are too small for the list."""

    def make(facts: DisclosureFacts) -> Answer:
        found, said = facts.of_class(class_name), facts.provider[name]
        small = [one for one in found.datasets if one.share <= LARGE_SHARE] if found else []
        if said.known or found is None:
            return said
        if small:
            hours = sum(one.hours for one in small)
            return computed(f"smaller datasets: {len(small)}, together {hours:.2f} hours", CORPUS)
        if any(not one.name for one in found.datasets):
            return said
        return not_applicable("every dataset of this class is listed")

    return make


def crawl_period(facts: DisclosureFacts) -> Answer:
    """Return from when to when content was crawled, as MM/YYYY."""
    crawled = [item for item in facts.items if item.source and item.source.source_class == "crawled"]
    first, last = period(crawled)
    if first and last:
        return computed(f"{first[5:7]}/{first[:4]} to {last[5:7]}/{last[:4]}", CORPUS)
    return facts.provider["crawled.period"]


def domain_list(facts: DisclosureFacts) -> Answer:
    """Return the domains that the template asks for, most content first."""
    found = domains(facts.items)
    if not found:
        return facts.provider["crawled.domains"]
    n_listed = n_domains_to_list(len(found), facts.provider.is_true("provider.small") is True)
    crawled = facts.of_class("crawled")
    lost = (crawled.hours if crawled else 0.0) - sum(found.values())
    remark = f"{n_listed} of {len(found)} domains, by hours of sound"
    if lost > 1e-3:
        remark += f"; {lost:.2f} hours of crawled sound state no address"
    return computed(list(found)[:n_listed], CORPUS, remark)


def entries_of(answer: Answer) -> list[dict[str, Any]]:
    """Return the tables of a list answer; none where it holds no list."""
    return (
        [dict(one) for one in answer.value if isinstance(one, Mapping)]
        if isinstance(answer.value, list)
        else []
    )
