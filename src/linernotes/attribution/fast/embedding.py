"""The corpus as bytes: every segment's embedding, recordings together, with its part of the uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.fast.features import FeatureReader, Features
from linernotes.attribution.fast.quantise import quantise_items
from linernotes.attribution.fast.student import Student

Block = tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Embedded:
    """Rows as `search.scan` takes them.

    Parameters
    ----------
    codes, scales : NDArray [shape=(n_segments, n_dims), int8], [shape=(n_segments,), float32]
        Embeddings; see `quantise`.
    starts : NDArray [shape=(n_items + 1,), int64]
        First row of each recording and, last, their number.
    order : NDArray [shape=(n_segments,), int64]
        Which segment of the corpus a row is.
    spreads : NDArray [shape=(n_items,), float64]
        The recording's part of the predicted standard deviation.
    """

    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    starts: NDArray[np.int64]
    order: NDArray[np.int64]
    spreads: NDArray[np.float64]


@dataclass(frozen=True)
class EmbedPass:
    """A fold over segment numbers: features, embedding, bytes; features are dropped at once."""

    reader: FeatureReader
    student: Student
    corpus: EncodedCorpus

    def start(self) -> list[Block]:
        """Return no rows."""
        return []

    def add(self, state: list[Block], items: Sequence[int]) -> list[Block]:
        """Embed one shard of segments."""
        features = self.reader.of_items(self.corpus.segments.pick(list(items)))
        return [*state, block_of(self.student, features)]

    def merge(self, left: list[Block], right: list[Block]) -> list[Block]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[Block]) -> Embedded:
        """Return the whole corpus."""
        return embedded(state, self.corpus)


def block_of(student: Student, features: Features) -> Block:
    """Return codes, scales and spreads of some segments."""
    codes, scales = quantise_items(student.embed_items(features))
    return codes, scales, student.item_spread(features)


def embedded(blocks: Sequence[Block], corpus: EncodedCorpus) -> Embedded:
    """Put the rows of a whole corpus, given in its order, so that recordings lie together."""
    codes, scales, spreads = (np.concatenate([block[part] for block in blocks]) for part in range(3))
    order = np.argsort(corpus.item_of, kind="stable")
    sizes = np.bincount(corpus.item_of, minlength=len(corpus.item_ids))
    return Embedded(
        codes[order],
        scales[order],
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        order.astype(np.int64),
        corpus.per_item(spreads.astype(np.float64)),
    )
