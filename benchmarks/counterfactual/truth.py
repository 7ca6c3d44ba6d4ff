"""The ground truth as it is shipped: one loss per retrained model and query.

Outsiders have no ground truth: nothing is claimed about them but that nobody is to be credited.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.counterfactual.pack import DATA, RECIPE, Pack
from benchmarks.counterfactual.plan import PlanConfig, jobs_of, removed_artists, subsets_of
from linernotes.errors import InputError
from linernotes.evaluation.lds import GroundTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FILE = "truth.npz"
_DRAWN_BY = (
    "half_blocks",
    "ninety_blocks",
    "per_block",
    "n_seeds",
    "seed",
)  # what decides who is in a subset


@dataclass(frozen=True, slots=True)
class Truth:
    """Losses of all jobs [shape=(n_jobs, n_queries), float32] with the plan that made them."""

    plan: PlanConfig
    names: tuple[str, ...]
    losses: NDArray[np.float32]

    def of(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return the rows of some jobs."""
        place = {name: number for number, name in enumerate(self.names)}
        return self.losses[[place[name] for name in names]]

    def subsets(self, pack: Pack, name: str, queries: Sequence[int]) -> GroundTruth:
        """Return the retrained halves (``half``) or nine tenths (``ninety``) for some queries."""
        inclusion = subsets_of(name, pack.artists, self.plan)
        losses = np.stack(
            [
                self.of([f"{name}-{subset:03d}-{seed}" for subset in range(len(inclusion))])
                for seed in range(self.plan.n_seeds)
            ],
            axis=1,
        )
        return GroundTruth(
            pack.corpus.item_ids,
            tuple(pack.queries[i].query_id for i in queries),
            inclusion,
            losses[:, :, list(queries)],
            np.arange(len(inclusion)) // self.plan.per_block,
        )

    def removals(self, queries: Sequence[int]) -> NDArray[np.float64]:
        """Return by how much leaving an artist out raised each loss [shape=(n_seeds, n_queries, n_artists)].

        Artists are those of `removed_artists`, in order. The baseline is the mean of the full models but the first:
        that one is the generator, to whom its own outputs are dearer than to any sibling.
        """
        base = (
            self.of([f"full-{seed}" for seed in range(1, self.plan.n_full)]).astype(np.float64).mean(axis=0)
        )
        rises = [
            self.of([f"without-{number:02d}-{seed}" for number in range(self.plan.n_artists)]) - base
            for seed in range(self.plan.removal_seeds)
        ]
        return np.moveaxis(np.array(rises), 1, 2)[:, list(queries)]

    def artists(self, pack: Pack) -> list[str]:
        """Return the artists that were left out."""
        return removed_artists(pack.artists, self.plan.n_artists)


def save_truth(truth: Truth, folder: Path = DATA) -> None:
    """Write the ground truth whole."""
    write_losses(folder / FILE, truth.names, truth.losses, plan=json.dumps(asdict(truth.plan)))


def write_losses(path: Path, names: Sequence[str], losses: NDArray[np.float32], **said: str) -> None:
    """Write the losses of some jobs whole, with the recipe of their models and what else is said of them."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, names=np.array(names), losses=losses, recipe=json.dumps(asdict(RECIPE)), **said
        )
    os.replace(partial, path)


def known_losses(folder: Path = DATA) -> dict[str, NDArray[np.float32]]:
    """Return the losses of the jobs that a stored ground truth of this recipe holds [shape=(n_queries,)], by job name.

    A job is known by its name: a plan that grows (more seeds, more artists) keeps what is there. One whose subsets change
    must be made anew.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        earlier, recipe = json.loads(str(stored["plan"])), json.loads(str(stored["recipe"]))
        if recipe != asdict(RECIPE) or any(
            earlier[name] != getattr(PlanConfig(), name) for name in _DRAWN_BY
        ):
            return {}
        return dict(zip((str(name) for name in stored["names"]), stored["losses"], strict=True))


def load_truth(pack: Pack, folder: Path = DATA) -> Truth:
    """Read the ground truth and check that it is this recipe's and plan's.

    Raises
    ------
    InputError
        If it is missing or was made by another recipe.
    """
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as stored:
            plan = PlanConfig(**json.loads(str(stored["plan"])))
            truth = Truth(plan, tuple(str(name) for name in stored["names"]), stored["losses"])
            recipe = json.loads(str(stored["recipe"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: no ground truth ({error}); make it with 'python -m benchmarks.counterfactual retrain MODELS'"
        ) from error
    if recipe != asdict(RECIPE) or truth.names != tuple(job.name for job in jobs_of(pack.artists, plan)):
        raise InputError(f"{path}: made by another recipe or plan; retrain, or restore pack.py and plan.py")
    return truth
