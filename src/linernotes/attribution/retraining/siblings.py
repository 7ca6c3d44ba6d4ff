"""Siblings: short fine-tunings on random halves of the corpus, read with the generator's own idea of likeness.

Retraining on random halves tells what the presence of a recording does to an output, but costs a training run
per half, and two runs on the same half differ as much as two halves do. A *sibling* starts from the trained generator
and is fine-tuned for a few steps on half of the recordings: what it was not shown it begins to forget. All siblings follow
one lesson plan (`fine_tuning`), so that they differ by what they were shown and by little else. A few dozen siblings
cannot tell hundreds of recordings apart by themselves; so the answer is a posterior, which starts from an influence
function and lets recordings whose gradients are alike share evidence.

    y_m = −ℓ(ẑ; θ_m),   y ~ X w + noise,   w ~ N(a τ, s² C)
    C   = A (K + κ) Aᵀ,   K = Φ F̃⁻¹ Φᵀ   (`gradient_kernel`: averaged over the generator and loosened copies)
    τ   = K_q (K + λ)⁻¹            (influence corrected for leverage, as in TRAK, but in that metric)

``X`` holds who was shown to which sibling, less its column means; A averages an item's segments; κ is the part of a
segment's effect that no likeness foretells; a ≥ 0 is the least-squares slope of y on X τ. The score of an item is the
posterior mean of its w.

Assumptions
-----------
What half of the corpus does in a few steps resembles what it does over all of training; effects add over items.

Conventions
-----------
Queries leave out silence, padding and the noisiest levels in the gradient, and keep all in the losses, which
stand for the losses of retrained models. Replicates are disjoint groups of noise draws, each across all noise levels.

Cost
----
Fitting: ``n_siblings * n_steps`` training steps over half of ``batch_size`` pairs, and the kernel's. A query: the
kernel's, and ``n_siblings * n_query_draws`` forward passes per query segment; no pass over the corpus.

References
----------
Ilyas et al. (2022), "Datamodels" (regression on membership); Pan et al. (2025), "DAUNCE", arXiv:2505.23223
(fine-tuned perturbations); Park et al. (2023), "TRAK"; Rasmussen and Williams (2006), "Gaussian processes for machine
learning", section 2.7 (a mean function with an unknown coefficient). The combination is ours.

Known limits
------------
Learning rates are settings, not found from the generator. All siblings share the generator's past: what
it has learnt beyond forgetting in a few steps is left to the influence function. The kernel takes 8 bytes per pair of
segments: for corpora of tens of thousands of segments take a shortlist first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.gradients.per_item import items_from_segments
from linernotes.attribution.measurement import Weights, cleanest
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig, FineTunePass, SiblingLossPass
from linernotes.attribution.retraining.gradient_kernel import GradientKernel, KernelConfig, fit_kernel
from linernotes.attribution.retraining.posterior import Posterior
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator


@dataclass(frozen=True, slots=True)
class SiblingConfig:
    """Settings of the method.

    Parameters
    ----------
    n_siblings, n_steps, batch_size, learning_rate, average
        How many siblings, and how each is fine-tuned; ``batch_size`` counts planned pairs, of which half are shown.
    n_query_draws, n_replicates
        As `linernotes.attribution.gradients.per_item.GradientConfig`.
    kernel : KernelConfig
        Of the likeness of recordings.
    query_levels : float in (0, 1]
        Part of the query's draws, the least noisy first, whose gradient is taken.
    ridge : float > 0
        λ, as a multiple of the kernel's mean diagonal.
    own : float >= 0
        κ, as a multiple of the kernel's mean diagonal.
    noise : float > 0
        Variance of the noise of an outcome, as a multiple of the variance that the prior gives it.
    """

    n_siblings: int = 64
    n_steps: int = 200
    batch_size: int = 32
    learning_rate: float = 2e-3
    average: float = 0.97
    n_query_draws: int = 64
    n_replicates: int = 8
    query_levels: float = 0.75
    ridge: float = 100.0
    own: float = 1.0
    noise: float = 0.3
    kernel: KernelConfig = field(default_factory=KernelConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_steps, self.batch_size, self.n_replicates) < 1:
            raise InputError(f"{self}: expected at least 1 step, 1 segment and 1 replicate")
        if self.n_siblings < 4 or min(self.learning_rate, self.ridge, self.noise) <= 0 or self.own < 0:
            raise InputError(f"{self}: expected at least 4 siblings and positive settings")
        if not 0 < self.query_levels <= 1:
            raise InputError(f"query_levels={self.query_levels}: expected more than 0 and at most 1")
        if self.n_query_draws < 1 or self.n_query_draws % self.n_replicates:
            raise InputError(
                f"n_query_draws={self.n_query_draws}: expected a multiple of n_replicates={self.n_replicates}"
            )


@dataclass(frozen=True)
class _Fitted:
    generator: Generator
    corpus: EncodedCorpus
    kernel: GradientKernel
    siblings: tuple[Weights, ...]
    posterior: Posterior


class Siblings:
    """Influence as a posterior over short fine-tunings on random halves."""

    name = "siblings"
    revision = "2"
    paper = (
        "Linernotes; after Ilyas et al. (2022), arXiv:2202.00622, and Park et al. (2023), arXiv:2303.14186"
    )
    licence = "Apache-2.0"
    unit = "fall of the training loss"

    def __init__(self, config: SiblingConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or SiblingConfig(seed=seed)
        self._fitted: _Fitted | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query."""
        config = self.config
        shown = config.n_siblings * config.n_steps * config.batch_size // 2
        levels = max(1, round(config.query_levels * config.n_query_draws))
        both = config.kernel.passes(n_segments) + shown
        both += n_query_segments * levels * config.kernel.n_networks
        return both + n_query_segments * config.n_query_draws * config.n_siblings, both

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Take the corpus's gradients through its curvature, and fine-tune the siblings.

        Raises
        ------
        InputError
            If the corpus holds fewer than two items: there are no halves.
        """
        config = self.config
        if len(corpus.item_ids) < 2:
            raise InputError("siblings: the corpus holds one item; halves need at least two")
        kernel = fit_kernel(generator, corpus, run, config.kernel, config.seed)
        shown = halves(len(corpus.item_ids), config.n_siblings, config.seed + 4)
        tuning = FineTuneConfig(
            config.n_steps, config.batch_size, config.learning_rate, config.average, config.seed + 5
        )
        siblings = run(
            FineTunePass(generator, corpus, shown, tuning), range(config.n_siblings), name="siblings"
        )
        posterior = Posterior.of(
            kernel.matrix, corpus.item_of, shown, ridge=config.ridge, own=config.own, noise=config.noise
        )
        self._fitted = _Fitted(generator, corpus, kernel, tuple(siblings), posterior)

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted("siblings: fit it on a generator and a sealed corpus first")
        fitted, config = self._fitted, self.config
        draws = fitted.generator.noise_draws(config.n_query_draws, config.seed + 3)
        likeness = fitted.kernel.likeness(
            queries, cleanest(draws, config.query_levels), config.n_replicates, run
        )
        fold = SiblingLossPass(fitted.generator, fitted.siblings, draws, config.n_replicates)
        losses = run(fold, queries, name="losses under siblings")
        return [
            items_from_segments(
                self.name, self.unit, fitted.corpus, query, fitted.posterior.segment_scores(alike, -outcomes)
            )
            for query, alike, outcomes in zip(queries, likeness, losses, strict=True)
        ]


def halves(n_items: int, n_halves: int, seed: int) -> NDArray[np.bool_]:
    """Return who is shown to each sibling [shape=(n_halves, n_items), bool]: half of the items, drawn anew each time.

    Examples
    --------
    >>> halves(5, 4, seed=0).sum(axis=1).tolist()
    [2, 2, 2, 2]
    """
    random = np.random.default_rng(seed)
    shown = np.zeros((n_halves, n_items), dtype=bool)
    for row in shown:
        row[random.permutation(n_items)[: n_items // 2]] = True
    return shown
