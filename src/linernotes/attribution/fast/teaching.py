"""Queries for a student to learn from: recordings themselves, splices of two, and newly generated music.

No output that anybody wants attributed is needed, and none is used. Generated queries go the whole way that a
real one goes, to sound and back, so that the student sees what it will be asked about.

Conventions
-----------
A third of each kind, in turn; everything is a function of the seed. Prompts are the words of random
recordings where the generator has a vocabulary, else empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.generators.base import Generator, Segments

KINDS = ("generated", "recording", "splice")


class Plan(NamedTuple):
    """One teaching query before it is made."""

    kind: str
    number: int
    segments: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class QueryPass:
    """A fold over plans that makes queries; shards are single because generating is long work."""

    generator: Generator
    corpus: EncodedCorpus
    shard_size: ClassVar[int] = 1

    def start(self) -> list[Query]:
        """Return no queries."""
        return []

    def add(self, state: list[Query], items: Sequence[Plan]) -> list[Query]:
        """Make one shard of queries."""
        return [*state, *(self._make(plan) for plan in items)]

    def merge(self, left: list[Query], right: list[Query]) -> list[Query]:
        """Keep the plans' order."""
        return left + right

    def finish(self, state: list[Query]) -> list[Query]:
        """Return all queries."""
        return state

    def _make(self, plan: Plan) -> Query:
        name = f"teaching-{plan.kind}-{plan.number:04d}"
        chosen = self.corpus.segments.pick(list(plan.segments))
        if plan.kind == "recording":
            return Query(name, chosen)
        if plan.kind == "splice":
            return Query(name, splice(chosen))
        prompt = prompt_of(self.generator, chosen)
        seconds = self.generator.segment_s * (1 + plan.number % 2)
        made = self.generator.encode(self.generator.generate(plan.seed, seconds, prompt), prompt)
        return Query(name, made)


def plan_queries(corpus: EncodedCorpus, n_queries: int, seed: int) -> list[Plan]:
    """Choose what the teaching queries are made of.

    A recording gives one or two neighbouring segments; a splice joins two recordings in the middle.
    """
    random = np.random.default_rng(seed)
    n_segments = len(corpus.segments)
    plans = []
    for number in range(n_queries):
        kind = KINDS[number % len(KINDS)]
        first, other = (int(i) for i in random.integers(n_segments, size=2))
        chosen: tuple[int, ...] = (first,)
        if kind == "splice":
            chosen = (first, other)
        elif number % 2 and first + 1 < n_segments and corpus.item_of[first] == corpus.item_of[first + 1]:
            chosen = (first, first + 1)
        plans.append(Plan(kind, number, chosen, int(random.integers(2**31))))
    return plans


def planned_sizes(n_queries: int) -> list[int]:
    """Return the segments of each teaching query, where every recording has at least two.

    Examples
    --------
    >>> planned_sizes(6)
    [1, 2, 1, 2, 1, 1]
    """
    return [1 + (number % 2 if KINDS[number % len(KINDS)] != "splice" else 0) for number in range(n_queries)]


def splice(pair: Segments) -> Segments:
    """Return one segment: the first half of the first, the second half of the second, told both's words."""
    middle = pair.latents.shape[1] // 2
    return Segments(
        torch.cat([pair.latents[:1, :middle], pair.latents[1:2, middle:]], dim=1),
        torch.cat([pair.audible[:1, :middle], pair.audible[1:2, middle:]], dim=1),
        torch.maximum(pair.conditions[:1], pair.conditions[1:2]),
        pair.start_s[:1],
    )


def prompt_of(generator: Generator, segments: Segments) -> str:
    """Return the words of the first segment where the generator has a vocabulary, else nothing."""
    words = getattr(getattr(generator, "vocabulary", None), "words", None)
    said = segments.conditions[0]
    if words is None or len(words) != len(said):
        return ""
    return " ".join(word for word, spoken in zip(words, said.tolist(), strict=True) if spoken)


def sample_items(corpus: EncodedCorpus, n_segments: int, seed: int) -> list[int]:
    """Return the segments of random whole recordings, at least *n_segments* of them, in corpus order."""
    random = np.random.default_rng(seed)
    sizes = np.bincount(corpus.item_of, minlength=len(corpus.item_ids))
    order = random.permutation(len(corpus.item_ids))
    n_items = int(np.searchsorted(np.cumsum(sizes[order]), n_segments)) + 1
    chosen = np.isin(corpus.item_of, order[: max(2, n_items)])
    return [int(i) for i in np.flatnonzero(chosen)]
