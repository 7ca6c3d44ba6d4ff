"""What goes into the page of a comparison: the evidence, both sides, and what was asked of it further.

Conventions
-----------
A is the file asked about, B the other. Spans are named by their index in the evidence.

Known limits
------------
A side that may not be passed on is drawn but not heard (`Side.heard`).
"""

from __future__ import annotations

from dataclasses import dataclass

from linernotes.evidence.versions import VersionMatch
from linernotes.reports.version_page.melodies import MelodyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two recordings.

    Parameters
    ----------
    name : str
        File name or recording id, without folders.
    title, artist : str
        As printed; empty where unknown.
    sha256 : str
        Of the file's bytes.
    duration_s : float
        Length.
    heard : bool
        Whether the page may play it.
    windows : tuple of (float, float)
        Seconds that the page plays, rising and apart; empty when not heard.
    """

    name: str
    sha256: str
    duration_s: float
    title: str = ""
    artist: str = ""
    heard: bool = True
    windows: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What chance and commonplace refer to.

    Parameters
    ----------
    words : str
        The collection that E-values speak of, such as ``"a collection of 1000 unrelated recordings"``.
    n_pieces : int
        Unrelated pieces that were searched for the commonplace.
    sha256 : str
        Of the file that holds them.
    """

    words: str
    n_pieces: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Removal:
    """The probability that is left when some spans of A are struck out; *segments* are indices."""

    segments: tuple[int, ...]
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage:
    """One comparison with all that its page says.

    Parameters
    ----------
    match : VersionMatch
        The evidence.
    a, b : Side
        The recordings.
    reference : Reference
        What chance was estimated from.
    prior : float in (0, 1)
        Share of related pairs that the probability assumes.
    features_revision : int
        Revision of the features that were compared.
    version : str
        Of this package.
    removals : tuple of Removal
        Counterfactuals; empty when they were not computed.
    removals_words : str
        What they cost, or why there are none.
    melodies : tuple of MelodyPair
        Aligned melodies, to be seen and heard.
    melodies_words : str
        How they were made, or why there are none.
    """

    match: VersionMatch
    a: Side
    b: Side
    reference: Reference
    prior: float
    features_revision: int
    version: str
    removals: tuple[Removal, ...] = ()
    removals_words: str = "Not computed."
    melodies: tuple[MelodyPair, ...] = ()
    melodies_words: str = "Not computed."
