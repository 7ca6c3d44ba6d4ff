"""DDEX RIN: the message in which a studio tells who did what, when and where, on which recording.

It carries what releases leave out: session players with their instruments, engineers, writers with shares, sessions.

References
----------
DDEX, "Recording Information Notification" 1.0, 1.1 (also the "full" profile f-rin), 2.0 and 2.1 (namespace
http://ddex.net/xml/rin/21).

Known limits
------------
Recording components (single tracks of a multitrack) are read for their contributors only where the recording refers to
them; files and technical data are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from xml.etree.ElementTree import Element

from linernotes.errors import InputError
from linernotes.signals.ddex_message import Contribution, DdexMessage, DdexRecording, DdexWork, Session, Share
from linernotes.signals.ddex_xml import (
    MAX_ENTRIES,
    ai_value,
    children,
    contribution_of,
    descend,
    message_root,
    parties_of,
    text_at,
    texts_at,
    title_of,
)
from linernotes.signals.wire import shown

ROOTS = ("RecordingInformationNotification",)
_ROLES = ("Role", "ContributorRole", "ResourceContributorRole", "ArtisticRole", "MusicalWorkContributorRole")
_REFERENCES = (
    *("ContributorPartyReference", "SoundRecordingContributorReference", "SessionContributorReference"),
    *(
        "RecordingComponentContributorReference",
        "MusicalWorkContributorReference",
        "ProjectContributorReference",
    ),
    *("PartyReference", "ArtistPartyReference"),
)


def parse_rin(data: bytes | str) -> DdexMessage:
    """Read a ``RecordingInformationNotification``.

    Raises
    ------
    InputError
        If it is no such message, or two recordings share a reference.

    Examples
    --------
    >>> text = '''<rin:RecordingInformationNotification xmlns:rin="http://ddex.net/xml/rin/21"><ResourceList>
    ... <SoundRecording><ResourceReference>A1</ResourceReference><Title><TitleText>Rain</TitleText></Title>
    ... </SoundRecording></ResourceList></rin:RecordingInformationNotification>'''
    >>> parse_rin(text).recordings[0].title
    'Rain'
    """
    root, version = message_root(data, "RIN", ROOTS)
    components = {
        text_at(element, "RecordingComponentReference"): tuple(_contributions(element))
        for element in descend(root, "RecordingComponentList", "RecordingComponent")
    }
    recordings = tuple(
        _recording(element, components) for element in descend(root, "ResourceList", "SoundRecording")
    )
    references = [one.reference for one in recordings if one.reference]
    if len(recordings) > MAX_ENTRIES:
        raise InputError(f"DDEX RIN message: {len(recordings)} recordings; expected at most {MAX_ENTRIES}")
    twin = next(
        (name for i, name in enumerate(sorted(references)[1:]) if name == sorted(references)[i]), None
    )
    if twin is not None:
        raise InputError(
            f"DDEX RIN message: two recordings have the reference '{shown(twin)}'; give each its own"
        )
    header = next(iter(children(root, "MessageHeader", "FileHeader")), root)
    return DdexMessage(
        family="RIN",
        version=version,
        message_id=text_at(header, "MessageId") or text_at(header, "FileId"),
        sender=text_at(header, "MessageSender", "PartyName", "FullName")
        or text_at(header, "MessageSender", "PartyId"),
        created=text_at(header, "MessageCreatedDateTime") or text_at(header, "FileCreatedDateTime"),
        is_test=text_at(header, "MessageControlType") == "TestMessage",
        parties=parties_of(root),
        recordings=recordings,
        works=tuple(_work(element) for element in descend(root, "MusicalWorkList", "MusicalWork")),
        sessions=tuple(_session(element) for element in descend(root, "SessionList", "Session")),
    )


def _recording(element: Element, components: dict[str, tuple[Contribution, ...]]) -> DdexRecording:
    heard = [
        one
        for tag in ("SoundRecordingRecordingComponentReference", "RecordingComponentReference")
        for name in texts_at(element, tag)
        for one in components.get(name, ())
    ]
    return DdexRecording(
        reference=text_at(element, "ResourceReference") or text_at(element, "SoundRecordingReference"),
        title=title_of(element),
        display_artist=text_at(element, "DisplayArtistName"),
        isrcs=texts_at(element, "SoundRecordingId", "ISRC"),
        works=texts_at(element, "SoundRecordingMusicalWorkReference")
        or texts_at(element, "SoundRecordingMusicalWorkReference", "MusicalWorkReference"),
        contributions=tuple(dict.fromkeys((*_contributions(element), *heard))),
        p_line=text_at(element, "PLine", "PLineText"),
        contains_ai=ai_value(element, "ContainsAI"),
    )


def _work(element: Element) -> DdexWork:
    shares = tuple(
        Share(party=one.party, layer="publishing", share=share)
        for child in children(element, "Contributor", "MusicalWorkContributor")
        if (one := contribution_of(child, _REFERENCES, _ROLES)).party
        and (share := _percent(text_at(child, "RightSharePercentage"))) is not None
    )
    return DdexWork(
        reference=text_at(element, "MusicalWorkReference"),
        title=title_of(element),
        iswcs=texts_at(element, "MusicalWorkId", "ISWC"),
        contributions=tuple(_contributions(element)),
        shares=shares,
    )


def _session(element: Element) -> Session:
    return Session(
        reference=text_at(element, "SessionReference"),
        kind=text_at(element, "SessionType") or text_at(element, "SessionType", "Value"),
        begins=text_at(element, "StartDateTime"),
        venue=text_at(element, "Venue", "VenueName"),
        recordings=texts_at(element, "SessionSoundRecordingReference"),
        contributions=tuple(_contributions(element)),
    )


def _contributions(element: Element) -> Iterator[Contribution]:
    for child in children(
        element, "DisplayArtist", "SupplementalArtist", "Contributor", "MusicalWorkContributor"
    ):
        found = contribution_of(child, _REFERENCES, _ROLES)
        if found.party:
            yield found


def _percent(text: str) -> Fraction | None:
    try:
        share = Fraction(text) / 100
    except (ValueError, ZeroDivisionError):
        return None
    return share if 0 <= share <= 1 and "/" not in text and "e" not in text.lower() else None
