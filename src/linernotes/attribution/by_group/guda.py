"""GUDA: score groups by what unlearning each of them does to an output.

The question is leave-one-group-out: how much would an output's loss rise had the generator been trained
without group k? Instead of retraining, each group is unlearned from the trained weights once; every query is
then scored under the full and under all unlearned networks with the same noise:

    score_k = ℓ̄(ẑ; θ without k) − ℓ̄(ẑ; θ)

Groups may overlap, because each is unlearned on its own. The work over the corpus is done before any query
is known; a query costs one pass of its own segments per group.

Conventions
-----------
Positive: the group helped to make the output likely. Replicates are noise draws. As scores of items, a group's
score is spread equally over its items and an item's parts from several groups add; items in no group get
zero. For groups that partition the corpus, the sum over a group's items is the group's score again. Padding and
silence count in scoring. How groups are unlearned: `group_unlearning`.

Cost
----
Fitting: ``2 * n_steps * n_segments * n_draws`` forward and backward passes per group, and as many forward (*fisher*:
``4 * n_draws`` per segment of the group, after one Fisher pass). A query:
``(1 + n_groups) * n_scoring_draws`` forward passes per segment. Memory: one change of weights per group, in half
precision.

References
----------
Murata et al. (2026), "GUDA: Counterfactual group-wise training data attribution for diffusion models via
unlearning", arXiv:2601.22651; Shi et al. (2025), "ReTrack", arXiv:2509.13007.

Known limits
------------
Linear in the number of groups: without groups every item is one, which costs an unlearning per item. We depart
from the paper in that the loss stands for the bound on the likelihood, and in the operators on offer. An
unlearned network only stands for a retrained one; the figures against retraining are in docs/methods/groups.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.by_group.group_unlearning import (
    GroupUnlearning,
    GroupUnlearningConfig,
    must_be_straight,
    with_outputs,
)
from linernotes.attribution.by_group.groups import Groups, GroupScores
from linernotes.attribution.by_group.open_weights import Change, network_with_change
from linernotes.attribution.by_group.shapley import Coalitions
from linernotes.attribution.curvature.fisher import FisherPass
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws

N_FISHER_DRAWS = 64


@dataclass(frozen=True, slots=True)
class GudaConfig:
    """Settings of group unlearning attribution."""

    unlearning: GroupUnlearningConfig = field(default_factory=GroupUnlearningConfig)
    n_scoring_draws: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_scoring_draws < 2:
            raise InputError(f"n_scoring_draws={self.n_scoring_draws}: expected at least 2 scoring draws")


@dataclass(frozen=True)
class GroupUnlearningPass:
    """A fold over groups [each shape=(n_items,), bool]: the change of weights that unlearns each."""

    unlearn: GroupUnlearning
    shard_size: ClassVar[int] = 1

    def start(self) -> list[Change]:
        """Return no changes."""
        return []

    def add(self, state: list[Change], items: Sequence[NDArray[np.bool_]]) -> list[Change]:
        """Unlearn one shard of groups."""
        return [*state, *(self.unlearn(held) for held in items)]

    def merge(self, left: list[Change], right: list[Change]) -> list[Change]:
        """Keep group order."""
        return left + right

    def finish(self, state: list[Change]) -> list[Change]:
        """Return the changes, one per group."""
        return state


@dataclass(frozen=True)
class QueryLossPass:
    """A fold over changes of weights: the loss of every query under each, by noise draw."""

    generator: Generator
    queries: tuple[Query, ...]
    draws: NoiseDraws
    shard_size: ClassVar[int] = 4

    def start(self) -> list[NDArray[np.float64]]:
        """Return no losses."""
        return []

    def add(self, state: list[NDArray[np.float64]], items: Sequence[Change]) -> list[NDArray[np.float64]]:
        """Measure one shard of networks."""
        return [*state, *(self._losses(change) for change in items)]

    def merge(
        self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """Keep order."""
        return left + right

    def finish(self, state: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return losses, mean over a query's segments [shape=(n_networks, n_queries, n_draws)]."""
        return np.stack(state)

    def _losses(self, change: Change) -> NDArray[np.float64]:
        network = network_with_change(self.generator, change)
        with torch.no_grad():
            rows = [
                self.generator.losses(network, query.segments, self.draws).double().mean(dim=0)
                for query in self.queries
            ]
        return torch.stack(rows).numpy()


class Guda:
    """Group unlearning data attribution, after Murata et al. (2026).

    Parameters
    ----------
    groups : Groups, optional
        About the items of the corpus, in its order. Without it every item is a group of its own.
    """

    name = "guda"
    revision = "1"
    paper = "Murata et al. (2026), arXiv:2601.22651"
    licence = "Apache-2.0"
    unit = "rise of the training loss"

    def __init__(
        self, config: GudaConfig | None = None, *, seed: int = 0, groups: Groups | None = None
    ) -> None:
        self.config = config or GudaConfig(GroupUnlearningConfig(seed=seed), seed=seed)
        self.groups = groups
        self._n_items: int | None = None
        self._fitted: tuple[GroupUnlearning, Groups, list[Change]] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on, but for the groups themselves."""
        return asdict(self.config)

    def expect_items(self, n_items: int) -> None:
        """Tell how many recordings the corpus has, for `cost`; without it, four segments each are assumed."""
        self._n_items = n_items

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query."""
        config = self.config.unlearning
        n_items = self._n_items or max(1, n_segments // 4)
        sizes = [1] * n_items if self.groups is None else self.groups.sizes.tolist()
        of_groups = [config.passes(round(n_segments * size / n_items)) for size in sizes]
        fisher = n_segments if config.operator == "fisher" else 0
        scored = n_query_segments * self.config.n_scoring_draws * (1 + len(sizes))
        return fisher + sum(forwards for forwards, _ in of_groups) + scored, fisher + sum(
            backwards for _, backwards in of_groups
        )

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Unlearn each group once.

        Raises
        ------
        InputError
            If the groups are about other items, a group holds all of them, or the generator lacks what the
            operator needs.
        """
        groups = self.groups or Groups.each_item(corpus.item_ids)
        groups.must_fit(corpus.item_ids)
        _must_leave_something(groups)
        config = self.config.unlearning
        if config.operator == "redirect":
            must_be_straight(generator, corpus.segments)
        elif config.operator == "ascent" and config.preserve == "match":
            with_outputs(generator)
        fisher: dict[str, Tensor] | None = None
        if config.operator == "fisher":
            draws = generator.noise_draws(N_FISHER_DRAWS, self.config.seed + 2)
            fisher = run(FisherPass(generator, corpus, draws), range(len(corpus.segments)), name="Fisher")
        unlearn = GroupUnlearning(generator, corpus, config, fisher)
        changes = run(GroupUnlearningPass(unlearn), list(groups.membership), name="unlearning groups")
        self._fitted = unlearn, groups, changes

    def attribute_groups(self, queries: Sequence[Query], run: Runner) -> list[GroupScores]:
        """Score every group for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        unlearn, groups, changes = self._needs_fit()
        losses = self._losses(unlearn.generator, [{}, *changes], queries, run)
        rises = losses[1:] - losses[0]
        return [
            GroupScores(query.query_id, self.name, self.unit, groups.names, rises[:, number])
            for number, query in enumerate(queries)
        ]

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query: its parts of the scores of its groups.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        unlearn, groups, _ = self._needs_fit()
        part = (groups.membership / groups.sizes[:, None]).T  # of an item in a group
        results = []
        for scores in self.attribute_groups(queries, run):
            replicates = part @ scores.replicates
            by_segment = replicates.mean(axis=1)[unlearn.corpus.item_of]
            results.append(
                ItemScores(scores.query_id, self.name, self.unit, groups.item_ids, replicates, by_segment)
            )
        return results

    def coalition_values(
        self, coalitions: Coalitions, queries: Sequence[Query], run: Runner
    ) -> NDArray[np.float64]:
        """Return what coalitions of groups are worth: minus the loss once all that only others hold is unlearned.

        An item stays if any group of the coalition holds it, or nobody. The value of everybody, whose
        network is the full one, is 0; that of nobody can be had by a coalition without members, if items without a
        group remain. For `shapley.solve`.

        Returns
        -------
        NDArray [shape=(n_coalitions, n_queries), float64]

        Raises
        ------
        NotFitted
            If `fit` was not called.
        InputError
            If the coalitions are of other groups, or a coalition leaves nothing to retain.
        """
        unlearn, groups, _ = self._needs_fit()
        if coalitions.members.shape[1] != len(groups):
            raise InputError(
                f"coalitions of {coalitions.members.shape[1]} players: expected {len(groups)} groups"
            )
        somebody = groups.membership.any(axis=0)
        lost = somebody & ~(coalitions.members.astype(int) @ groups.membership.astype(int) > 0)
        changed = np.flatnonzero(lost.any(axis=1))
        changes = run(GroupUnlearningPass(unlearn), list(lost[changed]), name="unlearning coalitions")
        losses = self._losses(unlearn.generator, [{}, *changes], queries, run).mean(axis=2)
        values = np.zeros((len(lost), len(queries)))
        values[changed] = losses[0] - losses[1:]
        return values

    def _losses(
        self, generator: Generator, changes: list[Change], queries: Sequence[Query], run: Runner
    ) -> NDArray[np.float64]:
        draws = generator.noise_draws(self.config.n_scoring_draws, self.config.seed + 1)
        return run(QueryLossPass(generator, tuple(queries), draws), changes, name="losses of queries")

    def _needs_fit(self) -> tuple[GroupUnlearning, Groups, list[Change]]:
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        return self._fitted


def _must_leave_something(groups: Groups) -> None:
    whole = [name for name, row in zip(groups.names, groups.membership, strict=True) if row.all()]
    if whole:
        raise InputError(
            f"group '{whole[0]}': holds every item of the corpus, so nothing is left to retain; leave it out or split it"
        )
