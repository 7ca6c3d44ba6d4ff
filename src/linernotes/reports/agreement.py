"""How alike two rankings of the same recordings are.

Conventions
-----------
Spearman's rank correlation over the recordings that both methods scored, ties sharing their mean rank;
and the overlap of the two top-k lists with what two random lists would share, ``k² / n``.

References
----------
Spearman (1904), "The proof and measurement of association between two things".

Known limits
------------
Agreement is not correctness: two methods can share a fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from linernotes.evidence.influence import InfluenceRanking
from linernotes.reports.words import agreement_words

TOP_K = 5


def agreement(a: InfluenceRanking, b: InfluenceRanking, top_k: int = TOP_K) -> dict[str, Any]:
    """Compare two rankings of one output.

    Examples
    --------
    >>> from linernotes.evidence.influence import Influence
    >>> def ranked(method, *scores):
    ...     rows = [Influence(item_id="xyz"[i], score=s, share=0.0, interval=(0.0, 0.0), rank=i + 1)
    ...             for i, s in enumerate(scores)]
    ...     return InfluenceRanking(query_id="q", method=method, unit="nats", generator_id="g", seed=0,
    ...                             corpus_root="r", influences=tuple(rows), unattributed_share=1.0)
    >>> agreement(ranked("m", 3, 2, 1), ranked("n", 1, 2, 3), top_k=1)["spearman"]
    -1.0
    """
    scores_a = {one.item_id: one.score for one in a.influences}
    scores_b = {one.item_id: one.score for one in b.influences}
    both = sorted(scores_a.keys() & scores_b.keys())
    top_k = min(top_k, len(both))
    spearman = _spearman(np.array([scores_a[i] for i in both]), np.array([scores_b[i] for i in both]))
    overlap = len(_top(scores_a, both, top_k) & _top(scores_b, both, top_k))
    by_chance = top_k**2 / len(both) if both else 0.0
    return {
        "methods": [a.method, b.method],
        "spearman": spearman,
        "top5_overlap": overlap,
        "top_k": top_k,
        "overlap_by_chance": by_chance,
        "n_items": len(both),
        "words": agreement_words(spearman, overlap, top_k, by_chance),
    }


def _top(scores: dict[str, float], both: list[str], top_k: int) -> set[str]:
    return set(sorted(both, key=lambda name: (-scores[name], name))[:top_k])


def _spearman(a: Any, b: Any) -> float | None:
    from scipy.stats import rankdata

    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(round(np.corrcoef(rankdata(a), rankdata(b))[0, 1], 6))
