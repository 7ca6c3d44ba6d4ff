"""Is it the same music, played otherwise? A relation of two pieces, by dimension and in aligned seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from linernotes.evidence.spans import Span

Dimension = Literal["overall", "melody", "harmony", "rhythm"]

REFERENCE_PIECES = 1000
REFERENCE_S = 180.0
REFERENCE = f"{REFERENCE_PIECES} unrelated recordings of {REFERENCE_S:g} s"  # what E-values speak of
SCOPE_VERSION = (
    "Says how far the two pieces are musically related, and in which seconds; "
    "a common progression or pattern can be shared by unrelated works, and a relation is not proof of copying."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The most telling figure of an aligned stretch, and how many reference songs have one like it.

    ``name`` is for reading: chords as in ``I-V-vi-IV``, a melody as its intervals in semitones; ``share`` of
    ``n_songs`` songs hold it.
    """

    name: str
    share: float
    n_songs: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {"name": self.name, "share": self.share, "n_songs": self.n_songs}


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSegment:
    """One pair of spans that correspond in one musical dimension.

    Parameters
    ----------
    dimension : {"overall", "melody", "harmony", "rhythm"}
        What corresponds.
    a, b : Span
        Seconds on both sides.
    score : float
        Evidence of the alignment, in nats.
    commonplace : float in [0, 1] or None
        Fraction of unrelated reference pieces in which an equally good match is found by chance; None when no
        reference collection was consulted.
    e_value : float >= 0 or None
        Expected number of equally good matches by chance when the whole of A is asked for in the stated
        reference collection (`VersionMatch.reference`).
    transposition_semitones : int
        B's pitch minus A's, -5 to 6.
    tempo_ratio : float > 0
        Seconds of B per second of A.
    path : tuple of (float, float)
        Seconds of A and of B that belong together, rising on both sides; both ends at least.
    found_in : tuple of str
        Reference pieces, at most ten, that hold as good a match.
    figure : Figure or None
        A melodic or harmonic figure of the stretch with its share of reference songs.
    """

    dimension: Dimension
    a: Span
    b: Span
    score: float
    commonplace: float | None
    e_value: float | None = None
    transposition_semitones: int = 0
    tempo_ratio: float = 1.0
    path: tuple[tuple[float, float], ...] = ()
    found_in: tuple[str, ...] = ()
    figure: Figure | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "dimension": self.dimension,
            "a_start_s": self.a.start_s,
            "a_end_s": self.a.end_s,
            "b_start_s": self.b.start_s,
            "b_end_s": self.b.end_s,
            "score": self.score,
            "commonplace": self.commonplace,
            "e_value": self.e_value,
            "transposition_semitones": self.transposition_semitones,
            "tempo_ratio": self.tempo_ratio,
            "path": [list(point) for point in self.path],
            "found_in": list(self.found_in),
            "figure": self.figure.as_json() if self.figure else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionEvidence:
    """What one musical dimension says about a pair of pieces as a whole.

    Parameters
    ----------
    dimension : {"overall", "melody", "harmony", "rhythm"}
        Which one.
    score : float
        Alignment score in standard deviations above what unrelated music reaches with either piece.
    probability : float in [0, 1] or None
        Calibrated chance that the pieces share this dimension.
    e_value : float >= 0 or None
        Expected number of matches as good by chance in the stated reference collection.
    shared : bool
        Whether the probability is one half or more.
    log_odds : float
        What the dimension adds to the match's log-odds, in nats.
    """

    dimension: Dimension
    score: float
    probability: float | None
    e_value: float | None
    shared: bool
    log_odds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "dimension": self.dimension,
            "score": self.score,
            "probability": self.probability,
            "e_value": self.e_value,
            "shared": self.shared,
            "log_odds": self.log_odds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionMatch:
    """The same music in another rendition, with the seconds that carry the claim.

    ``probability`` is a calibrated chance that the two pieces share substance, or None where no
    calibration holds; ``score`` is the evidence, larger is more alike. ``dimensions`` says what each
    dimension contributes, ``shares`` which of them the pieces share; ``reference`` names the collection that
    E-values speak of. ``tempo_ratio`` is seconds of B per second of A.
    """

    a_id: str
    b_id: str
    score: float
    probability: float | None
    segments: tuple[VersionSegment, ...]
    method: str
    transposition_semitones: int = 0
    tempo_ratio: float = 1.0
    dimensions: tuple[DimensionEvidence, ...] = ()
    shares: tuple[Dimension, ...] = ()
    reference: str = ""
    scope: str = SCOPE_VERSION

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "score": self.score,
            "probability": self.probability,
            "segments": [segment.as_json() for segment in self.segments],
            "transposition_semitones": self.transposition_semitones,
            "tempo_ratio": self.tempo_ratio,
            "dimensions": [dimension.as_json() for dimension in self.dimensions],
            "shares": list(self.shares),
            "reference": self.reference,
            "method": self.method,
            "scope": self.scope,
        }
