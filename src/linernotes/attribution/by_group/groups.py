"""Groups of recordings, and what a method's item scores say about them.

An artist, a rightsholder or a label stands for many recordings, and a recording may stand under several
names: two performers, a writer and a label. Groups may therefore overlap. A method that scores items
scores groups by aggregation; `guda` scores groups directly; `shapley` divides what overlapping groups share.

=========  ==============================================================================
how        a group's score
=========  ==============================================================================
sum        sum of its items: the effect of all of them where effects add up
mean       mean of its items: blind to how many there are
max        its best item
top-3      mean of its best three items (of all where it has fewer)
positive   sum of its items above zero: a recording that hurt takes nothing from the others
=========  ==============================================================================

Conventions
-----------
``membership`` is ``[shape=(n_groups, n_items), bool]``; every group holds something, an item may be in no
group. Which items are best, or above zero, is decided by their mean over replicates, once; the replicates of
just those items are then combined. So the score of a group is the aggregate of its items' scores, and a
maximum is not biased upwards by the replicates' noise.

References
----------
Murata et al. (2026), "GUDA", arXiv:2601.22651, which compares such aggregations.

Known limits
------------
A sum favours large groups when scores do not have zero as their background (likenesses do not); a mean favours
small ones. Overlapping groups each get the whole score of a shared item: aggregated scores do not add up over
groups. For shares that do, see `shapley`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import ItemScores
from linernotes.errors import InputError

N_TOP = 3


@dataclass(frozen=True, slots=True)
class Groups:
    """Which items stand under which name.

    Parameters
    ----------
    names : tuple of str
        One name per group, none twice.
    item_ids : tuple of str
        The items, in the order of the corpus.
    membership : NDArray [shape=(n_groups, n_items), bool]
        Who holds what.

    Raises
    ------
    InputError
        If shapes, names or items do not fit together, or a group is empty.

    Examples
    --------
    >>> groups = Groups.of(("rain", "sun", "wind"), {"rain": ["Ada", "Bo"], "sun": "Ada"})
    >>> groups.names, groups.sizes.tolist()
    (('Ada', 'Bo'), [2, 1])
    >>> groups.is_partition  # rain is held twice, wind by nobody
    False
    """

    names: tuple[str, ...]
    item_ids: tuple[str, ...]
    membership: NDArray[np.bool_]

    def __post_init__(self) -> None:
        expected = (len(self.names), len(self.item_ids))
        if self.membership.shape != expected or self.membership.dtype != np.bool_:
            raise InputError(
                f"groups: membership {self.membership.shape} of {self.membership.dtype}; expected {expected} of bool, "
                "one row per name and one column per item"
            )
        for what, ids in (("group", self.names), ("item", self.item_ids)):
            if not ids:
                raise InputError(f"groups: no {what}s; give at least one")
            if len(set(ids)) < len(ids):
                twice = next(name for name in ids if ids.count(name) > 1)
                raise InputError(f"groups: {what} '{twice}' is listed twice; expected each once")
        empty = [name for name, row in zip(self.names, self.membership, strict=True) if not row.any()]
        if empty:
            raise InputError(f"group '{empty[0]}': holds no item of the corpus; leave it out")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many items each group holds [shape=(n_groups,)]."""
        sizes: NDArray[np.int64] = self.membership.sum(axis=1)
        return sizes

    @property
    def is_partition(self) -> bool:
        """Whether every item is in exactly one group."""
        return bool((self.membership.sum(axis=0) == 1).all())

    @classmethod
    def of(cls, item_ids: Sequence[str], names_of: Mapping[str, str | Iterable[str]]) -> Groups:
        """Group items by the names that each stands under; groups are sorted by name.

        Parameters
        ----------
        item_ids : sequence of str
            The items of the corpus, in order.
        names_of : mapping of str to str or iterable of str
            One name or several per item, such as its artist, or its writers and performers. Items that are not
            in the mapping, and empty names, stand in no group.

        Raises
        ------
        InputError
            If an item is not in the corpus, or nobody is named.
        """
        unknown = sorted(set(names_of) - set(item_ids))
        if unknown:
            raise InputError(
                f"groups: item '{unknown[0]}' is not in the corpus ({len(item_ids)} items); give the corpus's own ids"
            )
        held = [_names(names_of.get(item_id, ())) for item_id in item_ids]
        names = sorted(set().union(*held))
        if not names:
            raise InputError("groups: no item has a name; give at least one artist, rightsholder or label")
        membership = np.array([[name in names_here for names_here in held] for name in names], dtype=bool)
        return cls(tuple(names), tuple(item_ids), membership)

    @classmethod
    def each_item(cls, item_ids: Sequence[str]) -> Groups:
        """Make every item a group of its own."""
        return cls(tuple(item_ids), tuple(item_ids), np.eye(len(item_ids), dtype=bool))

    def pick(self, names: Sequence[str]) -> Groups:
        """Return some of the groups, in the order asked.

        Raises
        ------
        InputError
            If there is no group of that name.
        """
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise InputError(f"groups: no group '{unknown[0]}'; expected some of the {len(self)} names")
        rows = [self.names.index(name) for name in names]
        return Groups(tuple(names), self.item_ids, self.membership[rows])

    def must_fit(self, item_ids: Sequence[str]) -> None:
        """Check that the groups are about these items.

        Raises
        ------
        InputError
            If they are about others, or in another order.
        """
        if self.item_ids != tuple(item_ids):
            raise InputError(
                f"groups are about {len(self.item_ids)} items, the corpus or scores about {len(item_ids)}, or in another "
                "order; make them with the corpus's item_ids"
            )


@dataclass(frozen=True, slots=True)
class GroupScores:
    """One method's scores of all groups for one query.

    Parameters
    ----------
    names : tuple of str
        The groups.
    replicates : NDArray [shape=(n_groups, n_replicates), float64]
        Repeated measurements; the score is their mean.
    unit : str
        What a score is measured in.
    """

    query_id: str
    method: str
    unit: str
    names: tuple[str, ...]
    replicates: NDArray[np.float64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Mean over replicates [shape=(n_groups,), float64]."""
        mean: NDArray[np.float64] = self.replicates.mean(axis=1)
        return mean


def aggregate(scores: ItemScores, groups: Groups, how: str = "sum") -> GroupScores:
    """Turn one query's item scores into group scores.

    Parameters
    ----------
    how : {"sum", "mean", "max", "top-3", "positive"}
        See the head of this file.

    Raises
    ------
    InputError
        If the groups are about other items, or *how* is none of the five.

    Examples
    --------
    >>> items = ("rain", "sun", "wind")
    >>> scores = ItemScores("q", "mucs", "skew", items, np.array([[1.0], [3.0], [-2.0]]), np.zeros(3))
    >>> groups = Groups.of(items, {"rain": "Ada", "sun": "Ada", "wind": "Bo"})
    >>> [aggregate(scores, groups, how).scores.tolist() for how in ("sum", "mean", "max", "positive")]
    [[4.0, -2.0], [2.0, -2.0], [3.0, -2.0], [4.0, 0.0]]
    """
    groups.must_fit(scores.item_ids)
    if how not in _RULES:
        raise InputError(f"aggregation '{how}': expected one of {', '.join(_RULES)}")
    mean = scores.scores
    rows = []
    for held in groups.membership:
        members = np.flatnonzero(held)
        rows.append(_RULES[how](mean[members]) @ scores.replicates[members])
    return GroupScores(scores.query_id, scores.method, scores.unit, groups.names, np.stack(rows))


def _best(n: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def weights(mean: NDArray[np.float64]) -> NDArray[np.float64]:
        chosen = np.argsort(-mean, kind="stable")[:n]
        return np.isin(np.arange(len(mean)), chosen) / len(chosen)

    return weights


# how each member's replicates weigh, given the members' mean scores
_RULES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "sum": lambda mean: np.ones(len(mean)),
    "mean": lambda mean: np.full(len(mean), 1 / len(mean)),
    "max": _best(1),
    f"top-{N_TOP}": _best(N_TOP),
    "positive": lambda mean: (mean > 0).astype(np.float64),
}


def _names(given: str | Iterable[str]) -> set[str]:
    several = [given] if isinstance(given, str) else given
    return {name.strip() for name in several} - {""}
