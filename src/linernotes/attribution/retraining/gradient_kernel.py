"""A kernel of likeness in the generator's own terms: gradients through the inverse curvature, over several networks.

    K = mean over networks of  Φ F̃⁻¹ Φᵀ / (mean of its diagonal),   Φ one averaged loss gradient per corpus segment

An influence function taken at one set of weights says as much about that training run as about the recordings.
Averaging over independently trained networks removes the former, at the price of training them. *Loosened* copies do
most of it for seconds each: the generator is fine-tuned on its whole corpus at a high learning rate for a few steps,
which undoes what the end of the training, at a falling rate, had settled.

Conventions
-----------
The first network is the generator itself, the others are loosened copies. Each has a curvature and noise draws of its
own. Queries leave out silence and padding.

Cost
----
Per network two passes for the curvature, and one gradient per corpus segment and draw; ``loosening_steps`` training
steps per copy. A query: one gradient per network. Memory: ``4 * n_slots`` bytes per segment and network.

References
----------
Park et al. (2023), "TRAK", section 3.4 (ensembles of gradient kernels); George et al. (2018), "EK-FAC"; Huang et al.
(2017), "Snapshot ensembles" (networks from one run at a renewed rate). That the weights *during* the renewed rate serve
better than those at its end is our finding (docs/methods/siblings.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.curvature.kronecker import Curvature, CurvatureConfig, fit_curvature
from linernotes.attribution.gradients.per_item import GradientPass, QueryGradientPass, Sketch, training_loss
from linernotes.attribution.measurement import network_with
from linernotes.attribution.repeats import distinct
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig, FineTunePass
from linernotes.errors import InputError
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws

TINY = 1e-30


@dataclass(frozen=True, slots=True)
class KernelConfig:
    """Settings of the kernel.

    Parameters
    ----------
    n_draws, n_slots
        Noise draws per corpus segment; length of a folded gradient.
    n_loosened : int >= 0
        Loosened copies beside the generator.
    loosening_steps, loosening_batch, loosening_rate
        How a copy is loosened.
    curvature : CurvatureConfig
        Of the metric.
    """

    n_draws: int = 16
    n_slots: int = 32768
    n_loosened: int = 3
    loosening_steps: int = 120
    loosening_batch: int = 16
    loosening_rate: float = 6e-3
    curvature: CurvatureConfig = field(default_factory=CurvatureConfig)

    def __post_init__(self) -> None:
        if min(self.n_draws, self.n_slots, self.loosening_steps, self.loosening_batch) < 1:
            raise InputError(f"{self}: expected at least 1 draw, 1 slot, 1 step and 1 segment a step")
        if self.n_loosened < 0 or self.loosening_rate <= 0:
            raise InputError(f"{self}: expected no negative number of copies and a positive rate")

    @property
    def n_networks(self) -> int:
        """How many networks the kernel is averaged over."""
        return 1 + self.n_loosened

    def passes(self, n_segments: int) -> int:
        """Return how many passes, forward and as many backward, fitting takes; segments that occur twice save some.

        Examples
        --------
        >>> KernelConfig(n_draws=3, n_loosened=1, loosening_steps=5, loosening_batch=2).passes(10)
        150
        """
        loosening = self.n_loosened * self.loosening_steps * self.loosening_batch
        return loosening + self.n_networks * (self.curvature.passes(n_segments) + n_segments * self.n_draws)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhitenedSketch(Sketch):
    """A sketch of gradients through the root of the inverse curvature."""

    curvature: Curvature

    def fold_of(self, weights: Mapping[str, Tensor]) -> Callable[[Mapping[str, Tensor]], NDArray[np.float32]]:
        """Return the function that whitens and folds gradients [shape=(n_slots,), float32]."""
        fold = Sketch(self.n_slots, self.seed).fold_of(weights)
        return lambda gradients: fold(self.curvature.whiten(gradients))


@dataclass(frozen=True)
class _Member:
    network: nn.Module
    sketch: WhitenedSketch
    sketches: NDArray[np.float32]
    scale: float


@dataclass(frozen=True)
class GradientKernel:
    """A fitted kernel: ``matrix`` [shape=(n_segments, n_segments), float64] of corpus segments, mean diagonal 1."""

    generator: Generator
    members: tuple[_Member, ...]
    matrix: NDArray[np.float64]

    def likeness(
        self, queries: Sequence[Query], draws: NoiseDraws, n_replicates: int, run: Runner
    ) -> list[NDArray[np.float64]]:
        """Return the kernel of corpus segments and each query [shape=(n_segments, n_replicates) each].

        Replicates are disjoint groups of the draws.
        """
        summed = [np.zeros((len(self.matrix), n_replicates)) for _ in queries]
        for member in self.members:
            fold = QueryGradientPass(
                self.generator, draws, n_replicates, training_loss, member.sketch, member.network
            )
            for total, gradients in zip(summed, run(fold, queries, name="query gradients"), strict=True):
                total += (member.sketches @ gradients.T) / (member.scale * len(self.members))
        return summed


def fit_kernel(
    generator: Generator, corpus: EncodedCorpus, run: Runner, config: KernelConfig, seed: int
) -> GradientKernel:
    """Loosen the copies, and take the corpus's gradients through the curvature of every network."""
    networks = [generator.network, *loosened(generator, corpus, run, config, seed)]
    members = [
        _member(generator, network, corpus, run, config, seed + 100 * number)
        for number, network in enumerate(networks)
    ]
    matrix = np.zeros((len(corpus.segments),) * 2)
    for member in members:
        matrix += (member.sketches @ member.sketches.T) / (member.scale * len(members))
    return GradientKernel(generator, tuple(members), matrix)


def loosened(
    generator: Generator, corpus: EncodedCorpus, run: Runner, config: KernelConfig, seed: int
) -> list[nn.Module]:
    """Return copies of the network after a few steps on the whole corpus at a high learning rate."""
    tuning = FineTuneConfig(
        config.loosening_steps, config.loosening_batch, config.loosening_rate, 0.97, seed + 50,
        one_plan=False, decay=False,
    )  # fmt: skip
    everything = np.ones((config.n_loosened, len(corpus.item_ids)), dtype=bool)
    fold = FineTunePass(generator, corpus, everything, tuning)
    return [
        network_with(generator, weights)
        for weights in run(fold, range(config.n_loosened), name="loosened copies")
    ]


def _member(
    generator: Generator,
    network: nn.Module,
    corpus: EncodedCorpus,
    run: Runner,
    config: KernelConfig,
    seed: int,
) -> _Member:
    curvature = fit_curvature(generator, corpus, run, config.curvature, network)
    sketch = WhitenedSketch(config.n_slots, seed, curvature=curvature)
    draws = generator.noise_draws(config.n_draws, seed + 1)
    fold = GradientPass(generator, corpus.segments, draws, training_loss, sketch, network)
    numbers, place_of = distinct(corpus.segments)
    sketches = run(fold, numbers, name="gradients")[place_of]
    scale = max(float(np.square(sketches, dtype=np.float64).sum()) / len(sketches), TINY)
    return _Member(network, sketch, sketches, scale)
