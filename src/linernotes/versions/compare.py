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
segments.

Known limits
------------
A shared sound without shared harmony, melody or rhythm is not seen. Shared substance is not proof of copying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linernotes.audio.files import Audio
from linernotes.evidence import Dimension, Span, VersionMatch, VersionSegment
from linernotes.versions.alignment import Path, best_path, strike_out
from linernotes.versions.features import Features, extract
from linernotes.versions.hypotheses import PITCHED, RHYTHM, Hypothesis, dimension_evidence, search
from linernotes.versions.significance import Profile, commonplace, log_odds, probability, profile

METHOD = "local-alignment/1"
JUDGED_FRAMES = 64  # 16 s: any longer stretch would be called rare for its length alone
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
    s = dimension_evidence(a, b, dimension, chosen)
    least = config.least_rhythm_score if dimension == "rhythm" else config.least_score
    found = []
    for _ in range(config.spans_per_dimension):
        path = best_path(s, RHYTHM.gap if dimension == "rhythm" else PITCHED.gap)
        if path.score < least:
            break
        strike_out(s, path)
        segment = _segment(a, b, dimension, chosen, path, exclude)
        if min(segment.a.duration_s, segment.b.duration_s) >= config.shortest_s:
            found.append(segment)
    return found


def _segment(
    a: Features, b: Features, dimension: Dimension, chosen: Hypothesis, path: Path, exclude: Sequence[bool]
) -> VersionSegment:
    """Turn a path into seconds on both sides and ask how commonplace its strongest stretch is."""
    hop_s, ratio = a.hop_s, chosen.ratio
    span_a = Span(float(path.a[0]) * hop_s, min(float(path.a[-1] + 1) * hop_s, a.duration_s))
    start_b = min(float(path.b[0]) * hop_s * ratio, b.duration_s)
    span_b = Span(start_b, max(start_b, min(float(path.b[-1] + 1) * hop_s * ratio, b.duration_s)))
    first, end, score = path.strongest(JUDGED_FRAMES)
    fragment = a.excerpt(first, end)
    return VersionSegment(
        dimension=dimension,
        a=span_a,
        b=span_b,
        score=float(path.score),
        commonplace=commonplace(fragment, dimension, score, exclude),
    )
