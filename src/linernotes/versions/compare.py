"""Two recordings in, one `VersionMatch` out: the same music or not, where, and how surprising.

The overall hypothesis (key and tempo) is searched first. Each dimension then looks for spans under that
hypothesis
and, for harmony and melody, under its own best one, since a borrowed melody over other chords has its own
key. Every span says how commonplace it is.

Conventions
-----------
``score`` of the match is the evidence for shared substance in nats, ``log(1 + odds)``: 0 is none, 3 is
about 95 %.
``score`` of a segment is its alignment score: correlation above the usual, summed over quarter seconds.

Cost
----
For two recordings of 60 s: 0.9 CPU-s of features and cohorts, 20 ms for the score, about 100 ms with
segments. A query of 12 s against 25 s: 3 ms for the score, 10 to 50 ms with segments.

Known limits
------------
A shared sound without shared harmony, melody or rhythm is not seen. Shared substance is not proof of copying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.evidence import Dimension, Span, VersionMatch, VersionSegment
from linernotes.versions.alignment import Matrix, Path, best_path, evidence, strike_out
from linernotes.versions.commonplace import commonplace, shared
from linernotes.versions.features import Features, extract
from linernotes.versions.hypotheses import (
    PITCHED,
    RHYTHM,
    Hypothesis,
    aligned_sequences,
    dimension_evidence,
    search,
)
from linernotes.versions.significance import Profile, log_odds, probability, profile

METHOD = "local-alignment/1"
JUDGED_STEPS = 64  # 16 s: any longer stretch would be called rare for its length alone
DIMENSIONS: tuple[Dimension, ...] = ("overall", "melody", "harmony", "rhythm")


@dataclass(frozen=True, slots=True)
class CompareConfig:
    """Which spans are reported.

    Parameters
    ----------
    spans_per_dimension : int
        At most so many disjoint spans.
    shortest_s : float
        Shorter spans are dropped.
    least_score, least_rhythm_score : float
        Weaker spans are dropped.
    """

    spans_per_dimension: int = 2
    shortest_s: float = 3.0
    least_score: float = 5.0
    least_rhythm_score: float = 3.0


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
    a: Profile, b: Profile, a_id: str = "a", b_id: str = "b", config: CompareConfig = CompareConfig()
) -> VersionMatch:
    """Return the full comparison of two recordings whose profiles are known."""
    best = search(a.features, b.features, "overall")
    odds = log_odds(a.cohort, b.cohort, best)
    segments = tuple(
        segment for dimension in DIMENSIONS for segment in _segments(a, b, dimension, best, config)
    )
    return VersionMatch(
        a_id=a_id,
        b_id=b_id,
        score=float(np.logaddexp(0, odds)),
        probability=probability(odds),
        segments=segments,
        method=METHOD,
        transposition_semitones=best.transposition,
    )


def quick_log_odds(a: Profile, b: Profile) -> float:
    """Return only the log-odds of shared substance; what a search ranks by."""
    return log_odds(a.cohort, b.cohort, search(a.features, b.features, "overall"))


def _segments(
    left: Profile, right: Profile, dimension: Dimension, overall: Hypothesis, config: CompareConfig
) -> list[VersionSegment]:
    a, b = left.features, right.features
    exclude = [x or y for x, y in zip(left.cohort.related, right.cohort.related, strict=True)]
    chosen = overall
    if dimension in ("melody", "harmony"):
        own = search(a, b, dimension, tuple(sorted({1.0, overall.ratio})))
        under_overall = best_path(dimension_evidence(a, b, dimension, overall), PITCHED.gap).score
        chosen = own if own.score > 1.2 * under_overall else overall
    pair = aligned_sequences(a, b, dimension, chosen)
    s = evidence(*pair, RHYTHM if dimension == "rhythm" else PITCHED)
    least = config.least_rhythm_score if dimension == "rhythm" else config.least_score
    found = []
    for _ in range(config.spans_per_dimension):
        path = best_path(s, RHYTHM.gap if dimension == "rhythm" else PITCHED.gap)
        if path.score < least:
            break
        strike_out(s, path)
        if len(path.a) * a.hop_s < config.shortest_s:
            continue
        common = _how_common(pair, dimension, path, exclude)
        segment = _segment(a, b, dimension, chosen, path, common)
        if min(segment.a.duration_s, segment.b.duration_s) >= config.shortest_s:
            found.append(segment)
    return found


def _segment(
    a: Features, b: Features, dimension: Dimension, chosen: Hypothesis, path: Path, common: float | None
) -> VersionSegment:
    speed_a, speed_b = chosen.speeds
    return VersionSegment(
        dimension=dimension,
        a=_span(path.a, speed_a, a),
        b=_span(path.b, speed_b, b),
        score=float(path.score),
        commonplace=common,
    )


def _span(steps: NDArray[np.int64], speed: float, features: Features) -> Span:
    """Return the seconds of a recording that frames of its resampled sequence stand for."""
    second = features.hop_s * speed
    start, end = float(steps[0]) * second, float(steps[-1] + 1) * second
    return Span(min(start, features.duration_s), min(end, features.duration_s))


def _how_common(
    pair: tuple[Matrix, Matrix], dimension: Dimension, path: Path, exclude: Sequence[bool]
) -> float | None:
    """Ask how commonplace the strongest stretch of a path is."""
    first, end, score = path.strongest(JUDGED_STEPS)
    left, right = pair[0][path.a[first:end]], pair[1][path.b[first:end]]
    return commonplace(shared(left, right, dimension), dimension, score, exclude)
