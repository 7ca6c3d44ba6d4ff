"""Near-duplicates and versions share credit as one: a recording uploaded twice is not credited twice.

Copies of one recording measure the same thing again. A cluster is judged by the mean of its members, so that
copies neither help nor hinder it to stand out; what it is credited with is the sum over its members, because
training on each of them counts; and its members divide that by a rule that is named in the output:

========  =====================================================================
rule      a member's part of what its cluster is credited with
========  =====================================================================
equal     1 / n of it, and its score is the cluster's mean
score     in proportion to its own score above the background
========  =====================================================================

Conventions
-----------
A cluster is named by one id, as a rule the item id of its first member; an item that the mapping does not name,
or names with an empty id, is a cluster of its own. Clusters of near-duplicates come with a sealed corpus
(``Item.cluster_id``); clusters of versions may be passed in the same way.

References
----------
Ghorbani and Zou (2019), "Data Shapley" (identical items have equal value: the axiom of symmetry).

Known limits
------------
Who is in a cluster is decided elsewhere, and is taken as given. Whether the holder of the first recording should
receive more than its copies is a question of policy, for royalties to settle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import ItemScores
from linernotes.errors import InputError

CreditRule = Literal["equal", "score"]
RULES = {
    "equal": "members of a cluster share its credit equally",
    "score": "members of a cluster share its credit in proportion to their own scores above the background",
}


@dataclass(frozen=True, slots=True)
class Pool:
    """Which items belong together.

    Parameters
    ----------
    cluster_ids : tuple of str
        Names of the clusters, in order of their first member.
    cluster_of : NDArray [shape=(n_items,), int64]
        Place of each item's cluster in ``cluster_ids``.
    """

    cluster_ids: tuple[str, ...]
    cluster_of: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Return the number of members of each cluster [shape=(n_clusters,)]."""
        return np.bincount(self.cluster_of, minlength=len(self.cluster_ids))

    def mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average the last axis over members [shape=(…, n_items) to (…, n_clusters)]."""
        return self.sum(values) / self.sizes

    def sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up the last axis over members [shape=(…, n_items) to (…, n_clusters)]."""
        total = np.zeros((len(self.cluster_ids), *values.shape[:-1]))
        np.add.at(total, self.cluster_of, np.moveaxis(values, -1, 0))
        return np.moveaxis(total, 0, -1)

    def divide(
        self, credit: NDArray[np.float64], scores: NDArray[np.float64], rule: CreditRule
    ) -> NDArray[np.float64]:
        """Divide each cluster's credit among its members.

        Parameters
        ----------
        credit : NDArray [shape=(n_rows, n_clusters), float64]
            What each cluster is credited with.
        scores : NDArray [shape=(n_rows, n_items), float64]
            The items' own scores.
        rule : str
            ``equal`` or ``score``.

        Returns
        -------
        NDArray [shape=(n_rows, n_items), float64]
            Sums over members are the credit.
        """
        parts = np.ones_like(scores)
        if rule == "score":
            background = np.median(self.mean(scores), axis=1, keepdims=True)
            parts = np.maximum(0.0, scores - background)
        whole = self.sum(parts)[:, self.cluster_of]
        even = np.broadcast_to(1 / self.sizes[self.cluster_of], parts.shape)
        fraction = np.divide(parts, whole, out=even.copy(), where=whole > 0)
        divided: NDArray[np.float64] = credit[:, self.cluster_of] * fraction
        return divided


def pool_of(item_ids: Sequence[str], clusters: Mapping[str, str]) -> Pool:
    """Sort items into clusters.

    Examples
    --------
    >>> pool = pool_of(["rain", "rain-copy", "moon"], {"rain": "rain", "rain-copy": "rain"})
    >>> pool.cluster_ids, pool.sizes.tolist()
    (('rain', 'moon'), [2, 1])
    """
    names = [clusters.get(item_id) or item_id for item_id in item_ids]
    order = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return Pool(tuple(order), np.array([order[name] for name in names], dtype=np.int64))


def pooled(scores: ItemScores, pool: Pool, rule: CreditRule) -> ItemScores:
    """Return the scores that members show: their cluster's mean under ``equal``, else their own.

    Raises
    ------
    InputError
        If the rule is not known.

    Examples
    --------
    >>> scores = ItemScores("q", "m", "u", ("a", "b"), np.array([[1.0, 3.0], [5.0, 7.0]]), np.zeros(2))
    >>> pooled(scores, pool_of(("a", "b"), {"b": "a"}), "equal").scores.tolist()
    [4.0, 4.0]
    """
    if rule not in RULES:
        raise InputError(f"cluster rule '{rule}': expected one of {', '.join(RULES)}")
    if rule == "score" or len(pool.cluster_ids) == len(scores.item_ids):
        return scores
    return replace(scores, replicates=pool.mean(scores.replicates.T).T[pool.cluster_of])
