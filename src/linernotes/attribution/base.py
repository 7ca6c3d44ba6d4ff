"""What every attribution method takes and gives.

Conventions
-----------
Rows are queries, columns are items. A score is positive when *training on the item made the output
more likely*. Replicates are repeated measurements of the same score (one per shared noise draw, or one
per query segment); their spread is the measurement's own uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError, InputError
from linernotes.folds import Runner

if TYPE_CHECKING:
    from linernotes.generators.base import Generator, Segments


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """Every segment of every disclosed recording, in the generator's representation.

    Parameters
    ----------
    item_ids : tuple of str
        The recordings, in order.
    segments : Segments
        All their segments.
    item_of : NDArray [shape=(n_segments,), int64]
        Which recording a segment belongs to.
    root : str
        Root of the sealed corpus.
    """

    item_ids: tuple[str, ...]
    segments: Segments
    item_of: NDArray[np.int64]
    root: str

    def __post_init__(self) -> None:
        if not self.root:
            raise CorpusError("corpus without a root; seal it first with 'linernotes corpus seal'")
        if len(self.item_of) != len(self.segments) or set(self.item_of) != set(range(len(self.item_ids))):
            raise InputError(
                f"corpus: {len(self.segments)} segments, {len(self.item_of)} owners, {len(self.item_ids)} items; "
                "expected one owner per segment and at least one segment per item"
            )

    def per_item(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average rows of segments to rows of items [shape=(n_items, …)]."""
        total = np.zeros((len(self.item_ids), *values.shape[1:]))
        np.add.at(total, self.item_of, values)
        counts = np.bincount(self.item_of, minlength=len(self.item_ids))
        return total / counts.reshape(-1, *[1] * (values.ndim - 1))


@dataclass(frozen=True, slots=True)
class Query:
    """One generated output under study."""

    query_id: str
    segments: Segments


@dataclass(frozen=True, slots=True)
class ItemScores:
    """One method's scores of all items for one query.

    Parameters
    ----------
    replicates : NDArray [shape=(n_items, n_replicates), float64]
        Repeated measurements; the score is their mean.
    segment_scores : NDArray [shape=(n_segments,), float64]
        The same per corpus segment, mean over replicates.
    unit : str
        What a score is measured in.
    """

    query_id: str
    method: str
    unit: str
    item_ids: tuple[str, ...]
    replicates: NDArray[np.float64]
    segment_scores: NDArray[np.float64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Mean over replicates [shape=(n_items,), float64]."""
        mean: NDArray[np.float64] = self.replicates.mean(axis=1)
        return mean


class Attributor(Protocol):
    """A method: made with ``seed=``, fitted once per generator and corpus, then asked about queries.

    Methods enter through the entry-point group ``linernotes.attributors``; ours use the same door.
    """

    name: str
    revision: str
    paper: str
    licence: str

    @property
    def unit(self) -> str:
        """What a score is measured in."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on, as plain values."""
        ...

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Do the passes over the corpus that do not depend on a query."""
        ...

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query."""
        ...
