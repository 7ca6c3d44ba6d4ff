"""Scores of artists, rightsholders or labels, from the scores of their recordings in a finished ranking.

Artist and rightsholder are columns of the sealed corpus. A label is printed on a release: which recordings are on it is
told by the workspace's rights registry, and a recording may stand under several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from linernotes.attribution.base import ItemScores
from linernotes.attribution.by_group.groups import Groups, aggregate
from linernotes.catalog.registry import Registry
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError

GROUPINGS = ("artist", "rightsholder", "label")

Holders = dict[str, list[str]]
"""Under which names each item of the corpus stands."""


def holders_of(corpus: SealedCorpus, by: str, registry: Registry) -> Holders:
    """Return the names that each item of the corpus stands under; an empty list where nobody is named.

    Parameters
    ----------
    corpus : SealedCorpus
        Whose items.
    by : str
        One of `GROUPINGS`.
    registry : Registry
        Its releases name the labels.

    Raises
    ------
    CorpusError
        If labels are asked for and no release of the registry names one for any item.
    """
    if by != "label":
        return {
            item.item_id: [name] if (name := getattr(item.recording, by)) else [] for item in corpus.items
        }
    labels: dict[str, set[str]] = {}
    for release in registry.releases:
        for recording_id in release.recordings if release.label else ():
            labels.setdefault(recording_id, set()).add(release.label)
    found = {item.item_id: sorted(labels.get(item.recording.recording_id, ())) for item in corpus.items}
    if not any(found.values()):
        raise CorpusError(
            f"--group-by label: none of the {len(registry.releases)} releases in the rights registry names a label for a "
            "recording of the corpus; fill in the sheet 'releases' and run 'linernotes rights import'"
        )
    return found


def group_rows(
    answer: Mapping[str, Any], holders: Holders, by: str, how: str = "sum"
) -> list[dict[str, Any]]:
    """Return the groups of one ranking, best first; ties go by name.

    Parameters
    ----------
    answer : mapping
        A ranking's JSON.
    holders : dict of str to list of str
        From `holders_of`.
    by : str
        What the names are: one of `GROUPINGS`.
    how : str
        How item scores are combined, as `attribution.by_group.groups` lists them.
    """
    rows = sorted(answer["influences"], key=lambda row: str(row["item_id"]))
    item_ids = tuple(row["item_id"] for row in rows)
    groups = Groups.of(item_ids, {name: holders[name] for name in item_ids if holders[name]})
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
