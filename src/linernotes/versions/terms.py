"""What the log-odds of shared substance, and of each shared dimension, are made of.

- ``"melody"`` and the like: scores in deviations above both cohorts (`linernotes.versions.significance`).
- ``"overall surprise"``: how rarely chance brings such a score between pieces of these lengths, in logarithms
  (`linernotes.versions.expectation`). It knows of lengths, which cohorts do not.
- ``"melody log"``: the logarithm of the plain score; ``"rhythm contrast"``: see `linernotes.versions.hypotheses`.
- ``"melody along overall"``, ``"melody beyond harmony along overall"``: see `linernotes.versions.agreement`. They cost more
  and only the dimensions need them, so a search goes without.
"""

from __future__ import annotations

import numpy as np

from linernotes.evidence.versions import Dimension
from linernotes.versions.agreement import agreement
from linernotes.versions.expectation import log_expected, surprise
from linernotes.versions.hypotheses import COARSE_STEP
from linernotes.versions.significance import Best, Profile, normalised


def terms_of(dimension: Dimension) -> tuple[str, ...]:
    """Return the names of the terms of substance that a dimension alone is behind.

    Examples
    --------
    >>> terms_of("overall")
    ('overall', 'overall surprise')
    """
    return dimension, f"{dimension} surprise"


def substance_terms(a: Profile, b: Profile, best: Best) -> dict[str, float]:
    """Return what the log-odds of shared substance are made of, for the dimensions that were searched."""
    found: dict[str, float] = {}
    frames = len(a.features) / COARSE_STEP, len(b.features) / COARSE_STEP
    for dimension, one in best.items():
        found[dimension] = normalised(a.cohort, b.cohort, dimension, one.score)
        chance = log_expected(one.score, dimension, (a.cohort, b.cohort), frames)
        found[f"{dimension} surprise"] = surprise(chance)
    return found


def label_terms(a: Profile, b: Profile, best: Best) -> dict[str, float]:
    """Return all that the log-odds of dimensions are made of; every dimension must have been searched."""
    found = substance_terms(a, b, best) | agreement(a.piece, b.piece, best)
    for dimension, one in best.items():
        found[f"{dimension} contrast"] = one.contrast
        found[f"{dimension} log"] = float(np.log1p(one.score))
    return found
