"""What the matches of a corpus say about its papers: identified, unmatched, conflicting, doubled, mixed.

Pure assembly: from the items of a sealed corpus, their matches with a catalogue and with each other, one row per item.

Conventions
-----------
``covered_share`` is the part of the item's length that matches lie on. Names are compared by their words, without case,
accents and what stands in brackets; a difference is a question to a person, never a verdict.

Known limits
------------
Two releases of one recording can rightly have two ISRCs (a remaster), and artists are spelled in many ways.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from linernotes.catalog.recording import Recording, slug
from linernotes.corpus.manifest import Item
from linernotes.errors import InputError
from linernotes.ids import parse_isrc, parse_iswc

CONFLICTS: dict[str, str] = {
    "isrc-malformed": "Correct the ISRC in the rights table.",
    "iswc-malformed": "Correct the ISWC in the rights table: its form or check digit is wrong.",
    "isrc-differs": "Find out which ISRC names this sound: the rights table and the catalogue differ.",
    "iswc-differs": "Find out which ISWC names this work: the rights table and the catalogue differ.",
    "title-differs": "Compare the titles: the sound is of a recording that the catalogue calls otherwise.",
    "artist-differs": "Compare the artists: the sound is of a recording that the catalogue credits otherwise.",
    "isrc-on-two-recordings": "One ISRC stands beside unlike sounds: find out to which it belongs.",
    "one-recording-two-isrcs": "The same sound carries two ISRCs: find out which is right, or why there are two.",
}
"""Every kind of conflict, with the next step."""

LEAST_MIX_S = 5.0
DOUBLE_SHARE = 0.9

Row = dict[str, Any]


def findings_of(
    items: Sequence[Item], answers: Sequence[Mapping[str, Any]], catalogue: Mapping[str, Recording]
) -> dict[str, Any]:
    """Return one row per item, the groups of doubles and a summary.

    Parameters
    ----------
    items : sequence of Item
        Of the sealed corpus.
    answers : sequence of mapping
        For each item ``matches`` (catalogue), ``overlaps`` (other items) and ``error``.
    catalogue : mapping of str to Recording
        What is known of the catalogue's recordings.
    """
    rows = [_row(item, answer, catalogue) for item, answer in zip(items, answers, strict=True)]
    doubles = _doubles(items, rows)
    _conflicts_between(items, rows, doubles)
    for row in rows:
        row["conflicts"].sort(key=lambda one: (list(CONFLICTS).index(one["code"]), one["detail"]))
    return {
        "items": rows,
        "duplicates": doubles,
        "partial_overlaps": _partial(rows, doubles),
        "summary": _summary(rows, doubles),
    }


def same_name(one: str, other: str) -> bool:
    """Tell whether two printed names may mean the same: the words of one are all in the other.

    Examples
    --------
    >>> same_name("Rain (2009 Remaster)", "rain"), same_name("The Beatles", "Beatles"), same_name("Rain", "Sun")
    (True, True, False)
    """
    words = [
        set(slug(re.sub(r"[(\[].*?[)\]]", " ", name)).split("-")) - {"the", "a", "feat", "ft"}
        for name in (one, other)
    ]
    if not words[0] or not words[1] or "untitled" in words[0] | words[1]:
        return True  # nothing is stated, so nothing contradicts
    return words[0] <= words[1] or words[1] <= words[0]


def _row(item: Item, answer: Mapping[str, Any], catalogue: Mapping[str, Recording]) -> Row:
    matches = sorted(answer["matches"], key=lambda one: -(one["query_end_s"] - one["query_start_s"]))
    best = matches[0] if matches else None
    spans = [(one["query_start_s"], one["query_end_s"]) for one in matches]
    covered = _covered(spans)
    status = "unusable" if answer["error"] else "identified" if best else "unmatched"
    found = catalogue.get(best["recording_id"]) if best else None
    row: Row = {
        "item_id": item.item_id,
        "file": item.path,
        "title": item.recording.title,
        "artist": item.recording.artist,
        "isrc": item.recording.isrc,
        "iswc": item.recording.iswc,
        "duration_s": round(item.duration_s, 3),
        "status": status,
        "error": answer["error"],
        "recording_id": best["recording_id"] if best else None,
        "matched_title": found.title if found else None,
        "matched_artist": found.artist if found else None,
        "matched_isrc": found.isrc if found else None,
        "matched_iswc": found.iswc if found else None,
        "covered_share": round(min(1.0, covered / max(item.duration_s, 1e-9)), 4),
        "matches": matches,
        "mix": _mix(matches),
        "overlaps": list(answer["overlaps"]),
        "conflicts": [],
        "duplicates": [],
        "suggestions": [],
    }
    _conflicts_within(item.recording, found, row)
    return row


def _conflicts_within(mine: Recording, found: Recording | None, row: Row) -> None:
    codes = {}
    for kind, parse in (("isrc", parse_isrc), ("iswc", parse_iswc)):
        stated = getattr(mine, kind)
        codes[kind] = _parsed(stated, parse)
        if stated and codes[kind] is None:
            _conflict(row, f"{kind}-malformed", f"'{stated}'")
        theirs = _parsed(getattr(found, kind), parse) if found else None
        if theirs and codes[kind] and theirs != codes[kind]:
            _conflict(row, f"{kind}-differs", f"rights table {codes[kind]}, catalogue {theirs}")
        elif theirs and not stated:
            row["suggestions"].append({"field": kind, "value": theirs})
    if found:
        for kind in ("title", "artist"):
            stated, theirs = getattr(mine, kind), getattr(found, kind)
            if stated and theirs and not same_name(stated, theirs):
                _conflict(row, f"{kind}-differs", f"rights table '{stated}', catalogue '{theirs}'")


def _conflicts_between(
    items: Sequence[Item], rows: Sequence[Row], doubles: Sequence[Mapping[str, Any]]
) -> None:
    """Find one code on unlike sounds, and unlike codes on one sound."""
    group = {name: i for i, one in enumerate(doubles) for name in one["items"]}
    sound = {
        row["item_id"]: ("group", group[row["item_id"]])
        if row["item_id"] in group
        else ("recording", row["recording_id"])
        if row["recording_id"] and not row["mix"]
        else ("item", row["item_id"])
        for row in rows
    }
    by_code: dict[str, list[Row]] = defaultdict(list)
    by_sound: dict[Any, list[tuple[str, Row]]] = defaultdict(list)
    for item, row in zip(items, rows, strict=True):
        code = _parsed(item.recording.isrc, parse_isrc)
        if code:
            by_code[code].append(row)
            by_sound[sound[row["item_id"]]].append((code, row))
    for code, holders in by_code.items():
        if len({sound[row["item_id"]] for row in holders}) > 1:
            for row in holders:
                others = ", ".join(r["item_id"] for r in holders if r is not row)
                _conflict(row, "isrc-on-two-recordings", f"{code} also on {others}")
    for coded in by_sound.values():
        if len({code for code, _ in coded}) > 1:
            for code, row in coded:
                others = ", ".join(f"{c} on {r['item_id']}" for c, r in coded if c != code)
                _conflict(row, "one-recording-two-isrcs", f"{code} here, {others}")


def _doubles(items: Sequence[Item], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Group items that are one recording: equal hashes, sealed clusters, or overlaps over nearly all of one."""
    leader = {item.item_id: item.item_id for item in items}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    def join(one: str, other: str) -> None:
        low, high = sorted((find(one), find(other)))
        leader[high] = low

    length = {item.item_id: item.duration_s for item in items}
    audio: dict[str, str] = {}
    for item in items:
        join(item.item_id, audio.setdefault(item.audio_sha256, item.item_id))
        if item.cluster_id in leader:
            join(item.item_id, item.cluster_id)
    for row in rows:
        for one in row["overlaps"]:
            share = (one["query_end_s"] - one["query_start_s"]) / max(
                min(row["duration_s"], length.get(one["item_id"], 0.0)), 1e-9
            )
            if share >= DOUBLE_SHARE and one["item_id"] in leader:
                join(row["item_id"], one["item_id"])
    members: dict[str, list[str]] = defaultdict(list)
    for item in items:
        members[find(item.item_id)].append(item.item_id)
    hashes = {item.item_id: item.audio_sha256 for item in items}
    doubles: list[dict[str, Any]] = [
        {"items": names, "same_audio": len({hashes[name] for name in names}) == 1}
        for names in members.values()
        if len(names) > 1
    ]
    for row in rows:
        row["duplicates"] = [
            name
            for one in doubles
            if row["item_id"] in one["items"]
            for name in one["items"]
            if name != row["item_id"]
        ]
    return doubles


def _partial(rows: Sequence[Row], doubles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return pairs of items that share some seconds but are not doubles, each pair once."""
    together = {frozenset((a, b)) for one in doubles for a in one["items"] for b in one["items"] if a != b}
    pairs: dict[frozenset[str], dict[str, Any]] = {}
    for row in rows:
        for one in row["overlaps"]:
            pair = frozenset((row["item_id"], one["item_id"]))
            if pair in together or len(pair) < 2:
                continue
            length = one["query_end_s"] - one["query_start_s"]
            if pair not in pairs or pairs[pair]["seconds"] < length:
                pairs[pair] = {
                    "item_id": row["item_id"],
                    "other_id": one["item_id"],
                    "seconds": round(length, 3),
                    "start_s": one["query_start_s"],
                    "end_s": one["query_end_s"],
                    "other_start_s": one["reference_start_s"],
                    "other_end_s": one["reference_end_s"],
                }
    return sorted(pairs.values(), key=lambda one: (one["item_id"], one["other_id"]))


def _mix(matches: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the recordings that lie beside each other in one file; empty when there are not two."""
    chosen: list[Mapping[str, Any]] = []
    for one in matches:  # the longest first
        length = one["query_end_s"] - one["query_start_s"]
        if length < LEAST_MIX_S:
            continue
        if all(
            min(one["query_end_s"], other["query_end_s"]) - max(one["query_start_s"], other["query_start_s"])
            < 0.5 * length
            for other in chosen
        ):
            chosen.append(one)
    names = list(
        dict.fromkeys(one["recording_id"] for one in sorted(chosen, key=lambda o: o["query_start_s"]))
    )
    return names if len(names) > 1 else []


def _summary(rows: Sequence[Row], doubles: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    codes = [one["code"] for row in rows for one in row["conflicts"]]
    return {
        "n_items": len(rows),
        **{
            f"n_{name}": sum(row["status"] == name for row in rows)
            for name in ("identified", "unmatched", "unusable")
        },
        "n_conflicting": sum(bool(row["conflicts"]) for row in rows),
        "n_duplicates": sum(len(one["items"]) - 1 for one in doubles),
        "n_mixes": sum(bool(row["mix"]) for row in rows),
        "conflicts": {code: codes.count(code) for code in CONFLICTS if code in codes},
    }


def _conflict(row: Row, code: str, detail: str) -> None:
    row["conflicts"].append({"code": code, "detail": detail, "next_step": CONFLICTS[code]})


def _parsed(text: str | None, parse: Any) -> str | None:
    if not text:
        return None
    try:
        return str(parse(text))
    except InputError:
        return None


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    total, end = 0.0, 0.0
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total
