"""A glance at a candidate: how rare its best overall score is, in any key and tempo, on a slow clock.

Aligning in full asks every tempo and melody too, and follows the best hypotheses on the coarse clock. Most candidates
of a search are strangers and need none of that to be told. A glance is the first step of
`linernotes.versions.hypotheses.search`, *overall* alone and with every second tempo ratio: the path bends as far as
that. A search glances at many candidates and aligns those that look best.

Conventions
-----------
A glance is minus the logarithm of the chance matches that are expected to score as much
(`linernotes.versions.expectation`), the score times the frames that were left out. It orders candidates and says nothing
else: no probability is made of it.

Cost
----
For two recordings of 70 s 0.4 CPU-ms, and as much to read the candidate's profile; a full alignment takes some six times
as long. It grows with the product of the lengths, as that does.

Known limits
------------
A piece that shares only a melody, or a few bars in a long one, may be put behind strangers; so a search aligns
many more than it shows.
"""

from __future__ import annotations

from linernotes.versions.expectation import log_expected
from linernotes.versions.hypotheses import COARSE_STEP, LONG, PATHS, RATIOS, THIN, speeds
from linernotes.versions.keyed import keyed_scores
from linernotes.versions.significance import Profile

GLANCE_RATIOS = RATIOS[::2]


def glance(a: Profile, b: Profile) -> float:
    """Return how rarely chance would make two recordings look as much alike, in nats.

    Parameters
    ----------
    a, b : Profile
        Two recordings.

    Examples
    --------
    >>> from linernotes.versions.background import bundled_background
    >>> from linernotes.versions.significance import profile
    >>> one, other = (profile(piece) for piece in bundled_background().pieces[:2])
    >>> glance(one, one) > glance(one, other) + 1
    True
    """
    thin = THIN if min(len(a.features), len(b.features)) >= LONG else 1
    best = 0.0
    for ratio in GLANCE_RATIOS:
        speed_a, speed_b = speeds(ratio)
        left, right = a.piece.spectrum("overall", speed_a, thin), b.piece.spectrum("overall", speed_b, thin)
        best = max(best, float(keyed_scores(left, right, PATHS["overall"]).max()))
    frames = len(a.features) / COARSE_STEP, len(b.features) / COARSE_STEP
    return -log_expected(thin * best, "overall", (a.cohort, b.cohort), frames)
