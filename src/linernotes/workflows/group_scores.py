"""Scores of artists or rightsholders, from the scores of their recordings in a finished ranking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from linernotes.attribution.base import ItemScores
from linernotes.attribution.by_group.groups import Groups, aggregate
from linernotes.corpus.seal import SealedCorpus

GROUPINGS = ("artist", "rightsholder")


def group_rows(
    answer: Mapping[str, Any], corpus: SealedCorpus, by: str, how: str = "sum"
) -> list[dict[str, Any]]:
    """Return the groups of one ranking, best first; ties go by name.

    Parameters
    ----------
    answer : mapping
        A ranking's JSON.
    by : str
        ``artist`` or ``rightsholder``: a field of the sealed recordings.
    how : str
        How item scores are combined, as `attribution.by_group.groups` lists them.
    """
    rows = sorted(answer["influences"], key=lambda row: str(row["item_id"]))
    item_ids = tuple(row["item_id"] for row in rows)
    groups = Groups.of(item_ids, {name: getattr(corpus.item(name).recording, by) for name in item_ids})
    values = np.array([[row["score"]] for row in rows], dtype=np.float64)
    scores = ItemScores(answer["query"], answer["method"], answer["unit"], item_ids, values, values[:, 0])
    found = aggregate(scores, groups, how)
    shares = groups.membership @ np.array([row["share"] for row in rows])
    order = sorted(range(len(groups)), key=lambda i: (-found.scores[i], groups.names[i]))
    return [
        {
            "by": by,
            "name": groups.names[i],
            "rank": place,
            "score": float(found.scores[i]),
            "share": float(shares[i]),
            "n_items": int(groups.sizes[i]),
            "how": how,
        }
        for place, i in enumerate(order, start=1)
    ]
