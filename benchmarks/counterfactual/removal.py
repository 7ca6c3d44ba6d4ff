"""Leave-top-K-out: retrain without what a method puts first, and see how much the output's loss rises.

For every query and method a model is retrained without the method's first K items. The control is a dozen models
without K items drawn at random: as many, so that the smaller corpus is not what is measured. The effect is the rise
beyond the controls' mean for the same query. Models are named by who takes part, so lists that two methods share are
retrained once. Retraining noise is in the intervals: every query has models of its own, and the controls are resampled.

The queries are new outputs, on which nothing was chosen: all of them for the methods that a goal compares, the first
for the other rows of the table. The models without an artist are asked of them too, which ranks artists on three times
as many outputs as the table does. Losses are shipped: a method joins by the retraining of its own lists alone.

    python -m benchmarks.counterfactual removal MODELS
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.counterfactual.pack import DATA, RECIPE
from benchmarks.counterfactual.plan import Job
from benchmarks.counterfactual.table import with_ensembles
from benchmarks.counterfactual.truth import write_losses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "removals.npz"
TOP = 14  # about one item in twenty
N_CONTROLS = 12
SEED = 1  # not the generator's own: its outputs are dearer to it than to any sibling
N_BOOTSTRAP = 2000
RIVALS = ("unrolled", "unlearning-ekfac", "unlearning", "ekfac", "mucs", "das", "d-trak")
GROUP_RIVALS = ("guda", "similarity")
N_FRESH = 72  # for the rivals
N_OTHERS = 24  # the first of them, for all other rows


@dataclass(frozen=True, slots=True)
class Removal:
    """Who is left out for one scorer and query; controls are for all queries."""

    scorer: str
    query: int
    left_out: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of the retraining that leaves these items out."""
        digest = hashlib.sha256(",".join(map(str, self.left_out)).encode()).hexdigest()
        return f"removal-{digest[:16]}-{SEED}"


def listed(scores: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return whose lists are left out: the rivals' of all outputs, others' and the ensembles' of the first."""
    of_first = with_ensembles({name: matrix[:N_OTHERS] for name, matrix in scores.items()})
    return of_first | {name: matrix for name, matrix in scores.items() if name in RIVALS}


def removals_of(scores: Mapping[str, NDArray[np.float64]]) -> list[Removal]:
    """Return the first K of every scorer and query, query by query; equal scores go by place in the corpus.

    Parameters
    ----------
    scores : mapping of str to NDArray [shape=(n_queries, n_items)]
        By scorer, which may have scored different numbers of queries.
    """
    n_queries = max(len(matrix) for matrix in scores.values())
    return [
        Removal(name, query, _first(matrix[query]))
        for query in range(n_queries)
        for name, matrix in scores.items()
        if query < len(matrix)
    ]


def _first(row: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(sorted(int(i) for i in np.argsort(-row, kind="stable")[:TOP]))


def controls_of(n_items: int, seed: int = 11) -> list[Removal]:
    """Return random removals of as many items."""
    random = np.random.default_rng(seed)
    return [
        Removal("control", -1, tuple(sorted(random.permutation(n_items)[:TOP].tolist())))
        for _ in range(N_CONTROLS)
    ]


def jobs_of_removals(removals: Iterable[Removal], n_items: int) -> list[Job]:
    """Return one retraining per different list."""
    jobs: dict[str, Job] = {}
    for removal in removals:
        included = np.ones(n_items, dtype=bool)
        included[list(removal.left_out)] = False
        jobs.setdefault(removal.name, Job(removal.name, included, SEED))
    return list(jobs.values())


def known_losses(generator_id: str, folder: Path = DATA) -> dict[str, NDArray[np.float32]]:
    """Return the stored losses of new outputs of this generator [shape=(N_FRESH,)], by the name of the retraining."""
    path = folder / FILE
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        made_by = str(stored["generator_id"]), json.loads(str(stored["recipe"])), stored["losses"].shape[1]
        if made_by != (generator_id, asdict(RECIPE), N_FRESH):
            return {}
        return dict(zip((str(name) for name in stored["names"]), stored["losses"], strict=True))


def save_losses(losses: Mapping[str, NDArray[np.float32]], generator_id: str, folder: Path = DATA) -> None:
    """Write the losses of new outputs whole."""
    write_losses(folder / FILE, tuple(losses), np.stack(list(losses.values())), generator_id=generator_id)


def effects(
    removals: Sequence[Removal], controls: Sequence[Removal], losses: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float64]]:
    """Return each scorer's rise of the loss beyond the controls, as a part of their loss [shape=(n_queries,)].

    Parameters
    ----------
    losses : mapping of str to NDArray [shape=(n_queries,)]
        By the name of the retraining.
    """
    control = np.mean([losses[removal.name] for removal in controls], axis=0, dtype=np.float64)
    found: dict[str, list[float]] = {}
    for removal in removals:
        rise = losses[removal.name][removal.query] / control[removal.query] - 1
        found.setdefault(removal.scorer, []).append(float(rise))
    return {name: np.array(rises) for name, rises in found.items()}


def relative_controls(
    controls: Sequence[Removal], losses: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Return each control's loss as a part of their mean [shape=(n_controls, n_queries)]."""
    each = np.array([losses[removal.name] for removal in controls], dtype=np.float64)
    parts: NDArray[np.float64] = each / each.mean(axis=0)
    return parts


def rows(
    found: Mapping[str, NDArray[np.float64]], controls: NDArray[np.float64], best: str, seed: int = 0
) -> dict[str, Any]:
    """Return mean effects, and what one scorer leads each by, with 95 % bootstrap intervals, as JSON.

    An effect's interval is over queries and over the controls, a lead's over queries: the controls are the same for both. A
    lead is over the queries that both have, which are the first ones of either; ``apart`` says that the interval of the
    best lies above a row's.

    Parameters
    ----------
    controls : NDArray [shape=(n_controls, n_queries)]
        From `relative_controls`.
    """

    def figure(values: NDArray[np.float64], over_controls: bool) -> dict[str, Any]:
        random = np.random.default_rng(seed)
        drawn = random.integers(len(values), size=(N_BOOTSTRAP, len(values)))
        again = values[drawn]
        if over_controls:
            picked = random.integers(len(controls), size=(N_BOOTSTRAP, len(controls)))
            means = controls[picked].mean(axis=1)
            again = (1 + again) / np.take_along_axis(means, drawn, axis=1) - 1
        low, high = np.quantile(again.mean(axis=1), [0.025, 0.975])
        return {"value": float(values.mean()), "interval": [float(low), float(high)]}

    rises = {name: figure(values, over_controls=True) for name, values in found.items()}
    report = {}
    for name, values in found.items():
        row = {"n_queries": len(values), "rise": rises[name], "lead": None, "apart": None}
        if best in found and name != best:
            row["lead"] = figure(found[best][: len(values)] - values[: len(found[best])], over_controls=False)
            row["apart"] = rises[name]["interval"][1] < rises[best]["interval"][0]
        report[name] = row
    return report
