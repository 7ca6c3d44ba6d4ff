"""What belongs to what in a registry: one pass over it, then every look-up is a dictionary's.

Conventions
-----------
A work belongs to a recording that it lists, and to one that names its ISWC; a release to a recording that
it lists, and to one that names its id or code in ``release``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.recording import Recording, slug
from linernotes.catalog.registry import Registry
from linernotes.catalog.subjects import Key, plain, subject_key

T = TypeVar("T")


class Links:
    """The joins of one registry.

    Examples
    --------
    >>> work = Work(work_id="w1", title="Rain", recordings=("rain",))
    >>> links = Links(Registry(recordings=(Recording(recording_id="rain", title="Rain", artist="Ada"),),
    ...                        works=(work,)))
    >>> links.works_of["rain"]
    [Work(work_id='w1', title='Rain', iswc=None, writers=(), recordings=('rain',), source='')]
    """

    def __init__(self, registry: Registry) -> None:
        self.recordings: dict[str, Recording] = {one.recording_id: one for one in registry.recordings}
        self.parties: dict[str, Party] = {one.party_id: one for one in registry.parties}
        self.claims_of: dict[Key, list[Identifier]] = defaultdict(list)
        for claim in registry.claims():
            self.claims_of[claim.subject_kind, claim.subject_id].append(claim)
        self.credits_of: dict[Key, list[Credit]] = defaultdict(list)
        for credit in registry.credits:
            self.credits_of[credit.subject_kind, credit.subject_id].append(credit)
        self.splits_of: dict[Key, list[Split]] = defaultdict(list)
        for split in registry.splits:
            self.splits_of[split.subject_kind, split.subject_id].append(split)
        self.works_of = self._works(registry.works)
        self.releases_of = self._releases(registry.releases)

    def find_recording(self, text: str) -> Recording | None:
        """Return the recording of an id, a file's stem, or a code that is claimed for it and for no other."""
        for name in (text, slug(text)):
            if name in self.recordings:
                return self.recordings[name]
        wanted = subject_key("recording", text)
        found = {
            claim.subject_id
            for (kind, _), claims in self.claims_of.items()
            for claim in claims
            if kind == "recording" and subject_key("recording", claim.value) == wanted
        }
        return self.recordings.get(found.pop()) if len(found) == 1 else None

    def names_of(self, party_id: str, credits: Iterable[Credit] = ()) -> frozenset[Key]:
        """Return every name and code of a party, for comparison."""
        party = self.parties.get(party_id)
        texts = [party_id, *(credit.credited_as for credit in credits if credit.party_id == party_id)]
        if party:
            texts += [party.name, *party.names]
        texts += [claim.value for claim in self.claims_of.get(("party", party_id), ())]
        return frozenset(subject_key("party", text) for text in texts if text)

    def codes(self, kind: str, subject_id: str) -> list[tuple[str, str]]:
        """Return an entity's id and claimed codes as subjects of consent."""
        claims = self.claims_of.get((kind, subject_id), ())
        return [(kind, subject_id), *((kind, claim.value) for claim in claims)]

    def _works(self, works: Iterable[Work]) -> dict[str, list[Work]]:
        by_code: dict[Key, list[Work]] = defaultdict(list)
        listed: list[tuple[str, Work]] = []
        for work in works:
            listed += [(recording_id, work) for recording_id in work.recordings]
            for claim in self.claims_of.get(("work", work.work_id), ()):
                if claim.kind == "iswc":
                    by_code[subject_key("work", claim.value)].append(work)
        for recording in self.recordings.values():
            if recording.iswc:
                key = subject_key("work", recording.iswc)
                listed += [(recording.recording_id, work) for work in by_code.get(key, ())]
        return _grouped(listed)

    def _releases(self, releases: Iterable[Release]) -> dict[str, list[Release]]:
        by_name: dict[str, list[Release]] = defaultdict(list)
        by_code: dict[Key, list[Release]] = defaultdict(list)
        listed: list[tuple[str, Release]] = []
        for release in releases:
            listed += [(recording_id, release) for recording_id in release.recordings]
            by_name[plain(release.release_id)].append(release)
            for claim in self.claims_of.get(("release", release.release_id), ()):
                by_code[subject_key("release", claim.value)].append(release)
        for recording in self.recordings.values():
            if recording.release:
                found = by_name.get(plain(recording.release), ()) or by_code.get(
                    subject_key("release", recording.release), ()
                )
                listed += [(recording.recording_id, release) for release in found]
        return _grouped(listed)


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    grouped: dict[str, list[T]] = defaultdict(list)
    for name, one in dict.fromkeys(pairs):
        grouped[name].append(one)
    return grouped
