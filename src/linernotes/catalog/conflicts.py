"""Codes that contradict each other: one on unlike things, several on one, in the wrong field, never assigned.

Identifiers are claims. A registry that joins many sources holds claims that cannot all be true; each
contradiction is named once per entity, with the others that it concerns.

References
----------
ISRC Handbook (one code, one recording; the year is that of assignment); CISAC, "ISWC Best Practice";
MusicBrainz, "ISRC" (mis-assigned codes are common, hence a question rather than an error).

Known limits
------------
Two entries are "unlike" when title and name differ in letters or digits: spelling variants are reported as
conflicts, for people to look at. The century of an ISRC's year is guessed: 40 and above is the twentieth.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from linernotes.catalog.entities import Identifier
from linernotes.catalog.identifier_faults import corrections, fault, normal, sample_reason, valid_as
from linernotes.catalog.links import Links
from linernotes.catalog.problem import Problem, in_order
from linernotes.catalog.problem_kinds import problem
from linernotes.catalog.recording import slug

if TYPE_CHECKING:
    from linernotes.catalog.registry import Registry

_ONE_OF_A_KIND = {"isrc": "recording", "iswc": "work", "upc": "release", "grid": "release"}
_PARTY_CODES = ("isni", "ipi-name", "ipi-base", "ipn", "dpid")
MIN_TRACKS, MAJORITY = 4, 0.75


def find_problems(registry: Registry) -> tuple[Problem, ...]:
    """Return everything that contradicts itself or is missing in a registry, gravest first.

    Parameters
    ----------
    registry : Registry
        All of it: a part alone shows references to what stands in another part as unknown.

    Examples
    --------
    >>> from linernotes.catalog.recording import Recording
    >>> from linernotes.catalog.registry import Registry
    >>> swapped = Recording(recording_id="rain", title="Rain", artist="Ada", isrc="T-034.524.680-1")
    >>> "swapped-field" in {found.code for found in find_problems(Registry(recordings=(swapped,)))}
    True
    """
    from linernotes.catalog.integrity import consent_problems, reference_problems, split_problems

    links = Links(registry)
    found: list[Problem] = []
    found += _codes(registry)
    found += _shared_codes(registry, links)
    found += _releases(registry, links)
    found += reference_problems(registry, links)
    found += split_problems(registry)
    found += consent_problems(registry, links)
    return in_order(found)


def _where(claim: Identifier) -> str:
    source = f" (claimed by {claim.source})" if claim.source else ""
    return f"{claim.subject_kind} '{claim.subject_id}', {claim.kind}{source}"


def _codes(registry: Registry) -> Iterator[Problem]:
    claims = list(registry.claims())
    claims += [
        Identifier(subject_kind="work", subject_id=one.recording_id, kind="iswc", value=one.iswc)
        for one in registry.recordings
        if one.iswc
    ]
    for claim in claims:
        why = fault(claim.kind, claim.value)
        code = normal(claim.kind, claim.value)
        if why is not None:
            yield _malformed(claim, why)
        elif code is not None and (reason := sample_reason(claim.kind, code)):
            yield problem("sample-identifier", _where(claim), claim.value, f"an assigned code; {reason}")


def _malformed(claim: Identifier, why: str) -> Problem:
    other = valid_as(claim.kind, claim.value)
    if other is not None:
        next_step = f"It is a valid {other.upper()}: move it to the field of that name."
        return problem("swapped-field", _where(claim), claim.value, f"a valid {claim.kind}", next_step)
    likely = corrections(claim.kind, claim.value)
    next_step = f"Probably {' or '.join(likely)}; compare with the source." if likely else ""
    expected = why.partition("': ")[2] or why
    return problem("malformed-identifier", _where(claim), claim.value, expected, next_step)


def _shared_codes(registry: Registry, links: Links) -> Iterator[Problem]:
    bearers: dict[tuple[str, str], dict[tuple[str, str], None]] = defaultdict(dict)
    own: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for claim in registry.claims():
        code = normal(claim.kind, claim.value)
        if code is None or claim.kind not in (*_ONE_OF_A_KIND, *_PARTY_CODES):
            continue
        bearers[claim.kind, code][claim.subject_kind, claim.subject_id] = None
        own[claim.subject_kind, claim.subject_id, claim.kind].add(code)
    descriptions = _descriptions(registry, links)
    for (kind, code), entities in bearers.items():
        if len(entities) > 1:
            yield from _shared(kind, code, list(entities), descriptions)
    for (subject_kind, subject_id, kind), codes in own.items():
        if len(codes) > 1:
            where = f"{subject_kind} '{subject_id}', {kind}"
            yield problem("several-codes", where, ", ".join(sorted(codes)), f"one {kind}")


def _descriptions(registry: Registry, links: Links) -> dict[tuple[str, str], tuple[str, str]]:
    """Return for each entity what makes two of them alike: title and artist, title and writers, name."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for recording in registry.recordings:
        found["recording", recording.recording_id] = slug(recording.title), slug(recording.artist)
    for work in registry.works:
        credits = links.credits_of.get(("work", work.work_id), ())
        names = {slug(name) for name in work.writers}
        if not names:
            parties = (links.parties.get(credit.party_id) for credit in credits if credit.is_writer)
            names = {slug(party.name) for party in parties if party}
        found["work", work.work_id] = slug(work.title), " ".join(sorted(names))
    for release in registry.releases:
        found["release", release.release_id] = slug(release.title), ""
    for party in registry.parties:
        found["party", party.party_id] = slug(party.name), ""
    return found


def _shared(
    kind: str,
    code: str,
    entities: list[tuple[str, str]],
    descriptions: dict[tuple[str, str], tuple[str, str]],
) -> Iterator[Problem]:
    known = {descriptions.get(entity, ("", "")) for entity in entities}
    writers = {second for _, second in known if second}
    if len(known) == 1:
        problem_code = "duplicate-entry"
    elif kind == "iswc" and len(writers) > 1:
        problem_code = "iswc-writers-differ"
    elif kind in _PARTY_CODES:
        problem_code = "party-code-conflict"
    else:
        problem_code = "identifier-conflict"
    for subject_kind, subject_id in entities:
        others = ", ".join(f"{k} '{i}'" for k, i in entities if (k, i) != (subject_kind, subject_id))
        expected = f"a code of its own; {code} is also claimed for {_short(others)}"
        yield problem(problem_code, f"{subject_kind} '{subject_id}', {kind}", code, expected)


def _releases(registry: Registry, links: Links) -> Iterator[Problem]:
    tracks: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for recording in registry.recordings:
        code = normal("isrc", recording.isrc) if recording.isrc else None
        if code is None:
            continue
        found = links.releases_of.get(recording.recording_id, ())
        years = [int(release.date[:4]) for release in found if release.date]
        if years and isrc_year(code) > max(years):
            where = f"recording '{recording.recording_id}', isrc"
            expected = (
                f"a year up to {max(years)}, that of its release; the code was assigned in {isrc_year(code)}"
            )
            yield problem("isrc-later-than-release", where, code, expected)
        for release in found:
            tracks[release.release_id].append((recording.recording_id, code))
    for release_id, members in tracks.items():
        yield from _registrants(release_id, members)


def _registrants(release_id: str, members: list[tuple[str, str]]) -> Iterator[Problem]:
    prefixes = Counter(code[:5] for _, code in members)
    usual, count = prefixes.most_common(1)[0]
    if len(members) < MIN_TRACKS or count == len(members) or count < MAJORITY * len(members):
        return
    for recording_id, code in members:
        if code[:5] != usual:
            expected = f"prefix {usual}, as on {count} of {len(members)} recordings of release '{release_id}'"
            yield problem("isrc-registrant-differs", f"recording '{recording_id}', isrc", code, expected)


def isrc_year(code: str) -> int:
    """Return the year of assignment that an ISRC carries.

    Examples
    --------
    >>> isrc_year("GBAYE6900531"), isrc_year("QZES81912345")
    (1969, 2019)
    """
    year = int(code[5:7])
    return 1900 + year if year >= 40 else 2000 + year


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200].rsplit(", ", 1)[0] + " and more"
