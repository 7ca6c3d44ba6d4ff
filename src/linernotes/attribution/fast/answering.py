"""From a query to an answer: one gradient, one embedding, one scan of all rows, and how usual the query is.

This is all that happens when an index is asked; `index` says how it comes about. An answer holds every recording
and every segment; its `FastAnswer.best` are the few that somebody wants to see.

Conventions
-----------
Scores have the teacher's sign, unit and size; spreads are predicted standard deviations of recordings' scores.

Cost
----
About 16 gradients, whatever the output's length up to four segments, and one pass over the rows in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import Query
from linernotes.attribution.fast.embedding import Embedded
from linernotes.attribution.fast.features import FeatureReader
from linernotes.attribution.fast.quantise import quantise_query
from linernotes.attribution.fast.search import best, scan
from linernotes.attribution.fast.student import Student


class Hit(NamedTuple):
    """One recording of an answer: its predicted score and that one's standard deviation."""

    item_id: str
    score: float
    spread: float


@dataclass(frozen=True, slots=True)
class FastAnswer:
    """What the index says about one query.

    Parameters
    ----------
    item_ids : tuple of str
        The recordings.
    items : NDArray [shape=(n_items,), float64]
        Their predicted scores, in the teacher's unit.
    spread : NDArray [shape=(n_items,), float64]
        Their predicted standard deviations.
    segments : NDArray [shape=(n_segments,), float32]
        Predicted scores of all segments, in the corpus's order.
    p_value : float
        How usual the query is among those that the student learnt from.
    unfamiliar : bool
        Whether the teacher should be asked instead.
    """

    query_id: str
    item_ids: tuple[str, ...]
    items: NDArray[np.float64]
    spread: NDArray[np.float64]
    segments: NDArray[np.float32]
    p_value: float
    unfamiliar: bool

    def best(self, n_best: int) -> list[Hit]:
        """Return the recordings of the highest scores, best first; ties go to the earlier recording."""
        return [
            Hit(self.item_ids[i], float(self.items[i]), float(self.spread[i]))
            for i in best(self.items, n_best)
        ]


@dataclass(frozen=True)
class Fitted:
    """What a fitted index holds: names, the reader of features, the student, and the corpus as bytes."""

    item_ids: tuple[str, ...]
    corpus_root: str
    reader: FeatureReader
    student: Student
    rows: Embedded

    def answer(self, query: Query, unfamiliar_below: float) -> FastAnswer:
        """Predict all scores for one query; up to that p-value it counts as unfamiliar."""
        student, rows = self.student, self.rows
        features = self.reader.of_query(query.segments)
        read = student.query_rows(features)
        codes, scale = quantise_query(student.embed_query(features, read))
        found = scan(rows.codes, rows.scales, rows.starts, codes, scale)
        segments = np.empty_like(found.segments)
        segments[rows.order] = found.segments
        p_value = student.familiarity(features, read)
        return FastAnswer(
            query.query_id,
            self.item_ids,
            found.items,
            student.query_spread(features, read) * rows.spreads,
            segments,
            p_value,
            p_value <= max(unfamiliar_below, student.smallest_p_value),
        )
