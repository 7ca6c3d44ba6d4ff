"""Ground truth for statements: the generator retrained without everything by one artist, artist by artist.

Some models are trained on everybody, some without one group of recordings (an artist's, a rightsholder's), each with
several seeds. Every model then scores the same outputs under one shared list of noise draws. How much an output's
loss rises without a group is what a statement about that group claims.

Conventions
-----------
Groups are taken by size, the largest first; ties go by name. Seeds do not depend on how many groups or seeds are
asked for, so that a larger measurement takes over the models of a smaller one. ``without`` is
``[shape=(n_groups, n_seeds, n_outputs)]``, ``full`` is ``[shape=(n_full, n_outputs)]``, both float32.

Cost
----
``n_full + n_groups * n_seeds`` retrainings.

References
----------
Wang et al. (2023), "Evaluating data attribution for text-to-image models" (leave-group-out retraining); otherwise as
`counterfactuals`.

Known limits
------------
The representation is not fitted again without the group. Small groups are left out only after all larger ones, so that
few groups say little about artists with one recording.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError
from linernotes.evaluation.counterfactuals import load_network, query_losses, train_subset_model
from linernotes.evaluation.removals import Removals, compared
from linernotes.folds import Runner
from linernotes.generators.base import NoiseDraws, Segments
from linernotes.generators.reference.network import NetworkConfig
from linernotes.generators.reference.training import Recipe, TrainingItem

GROUPINGS = ("artist", "rightsholder")
MIN_GROUPS, MIN_OUTPUTS = 4, 8
FULL_SEED, GROUP_SEED, SEEDS_PER_GROUP = 30_000, 40_000, 100


@dataclass(frozen=True, slots=True)
class LeaveOutConfig:
    """Sizes of the measurement.

    Parameters
    ----------
    by : str
        What a group is: all recordings of one ``artist`` or of one ``rightsholder``.
    n_groups, n_seeds, n_full : int
        Groups left out, models without each, models of everybody.
    n_outputs, output_segments, output_seed : int
        Outputs generated for the purpose, their length, and the seed of their prompts and of the first of them.
    n_draws : int
        Noise draws that every loss is the mean of.
    recipe : Recipe
        How the models are trained; its seed is not used.
    """

    by: str = "artist"
    n_groups: int = 16
    n_seeds: int = 2
    n_full: int = 6
    n_outputs: int = 32
    output_segments: int = 2
    output_seed: int = 500
    n_draws: int = 64
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        if self.by not in GROUPINGS:
            raise InputError(f"--by {self.by}: expected one of {', '.join(GROUPINGS)}")
        if self.n_groups < MIN_GROUPS or not 2 <= self.n_seeds < SEEDS_PER_GROUP or self.n_full < 2:
            raise InputError(
                f"{self.n_groups} groups left out × {self.n_seeds} seeds, {self.n_full} models of everybody: expected "
                f"at least {MIN_GROUPS} groups, 2 to {SEEDS_PER_GROUP - 1} seeds and 2 models of everybody"
            )
        if self.n_outputs < MIN_OUTPUTS or self.output_segments < 1 or self.n_draws < 1:
            raise InputError(
                f"{self.n_outputs} outputs of {self.output_segments} segments, {self.n_draws} noise draws: expected at "
                f"least {MIN_OUTPUTS} outputs, 1 segment and 1 draw"
            )

    @property
    def n_models(self) -> int:
        """How many models are trained."""
        return self.n_full + self.n_groups * self.n_seeds


@dataclass(frozen=True, slots=True)
class Retraining:
    """One model to train: who is left out (places of items), and its seed."""

    left_out: tuple[int, ...]
    seed: int


def largest_groups(names: Sequence[str], n_groups: int) -> list[str]:
    """Return the groups with most recordings; ties go by name.

    Parameters
    ----------
    names : sequence of str
        Each recording's group; recordings without a name belong to nobody that can be left out.

    Raises
    ------
    InputError
        If there are not so many groups, or nobody would be left to train on.

    Examples
    --------
    >>> largest_groups(["bo", "ada", "cy", "ada", "di"], 4)
    ['ada', 'bo', 'cy', 'di']
    """
    sizes = Counter(name for name in names if name.strip())
    if len(sizes) < n_groups or len(set(names)) < 2:
        raise InputError(
            f"{n_groups} groups to leave out, but the recordings name {len(sizes)}; ask for fewer (at least "
            f"{MIN_GROUPS}), group by another column, or seal a corpus by more people"
        )
    return sorted(sizes, key=lambda name: (-sizes[name], name))[:n_groups]


def retrainings(removed: NDArray[np.bool_], n_seeds: int, n_full: int) -> list[Retraining]:
    """List the models of a measurement, those of everybody first, then the groups one after the other.

    Examples
    --------
    >>> [job.left_out for job in retrainings(np.eye(2, dtype=bool), n_seeds=1, n_full=1)]
    [(), (0,), (1,)]
    """
    jobs = [Retraining((), FULL_SEED + seed) for seed in range(n_full)]
    for number, row in enumerate(removed):
        members = tuple(np.flatnonzero(row).tolist())
        first = GROUP_SEED + SEEDS_PER_GROUP * number
        jobs += [Retraining(members, first + seed) for seed in range(n_seeds)]
    return jobs


@dataclass(frozen=True)
class LeaveOutPass:
    """A fold over retrainings: train one model, score every output, keep the losses."""

    shard_size: ClassVar[int] = 1

    items: tuple[TrainingItem, ...]
    recipe: Recipe
    outputs: tuple[Segments, ...]
    draws: NoiseDraws

    def start(self) -> list[NDArray[np.float32]]:
        """Return no losses."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[Retraining]) -> list[NDArray[np.float32]]:
        """Train and score one shard."""
        return [*state, *(self._losses(job) for job in items)]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return losses [shape=(n_models, n_outputs)]."""
        return np.stack(state)

    def _losses(self, job: Retraining) -> NDArray[np.float32]:
        included = np.ones(len(self.items), dtype=bool)
        included[list(job.left_out)] = False
        n_tokens, n_dims = self.outputs[0].latents.shape[1:]
        recipe = self.recipe
        config = NetworkConfig(
            n_dims, n_tokens, len(self.items[0].words), recipe.width, recipe.depth, recipe.n_heads
        )
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "model.safetensors"
            train_subset_model(self.items, included, recipe, n_tokens, job.seed, path)
            return query_losses(load_network(path, config), self.outputs, self.draws)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was measured: losses of outputs with everybody and without each group.

    Parameters
    ----------
    item_ids, output_ids, names : tuple of str
        Recordings, outputs, and groups left out.
    removed : NDArray [shape=(n_groups, n_items), bool]
        Who is in a group.
    without : NDArray [shape=(n_groups, n_seeds, n_outputs), float32]
        Losses without each group.
    full : NDArray [shape=(n_full, n_outputs), float32]
        Losses with everybody; the generator that made the outputs is not among these models.
    """

    item_ids: tuple[str, ...]
    output_ids: tuple[str, ...]
    names: tuple[str, ...]
    removed: NDArray[np.bool_]
    without: NDArray[np.float32]
    full: NDArray[np.float32]

    @property
    def removals(self) -> Removals:
        """Return outcomes as parts of each output's own loss."""
        return compared(self.item_ids, self.output_ids, self.names, self.removed, self.without, self.full)


def leave_out(
    items: Sequence[TrainingItem],
    group_of: Sequence[str],
    output_ids: Sequence[str],
    outputs: Sequence[Segments],
    draws: NoiseDraws,
    config: LeaveOutConfig,
    run: Runner,
) -> LeftOut:
    """Retrain without each of the largest groups and return every output's losses.

    Parameters
    ----------
    group_of : sequence of str
        Each item's group.

    Raises
    ------
    InputError
        If there are too few groups.
    """
    names = largest_groups(group_of, config.n_groups)
    removed = np.array([[group == name for group in group_of] for name in names])
    jobs = retrainings(removed, config.n_seeds, config.n_full)
    losses = run(LeaveOutPass(tuple(items), config.recipe, tuple(outputs), draws), jobs, name="retraining")
    without = losses[config.n_full :].reshape(len(names), config.n_seeds, len(outputs))
    return LeftOut(
        tuple(item.item_id for item in items), tuple(output_ids), tuple(names), removed, without,
        losses[: config.n_full],
    )  # fmt: skip
