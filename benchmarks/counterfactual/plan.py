"""Which models are trained: blocks of halves, blocks of nine tenths, and removals of single artists.

Subsets come in blocks. Within a block every subset holds *the same number of recordings of every artist*; only
which ones differs. What a scorer that knows nothing but the artist predicts is then constant within a block, so
a correlation taken within blocks measures what is known beyond the artist, exactly and without a regression.
Between blocks the numbers differ by rounding: an artist with one recording is in or out.

Conventions
-----------
A job is one retraining. Its seed decides the initial weights, the crops and the noise. ``full-0`` is the generator
itself, trained again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PlanConfig:
    """Sizes of the ground truth."""

    half_blocks: int = 20
    ninety_blocks: int = 6
    per_block: int = 4
    n_seeds: int = 2
    n_full: int = 8
    n_artists: int = 20
    removal_seeds: int = 8
    seed: int = 20


@dataclass(frozen=True, slots=True)
class Job:
    """One retraining: its name, who takes part [shape=(n_items,), bool], its seed."""

    name: str
    included: NDArray[np.bool_]
    seed: int


def blocked_subsets(
    artists: Sequence[str], n_blocks: int, per_block: int, alpha: float, seed: int
) -> NDArray[np.bool_]:
    """Return who is in each subset [shape=(n_blocks * per_block, n_items), bool], block by block.

    Examples
    --------
    >>> subsets = blocked_subsets(["a", "a", "b"], n_blocks=2, per_block=3, alpha=0.5, seed=0)
    >>> subsets[:, :2].sum(axis=1).tolist()  # one of the two by the first artist, always
    [1, 1, 1, 1, 1, 1]
    """
    random = np.random.default_rng(seed)
    members = {name: np.flatnonzero(np.array(artists) == name) for name in sorted(set(artists))}
    subsets = np.zeros((n_blocks * per_block, len(artists)), dtype=bool)
    for block in range(n_blocks):
        # the fraction that does not come out even is in by that chance, once for the whole block
        counts = {name: int(np.floor(alpha * len(rows) + random.random())) for name, rows in members.items()}
        for row in subsets[block * per_block : (block + 1) * per_block]:
            for name, rows in members.items():
                row[random.permutation(rows)[: counts[name]]] = True
    return subsets


def removed_artists(artists: Sequence[str], n_artists: int) -> list[str]:
    """Return the artists with most items; ties go by name."""
    sizes = Counter(artists)
    return sorted(sizes, key=lambda name: (-sizes[name], name))[:n_artists]


def jobs_of(artists: Sequence[str], config: PlanConfig) -> list[Job]:
    """List all retrainings, the full models first."""
    everyone = np.ones(len(artists), dtype=bool)
    jobs = [Job(f"full-{seed}", everyone, seed) for seed in range(config.n_full)]
    jobs += _subset_jobs("half", artists, config.half_blocks, 0.5, config)
    jobs += [
        Job(f"without-{number:02d}-{seed}", np.array(artists) != artist, seed)
        for number, artist in enumerate(removed_artists(artists, config.n_artists))
        for seed in range(config.removal_seeds)
    ]
    return jobs + _subset_jobs("ninety", artists, config.ninety_blocks, 0.9, config)


def artist_jobs_of(artists: Sequence[str], config: PlanConfig) -> list[Job]:
    """List those that tell what leaving an artist out does: the full models and the removals."""
    return [job for job in jobs_of(artists, config) if job.name.startswith(("full-", "without-"))]


def subsets_of(name: str, artists: Sequence[str], config: PlanConfig) -> NDArray[np.bool_]:
    """Return the subsets called ``half`` or ``ninety``."""
    n_blocks, alpha = (config.half_blocks, 0.5) if name == "half" else (config.ninety_blocks, 0.9)
    return blocked_subsets(artists, n_blocks, config.per_block, alpha, config.seed + round(10 * alpha))


def _subset_jobs(
    name: str, artists: Sequence[str], n_blocks: int, alpha: float, config: PlanConfig
) -> list[Job]:
    subsets = subsets_of(name, artists, config)
    first_seed = 1000 if name == "half" else 2000
    return [
        Job(f"{name}-{number:03d}-{seed}", row, first_seed + number * config.n_seeds + seed)
        for number, row in enumerate(subsets)
        for seed in range(config.n_seeds)
    ]
