"""What leaving sets of recordings out of the training did to outputs: the outcomes that statements are tested on.

A removal is a set of recordings left out; its outcome for an output is how much higher the output's loss is without
the set than with everybody, each time with several seeds.

Conventions
-----------
``rises`` is ``[shape=(n_sets, n_seeds, n_queries), float64]``, positive when the removal made the output less likely; by
default it is a part of the output's own loss. Noise is the standard deviation of a rise, mean over seeds, when nothing
but the seeds changes. A removal *matters* where its measured rise is above 1.645 times that noise, which retraining
alone exceeds one time in twenty.

References
----------
Ilyas et al. (2022), "Datamodels"; Wang et al. (2023), "Evaluating data attribution for text-to-image models"
(leave-group-out retraining).

Known limits
------------
Models without a set and models of everybody are compared unpaired: after some hundred steps, the same seed does not
make two trainings alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError

MATTERS = 1.645
BEYOND_DOUBT = (
    10.0  # deviations of noise; noise itself is known from few models, and the largest of many is asked about
)
RELATIVE = "rise of the output's loss, as a part of that loss"


@dataclass(frozen=True, slots=True)
class Removals:
    """What retraining without sets of items did to the loss of queries.

    Parameters
    ----------
    item_ids, query_ids, names : tuple of str
        Columns of ``removed``, last axis of ``rises``, names of the sets.
    removed : NDArray [shape=(n_sets, n_items), bool]
        Who was left out.
    rises : NDArray [shape=(n_sets, n_seeds, n_queries), float64]
        Loss without the set, beside the mean loss with everybody.
    baseline_noise : NDArray [shape=(n_queries,), float64]
        Standard deviation of that mean, over seeds.
    unit : str
        What a rise is measured in.
    """

    item_ids: tuple[str, ...]
    query_ids: tuple[str, ...]
    names: tuple[str, ...]
    removed: NDArray[np.bool_]
    rises: NDArray[np.float64]
    baseline_noise: NDArray[np.float64]
    unit: str

    def __post_init__(self) -> None:
        fits = (
            self.removed.shape == (len(self.names), len(self.item_ids))
            and self.rises.ndim == 3
            and (self.rises.shape[0], self.rises.shape[2]) == (len(self.names), len(self.query_ids))
            and self.baseline_noise.shape == (len(self.query_ids),)
        )
        if not fits or self.rises.shape[1] < 2 or not np.isfinite(self.rises).all():
            raise InputError(
                f"removals: removed {self.removed.shape}, rises {self.rises.shape}, {len(self.names)} sets, "
                f"{len(self.item_ids)} items, {len(self.query_ids)} queries; expected them to fit together, finite, "
                "with two or more seeds per set"
            )

    @property
    def effects(self) -> NDArray[np.float64]:
        """Return rises averaged over seeds [shape=(n_queries, n_sets)]."""
        effects: NDArray[np.float64] = self.rises.mean(axis=1).T
        return effects

    @property
    def noise(self) -> NDArray[np.float64]:
        """Return the standard deviation of each query's effects when only seeds change [shape=(n_queries,)]."""
        variance = self.rises.var(axis=1, ddof=1).mean(axis=0) / self.rises.shape[1]
        noise: NDArray[np.float64] = np.sqrt(variance + self.baseline_noise**2)
        return noise

    @property
    def mattered(self) -> NDArray[np.bool_]:
        """Return which effects exceed retraining noise [shape=(n_queries, n_sets)]."""
        happened: NDArray[np.bool_] = self.effects > MATTERS * self.noise[:, None]
        return happened

    @property
    def beyond_doubt(self) -> NDArray[np.bool_]:
        """Return for which queries the largest effect is far beyond retraining noise [shape=(n_queries,)]."""
        found: NDArray[np.bool_] = self.effects.max(axis=1) > BEYOND_DOUBT * self.noise
        return found

    def pick(self, queries: Sequence[int], sets: Sequence[int]) -> Removals:
        """Return some queries and sets."""
        return Removals(
            self.item_ids,
            tuple(self.query_ids[q] for q in queries),
            tuple(self.names[s] for s in sets),
            self.removed[list(sets)],
            self.rises[list(sets)][:, :, list(queries)],
            self.baseline_noise[list(queries)],
            self.unit,
        )


def compared(
    item_ids: Sequence[str],
    query_ids: Sequence[str],
    names: Sequence[str],
    removed: NDArray[np.bool_],
    without: NDArray[np.floating[Any]],
    full: NDArray[np.floating[Any]],
    loss_unit: str = "",
) -> Removals:
    """Compare models without sets with models of everybody.

    The generator that made the outputs must not be among the full models: it likes its own outputs better than any
    sibling does, and every removal would seem to matter.

    Parameters
    ----------
    without : NDArray [shape=(n_sets, n_seeds, n_queries)]
        Losses without each set.
    full : NDArray [shape=(n_full, n_queries)]
        Losses with everybody, of other seeds than the generator's; two or more.
    loss_unit : str
        When given, rises are in this unit; else they are parts of the output's own loss, so that outputs which
        are hard and outputs which are easy for the generator can be calibrated together.

    Examples
    --------
    >>> without, full = np.full((1, 2, 1), 1.5), np.array([[0.75], [1.25]])
    >>> compared(["a"], ["q"], ["only a"], np.array([[True]]), without, full).effects.tolist()
    [[0.5]]
    """
    if full.ndim != 2 or len(full) < 2:
        raise InputError(
            f"full models {full.shape}: expected the losses of two or more, besides the generator"
        )
    whole = full.astype(np.float64)
    scale = np.ones(whole.shape[1]) if loss_unit else whole.mean(axis=0)
    rises = (without.astype(np.float64) - whole.mean(axis=0)) / scale
    noise = whole.std(axis=0, ddof=1) / np.sqrt(len(whole)) / scale
    return Removals(
        tuple(item_ids), tuple(query_ids), tuple(names), np.asarray(removed, dtype=bool), rises, noise,
        loss_unit or RELATIVE,
    )  # fmt: skip
