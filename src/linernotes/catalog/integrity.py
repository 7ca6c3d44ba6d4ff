"""Entries that refer to nothing, shares that do not make a whole, statements that cannot count.

Conventions
-----------
The splits of one subject, layer and territory are looked at on every day on which any of them holds: between
two changes nothing changes, so one day in each such span is enough.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction

from linernotes.catalog.authority import SINGLE_LAYERS, may_speak
from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Split
from linernotes.catalog.links import Links
from linernotes.catalog.problem import Problem
from linernotes.catalog.problem_kinds import problem
from linernotes.catalog.registry import Registry
from linernotes.catalog.shares import format_share
from linernotes.catalog.subjects import Key, subject_key

_IDS = {"recordings": "recording_id", "works": "work_id", "releases": "release_id", "parties": "party_id"}
_FIRST, _LAST = "0001-01-01", "9999-12-31"


def reference_problems(registry: Registry, links: Links) -> Iterator[Problem]:
    """Yield ids that stand twice, ids that name nothing, and people whom nobody entered."""
    ids: dict[str, set[str]] = {}
    for part, field in _IDS.items():
        kind = field.removesuffix("_id")
        seen: dict[str, object] = {}
        for one in getattr(registry, part):
            name = getattr(one, field)
            if name in seen and seen[name] != one:
                yield problem("duplicate-id", f"{kind} '{name}'", name, "one entry per id")
            seen[name] = one
        ids[kind] = set(seen)
    yield from _dangling(registry, ids)
    yield from _nobody(registry, links)


def _dangling(registry: Registry, ids: dict[str, set[str]]) -> Iterator[Problem]:
    references: list[tuple[str, str, str]] = []
    for work in registry.works:
        references += [(f"work '{work.work_id}', recordings", "recording", r) for r in work.recordings]
    for release in registry.releases:
        references += [
            (f"release '{release.release_id}', recordings", "recording", r) for r in release.recordings
        ]
    for credit in registry.credits:
        where = f"credit {credit.contribution}"
        references += [(where, credit.subject_kind, credit.subject_id), (where, "party", credit.party_id)]
    for split in registry.splits:
        where = f"split of '{split.party_id}' on {split.subject_kind} '{split.subject_id}'"
        references += [(where, split.subject_kind, split.subject_id), (where, "party", split.party_id)]
    for claim in registry.identifiers:
        references.append((f"identifier {claim.kind} {claim.value}", claim.subject_kind, claim.subject_id))
    for where, kind, name in dict.fromkeys(references):
        if name not in ids[kind]:
            yield problem("unknown-reference", where, name, f"the id of a {kind} in the registry")


def _nobody(registry: Registry, links: Links) -> Iterator[Problem]:
    for recording in registry.recordings:
        key, where = ("recording", recording.recording_id), f"recording '{recording.recording_id}'"
        if not any(credit.is_performer for credit in links.credits_of.get(key, ())):
            yield problem("performers-unknown", where, "no credits", "at least one performer")
        if not any(split.layer == "master" for split in links.splits_of.get(key, ())):
            yield problem("owners-unknown", where, "no master splits", "the owners of the master")
        if not links.works_of.get(recording.recording_id):
            yield problem("work-unknown", where, "no work", "the work that is performed")
    for work in registry.works:
        credits = links.credits_of.get(("work", work.work_id), ())
        if not work.writers and not any(credit.is_writer for credit in credits):
            yield problem("writers-unknown", f"work '{work.work_id}'", "no writers", "at least one writer")


def split_problems(registry: Registry) -> Iterator[Problem]:
    """Yield spans of days on which the shares of a layer do not sum to the whole."""
    groups: dict[tuple[str, str, str, str], list[Split]] = defaultdict(list)
    for split in registry.splits:
        groups[split.subject_kind, split.subject_id, split.layer, split.territory].append(split)
    for (kind, name, layer, territory), splits in groups.items():
        for day, total in _totals(splits):
            if total != 1:
                place = f" in {territory}" if territory else ""
                since = f" from {day}" if day != _FIRST else ""
                yield problem(
                    "splits-not-whole",
                    f"{kind} '{name}', layer {layer}{place}{since}",
                    format_share(total),
                    "100% in all",
                )


def _totals(splits: Iterable[Split]) -> Iterator[tuple[str, Fraction]]:
    """Yield the first day of each span with the sum of the shares that hold in it."""
    changes: dict[str, Fraction] = defaultdict(Fraction)
    n_holding: dict[str, int] = defaultdict(int)
    for split in splits:
        start = split.valid_from or _FIRST
        changes[start] += split.share
        n_holding[start] += 1
        if split.valid_until and split.valid_until < _LAST:
            end = (dt.date.fromisoformat(split.valid_until) + dt.timedelta(days=1)).isoformat()
            changes[end] -= split.share
            n_holding[end] -= 1
    total, holding = Fraction(0), 0
    for day in sorted(changes):
        total, holding = total + changes[day], holding + n_holding[day]
        if holding:
            yield day, total


def consent_problems(registry: Registry, links: Links) -> Iterator[Problem]:
    """Yield statements that count for nothing as they stand, or that contradict each other."""
    known = _known_subjects(registry, links)
    by_subject: dict[Key, list[ConsentRecord]] = defaultdict(list)
    for record in registry.consents:
        where = f"consent '{record.record_id}'"
        key = subject_key(record.subject_kind, record.subject)
        by_subject[key].append(record)
        if record.subject_kind != "location" and key not in known:
            expected = f"a {record.subject_kind} of the registry"
            yield problem("consent-about-unknown", where, record.subject, expected)
        if record.value in ("allow", "conditional") and record.revoked_on is None:
            yield from _weak_yes(record, where)
    for records in by_subject.values():
        if len(records) > 1:
            yield from _contradictions(records)


def _weak_yes(record: ConsentRecord, where: str) -> Iterator[Problem]:
    if record.given_on is None:
        yield problem("consent-undated", where, "", "the day on which it was given")
    if not record.evidence and record.evidence_sha256 is None:
        yield problem("consent-no-evidence", where, "", "contract number, address or hash")
    layers = SINGLE_LAYERS if record.layer == "all" else (record.layer,)
    if not any(may_speak(record, layer) for layer in layers):
        value = f"{record.authority} for {record.layer}"
        yield problem("consent-authority", where, value, "an authority that may allow this layer")


def _contradictions(records: list[ConsentRecord]) -> Iterator[Problem]:
    live = [r for r in records if r.revoked_on is None and r.value in ("allow", "deny", "conditional")]
    noes = [record for record in live if record.value == "deny"]
    for record in live:
        against = [r.record_id for r in noes if record.value != "deny" and _overlap(r, record)]
        if against:
            where = f"consent '{record.record_id}' about {record.subject_kind} '{record.subject}'"
            expected = f"no contradiction; denied by {', '.join(against[:5])}"
            yield problem("consent-conflict", where, record.value, expected)


def _overlap(one: ConsentRecord, other: ConsentRecord) -> bool:
    return (
        (one.layer == other.layer or "all" in (one.layer, other.layer))
        and (one.use == other.use or "all" in (one.use, other.use))
        and (one.valid_from or _FIRST) <= (other.valid_until or _LAST)
        and (other.valid_from or _FIRST) <= (one.valid_until or _LAST)
    )


def _known_subjects(registry: Registry, links: Links) -> set[Key]:
    known: set[Key] = set()
    for part, field in _IDS.items():
        kind = field.removesuffix("_id")
        known |= {subject_key(kind, getattr(one, field)) for one in getattr(registry, part)}
    known |= {subject_key(claim.subject_kind, claim.value) for claim in registry.claims()}
    known |= {subject_key("work", one.iswc) for one in registry.recordings if one.iswc}
    known |= {subject_key("contribution", credit.contribution) for credit in registry.credits}
    known |= {key for party_id in links.parties for key in links.names_of(party_id)}
    return known
