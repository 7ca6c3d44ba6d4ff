"""Unlearning scored by the noise-consistent skew: the Fisher step of `unlearning`, the score of `mucs`.

Stands between the two, so that the gain of either part can be told: a rise of the loss counts relative to the
loss, draw by draw, and loud or noisy pairs cannot dominate. The step may be two-sided (see `stepping`).

References
----------
Choi et al. (2025), arXiv:2506.18312 (the step); Serrà et al. (2026), arXiv:2605.17938 (the skew).
"""

from __future__ import annotations

from dataclasses import dataclass

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.curvature.fisher import FisherPass
from linernotes.attribution.curvature.kronecker import Curvature
from linernotes.attribution.unlearning.stepping import Preconditioner, StepConfig, StepMethod
from linernotes.errors import InputError
from linernotes.folds import Runner
from linernotes.generators.base import Generator


@dataclass(frozen=True, slots=True)
class SkewUnlearningConfig(StepConfig):
    """Settings of the step and the score (see `StepConfig`); damping is a multiple of the Fisher's mean."""

    n_query_draws: int = 128
    score: str = "skew"
    damping: float = 0.1

    def __post_init__(self) -> None:
        StepConfig.__post_init__(self)  # a class with slots is made anew, which `super()` does not follow
        if self.damping <= 0:
            raise InputError(f"damping={self.damping}: expected a positive number")


class SkewUnlearning(StepMethod):
    """One-step unlearning with a diagonal Fisher, scored by the skew."""

    name = "unlearning-skew"
    revision = "1"
    paper = "Choi et al. (2025), arXiv:2506.18312, scored as Serrà et al. (2026), arXiv:2605.17938"
    licence = "Apache-2.0"

    def __init__(self, config: SkewUnlearningConfig | None = None, *, seed: int = 0) -> None:
        config = config or SkewUnlearningConfig(seed=seed)
        super().__init__(config)
        self._damping = config.damping

    def preparing(self, n_segments: int) -> int:
        """Return the passes over the corpus: one of each segment."""
        return n_segments

    def preconditioner(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> Preconditioner:
        """Estimate the Fisher diagonal, with the noise that `unlearning` uses."""
        draws = generator.noise_draws(64, self.seed + 2)
        fisher = run(FisherPass(generator, corpus, draws), range(len(corpus.segments)), name="Fisher")
        return Curvature((), fisher, self._damping, "network")
