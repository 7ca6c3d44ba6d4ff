"""The result types. Four questions, four types, and no function from one to another.

====================================================  ===================  =========================
question                                              type                 strength of the claim
====================================================  ===================  =========================
Is it the *same recording*?                           `Match`, `Passage`   identification
Is it the *same music*, played otherwise?             `VersionMatch`       musical relation
Which *disclosed* recordings moved the generator      `Influence`,         ranking among known
toward this output?                                   `InfluenceRanking`   candidates
Does it carry *someone's* voice or playing?           (not built yet)      likeness, consent-bound
====================================================  ===================  =========================

`Reliability` is the measured trust in one method × generator × corpus. It rides on an
`InfluenceRanking`; royalties refuse a ranking without it. `CalibrationNote` says on what the statements
of a ranking (probabilities, effects and their intervals) were calibrated, and how well they held.

Conventions
-----------
Spans are half-open, in seconds from the start of the audio. Influence scores are positive when
*training on the item made the output more likely*. Every type carries a ``scope`` sentence that
says what the figure does not say, and ``as_json`` gives the field names of the JSON contract.

Known limits
------------
Nothing here proves copying, and nothing here can name a recording that nobody disclosed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from linernotes.errors import CorpusError, InputError

Dimension = Literal["overall", "melody", "harmony", "rhythm"]

SCOPE_MATCH = (
    "Says that the two files hold the same recording in the aligned seconds, at the stated false-match rate; "
    "absence of a match is not absence of the recording outside this catalogue."
)
SCOPE_VERSION = (
    "Says that the two pieces are musically related in the aligned seconds; "
    "a common progression or pattern can be shared by unrelated works, and a relation is not proof of copying."
)
SCOPE_PASSAGE = (
    "Says that the output holds a passage of the recording in the aligned seconds, at the stated false-match rate; "
    "it does not say how the passage came there, and music outside the corpus and catalogue was not looked at."
)
SCOPE_NOTES = (
    "Says that the output and the recording share a run of notes in the aligned seconds, at the stated false-match "
    "rate; the same notes can be played by others, and no sound need have been taken over."
)
SCOPE_INFLUENCE = (
    "Ranks influence among the disclosed recordings of one sealed corpus for one generator; "
    "it is not proof of copying, and cannot find recordings nobody disclosed."
)


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of audio, in seconds.

    Examples
    --------
    >>> Span(1.0, 3.5).duration_s
    2.5
    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.end_s:
            raise InputError(f"span {self.start_s}–{self.end_s} s: expected 0 <= start <= end")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The same recording, in aligned seconds.

    Parameters
    ----------
    query_id, recording_id : str
        The file asked about, and the catalogue recording.
    score : float >= 0
        Strength of the alignment in the unit that the method names.
    false_match_rate : float in [0, 1]
        Estimated chance that an unrelated query of this length reaches this score against this catalogue.
    query, reference : Span
        Aligned seconds on both sides.
    time_ratio : float > 0
        Query seconds per reference second (1.1: the query is 10 % slower).
    pitch_shift_semitones : float
        Query pitch minus reference pitch.
    """

    query_id: str
    recording_id: str
    score: float
    false_match_rate: float
    query: Span
    reference: Span
    time_ratio: float
    pitch_shift_semitones: float
    method: str
    unit: str
    scope: str = SCOPE_MATCH

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "recording_id": self.recording_id,
            "score": self.score,
            "false_match_rate": self.false_match_rate,
            "query_start_s": self.query.start_s,
            "query_end_s": self.query.end_s,
            "reference_start_s": self.reference.start_s,
            "reference_end_s": self.reference.end_s,
            "time_ratio": self.time_ratio,
            "pitch_shift_semitones": self.pitch_shift_semitones,
            "method": self.method,
            "unit": self.unit,
            "scope": self.scope,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stretch of an output that holds a passage of a known recording, in aligned seconds.

    Parameters
    ----------
    query_id, recording_id : str
        The output, and the recording of the corpus or catalogue.
    detector : {"landmarks", "segments", "notes"}
        What found it with the lowest false-match rate.
    confirmed_by : tuple of str
        Further detectors that found it, each within its own limit.
    score : float >= 0
        Of the detector, in the unit that it names.
    false_match_rate : float in [0, 1]
        Estimated chance that an unrelated output of this length shows such a passage with any recording of a
        collection of this size.
    query, reference : Span
        Aligned seconds on both sides.
    time_ratio : float > 0
        Query seconds per reference second.
    pitch_shift_semitones : float
        Query pitch minus reference pitch.
    alikeness : float in [-1, 1] or None
        Mean correlation of the changes of both spectra along the span; None where it was not measured.
    """

    query_id: str
    recording_id: str
    detector: Literal["landmarks", "segments", "notes"]
    score: float
    unit: str
    false_match_rate: float
    query: Span
    reference: Span
    time_ratio: float
    pitch_shift_semitones: float
    method: str
    confirmed_by: tuple[str, ...] = ()
    alikeness: float | None = None
    scope: str = SCOPE_PASSAGE

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "recording_id": self.recording_id,
            "detector": self.detector,
            "confirmed_by": list(self.confirmed_by),
            "score": self.score,
            "unit": self.unit,
            "false_match_rate": self.false_match_rate,
            "query_start_s": self.query.start_s,
            "query_end_s": self.query.end_s,
            "reference_start_s": self.reference.start_s,
            "reference_end_s": self.reference.end_s,
            "duration_s": round(self.query.duration_s, 3),
            "time_ratio": self.time_ratio,
            "pitch_shift_semitones": self.pitch_shift_semitones,
            "alikeness": self.alikeness,
            "method": self.method,
            "scope": self.scope,
        }


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How well one method's scores predict what retraining does, for one generator and corpus.

    Parameters
    ----------
    method, generator_id, corpus_root : str
        What was measured; a figure never travels to another method, generator or corpus.
    lds : float in [-1, 1]
        Linear datamodelling score: mean Spearman correlation over queries.
    interval : (float, float)
        95 % bootstrap interval over subsets and queries.
    ceiling : float
        What a perfect method could reach: retraining noise bounds it.
    baselines : dict of str to float
        The same figure for random, label-only and embedding-similarity scorers.
    """

    method: str
    generator_id: str
    corpus_root: str
    lds: float
    interval: tuple[float, float]
    ceiling: float
    baselines: dict[str, float] = field(default_factory=dict)
    n_subsets: int = 0
    n_seeds: int = 0
    n_queries: int = 0
    alpha: float = 0.5

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "lds": self.lds,
            "interval": list(self.interval),
            "ceiling": self.ceiling,
            "baselines": dict(self.baselines),
            "n_subsets": self.n_subsets,
            "n_seeds": self.n_seeds,
            "n_queries": self.n_queries,
            "alpha": self.alpha,
            "method": self.method,
            "generator_id": self.generator_id,
            "corpus_root": self.corpus_root,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationNote:
    """What the statements of a ranking rest on: retrainings without somebody, and how often they came true.

    Parameters
    ----------
    confidence : float in (0, 1)
        What part of outcomes the effect intervals are made to hold.
    coverage : float in [0, 1]
        What part they did hold, for removals and queries left out of the fit.
    effect_unit : str
        What an effect is measured in.
    noise : float >= 0
        Standard deviation of a measured effect when nothing but the seed of the training changes.
    matters : float >= 0
        Rise of the loss above which a removal counts as having mattered.
    n_queries, n_removals, n_seeds : int
        Outputs, sets removed, and retrainings per set.
    """

    confidence: float
    coverage: float
    effect_unit: str
    noise: float
    matters: float
    n_queries: int
    n_removals: int
    n_seeds: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "confidence": self.confidence,
            "coverage": self.coverage,
            "effect_unit": self.effect_unit,
            "noise": self.noise,
            "matters": self.matters,
            "n_queries": self.n_queries,
            "n_removals": self.n_removals,
            "n_seeds": self.n_seeds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """One disclosed recording's estimated influence on one output.

    ``score`` is positive when training on the item made the output more likely, in the unit of the
    ranking; ``share`` is the part of the output's positive influence credited to the item, in [0, 1];
    ``interval`` is the 95 % bootstrap interval of ``share``; ``rank`` starts at 1.

    With a calibration: ``effect`` is the expected rise of the output's loss had the item been left out of the
    training, in the unit of the calibration, ``effect_interval`` holds the rise that retraining would show with
    the calibration's confidence, and ``probability`` is the chance that the rise exceeds retraining noise. For
    a member of a cluster of near-duplicates, ``cluster_id``, all three are about leaving out the whole cluster.
    Without a calibration or clusters they are None, and are not in the JSON.
    """

    item_id: str
    score: float
    share: float
    interval: tuple[float, float]
    rank: int
    probability: float | None = None
    effect: float | None = None
    effect_interval: tuple[float, float] | None = None
    cluster_id: str | None = None

    def __post_init__(self) -> None:
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise InputError(f"item {self.item_id}: probability {self.probability}, expected 0 to 1")

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        interval = list(self.effect_interval) if self.effect_interval is not None else None
        return {
            "item_id": self.item_id,
            "score": self.score,
            "share": self.share,
            "interval": list(self.interval),
            "rank": self.rank,
        } | _stated(
            probability=self.probability,
            effect=self.effect,
            effect_interval=interval,
            cluster_id=self.cluster_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluenceRanking:
    """All disclosed recordings ranked for one output, best first.

    ``unattributed_share`` is what no recording could be credited with beyond noise; shares and it
    add up to 1. An empty credit (``unattributed_share == 1``) reads "nobody in particular";
    ``nobody_because`` then says why, where a calibration or a check of the generator decided.
    ``cluster_rule`` names how near-duplicates share credit, where they do.
    """

    query_id: str
    method: str
    unit: str
    generator_id: str
    corpus_root: str
    seed: int
    influences: tuple[Influence, ...]
    unattributed_share: float
    reliability: Reliability | None = None
    scope: str = SCOPE_INFLUENCE
    calibration: CalibrationNote | None = None
    nobody_because: str | None = None
    cluster_rule: str | None = None

    def __post_init__(self) -> None:
        if not self.corpus_root:
            raise CorpusError(
                f"query {self.query_id}: influence without a sealed corpus; "
                "seal it first with 'linernotes corpus seal'"
            )
        total = self.unattributed_share + sum(i.share for i in self.influences)
        if not abs(total - 1.0) <= 1e-6:  # so written, it refuses NaN too
            raise InputError(
                f"query {self.query_id}: shares and the unattributed part add to {total}, expected 1"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "query": self.query_id,
            "method": self.method,
            "unit": self.unit,
            "generator_id": self.generator_id,
            "corpus_root": self.corpus_root,
            "seed": self.seed,
            "reliability": self.reliability.as_json() if self.reliability else None,
            "unattributed_share": self.unattributed_share,
            "influences": [influence.as_json() for influence in self.influences],
            "scope": self.scope,
        } | _stated(
            calibration=self.calibration.as_json() if self.calibration else None,
            nobody_because=self.nobody_because,
            cluster_rule=self.cluster_rule,
        )


def _stated(**fields: Any) -> dict[str, Any]:
    """Leave out what was not stated: a ranking without a calibration reads as it always did."""
    return {name: value for name, value in fields.items() if value is not None}
