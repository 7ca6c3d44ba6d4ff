"""Siblings: short fine-tunings on random halves of the corpus, read with the generator's own idea of likeness.

Retraining on random halves tells what the presence of a recording does to an output, but costs a training run
per half. A *sibling* starts from the trained generator and is fine-tuned for a few steps on half of the
recordings: what it was not shown it begins to forget. How an output's loss differs between siblings is a noisy,
cheap answer to the same question. A few dozen siblings cannot tell hundreds of recordings apart by themselves;
so the answer is a posterior, which starts from an influence function and lets recordings whose gradients are
alike share evidence.

    y_m = −ℓ(ẑ; θ_m),   y ~ X w + noise,   w ~ N(a τ, s² C)
    C   = A K Aᵀ,   K = Φ F̃⁻¹ Φᵀ   (gradient kernel through the inverse curvature; A averages an item's segments)
    τ   = K_q (K + λ)⁻¹            (influence corrected for leverage, as in TRAK, but in that metric)

``X`` holds who was shown to which sibling, less its column means; a ≥ 0 is the least-squares slope of y on X τ.
The score of an item is the posterior mean of its w.

Assumptions
-----------
What half of the corpus does in a few steps resembles what it does over all of training; effects add over items.

Conventions
-----------
Queries leave out silence, padding and the noisiest levels in the gradient, and keep all in the losses, which
stand for the losses of retrained models. Replicates are disjoint groups of noise draws, each across all noise levels.

Cost
----
Fitting: ``n_siblings * n_steps`` training steps, two passes for the curvature, one gradient per corpus segment
and draw. A query: a gradient, and
``n_siblings * n_query_draws`` forward passes per query segment; no pass over the corpus.

References
----------
Ilyas et al. (2022), "Datamodels" (regression on membership); Pan et al. (2025), "DAUNCE", arXiv:2505.23223
(fine-tuned perturbations); Park et al. (2023), "TRAK"; George et al. (2018), "EK-FAC"; Rasmussen and Williams
(2006), "Gaussian processes for machine learning", section 2.7 (a mean function with an unknown coefficient). The
combination is ours.

Known limits
------------
The learning rate is a setting, not found from the generator. All siblings share the generator's past: what
it has learnt beyond forgetting in a few steps is left to the influence function. Sketches take ``4 * n_slots`` bytes
per corpus segment, the kernel 8 per pair of segments: for corpora of tens of thousands of segments take a shortlist first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.fine_tuning import FineTuneConfig, FineTunePass, SiblingLossPass
from linernotes.attribution.gradients import GradientPass, QueryGradientPass, Sketch, training_loss
from linernotes.attribution.kronecker import Curvature, CurvatureConfig, fit_curvature
from linernotes.attribution.measurement import Weights, cleanest
from linernotes.attribution.posterior import Posterior
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator


@dataclass(frozen=True, slots=True)
class SiblingConfig:
    """Settings of the method.

    Parameters
    ----------
    n_siblings, n_steps, batch_size, learning_rate, average
        How many siblings, and how each is fine-tuned.
    n_draws, n_query_draws, n_replicates, n_slots
        As `linernotes.attribution.gradients.GradientConfig`.
    curvature : CurvatureConfig
        Of the metric.
    query_levels : float in (0, 1]
        Part of the query's draws, the least noisy first, whose gradient is taken.
    ridge : float > 0
        λ, as a multiple of the kernel's mean diagonal.
    noise : float > 0
        Variance of the noise of an outcome, as a multiple of the variance that the prior gives it.
    """

    n_siblings: int = 64
    n_steps: int = 200
    batch_size: int = 16
    learning_rate: float = 2e-3
    average: float = 0.97
    n_draws: int = 16
    n_query_draws: int = 64
    n_replicates: int = 8
    n_slots: int = 32768
    query_levels: float = 0.75
    ridge: float = 100.0
    noise: float = 2.0
    curvature: CurvatureConfig = field(default_factory=CurvatureConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_steps, self.batch_size, self.n_draws, self.n_replicates, self.n_slots) < 1:
            raise InputError(f"{self}: expected at least 1 step, 1 segment, 1 draw, 1 replicate and 1 slot")
        if self.n_siblings < 4 or min(self.learning_rate, self.ridge, self.noise) <= 0:
            raise InputError(f"{self}: expected at least 4 siblings and positive settings")
        if not 0 < self.query_levels <= 1:
            raise InputError(f"query_levels={self.query_levels}: expected more than 0 and at most 1")
        if self.n_query_draws < 1 or self.n_query_draws % self.n_replicates:
            raise InputError(
                f"n_query_draws={self.n_query_draws}: expected a multiple of n_replicates={self.n_replicates}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WhitenedSketch(Sketch):
    """A sketch of gradients through the root of the inverse curvature."""

    curvature: Curvature

    def fold_of(self, weights: Mapping[str, Tensor]) -> Callable[[Mapping[str, Tensor]], NDArray[np.float32]]:
        """Return the function that whitens and folds gradients [shape=(n_slots,), float32]."""
        fold = Sketch(self.n_slots, self.seed).fold_of(weights)
        return lambda gradients: fold(self.curvature.whiten(gradients))


@dataclass(frozen=True)
class _Fitted:
    generator: Generator
    corpus: EncodedCorpus
    sketch: WhitenedSketch
    sketches: NDArray[np.float32]
    siblings: tuple[Weights, ...]
    posterior: Posterior


class Siblings:
    """Influence as a posterior over short fine-tunings on random halves."""

    name = "siblings"
    revision = "1"
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

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Take the corpus's gradients through its curvature, and fine-tune the siblings.

        Raises
        ------
        InputError
            If the corpus holds fewer than two items: there are no halves.
        """
        config, numbers = self.config, range(len(corpus.segments))
        if len(corpus.item_ids) < 2:
            raise InputError("siblings: the corpus holds one item; halves need at least two")
        curvature = fit_curvature(generator, corpus, run, config.curvature)
        sketch = WhitenedSketch(config.n_slots, config.seed, curvature=curvature)
        draws = generator.noise_draws(config.n_draws, config.seed + 1)
        sketches = run(
            GradientPass(generator, corpus.segments, draws, training_loss, sketch), numbers, name="gradients"
        )
        shown = halves(len(corpus.item_ids), config.n_siblings, config.seed + 4)
        tuning = FineTuneConfig(
            config.n_steps, config.batch_size, config.learning_rate, config.average, config.seed + 5
        )
        siblings = run(
            FineTunePass(generator, corpus, shown, tuning), range(config.n_siblings), name="siblings"
        )
        kernel = (sketches @ sketches.T).astype(np.float64)
        posterior = Posterior.of(kernel, corpus.item_of, shown, ridge=config.ridge, noise=config.noise)
        self._fitted = _Fitted(generator, corpus, sketch, sketches, tuple(siblings), posterior)

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
        gradients = run(
            QueryGradientPass(
                fitted.generator,
                cleanest(draws, config.query_levels),
                config.n_replicates,
                training_loss,
                fitted.sketch,
            ),
            queries,
            name="query gradients",
        )
        losses = run(
            SiblingLossPass(fitted.generator, fitted.siblings, draws, config.n_replicates),
            queries,
            name="losses under siblings",
        )
        return [
            self._scores(fitted, query, g, y) for query, g, y in zip(queries, gradients, losses, strict=True)
        ]

    def _scores(
        self, fitted: _Fitted, query: Query, gradients: NDArray[np.float32], losses: NDArray[np.float64]
    ) -> ItemScores:
        likeness = (fitted.sketches @ gradients.T).astype(np.float64)
        segments = fitted.posterior.segment_scores(likeness, -losses)
        corpus = fitted.corpus
        return ItemScores(
            query.query_id, self.name, self.unit, corpus.item_ids, corpus.per_item(segments), segments.mean(axis=1)
        )  # fmt: skip


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
