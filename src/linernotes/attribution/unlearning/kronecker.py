"""Unlearning with Kronecker-factored curvature: the step of `unlearning`, preconditioned by EK-FAC.

The diagonal of `fisher` protects single weights; EK-FAC protects the directions that the corpus uses, in every
layer's own eigenbasis. Everything else is as in `stepping`.

References
----------
Wang et al. (2025), "Fast data attribution for text-to-image models", arXiv:2511.10721, where attribution by
unlearning with EK-FAC is called AbU+; Choi et al. (2025), arXiv:2506.18312; George et al. (2018), "EK-FAC".

Known limits
------------
We set the step's length by the predicted rise of the query's loss, not by a learning rate over the corpus size.
"""

from __future__ import annotations

from dataclasses import dataclass

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.curvature.kronecker import CurvatureConfig, fit_curvature
from linernotes.attribution.unlearning.stepping import Preconditioner, StepConfig, StepMethod
from linernotes.folds import Runner
from linernotes.generators.base import Generator


@dataclass(frozen=True, slots=True)
class EkfacUnlearningConfig(StepConfig):
    """Settings of the step and the score (see `StepConfig`), and of the curvature (see `CurvatureConfig`)."""

    query_levels: float = 0.75
    kind: str = "ekfac"
    gradients: str = "auto"
    n_repeats: int = 2
    damping: float = 0.2
    scope: str = "layer"

    def __post_init__(self) -> None:
        StepConfig.__post_init__(self)  # a class with slots is made anew, which `super()` does not follow
        self.curvature()

    def curvature(self) -> CurvatureConfig:
        """Return the settings of the curvature."""
        return CurvatureConfig(self.kind, self.gradients, self.n_repeats, self.damping, self.scope, self.seed)


class EkfacUnlearning(StepMethod):
    """One-step unlearning with EK-FAC curvature (AbU+), after Wang et al. (2025)."""

    name = "unlearning-ekfac"
    revision = "1"
    paper = "Wang et al. (2025), arXiv:2511.10721"
    licence = "Apache-2.0"

    def __init__(self, config: EkfacUnlearningConfig | None = None, *, seed: int = 0) -> None:
        config = config or EkfacUnlearningConfig(seed=seed)
        super().__init__(config)
        self._curvature_config = config.curvature()

    def preparing(self, n_segments: int) -> int:
        """Return the passes over the corpus: those of the curvature."""
        return self._curvature_config.passes(n_segments)

    def preconditioner(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> Preconditioner:
        """Estimate the curvature of the corpus's loss.

        Raises
        ------
        InputError
            If the settings ask for sampled gradients and the adapter has no ``outputs``.
        """
        return fit_curvature(generator, corpus, run, self._curvature_config)
