"""DDEX's role words in ours: lower case with hyphens, the words of the registry where it has one for the same part.

References
----------
DDEX Allowed Value Sets, ``ContributorRole``, ``DisplayArtistRole``, ``MusicalWorkContributorRole``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from linernotes.signals.ddex_message import Contribution

_SAME: dict[str, tuple[str, ...]] = {
    "ComposerLyricist": ("composer", "lyricist"),
    "NonLyricAuthor": ("author",),
    "SubArranger": ("arranger",),
    "SubLyricist": ("lyricist",),
    "MusicArranger": ("arranger",),
    "Librettist": ("lyricist",),
    "StudioMusician": ("session-musician",),
    "PrimaryMusician": ("musician",),
    "LeadVocalist": ("vocalist",),
    "Vocalist": ("vocalist",),
    "LeadPerformer": ("performer",),
    "AdditionalPerformer": ("performer",),
    "AssociatedPerformer": ("performer",),
    "OrchestraMember": ("musician",),
    "ChoirMember": ("vocalist",),
    "PlaybackSinger": ("vocalist",),
    "ClubDJ": ("dj",),
    "DJ": ("dj",),
    "AAndRAdministrator": ("a-and-r-administrator",),
    "AAndRCoordinator": ("a-and-r-coordinator",),
    "MainArtist": ("main-artist",),
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|[0-9]+")
WRITERS = frozenset(
    [
        *("Adapter", "Arranger", "Author", "Composer", "ComposerLyricist", "Librettist", "Lyricist"),
        *("MusicArranger", "NonLyricAuthor", "SubArranger", "SubLyricist", "Translator"),
    ]
)
"""Roles in the work, wherever a message states them."""
PUBLISHERS = frozenset(("MusicPublisher", "OriginalPublisher", "SubPublisher", "SubstitutedPublisher"))
UNSAID = frozenset(("", "Unknown", "NotSpecified", "UserDefined"))


def roles_of(word: str) -> tuple[str, ...]:
    """Return a DDEX role in our words; ``contributor`` where it says nothing.

    Examples
    --------
    >>> roles_of("ComposerLyricist"), roles_of("StudioMusician"), roles_of("MixingEngineer")
    (('composer', 'lyricist'), ('session-musician',), ('mixing-engineer',))
    """
    if word in _SAME:
        return _SAME[word]
    if word in UNSAID:
        return ("contributor",)
    words = [part.lower() for part in _WORDS.findall(word)]
    return ("-".join(words)[:100],) if words else ("contributor",)


def apart(contributions: Iterable[Contribution]) -> tuple[list[Contribution], list[Contribution]]:
    """Divide parts into those in the work and those in the recording; one contribution may hold both.

    Examples
    --------
    >>> wrote, played = apart([Contribution(party="P1", roles=("Composer", "Vocalist"))])
    >>> wrote[0].roles, played[0].roles
    (('Composer',), ('Vocalist',))
    """
    writers, others = [], []
    for one in contributions:
        wrote = tuple(role for role in one.roles if role in WRITERS)
        played = tuple(role for role in one.roles if role not in WRITERS)
        if wrote:
            writers.append(replace(one, roles=wrote, instruments=(), featured=None))
        if played or not one.roles:
            others.append(replace(one, roles=played))
    return writers, others
