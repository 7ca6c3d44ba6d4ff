"""Whether the right dimensions are said to be shared.

Of a pair of pieces, each dimension is shared, not shared, or not judged. Recall is the share of the shared ones
that are said to be; *cross-talk* is the share of those not shared that are said to be, in pairs that share
another dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.versions.measures.rates import area_under_roc

DIMENSIONS = ("melody", "harmony", "rhythm")


@dataclass(frozen=True)
class Labelled:
    """One pair: what is true (None is not judged), what was said, and the score, per dimension."""

    truth: dict[str, bool | None]
    said: frozenset[str]
    scores: dict[str, float]

    @property
    def is_right(self) -> bool:
        """Whether every dimension that is judged was called what it is."""
        return all(truth is None or truth == (name in self.said) for name, truth in self.truth.items())


def label_figures(pairs: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """Return recall, cross-talk, false rate in pairs that share nothing, accuracy and AUC per dimension.

    Examples
    --------
    >>> pair = Labelled({"melody": True, "harmony": False, "rhythm": None}, frozenset({"melody"}), {})
    >>> figures = label_figures([pair])
    >>> figures["melody"]["recall"], figures["harmony"]["cross_talk"]
    (1.0, 0.0)
    """
    found = {}
    for dimension in DIMENSIONS:
        judged = [pair for pair in pairs if pair.truth.get(dimension) is not None]
        shared = [pair for pair in judged if pair.truth[dimension]]
        apart = [pair for pair in judged if not pair.truth[dimension]]
        beside = [pair for pair in apart if any(pair.truth.values())]
        alone = [pair for pair in apart if not any(pair.truth.values())]
        recall, rejected = _said(shared, dimension), 1 - _said(apart, dimension)
        found[dimension] = {
            "n_shared": len(shared),
            "n_not_shared": len(apart),
            "recall": recall,
            "cross_talk": _said(beside, dimension),
            "false_rate": _said(alone, dimension),
            "balanced_accuracy": (recall + rejected) / 2,
        }
        scored = [
            [pair.scores[dimension] for pair in part if dimension in pair.scores] for part in (shared, apart)
        ]
        if all(scored):
            found[dimension]["auc"] = area_under_roc(*(np.array(part) for part in scored))
    return found


def _said(pairs: Sequence[Labelled], dimension: str) -> float:
    return float(np.mean([dimension in pair.said for pair in pairs])) if pairs else float("nan")
