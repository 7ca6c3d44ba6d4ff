"""DDEX ERN: the message in which a label tells a service what it releases, with credits and codes.

Read are versions 3.8 to 4.3.2 of ``NewReleaseMessage``: recordings with their codes, contributors (non-featured
players among them) and writers, parties, releases, and what 4.3.2 says about AI.

References
----------
DDEX ERN 4.3.2 (namespace http://ddex.net/xml/ern/432; ``ContainsAI``, ``AiContribution``) and the earlier versions
3.8, 3.8.1, 3.8.2, 3.8.3, 4.1, 4.1.1, 4.2, 4.3, 4.3.1.

Known limits
------------
Nothing in ERN gives or withholds permission to train: deals speak of sale and streaming, and no consent is drawn from
them. Deals, technical details, images and videos are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from xml.etree.ElementTree import Element

from linernotes.errors import InputError
from linernotes.signals.ddex_message import (
    Contribution,
    DdexMessage,
    DdexParty,
    DdexRecording,
    DdexRelease,
    DdexWork,
)
from linernotes.signals.ddex_xml import (
    MAX_ENTRIES,
    ai_value,
    children,
    contribution_of,
    descend,
    message_root,
    parties_of,
    party_of,
    shares_of,
    text_at,
    texts_at,
    title_of,
)
from linernotes.signals.wire import local_name, shown

ROOTS = ("NewReleaseMessage",)
_ROLES = (
    *("Role", "ContributorRole", "ResourceContributorRole", "IndirectResourceContributorRole"),
    *("MusicalWorkContributorRole", "ArtistRole", "DisplayArtistRole", "ArtisticRole"),
)
_REFERENCES = ("ContributorPartyReference", "ArtistPartyReference")
_MAIN = {"MainArtist": True, "FeaturedArtist": True}


def parse_ern(data: bytes | str) -> DdexMessage:
    """Read a ``NewReleaseMessage``.

    Raises
    ------
    InputError
        If it is no such message, or two of its parts share a reference.

    Examples
    --------
    >>> text = '''<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/432"><ResourceList><SoundRecording>
    ... <ResourceReference>A1</ResourceReference><DisplayTitleText>Rain</DisplayTitleText>
    ... <ContainsAI>Partly</ContainsAI></SoundRecording></ResourceList></ern:NewReleaseMessage>'''
    >>> found = parse_ern(text)
    >>> found.version, found.recordings[0].title, found.recordings[0].contains_ai
    ('4.3.2', 'Rain', 'Partly')
    """
    root, version = message_root(data, "ERN", ROOTS)
    reader = _Reader(parties_of(root))
    works = tuple(reader.work(element) for element in descend(root, "WorkList", "MusicalWork"))
    recordings = tuple(
        reader.recording(element) for element in descend(root, "ResourceList", "SoundRecording")
    )
    releases = tuple(_releases(root, {one.reference for one in recordings}))
    _refuse_twins([one.reference for one in recordings])
    return DdexMessage(
        family="ERN",
        version=version,
        message_id=text_at(root, "MessageHeader", "MessageId"),
        sender=text_at(root, "MessageHeader", "MessageSender", "PartyName", "FullName")
        or text_at(root, "MessageHeader", "MessageSender", "PartyId"),
        created=text_at(root, "MessageHeader", "MessageCreatedDateTime"),
        is_test=text_at(root, "MessageHeader", "MessageControlType") == "TestMessage",
        parties=tuple(reader.parties.values()),
        recordings=recordings,
        works=works,
        releases=releases,
    )


class _Reader:
    """Reads contributions; a party that is written out in place (ERN 3) gets a reference of its own."""

    def __init__(self, parties: tuple[DdexParty, ...]) -> None:
        self.parties = {party.reference: party for party in parties}
        self._names: dict[DdexParty, str] = {}
        self._numbers = count(1)

    def work(self, element: Element) -> DdexWork:
        return DdexWork(
            reference=text_at(element, "MusicalWorkReference"),
            title=title_of(element),
            iswcs=texts_at(element, "MusicalWorkId", "ISWC"),
            contributions=tuple(self._contributions(element, ("MusicalWorkContributor",))),
        )

    def recording(self, element: Element) -> DdexRecording:
        places = (element, *children(element, "SoundRecordingDetailsByTerritory"))
        tags = ("DisplayArtist", "Contributor", "ResourceContributor", "IndirectResourceContributor")
        contributions = [one for place in places for one in self._contributions(place, tags)]
        artist = next(
            (text for place in places if (text := text_at(place, "DisplayArtistName"))), ""
        ) or self._main_artist(contributions)
        return DdexRecording(
            reference=text_at(element, "ResourceReference"),
            title=title_of(element),
            display_artist=artist,
            isrcs=_isrcs(element),
            iswcs=tuple(
                dict.fromkeys(
                    (
                        *texts_at(element, "WorkId", "ISWC"),
                        *texts_at(element, "IndirectSoundRecordingId", "ISWC"),
                    )
                )
            ),
            works=texts_at(
                element,
                "ResourceMusicalWorkReferenceList",
                "ResourceMusicalWorkReference",
                "ResourceMusicalWorkReference",
            ),
            contributions=tuple(dict.fromkeys(contributions)),
            shares=shares_of(element),
            p_line=next(
                (
                    text
                    for path in (
                        ("SoundRecordingEdition", "PLine", "PLineText"),
                        ("PLine", "PLineText"),
                        ("SoundRecordingDetailsByTerritory", "PLine", "PLineText"),
                    )
                    if (text := text_at(element, *path))
                ),
                "",
            ),
            contains_ai=ai_value(element, "ContainsAI"),
        )

    def _contributions(self, element: Element, tags: tuple[str, ...]) -> Iterator[Contribution]:
        for child in children(element, *tags):
            found = contribution_of(child, _REFERENCES, _ROLES)
            if found.featured is None and local_name(child) == "DisplayArtist":
                featured = [_MAIN[role] for role in found.roles if role in _MAIN]
                found = replace(found, featured=featured[0] if featured else None)
            yield found if found.party else replace(found, party=self._written_out(child))

    def _written_out(self, element: Element) -> str:
        party = party_of(element, "")
        if not party.name:
            return ""
        if party not in self._names:
            self._names[party] = next(
                name for number in self._numbers if (name := f"inline-{number}") not in self.parties
            )
            self.parties[self._names[party]] = replace(party, reference=self._names[party])
        return self._names[party]

    def _main_artist(self, contributions: list[Contribution]) -> str:
        main = [one for one in contributions if "MainArtist" in one.roles]
        names = [self.parties[one.party].name for one in main if one.party in self.parties]
        return ", ".join(dict.fromkeys(names))


def _isrcs(element: Element) -> tuple[str, ...]:
    paths = (
        ("SoundRecordingEdition", "ResourceId", "ISRC"),
        ("ResourceId", "ISRC"),
        ("SoundRecordingId", "ISRC"),
    )
    return tuple(dict.fromkeys(code for path in paths for code in texts_at(element, *path)))


def _releases(root: Element, recordings: set[str]) -> Iterator[DdexRelease]:
    for element in descend(root, "ReleaseList", "Release"):
        kinds = texts_at(element, "ReleaseType") + texts_at(element, "ReleaseType", "Value")
        if "TrackRelease" in kinds:  # ERN 3 lists every track as a release of its own
            continue
        held = [
            " ".join((child.text or "").split())
            for child in element.iter()
            if local_name(child) == "ReleaseResourceReference"
        ]
        yield DdexRelease(
            reference=text_at(element, "ReleaseReference"),
            title=title_of(element),
            icpn=text_at(element, "ReleaseId", "ICPN"),
            grid=text_at(element, "ReleaseId", "GRid"),
            date=next(
                (
                    text
                    for path in (
                        ("ReleaseDate", "EventDate"),
                        ("ReleaseDate",),
                        ("GlobalReleaseDate",),
                        ("ReleaseDetailsByTerritory", "ReleaseDate"),
                    )
                    if (text := text_at(element, *path))
                ),
                "",
            ),
            label=text_at(element, "ReleaseDetailsByTerritory", "LabelName")
            or text_at(element, "ReleaseLabelReference"),
            recordings=tuple(dict.fromkeys(name for name in held if name in recordings)),
            contains_ai=ai_value(element, "ContainsAI"),
        )


def _refuse_twins(references: list[str]) -> None:
    if len(references) > MAX_ENTRIES:
        raise InputError(f"DDEX ERN message: {len(references)} recordings; expected at most {MAX_ENTRIES}")
    seen: set[str] = set()
    for reference in references:
        if reference and reference in seen:
            raise InputError(
                f"DDEX ERN message: two recordings have the reference '{shown(reference)}'; give each its own"
            )
        seen.add(reference)
