"""How much of single recordings is published: amounts alone, identifiers, or all that the table says.

Idea
----
Titles, artists and file names stay private unless the provider chooses otherwise, and so do item ids, which are made from
file names. At the lower levels a recording is named by a *reference*, an HMAC of its id under the corpus secret: stable in
one snapshot, and readable by nobody without the private manifest.

Conventions
-----------
``aggregate``: groups by source and consent. ``identifiers``: one row for each recording with its content hash, ISRC, ISWC
and length. ``full``: title, artist, rightsholder and licence as well.

References
----------
RFC 2104, "HMAC".

Known limits
------------
Identifiers can be looked up by anybody: at ``identifiers`` the list is public in all but name. Gap details can quote titles,
so they are printed at ``full`` only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final, Literal

from linernotes.corpus.gaps import Gap
from linernotes.corpus.manifest import Item
from linernotes.disclosure.answer import Count, Facts, Said
from linernotes.disclosure.facts import DisclosureFacts, Level
from linernotes.disclosure.limitation import Limitation
from linernotes.disclosure.sources import class_of, hours_of

FORMAT: Final = "linernotes-recordings"
GAPS_FORMAT: Final = "linernotes-gaps"
_LABEL = b"linernotes disclosure reference v1\n"
REFERENCE_DIGITS = 16
_LAYERS = ("publishing", "performer")
_VALUES = ("allow", "conditional", "deny", "unknown")


class Recordings(Facts):
    """Recordings, or groups of them, as far as they are published."""

    format: Literal["linernotes-recordings"]
    revision: Literal[1]
    level: Level
    limitation: Limitation
    rows: list[dict[str, Any]]


class GapList(Facts):
    """Every gap, and which checks looked for them."""

    format: Literal["linernotes-gaps"]
    revision: Literal[1]
    level: Level
    limitation: Limitation
    n_gaps: Count
    gaps: list[dict[str, Any]]
    checks_run: list[dict[str, Any]]
    words: Said


def reference(secret: str, item_id: str) -> str:
    """Return the name of a recording for readers who may not see its own.

    Examples
    --------
    >>> reference("00" * 32, "rain") == reference("00" * 32, "rain") != reference("11" * 32, "rain")
    True
    >>> reference("00" * 32, "rain")[:2], len(reference("00" * 32, "rain"))
    ('r-', 18)
    """
    digest = hmac.new(bytes.fromhex(secret), _LABEL + item_id.encode(), hashlib.sha256).hexdigest()
    return f"r-{digest[:REFERENCE_DIGITS]}"


def recordings(facts: DisclosureFacts) -> list[dict[str, Any]]:
    """Return the rows of ``recordings.json``: groups at ``aggregate``, else single recordings."""
    consent: dict[str, dict[str, str]] = defaultdict(dict)
    for one in facts.layers:
        consent[one.item_id][one.layer] = one.value
    if facts.level == "aggregate":
        return _groups(facts, consent)
    rows = [_row(facts, item, consent[item.item_id]) for item in facts.items]
    return sorted(rows, key=lambda row: row["ref"])  # the order of ids would tell of names


def _groups(facts: DisclosureFacts, consent: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    members: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in facts.items:
        members[class_of(item), consent[item.item_id].get("master", "unknown")].append(item)
    return [
        {
            "source_class": source_class,
            "consent_master": value,
            "n_items": len(items),
            "hours": hours_of(items),
            **_layer_columns(items, consent),
        }
        for (source_class, value), items in sorted(members.items())
    ]


def _layer_columns(items: Sequence[Item], consent: dict[str, dict[str, str]]) -> dict[str, int]:
    """Return every column in every group, so that the groups are one table."""
    counts = {
        layer: Counter(consent[item.item_id].get(layer, "unknown") for item in items) for layer in _LAYERS
    }
    return {f"n_{layer}_{value}": counts[layer][value] for layer in _LAYERS for value in _VALUES}


def _row(facts: DisclosureFacts, item: Item, consent: dict[str, str]) -> dict[str, Any]:
    recording = item.recording
    row: dict[str, Any] = {
        "ref": reference(facts.corpus.secret, item.item_id),
        "content_sha256": item.content_sha256,
        "isrc": recording.isrc,
        "iswc": recording.iswc,
        "duration_s": round(item.duration_s, 3),
        "sample_rate": item.sample_rate,
        "source_class": class_of(item),
        **{f"consent_{layer.replace('-', '_')}": value for layer, value in sorted(consent.items())},
    }
    if facts.level == "full":
        row |= {
            "item_id": item.item_id,
            "title": recording.title,
            "artist": recording.artist,
            "rightsholder": recording.rightsholder,
            "licence": recording.licence,
        }
    return row


def public_gaps(facts: DisclosureFacts, gaps: Sequence[Gap]) -> list[dict[str, Any]]:
    """Return gaps in the fields of the contract, with references in place of ids below ``full``."""
    shown = []
    for one in gaps:
        row = one.as_json()
        if one.item_id and facts.level != "full":
            row |= {"item_id": reference(facts.corpus.secret, one.item_id), "detail": ""}
        shown.append(row)
    return shown
