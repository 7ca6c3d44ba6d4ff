"""Leave-top-K-out: retrain without what a method puts first, and see how much the output's loss rises.

For every query a model is retrained without the method's first K items, another without K items drawn at random
(as many, so that the smaller corpus is not what is measured). The effect is the rise over the model trained on
everything, less that of the random control of the same query. Models are named by who takes part, so lists that
two methods share are retrained once.

    python -m benchmarks.counterfactual removal MODELS
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.counterfactual.plan import Job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

TOP = 14  # about one item in twenty
SEEDS = (1, 2)  # not the generator's own: its outputs are dearer to it than to any sibling
N_BOOTSTRAP = 1000


@dataclass(frozen=True, slots=True)
class Removal:
    """Who is left out for one scorer and query."""

    scorer: str
    query: int
    left_out: tuple[int, ...]


def removals_of(
    scores: Mapping[str, NDArray[np.float64]], queries: Sequence[int], seed: int = 11
) -> list[Removal]:
    """Return the first K of every scorer and query, and the random control of every query."""
    random = np.random.default_rng(seed)
    n_items = next(iter(scores.values())).shape[1]
    found = [
        Removal("control", query, tuple(sorted(random.permutation(n_items)[:TOP].tolist())))
        for query in queries
    ]
    for name, matrix in scores.items():
        for query, row in zip(queries, matrix, strict=True):
            first = np.argsort(-row, kind="stable")[:TOP]
            found.append(Removal(name, query, tuple(sorted(int(i) for i in first))))
    return found


def jobs_of_removals(removals: Sequence[Removal], n_items: int) -> list[Job]:
    """Return one retraining per different list and seed."""
    jobs: dict[str, Job] = {}
    for removal in removals:
        included = np.ones(n_items, dtype=bool)
        included[list(removal.left_out)] = False
        for seed in SEEDS:
            name = job_name(removal, seed)
            jobs.setdefault(name, Job(name, included, seed))
    return list(jobs.values())


def job_name(removal: Removal, seed: int) -> str:
    """Return the name of the retraining that leaves these items out."""
    digest = hashlib.sha256(",".join(map(str, removal.left_out)).encode()).hexdigest()
    return f"removal-{digest[:16]}-{seed}"


def effects(
    removals: Sequence[Removal], losses: Mapping[str, NDArray[np.float32]], full: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """Return each scorer's rise of the loss beyond the control [shape=(n_queries,)].

    Parameters
    ----------
    losses : mapping of str to NDArray [shape=(n_queries_of_pack,)]
        By job name.
    full : NDArray [shape=(n_seeds, n_queries_of_pack)]
        Under the models trained on everything, one per seed of `SEEDS`.
    """
    rise: dict[tuple[str, int], float] = {}
    for removal in removals:
        values = [
            float(losses[job_name(removal, seed)][removal.query]) - float(full[number, removal.query])
            for number, seed in enumerate(SEEDS)
        ]
        rise[removal.scorer, removal.query] = float(np.mean(values))
    queries = [removal.query for removal in removals if removal.scorer == "control"]
    names = dict.fromkeys(removal.scorer for removal in removals if removal.scorer != "control")
    return {
        name: np.array([rise[name, query] - rise["control", query] for query in queries]) for name in names
    }


def rows(found: Mapping[str, NDArray[np.float64]], seed: int = 0) -> dict[str, Any]:
    """Return mean effects with 95 % bootstrap intervals over queries, as JSON."""
    report = {}
    for name, values in found.items():
        drawn = np.random.default_rng(seed).integers(len(values), size=(N_BOOTSTRAP, len(values)))
        low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
        report[name] = {"rise": float(values.mean()), "interval": [float(low), float(high)]}
    return report
