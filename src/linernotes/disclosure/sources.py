"""Where the sealed recordings came from: classes, datasets, domains, and how much of each.

Conventions
-----------
Amounts are hours of sound, because that is what the EU template asks of audio. A public dataset is *large*
above 3 % of the public audio. The domain list is the top tenth of all domains by hours (of small and
medium-sized enterprises the top twentieth, at most 1,000), most content first; ties in order of the name.

References
----------
European Commission, explanatory notice to the template of Art. 53(1)(d) (2025), on both thresholds.

Known limits
------------
A domain is the host name of the stated address without ``www.``; ``a.example.org`` and ``b.example.org`` are two.
The thresholds were read in secondary sources.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from linernotes.corpus.manifest import Item

CLASSES = ("public", "licensed", "private", "crawled", "user-data", "synthetic", "other", "unknown")
CLASS_WORDS = {
    "public": "publicly available datasets",
    "licensed": "licensed from rightsholders",
    "private": "private datasets of third parties",
    "crawled": "gathered from the web",
    "user-data": "data of users",
    "synthetic": "made by a generator",
    "other": "other sources",
    "unknown": "source not stated",
}
LARGE_SHARE = 0.03
MANY_DOMAINS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Sealed recordings that share a source name.

    Parameters
    ----------
    name, url : str
        As the rights table says; empty when it does not.
    n_items : int
        Recordings.
    hours : float
        Their length together.
    share : float in [0, 1]
        Part of the hours of its class.
    collected_from, collected_until : str or None
        First and last day of collection, where stated.
    """

    name: str
    url: str
    n_items: int
    hours: float
    share: float
    collected_from: str | None
    collected_until: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClass:
    """All sealed recordings of one class of source."""

    source_class: str
    words: str
    n_items: int
    hours: float
    share: float
    datasets: tuple[Dataset, ...]

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self) | {"datasets": [asdict(one) for one in self.datasets]}


def class_of(item: Item) -> str:
    """Return the class of an item's source, ``unknown`` where nobody stated one."""
    return item.source.source_class if item.source is not None else "unknown"


def hours_of(items: Iterable[Item]) -> float:
    """Return the length of items in hours, to a ten-thousandth."""
    return round(math.fsum(item.duration_s for item in items) / 3600, 4)


def source_classes(items: Sequence[Item]) -> tuple[SourceClass, ...]:
    """Return the classes that occur, in the order of `CLASSES`, with their datasets, largest first."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[class_of(item)].append(item)
    whole = math.fsum(item.duration_s for item in items)
    return tuple(
        SourceClass(
            source_class=name,
            words=CLASS_WORDS[name],
            n_items=len(groups[name]),
            hours=hours_of(groups[name]),
            share=_share(groups[name], whole),
            datasets=_datasets(groups[name]),
        )
        for name in CLASSES
        if name in groups
    )


def _datasets(items: Sequence[Item]) -> tuple[Dataset, ...]:
    whole = math.fsum(item.duration_s for item in items)
    named: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        named[item.source.name if item.source is not None else ""].append(item)
    found = [
        Dataset(
            name=name,
            url=_one_url(members),
            n_items=len(members),
            hours=hours_of(members),
            share=_share(members, whole),
            collected_from=min(_days(members, "collected_from"), default=None),
            collected_until=max(_days(members, "collected_until"), default=None),
        )
        for name, members in named.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.hours, one.name)))


def _share(items: Iterable[Item], whole_s: float) -> float:
    return round(math.fsum(item.duration_s for item in items) / whole_s, 6) if whole_s else 0.0


def _one_url(items: Sequence[Item]) -> str:
    """Return the address that all members share: single addresses may name single works."""
    found = {item.source.url for item in items if item.source is not None}
    return found.pop() if len(found) == 1 else ""


def _days(items: Iterable[Item], name: str) -> list[str]:
    return [day for item in items if item.source is not None and (day := getattr(item.source, name))]


def period(items: Sequence[Item]) -> tuple[str | None, str | None]:
    """Return the first and last stated day of collection."""
    return (
        min(_days(items, "collected_from"), default=None),
        max(_days(items, "collected_until"), default=None),
    )


def host_of(address: str) -> str:
    """Return the host name of an address, without ``www.``; empty when it has none.

    Examples
    --------
    >>> host_of("https://www.Example.org:8080/a.mp3"), host_of("example.net/x"), host_of("not an address")
    ('example.org', 'example.net', '')
    """
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""
    host = host.rstrip(".").removeprefix("www.")
    return host if "." in host and " " not in host else ""


def domains(items: Iterable[Item]) -> Mapping[str, float]:
    """Return the hours gathered from each domain, most first."""
    amounts: dict[str, float] = defaultdict(float)
    for item in items:
        if item.source is not None and class_of(item) == "crawled" and (host := host_of(item.source.url)):
            amounts[host] += item.duration_s / 3600
    return dict(sorted(amounts.items(), key=lambda pair: (-pair[1], pair[0])))


def n_domains_to_list(n_domains: int, small: bool) -> int:
    """Return how many domains the template asks for.

    Examples
    --------
    >>> n_domains_to_list(25, small=False), n_domains_to_list(100_000, small=True), n_domains_to_list(1, small=True)
    (3, 1000, 1)
    """
    if small:
        return min(-(-n_domains // 20), MANY_DOMAINS)
    return -(-n_domains // 10)
