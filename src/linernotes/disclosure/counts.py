"""Figures drawn from the gathered facts: consent by layer, licences, sound, snapshots.

Conventions
-----------
Each function returns JSON-ready values; hours have four digits after the point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from linernotes.corpus.layers import LayerConsent
from linernotes.corpus.manifest import Item
from linernotes.disclosure.facts import DisclosureFacts
from linernotes.disclosure.sources import hours_of


def layer_counts(layers: Sequence[LayerConsent]) -> list[dict[str, Any]]:
    """Return for each layer how many recordings stand where."""
    names = list(dict.fromkeys(one.layer for one in layers))
    rows = []
    for name in names:
        of_layer = [one for one in layers if one.layer == name]
        counts = Counter(one.value for one in of_layer)
        rows.append(
            {
                "layer": name,
                "n_items": len(of_layer),
                **{value: counts[value] for value in ("allow", "conditional", "deny", "unknown")},
                "n_by_licence": sum(one.by_licence for one in of_layer),
                "n_conflicts": sum(one.n_conflicts > 0 for one in of_layer),
            }
        )
    return rows


def licence_counts(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the licences of the rights table with their recordings and hours, most first."""
    names = sorted({item.recording.licence for item in items})
    rows: list[dict[str, Any]] = []
    for name in names:
        members = [item for item in items if item.recording.licence == name]
        urls = {item.recording.licence_url for item in members}
        rows.append(
            {
                "licence": name or "not stated",
                "url": urls.pop() if len(urls) == 1 else "",
                "n_items": len(members),
                "hours": hours_of(members),
            }
        )
    return sorted(rows, key=lambda row: (-row["n_items"], row["licence"]))


def audio_facts(items: Sequence[Item]) -> dict[str, Any]:
    """Return what the sound is like: lengths, rates, channels and codings by number of recordings."""
    return {
        "n_items": len(items),
        "hours": hours_of(items),
        "sample_rates_hz": {str(k): n for k, n in sorted(Counter(i.sample_rate for i in items).items())},
        "channels": {str(k): n for k, n in sorted(Counter(i.n_channels for i in items).items())},
        "codings": dict(sorted(Counter(i.coding for i in items).items())),
        "shortest_s": round(min(i.duration_s for i in items), 3),
        "longest_s": round(max(i.duration_s for i in items), 3),
        "n_distinct_sounds": len({i.cluster_id or i.item_id for i in items}),
    }


def beside_the_sound(items: Sequence[Item]) -> dict[str, Any]:
    """Return what training used besides whole mixes: stems, multitracks, metadata, behavioural signals.

    Each value is a number of recordings, or a list of names with theirs; what does not occur is left out.
    """
    sources = [item.source for item in items if item.source is not None]
    found: dict[str, Any] = {
        "stems": sum(bool(one.stem_of) for one in sources),
        "multitracks": sum(one.is_multitrack for one in sources),
        "made by a generator": sum(
            bool(one.synthetic_from) or one.source_class == "synthetic" for one in sources
        ),
        "metadata used": _named(one.metadata_used for one in sources),
        "behavioural signals used": _named(one.behaviour_used for one in sources),
    }
    return {name: value for name, value in found.items() if value}


def _named(lists: Iterable[Sequence[str]]) -> list[str]:
    counts = Counter(name for names in lists for name in dict.fromkeys(names))
    return [f"{name} ({counts[name]})" for name in sorted(counts, key=lambda name: (-counts[name], name))]


def snapshot_facts(facts: DisclosureFacts) -> dict[str, Any]:
    """Return the snapshot and its place in the chain of snapshots."""
    corpus, before = facts.corpus, facts.material.previous_items
    now = {item.content_sha256 for item in corpus.items}
    return {
        "root": corpus.root,
        "sealed_at": corpus.sealed_at,
        "stage": corpus.stage,
        "training_date": corpus.training_date,
        "n_items": len(corpus.items),
        "previous_root": corpus.previous_root,
        "n_added": len(now - set(before)) if before is not None else None,
        "n_removed": len(set(before) - now) if before is not None else None,
    }
