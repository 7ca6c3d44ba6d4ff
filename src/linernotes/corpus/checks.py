"""Which gaps an item has: rights, identifiers, consent on the day of training, twins.

References
----------
MusicBrainz, "ISRC": one code names one recording, yet mis-assigned codes are common; hence a shared
code on unlike sounds is a question, not an error.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from linernotes.corpus.gaps import GAP_KINDS, Gap, gap
from linernotes.corpus.manifest import Item
from linernotes.errors import InputError
from linernotes.ids import parse_isrc, parse_iswc

_ORDER = {code: rank for rank, code in enumerate(GAP_KINDS)}


def find_gaps(items: Sequence[Item], used_on: dt.date) -> tuple[Gap, ...]:
    """Return what the items lack, gravest first.

    Parameters
    ----------
    items : sequence of Item
        With their clusters.
    used_on : datetime.date
        Day of training, or of sealing where no training date is known.

    Returns
    -------
    tuple of Gap
        In the order of `linernotes.corpus.gaps.GAP_KINDS`, then by item.
    """
    gaps = [found for item in items for found in _item_gaps(item, used_on)]
    gaps += [*_twins(items), *_conflicts(items)]
    return in_order(gaps)


def in_order(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Return gaps gravest first, then by item id."""
    return tuple(sorted(gaps, key=lambda g: (_ORDER[g.code], g.item_id)))


def _item_gaps(item: Item, used_on: dt.date) -> Iterator[Gap]:
    if item.consent is None:
        yield gap("no-rights-row", item.item_id, item.path)
        return
    doubt = item.consent.doubt(used_on)
    if doubt:
        yield gap(doubt, item.item_id, _consent_detail(item, used_on))
    recording = item.recording
    for field in ("title", "artist", "rightsholder", "licence"):
        if not getattr(recording, field):
            yield gap(f"missing-{field}", item.item_id)
    yield from _code_gap("isrc", recording.isrc, parse_isrc, item.item_id)
    yield from _code_gap("iswc", recording.iswc, parse_iswc, item.item_id)


def _consent_detail(item: Item, used_on: dt.date) -> str:
    consent = item.consent
    if consent is None or consent.status in ("no", "unknown"):
        return ""
    until = f", until {consent.until}" if consent.until else ""
    return f"given {consent.date or 'on an unknown day'}{until}; used on {used_on.isoformat()}"


def _code_gap(name: str, value: str | None, parse: Callable[[str], str], item_id: str) -> Iterator[Gap]:
    if value is None:
        yield gap(f"missing-{name}", item_id)
        return
    try:
        parse(value)
    except InputError as error:
        yield gap(f"malformed-{name}", item_id, str(error))


def _twins(items: Sequence[Item]) -> Iterator[Gap]:
    clusters: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        clusters[item.cluster_id].append(item)
    for members in clusters.values():
        for item in members if len(members) > 1 else ():
            others = ", ".join(other.item_id for other in members if other is not item)
            yield gap("near-duplicate", item.item_id, f"same sound as {others}")


def _conflicts(items: Sequence[Item]) -> Iterator[Gap]:
    by_code: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        try:
            by_code[parse_isrc(item.recording.isrc or "")].append(item)
        except InputError:
            continue  # missing and malformed codes have their own gaps
    for code, bearers in by_code.items():
        if len({item.cluster_id for item in bearers}) > 1:
            names = ", ".join(item.item_id for item in bearers)
            yield from (gap("identifier-conflict", item.item_id, f"{code} on {names}") for item in bearers)
