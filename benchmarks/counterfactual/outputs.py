"""Outputs of the generator as queries: those that are shipped, and new ones for a question asked afterwards.

A figure over the shipped outputs that decided what to ask next is not blind any more. New outputs, made by the
shipped generator from prompts of its corpus, need neither audio nor retraining.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from linernotes.attribution.encoding import encode_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.counterfactual.pack import Pack
    from linernotes.attribution.base import Query
    from linernotes.generators.reference.adapter import ReferenceGenerator

QUERY_SEGMENTS = 2
FRESH_SEED = 7000


def outputs_of(
    generator: ReferenceGenerator, words: Sequence[str], n_outputs: int, seed: int, kind: str
) -> Iterator[tuple[Query, str]]:
    """Generate outputs from prompts drawn from *words*, through sound and back; yield each with its prompt."""
    random = np.random.default_rng(seed)
    for number in range(n_outputs):
        prompt = words[int(random.integers(len(words)))]
        sound = generator.generate(seed + number, QUERY_SEGMENTS * generator.segment_s, prompt)
        yield encode_query(generator, f"{kind}-{number:02d}", sound, prompt), prompt


def with_fresh(pack: Pack, n_outputs: int) -> Pack:
    """Return the pack with so many new outputs, of kind ``fresh``, after its own queries."""
    words = [item.words for item in pack.items if item.kind == "plain"]
    made = list(outputs_of(pack.generator, words, n_outputs, FRESH_SEED, "fresh"))
    return replace(
        pack,
        queries=(*pack.queries, *(query for query, _ in made)),
        kinds=(*pack.kinds, *("fresh" for _ in made)),
        prompts=(*pack.prompts, *(prompt for _, prompt in made)),
    )
