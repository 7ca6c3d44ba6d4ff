"""Two recordings in, one `VersionMatch` out: the same music or not, where, and how surprising.

The best key and tempo are searched for each dimension, since a borrowed melody over other chords has its own key. Where
a dimension is about as good under the overall hypothesis, that one is kept. Every span says how many like it chance
would bring, and how commonplace it is.

Conventions
-----------
``score`` of the match is the evidence for shared substance in nats, ``log(1 + odds)``: 0 is none, 3 is
about 95 %. ``score`` of a segment is its alignment score in nats, to be read with its E-value.

Cost
----
For two recordings of 70 s, once their profiles stand: 3 CPU-ms for the score, 50 with dimensions and segments. A cohort
takes 0.05 CPU-s, once.

Known limits
------------
A shared sound without shared harmony, melody or rhythm is not seen. Shared substance is not proof of copying.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linernotes.audio.files import Audio
from linernotes.evidence.versions import (
    REFERENCE,
    Dimension,
    DimensionEvidence,
    Figure,
    VersionMatch,
    VersionSegment,
)
from linernotes.versions.commonplace import Commonness, commonplace, shared, shared_rhythm
from linernotes.versions.expectation import e_value, nats
from linernotes.versions.features import Features, extract
from linernotes.versions.figures import (
    chord_figure,
    heard_chords,
    heard_line,
    run_figure,
)
from linernotes.versions.hypotheses import COARSE_STEP, DIMENSIONS, search
from linernotes.versions.projection import resampled
from linernotes.versions.significance import (
    Best,
    Profile,
    bundled_calibration,
    log_odds,
    normalised,
    probability,
    profile,
    search_all,
)
from linernotes.versions.spans import Stretch, stretches
from linernotes.versions.terms import label_terms, substance_terms, terms_of

METHOD = "local-alignment/3"
JUDGED_STEPS = 64  # 16 s: any longer stretch would be called rare for its length alone


@dataclass(frozen=True, slots=True)
class CompareConfig:
    """Which spans are reported.

    Parameters
    ----------
    spans_per_dimension : int
        At most so many disjoint spans.
    shortest_s : float
        Shorter spans are dropped.
    most_expected : float
        Spans of which chance would bring more in the reference collection are dropped.
    """

    spans_per_dimension: int = 2
    shortest_s: float = 3.0
    most_expected: float = 50.0


def compare(a: Audio, b: Audio, a_id: str = "a", b_id: str = "b") -> VersionMatch:
    """Return whether, where and how two recordings share musical substance.

    Parameters
    ----------
    a, b : Audio
        Mono audio, at least 4 s each.
    a_id, b_id : str, optional
        Names that the result carries.

    Raises
    ------
    TooShort
        If one holds less than 4 s.

    Examples
    --------
    >>> time_s = np.arange(8 * 11025) / 11025
    >>> pitches = 60 + np.array([0, 4, 7, 5, 9, 2, 11, 7])[(time_s).astype(int)]
    >>> def tune(shift): return np.sin(2 * np.pi * 440 * 2 ** ((pitches + shift - 69) / 12) * time_s)
    >>> played = [Audio((0.5 * tune(shift)).astype(np.float32), 11025) for shift in (0, 3)]
    >>> compare(*played).transposition_semitones
    3
    """
    return compare_profiles(profile(extract(a)), profile(extract(b)), a_id, b_id)


def compare_profiles(
    a: Profile,
    b: Profile,
    a_id: str = "a",
    b_id: str = "b",
    config: CompareConfig = CompareConfig(),
) -> VersionMatch:
    """Return the full comparison of two recordings whose profiles are known."""
    best = search_all(a, b)
    odds = log_odds(substance_terms(a, b, best), bundled_calibration().substance)
    found = {dimension: list(_segments(a, b, dimension, best, config)) for dimension in DIMENSIONS}
    segments = tuple(segment for dimension in DIMENSIONS for segment in found[dimension])
    ratio = found["overall"][0].tempo_ratio if found["overall"] else best["overall"].ratio
    dimensions = dimension_evidence(a, b, best)
    return VersionMatch(
        a_id=a_id,
        b_id=b_id,
        score=float(np.logaddexp(0, odds)),
        probability=probability(odds),
        segments=segments,
        method=METHOD,
        transposition_semitones=best["overall"].transposition,
        tempo_ratio=ratio,
        dimensions=dimensions,
        shares=tuple(one.dimension for one in dimensions if one.shared and one.dimension != "overall"),
        reference=REFERENCE,
    )


def quick_log_odds(a: Profile, b: Profile) -> float:
    """Return only the log-odds of shared substance; what a search ranks by."""
    weights = bundled_calibration().substance
    weighed = [one for one in DIMENSIONS if any(weights.get(name) for name in terms_of(one))]
    best = {dimension: search(a.piece, b.piece, dimension) for dimension in weighed}
    return log_odds(substance_terms(a, b, best), weights)


def dimension_evidence(a: Profile, b: Profile, best: Best) -> tuple[DimensionEvidence, ...]:
    """Return what each dimension says, and adds to the log-odds."""
    known = bundled_calibration()
    found = label_terms(a, b, best)
    overall = log_odds(found, known.substance)
    evidence = []
    for dimension in DIMENSIONS:
        own = sum(found[name] * known.substance.get(name, 0.0) for name in terms_of(dimension))
        chance = (
            probability(overall)
            if dimension == "overall"
            else probability(log_odds(found, known.dimensions[dimension], prior=0.5))
        )
        score = best[dimension].score
        evidence.append(
            DimensionEvidence(
                dimension=dimension,
                score=normalised(a.cohort, b.cohort, dimension, score),
                probability=chance,
                e_value=e_value(
                    score,
                    dimension,
                    (a.cohort, b.cohort),
                    len(a.features),
                    a.features.hop_s,
                ),
                shared=chance >= 0.5,
                log_odds=float(own),
            )
        )
    return tuple(evidence)


def _segments(
    left: Profile,
    right: Profile,
    dimension: Dimension,
    best: Best,
    config: CompareConfig,
) -> list[VersionSegment]:
    a, b = left.piece, right.piece
    found = []
    for stretch in stretches(a, b, dimension, best[dimension], config.spans_per_dimension):
        sides = (left.cohort, right.cohort)
        chance = e_value(stretch.score, dimension, sides, len(left.features), left.features.hop_s)
        if chance > config.most_expected:
            break
        if min(stretch.a.duration_s, stretch.b.duration_s) >= config.shortest_s:
            found.append(_segment(left, right, dimension, stretch))
    return found


def _segment(left: Profile, right: Profile, dimension: Dimension, stretch: Stretch) -> VersionSegment:
    common = _how_common(left, right, dimension, stretch)
    sides = (left.cohort, right.cohort)
    return VersionSegment(
        dimension=dimension,
        a=stretch.a,
        b=stretch.b,
        score=nats(stretch.score, dimension, sides),
        commonplace=common.fraction if common else None,
        e_value=e_value(stretch.score, dimension, sides, len(left.features), left.features.hop_s),
        transposition_semitones=stretch.transposition,
        tempo_ratio=stretch.ratio,
        path=stretch.anchors,
        found_in=common.found_in if common else (),
        figure=_figure(left.features, right.features, dimension, stretch),
    )


def _how_common(left: Profile, right: Profile, dimension: Dimension, stretch: Stretch) -> Commonness | None:
    """Ask how commonplace the strongest part of a stretch is."""
    exclude = [x or y for x, y in zip(left.cohort.related, right.cohort.related, strict=True)]
    in_rhythm = dimension == "rhythm"
    first, end, score = stretch.path.strongest(JUDGED_STEPS * (COARSE_STEP if in_rhythm else 1))
    at_a, at_b = stretch.path.a[first:end], stretch.path.b[first:end]
    if in_rhythm:
        fragment = shared_rhythm(left.features, right.features, at_a, at_b, stretch.speeds, stretch.late)
        return commonplace(fragment, dimension, score, exclude)
    fragment = shared(left.features, right.features, at_a, at_b, stretch.speeds, stretch.transposition)
    return commonplace(fragment, dimension, score / COARSE_STEP, exclude)


def _figure(a: Features, b: Features, dimension: Dimension, stretch: Stretch) -> Figure | None:
    if dimension in ("overall", "rhythm"):
        return None
    left, right = (
        (resampled(getattr(x, dimension), speed)[at], resampled(x.bass, speed)[at])
        for x, speed, at in (
            (a, stretch.speeds[0], stretch.path.a),
            (b, stretch.speeds[1], stretch.path.b),
        )
    )
    if dimension == "harmony":
        return chord_figure(heard_chords(*left))
    return run_figure(heard_line(left[0]), heard_line(right[0]))
