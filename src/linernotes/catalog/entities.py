"""Works, releases and parties, and the codes that are claimed to name them.

Four things that a table often calls "the song" are kept apart, as DDEX and MusicBrainz do: the *recording*
(a fixed performance), the *work* (the composition), the *release* (the product) and the *party* (a person,
group or organisation). `linernotes.catalog.credits` joins them.

Conventions
-----------
An identifier is a claim with a source, kept as it was written; one entity may have several, and one code
may be claimed for several entities (`linernotes.catalog.conflicts` reports it). Ids are unique among their
kind.

References
----------
DDEX, "Recording Information Notification"; MusicBrainz, "Database schema"; CISAC, "Common Works
Registration".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from linernotes.catalog.consent_record import is_day
from linernotes.catalog.rows import Row, check_id, check_word
from linernotes.errors import InputError

PartyKind = Literal["person", "group", "organisation", "unknown"]
EntityKind = Literal["recording", "work", "release", "party"]
PARTY_KINDS: tuple[str, ...] = get_args(PartyKind)
ENTITY_KINDS: tuple[str, ...] = get_args(EntityKind)
IDENTIFIER_KINDS: tuple[str, ...] = (
    *("isrc", "iswc", "upc", "grid", "isni", "ipi-name", "ipi-base", "ipn", "dpid", "mbid"),
    *("iscc", "content-hash", "proprietary"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Row):
    """A composition: what an ISWC names.

    Parameters
    ----------
    work_id : str
        Unique among works.
    title : str
        As registered.
    iswc : str, optional
        As written; further codes are `Identifier` claims.
    writers : tuple of str
        Names as printed; parties with roles and shares are credits and splits.
    recordings : tuple of str
        Recording ids that perform it.
    source : str
        Who says so: importer and file.

    Examples
    --------
    >>> Work(work_id="rain", title="Rain", writers=("Ada Ling",)).iswc is None
    True
    """

    work_id: str
    title: str
    iswc: str | None = None
    writers: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        check_id("work", self.work_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Row):
    """A product that carries recordings.

    Parameters
    ----------
    release_id : str
        Unique among releases.
    title : str
        As printed.
    upc, grid : str, optional
        As written.
    date : str, optional
        Day of release, ``yyyy-mm-dd``, or its year or month where no more is known.
    label : str
        As printed.
    recordings : tuple of str
        Recording ids on it.
    source : str
        Who says so.

    Examples
    --------
    >>> Release(release_id="r1", title="Weather", date="2019").date
    '2019'
    """

    release_id: str
    title: str
    upc: str | None = None
    grid: str | None = None
    date: str | None = None
    label: str = ""
    recordings: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        check_id("release", self.release_id)
        if self.date is not None and not is_partial_day(self.date):
            raise InputError(
                f"release '{self.release_id}': date '{self.date}'; expected yyyy, yyyy-mm or yyyy-mm-dd"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Party(Row):
    """A person, group or organisation that makes, owns or speaks for music.

    Parameters
    ----------
    party_id : str
        Unique among parties.
    name : str
        The usual name.
    kind : {"person", "group", "organisation", "unknown"}
        What it is.
    isni, ipi_name, ipi_base, ipn, dpid : str, optional
        As written.
    names : tuple of str
        Other names as credited.
    source : str
        Who says so.

    Examples
    --------
    >>> Party(party_id="ada", name="Ada Ling", kind="person").names
    ()
    """

    party_id: str
    name: str
    kind: PartyKind = "unknown"
    isni: str | None = None
    ipi_name: str | None = None
    ipi_base: str | None = None
    ipn: str | None = None
    dpid: str | None = None
    names: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        check_id("party", self.party_id)
        check_word(f"party '{self.party_id}'", "kind", self.kind, PARTY_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier(Row):
    """A claim that a code names an entity.

    Parameters
    ----------
    subject_kind : {"recording", "work", "release", "party"}
        What it is claimed for.
    subject_id : str
        Its id.
    kind : str
        Such as ``isrc``; one of `IDENTIFIER_KINDS`.
    value : str
        As written.
    source : str
        Who claims it.

    Examples
    --------
    >>> Identifier(subject_kind="recording", subject_id="rain", kind="isrc", value="US-S1Z-99-00001").kind
    'isrc'
    """

    subject_kind: EntityKind
    subject_id: str
    kind: str
    value: str
    source: str = ""

    def __post_init__(self) -> None:
        where = f"identifier of {self.subject_kind} '{self.subject_id}'"
        check_word(where, "subject_kind", self.subject_kind, ENTITY_KINDS)
        check_word(where, "kind", self.kind, IDENTIFIER_KINDS)
        if not isinstance(self.value, str) or not self.value:
            raise InputError(f"{where}: value {self.value!r}; expected the code as it was written")


def is_partial_day(text: str) -> bool:
    """Tell whether a text is ``yyyy``, ``yyyy-mm`` or ``yyyy-mm-dd``.

    Examples
    --------
    >>> is_partial_day("2019"), is_partial_day("2019-13"), is_partial_day("2019-02-28")
    (True, False, True)
    """
    return isinstance(text, str) and is_day({4: text + "-01-01", 7: text + "-01"}.get(len(text), text))
