"""Forward influence: one plain gradient step away from the output, scored by the losses of the corpus.

The mirrored-influence idea at its simplest. No curvature is estimated, so the step also disturbs what the whole
corpus leans on; what the preconditioned methods gain over this one is what curvature is worth.

    θ' = θ + η ∇ℓ(ẑ; θ),        score_i = ℓ̄(z_i; θ') − ℓ̄(z_i; θ)

Assumptions
-----------
Learning from i lowers the output's loss about as much as learning from the output lowers i's.

Conventions
-----------
Those of `stepping`. We step up rather than down, as unlearning does; to first order only the sign differs.

References
----------
Ko et al. (2024), "The mirrored influence hypothesis: efficient data influence estimation by harnessing forward
passes", arXiv:2402.08922.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.unlearning.stepping import Preconditioner, StepConfig, StepMethod
from linernotes.folds import Runner
from linernotes.generators.base import Generator


@dataclass(frozen=True, slots=True)
class ForwardConfig(StepConfig):
    """Settings of forward influence: those of `StepConfig`."""


@dataclass(frozen=True)
class AsItIs:
    """No preconditioner: the step is the gradient.

    Examples
    --------
    >>> AsItIs().solve({})
    {}
    """

    def solve(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the gradient."""
        return gradients


class ForwardInfluence(StepMethod):
    """A plain gradient step on the query, after Ko et al. (2024)."""

    name = "forward"
    revision = "1"
    paper = "Ko et al. (2024), arXiv:2402.08922"
    licence = "Apache-2.0"

    def __init__(self, config: ForwardConfig | None = None, *, seed: int = 0) -> None:
        super().__init__(config or ForwardConfig(seed=seed))

    def preparing(self, n_segments: int) -> int:
        """Return the passes over the corpus: none."""
        return 0

    def preconditioner(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> Preconditioner:
        """Return none: nothing is fitted."""
        return AsItIs()
