"""Leave-top-K-out: retrain without what a method puts first, and see how much the output's loss rises.

For every query and method a model is retrained without the method's first K items. The control is a dozen models
without K items drawn at random: as many, so that the smaller corpus is not what is measured. The effect is the rise
beyond the controls' mean for the same query. Models are named by who takes part, so lists that two methods share are
retrained once. Retraining noise is in the intervals, since every query has models of its own.

    python -m benchmarks.counterfactual removal MODELS     of the reported outputs
    python -m benchmarks.counterfactual confirm MODELS     the rivals in question, of new outputs
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
N_CONTROLS = 12
SEEDS = (1, 2)  # not the generator's own: its outputs are dearer to it than to any sibling
N_BOOTSTRAP = 2000
SCORERS = (
    "unrolled", "siblings", "unlearning-ekfac", "ekfac", "mucs", "das", "unlearning", "d-trak", "similarity",
)  # fmt: skip
IN_QUESTION = ("unrolled", "unlearning-ekfac", "unlearning")  # not told apart on the reported outputs
N_FRESH = 72  # fixed beforehand: thrice as many


@dataclass(frozen=True, slots=True)
class Removal:
    """Who is left out for one scorer and query; controls are for all queries."""

    scorer: str
    query: int
    left_out: tuple[int, ...]


def removals_of(scores: Mapping[str, NDArray[np.float64]], queries: Sequence[int]) -> list[Removal]:
    """Return the first K of every scorer and query."""
    found = []
    for name, matrix in scores.items():
        for query, row in zip(queries, matrix, strict=True):
            first = np.argsort(-row, kind="stable")[:TOP]
            found.append(Removal(name, query, tuple(sorted(int(i) for i in first))))
    return found


def controls_of(n_items: int, seed: int = 11) -> list[Removal]:
    """Return random removals of as many items."""
    random = np.random.default_rng(seed)
    return [
        Removal("control", -1, tuple(sorted(random.permutation(n_items)[:TOP].tolist())))
        for _ in range(N_CONTROLS)
    ]


def jobs_of_removals(removals: Sequence[Removal], n_items: int, seeds: Sequence[int]) -> list[Job]:
    """Return one retraining per different list and seed, all of one seed before the next."""
    jobs: dict[str, Job] = {}
    for seed in seeds:
        for removal in removals:
            included = np.ones(n_items, dtype=bool)
            included[list(removal.left_out)] = False
            jobs.setdefault(job_name(removal, seed), Job(job_name(removal, seed), included, seed))
    return list(jobs.values())


def job_name(removal: Removal, seed: int) -> str:
    """Return the name of the retraining that leaves these items out."""
    digest = hashlib.sha256(",".join(map(str, removal.left_out)).encode()).hexdigest()
    return f"removal-{digest[:16]}-{seed}"


def effects(
    removals: Sequence[Removal],
    controls: Sequence[Removal],
    losses: Mapping[str, NDArray[np.float32]],
    queries: Sequence[int],
    seeds: Sequence[int],
) -> dict[str, NDArray[np.float64]]:
    """Return each scorer's rise of the loss beyond the controls, as a part of their loss [shape=(n_queries,)].

    Parameters
    ----------
    losses : mapping of str to NDArray [shape=(n_queries,)]
        By job name; columns are *queries*.
    """

    def mean(removal: Removal) -> NDArray[np.float64]:
        return np.mean([losses[job_name(removal, seed)] for seed in seeds], axis=0, dtype=np.float64)

    control = np.mean([mean(removal) for removal in controls], axis=0)
    column = {query: number for number, query in enumerate(queries)}
    found: dict[str, NDArray[np.float64]] = {}
    for removal in removals:
        here = column[removal.query]
        row = found.setdefault(removal.scorer, np.zeros(len(queries)))
        row[here] = mean(removal)[here] / control[here] - 1
    return found


def rows(found: Mapping[str, NDArray[np.float64]], best: str, seed: int = 0) -> dict[str, Any]:
    """Return mean effects, and what one scorer leads each by, with 95 % bootstrap intervals over queries, as JSON."""
    n_queries = len(next(iter(found.values())))
    drawn = np.random.default_rng(seed).integers(n_queries, size=(N_BOOTSTRAP, n_queries))

    def figure(values: NDArray[np.float64]) -> dict[str, Any]:
        low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
        return {"value": float(values.mean()), "interval": [float(low), float(high)]}

    return {
        name: {"rise": figure(values), "lead": figure(found[best] - values) if best in found else None}
        for name, values in found.items()
    }
