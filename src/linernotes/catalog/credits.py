"""Credits and splits: who took part in what, and which share of each rights layer is whose.

A *credit* joins a party to a recording, work or release in a role; session players and background singers
are credits as much as the name on the cover. A *split* says which share of one layer (master, publishing,
performer) is whose, where and when.

Conventions
-----------
Shares are exact fractions. The splits of one subject, layer and territory must sum to the whole on every
day on which any of them holds; those of a named territory take the place of the world's there.

References
----------
DDEX, "Recording Information Notification" (roles, contributors); CISAC, "Common Works Registration"
(writers and shares); 17 USC 114(g) (featured and non-featured performers).

Known limits
------------
A split holds for the whole territory that it names; tiers and recoupment are contracts, not shares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from linernotes.catalog.consent_record import is_day
from linernotes.catalog.rows import Row, check_id, check_word
from linernotes.errors import InputError

SplitLayer = Literal["master", "publishing", "performer"]
Billing = Literal["featured", "non-featured", ""]
SPLIT_LAYERS: tuple[str, ...] = get_args(SplitLayer)
BILLINGS: tuple[str, ...] = get_args(Billing)
PERFORMER_ROLES = frozenset(
    [
        "performer",
        "vocalist",
        "singer",
        "rapper",
        "musician",
        "instrumentalist",
        "soloist",
        "conductor",
        "orchestra",
        "choir",
        "ensemble",
        "background-vocalist",
        "session-musician",
        "actor",
        "narrator",
        "dj",
        "remixer",
    ]
)
"""Roles that make their bearer a performer of the recording."""
WRITER_ROLES = frozenset(
    ["writer", "composer", "lyricist", "author", "arranger", "adapter", "translator", "songwriter"]
)
"""Roles that make their bearer a writer of the work."""

MAX_DENOMINATOR = 10**15
_ROLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(Row):
    """A party's part in a recording, work or release.

    Parameters
    ----------
    subject_kind : {"recording", "work", "release"}
        What the credit is on.
    subject_id : str
        Its id.
    party_id : str
        Whose part.
    role : str
        Lower-case words with hyphens, such as ``vocalist``, ``session-musician``, ``composer``.
    billing : {"featured", "non-featured", ""}
        Of a performer; empty when not said.
    instruments : tuple of str
        Played.
    credited_as : str
        Name as printed, where it is another.
    source : str
        Who says so.

    Examples
    --------
    >>> Credit(subject_kind="recording", subject_id="rain", party_id="ada", role="vocalist").contribution
    'rain/ada/vocalist'
    """

    subject_kind: Literal["recording", "work", "release"]
    subject_id: str
    party_id: str
    role: str
    billing: Billing = ""
    instruments: tuple[str, ...] = ()
    credited_as: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        where = f"credit of '{self.party_id}' on '{self.subject_id}'"
        check_word(where, "subject_kind", self.subject_kind, ("recording", "work", "release"))
        check_id("credit's subject", self.subject_id)
        check_id("credit's party", self.party_id)
        check_word(where, "billing", self.billing, BILLINGS)
        if not isinstance(self.role, str) or not _ROLE.fullmatch(self.role):
            raise InputError(f"{where}: role '{self.role}'; expected lower-case words with hyphens")

    @property
    def contribution(self) -> str:
        """``recording-id/party-id/role``, the subject of a consent about this part."""
        return f"{self.subject_id}/{self.party_id}/{self.role}"

    @property
    def is_performer(self) -> bool:
        """Whether the role, or the billing, makes the party a performer."""
        return self.role in PERFORMER_ROLES or bool(self.billing) or bool(self.instruments)

    @property
    def is_writer(self) -> bool:
        """Whether the role makes the party a writer."""
        return self.role in WRITER_ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(Row):
    """A party's share of one rights layer.

    Parameters
    ----------
    subject_kind : {"recording", "work"}
        What it is a share of.
    subject_id : str
        Its id.
    layer : {"master", "publishing", "performer"}
        Rights layer.
    party_id : str
        Whose share.
    share : Fraction
        Exact, in [0, 1].
    territory : str
        ISO 3166-1 codes separated by spaces; empty is the world.
    valid_from, valid_until : str, optional
        First and last day.
    source : str
        Who says so.

    Examples
    --------
    >>> Split(subject_kind="work", subject_id="rain", layer="publishing", party_id="ada",
    ...       share=Fraction(1, 3)).as_json()["share"]
    '1/3'
    """

    subject_kind: Literal["recording", "work"]
    subject_id: str
    layer: SplitLayer
    party_id: str
    share: Fraction
    territory: str = ""
    valid_from: str | None = None
    valid_until: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        where = f"split of '{self.party_id}' on '{self.subject_id}'"
        check_word(where, "subject_kind", self.subject_kind, ("recording", "work"))
        check_id("split's subject", self.subject_id)
        check_id("split's party", self.party_id)
        check_word(where, "layer", self.layer, SPLIT_LAYERS)
        if not isinstance(self.share, Fraction) or not 0 <= self.share <= 1:
            raise InputError(f"{where}: share {self.share!r}; expected an exact fraction from 0 to 1")
        if self.share.denominator >= MAX_DENOMINATOR:
            raise InputError(f"{where}: share {self.share}; expected a fraction of at most 15 digits")
        for name in ("valid_from", "valid_until"):
            day = getattr(self, name)
            if day is not None and not is_day(day):
                raise InputError(f"{where}: {name} '{day}'; expected yyyy-mm-dd")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise InputError(f"{where}: ends on {self.valid_until}, before it begins on {self.valid_from}")
