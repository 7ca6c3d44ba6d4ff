"""Checks that any influence method must pass before its figures mean anything.

=====================  ======================================================================
check                  question
=====================  ======================================================================
self-influence         unlearn a training segment: does its recording rank first?
planted canary         unlearn a duplicate of a training recording: does the original rank first?
model randomisation    do the scores of an untrained network carry anything?
collapse               do different queries get different lists?
=====================  ======================================================================

References
----------
Choi et al. (2025), arXiv:2506.18312 (self-influence); Adebayo et al. (2018), "Sanity checks for
saliency maps" (randomisation); Carlini et al. (2019), "The secret sharer" (planted items).

Known limits
------------
Passing says that a method finds what was literally unlearned; it does not say that it finds what shaped
a new output. That is what the linear datamodelling score measures.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.network import Network


@dataclass(frozen=True, slots=True)
class Collapse:
    """How alike the lists of different queries are.

    ``mean_correlation`` is the mean absolute rank correlation between two queries' scores; above about
    0.9 every query gets the same list. ``rank_one_energy`` is the share of the score matrix' energy in
    its first singular value, 1 / n_queries at best. ``n_distinct_first`` counts different first places.
    """

    mean_correlation: float
    rank_one_energy: float
    n_distinct_first: int
    n_queries: int

    @property
    def collapsed(self) -> bool:
        """Whether the conventional thresholds (0.9 and 0.95) are passed."""
        return self.mean_correlation > 0.9 or self.rank_one_energy > 0.95


def self_queries(corpus: EncodedCorpus, n_queries: int, seed: int = 0) -> tuple[list[Query], list[str]]:
    """Choose training segments of different recordings as queries, and name the recording of each."""
    random = np.random.default_rng(seed)
    items = random.permutation(len(corpus.item_ids))
    chosen = [items[i % len(items)] for i in range(n_queries)]
    queries, truth = [], []
    for number, item in enumerate(chosen):
        segment = int(random.choice(np.flatnonzero(corpus.item_of == item)))
        queries.append(Query(f"self-{number:03d}", corpus.segments.pick([segment])))
        truth.append(corpus.item_ids[item])
    return queries, truth


def ranks_of(results: Sequence[ItemScores], truth: Sequence[str | Sequence[str]]) -> NDArray[np.int64]:
    """Return the place, from 1, of the best-placed true recording in each query's list [shape=(n_queries,)]."""
    places = []
    for result, right in zip(results, truth, strict=True):
        order = [result.item_ids[i] for i in np.argsort(-result.scores, kind="stable")]
        wanted = [right] if isinstance(right, str) else list(right)
        places.append(1 + min(order.index(item) for item in wanted))
    return np.asarray(places)


def collapse(results: Sequence[ItemScores]) -> Collapse:
    """Measure how alike the lists of different queries are.

    Examples
    --------
    >>> same = np.tile(np.arange(5.0)[:, None], (1, 2))
    >>> one = ItemScores("a", "m", "u", ("v", "w", "x", "y", "z"), same, np.zeros(5))
    >>> collapse([one, one]).collapsed
    True
    """
    matrix = np.stack([result.scores for result in results])
    correlation = [
        abs(float(spearmanr(matrix[i], matrix[j]).statistic)) for i in range(len(matrix)) for j in range(i)
    ]
    centred = matrix - matrix.mean(axis=1, keepdims=True)
    scaled = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-30)
    energy = np.linalg.svd(scaled, compute_uv=False) ** 2
    return Collapse(
        float(np.mean(correlation)),
        float(energy[0] / energy.sum()),
        len({int(row.argmax()) for row in matrix}),
        len(matrix),
    )


def randomised(generator: ReferenceGenerator, seed: int = 0) -> ReferenceGenerator:
    """Return the generator with its weights shuffled within each tensor: same values, nothing learnt."""
    random = torch.Generator().manual_seed(seed)
    network = copy.deepcopy(generator.network)
    with torch.no_grad():
        for weight in network.parameters():
            order = torch.randperm(weight.numel(), generator=random)
            weight.copy_(weight.flatten()[order].reshape(weight.shape))
    return _with_network(generator, network)


def fresh(generator: ReferenceGenerator, seed: int = 0) -> ReferenceGenerator:
    """Return the generator with a network that was never trained, as initialised."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _with_network(generator, Network(generator.network.config).requires_grad_(False))


def _with_network(generator: ReferenceGenerator, network: Network) -> ReferenceGenerator:
    return ReferenceGenerator(
        generator.representation,
        network,
        generator.vocabulary,
        generator.recipe,
        generator.trained,
        generator.corpus_root,
    )
