"""The baseline of any embedding of sound: how near output and recording lie to each other in it.

The generator's own representation is turned back into sound, so that output and recordings are heard through the same
ears and nothing but the encoded corpus is needed. Every recording, and the output, is cut into stretches about as long as
the embedding looks at, the last one flush with the end. A recording's score for one stretch of the output is that of
its nearest stretch; the score is the mean over the stretches of the output.

Conventions
-----------
Scores are minus the distance, at most 0, larger is nearer; what a distance of 1 is depends on the embedding. A likeness
is not an influence.

Cost
----
Every second of the corpus is decoded and embedded once, copies together; decoding is nearly all of it where phases are
to be found. Then a matrix product per query.

Known limits
------------
What the representation loses, the embedding does not hear. Recordings shorter than a stretch are embedded whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.repeats import distinct
from linernotes.audio.files import Audio
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, Segments, SoundingGenerator

Stretch = tuple[int, ...]  # numbers of neighbouring segments


class Embedding(Protocol):
    """Turns sound into one vector; picklable, and told apart from others by ``name``, weights included."""

    @property
    def name(self) -> str:
        """Name with revision or hash of the weights."""
        ...

    @property
    def length_s(self) -> float:
        """Seconds that one vector tells of."""
        ...

    def vector(self, audio: Audio) -> NDArray[np.float32]:
        """Return the vector of a stretch of sound [shape=(dimension,)]."""
        ...

    def distances(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far rows lie apart [shape=(n_left, n_right)], at least 0."""
        ...


@dataclass(frozen=True)
class EmbeddingPass:
    """A fold over stretches: the vector of each [shape=(n_stretches, dimension), float64]."""

    generator: SoundingGenerator
    segments: Segments
    embedding: Embedding

    def start(self) -> list[NDArray[np.float32]]:
        """Return no vectors."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[Stretch]) -> list[NDArray[np.float32]]:
        """Hear one shard of stretches."""
        rows = [
            self.embedding.vector(self.generator.decode(self.segments.pick(list(stretch))))
            for stretch in items
        ]
        return [*state, np.stack(rows)]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep the order of stretches."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return all vectors."""
        return np.concatenate(state).astype(np.float64)


class EmbeddedLikeness:
    """Minus the distance of embeddings, nearest stretch per recording.

    Parameters
    ----------
    embedding : Embedding
        What is heard.
    seed : int
        Nothing here is random; every method is made the same way.
    """

    name = "embedded"
    revision = "1"
    paper = "baseline; compare Barnett et al. (2024), embedding similarity for music attribution"
    licence = "Apache-2.0"
    unit = "minus distance of embeddings"

    def __init__(self, embedding: Embedding, *, seed: int = 0) -> None:
        self.embedding = embedding
        self.seed = seed
        self._fitted: (
            tuple[SoundingGenerator, EncodedCorpus, NDArray[np.float64], NDArray[np.int64]] | None
        ) = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return {"embedding": self.embedding.name}

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Embed the corpus.

        Raises
        ------
        InputError
            If the generator cannot turn its representation into sound.
        """
        generator = self.sounding(generator)
        owners = [corpus.item_of == number for number in range(len(corpus.item_ids))]
        rows = [np.flatnonzero(mask).tolist() for mask in owners]
        stretches, place = self._stretches(generator, rows)
        vectors = self._embed(generator, corpus.segments, stretches, run)
        self._fitted = generator, corpus, vectors, place

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator, corpus, known, place = self._fitted
        results = []
        for query in queries:
            stretches, _ = self._stretches(generator, [list(range(len(query.segments)))])
            asked = self._embed(generator, query.segments, stretches, run)
            near = -self.embedding.distances(known, asked)[place]
            best = np.full((len(corpus.item_ids), near.shape[1]), -np.inf)
            np.maximum.at(best, corpus.item_of, near)
            results.append(
                ItemScores(query.query_id, self.name, self.unit, corpus.item_ids, best, near.mean(axis=1))
            )
        return results

    def sounding(self, generator: Generator) -> SoundingGenerator:
        """Return the generator, if it can be heard.

        Raises
        ------
        InputError
            If it cannot turn its representation into sound.
        """
        if not isinstance(generator, SoundingGenerator):
            raise InputError(
                f"{self.name}: generator {generator.generator_id} has no decode(segments) to listen by; "
                "rank by 'similarity' or 'activations' instead"
            )
        return generator

    def _stretches(
        self, generator: SoundingGenerator, recordings: Sequence[Sequence[int]]
    ) -> tuple[list[Stretch], NDArray[np.int64]]:
        """Return all stretches, and the last that holds each segment."""
        n_wanted = max(1, round(self.embedding.length_s / generator.segment_s))
        stretches = [stretch for rows in recordings for stretch in stretches_of(rows, n_wanted)]
        place = {row: number for number, stretch in enumerate(stretches) for row in stretch}
        return stretches, np.array([place[row] for row in sorted(place)], dtype=np.int64)

    def _embed(
        self, generator: SoundingGenerator, segments: Segments, stretches: list[Stretch], run: Runner
    ) -> NDArray[np.float64]:
        """Return the vector of every stretch; those of the same content are heard once."""
        _, kinds = distinct(segments)
        contents = [tuple(kinds[list(stretch)]) for stretch in stretches]
        first = {
            content: stretch for content, stretch in reversed(list(zip(contents, stretches, strict=True)))
        }
        fold = EmbeddingPass(generator, segments, self.embedding)
        vectors = run(fold, list(first.values()), name=f"{self.name} vectors")
        place = {content: number for number, content in enumerate(first)}
        return vectors[[place[content] for content in contents]]


def stretches_of(rows: Sequence[int], n_wanted: int) -> list[Stretch]:
    """Cut one recording into stretches, shorter only where the recording is.

    Examples
    --------
    >>> stretches_of([5, 6, 7], 2)
    [(5, 6), (6, 7)]
    >>> stretches_of([5, 6, 7], 9)
    [(5, 6, 7)]
    """
    firsts = range(0, max(1, len(rows) - n_wanted + 1), n_wanted)
    found = [tuple(rows[first : first + n_wanted]) for first in firsts]
    return found if found[-1][-1] == rows[-1] else [*found, tuple(rows[-n_wanted:])]
