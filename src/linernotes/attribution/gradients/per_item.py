"""Gradients of segments and queries, kept as short sketches: the measurement under all gradient methods.

A segment is described by the derivative of one number, such as its training loss, with respect to the
generator's weights, averaged over noise draws that all segments share. That is as long as the generator is
large, so every gradient is folded into ``n_slots`` numbers as soon as it is made: a random hash sends each
weight to a slot, with a random sign. Inner products survive on average, with relative error of about
1 / √n_slots, and the hash is made again from its seed wherever it is needed.

    φ(z)_s = Σ_j σ_j [h_j = s] g_j,      g = mean_k ∇ f_k(z; θ),      E ⟨φ(z), φ(z')⟩ = ⟨g, g'⟩

Conventions
-----------
Only weights that ``generator.updatable`` names take part. Silence and padding count in the corpus, as they
did in training, and are left out of queries. Where there are no more weights than slots, gradients are kept
as they are. Sketches are ``[shape=(n_segments, n_slots), float32]``, summed in double precision.

Cost
----
One forward and backward pass per segment and draw; all draws of a segment go through one backward pass, which is
as quick as gradients of single samples would be, and asks nothing of the network's layers.

References
----------
Charikar, Chen, Farach-Colton (2002), "Finding frequent items in data streams" (the sketch); Weinberger et
al. (2009), "Feature hashing"; Kane and Nelson (2014), "Sparser Johnson-Lindenstrauss transforms".

Known limits
------------
The table of slots takes 8 bytes per weight in every worker, and sketches are made on the CPU.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.repeats import distinct
from linernotes.attribution.working_copy import trainable_copy
from linernotes.errors import InputError
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws, OutputGenerator, Segments

PAIRS_PER_PASS = 64  # of segment and draw: bounds the memory of one backward pass

Scalar = Callable[[Generator, nn.Module, Segments, NoiseDraws, bool], Tensor]
"""The number whose gradient describes a segment, under every draw [shape=(n_segments, n_draws)]."""


@dataclass(frozen=True, slots=True)
class GradientConfig:
    """Settings that all gradient methods share.

    Parameters
    ----------
    n_draws : int
        Noise draws per corpus segment, the same for all.
    n_query_draws : int
        Noise draws per query segment, split evenly over the replicates; others than the corpus's.
    n_replicates : int
        Repeated measurements of each score; every one sees all noise levels.
    n_slots : int
        Numbers that a gradient is folded into.
    seed : int
        Of noise and hash.
    """

    n_draws: int = 16
    n_query_draws: int = 64
    n_replicates: int = 8
    n_slots: int = 4096
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_draws, self.n_replicates, self.n_slots) < 1:
            raise InputError(f"{self}: expected at least 1 draw, 1 replicate and 1 slot")
        if self.n_query_draws < 1 or self.n_query_draws % self.n_replicates:
            raise InputError(
                f"n_query_draws={self.n_query_draws}: expected a multiple of n_replicates={self.n_replicates}"
            )


def training_loss(
    generator: Generator, network: nn.Module, segments: Segments, draws: NoiseDraws, audible_only: bool
) -> Tensor:
    """Return the training loss."""
    return generator.losses(network, segments, draws, audible_only=audible_only)


def mean_squared_output(
    generator: Generator, network: nn.Module, segments: Segments, draws: NoiseDraws, audible_only: bool
) -> Tensor:
    """Return the mean square of what the network predicts."""
    predicted = must_show_outputs(generator).outputs(network, segments, draws)
    return over_tokens(predicted.square().mean(dim=-1), segments, audible_only)


def mean_output(
    generator: Generator, network: nn.Module, segments: Segments, draws: NoiseDraws, audible_only: bool
) -> Tensor:
    """Return the mean of what the network predicts."""
    predicted = must_show_outputs(generator).outputs(network, segments, draws)
    return over_tokens(predicted.mean(dim=-1), segments, audible_only)


def must_show_outputs(generator: Generator) -> OutputGenerator:
    """Return the generator if it shows what it predicts.

    Raises
    ------
    InputError
        If it does not.
    """
    if not hasattr(generator, "outputs"):  # all else every generator has, and asking it may take long
        raise InputError(
            f"generator {generator.generator_id}: it has no 'outputs', which D-TRAK and DAS differentiate; give its "
            "adapter that method (see OutputGenerator) or choose a method that needs losses alone, such as trak"
        )
    return cast("OutputGenerator", generator)


def over_tokens(values: Tensor, segments: Segments, audible_only: bool) -> Tensor:
    """Average over tokens; a segment without any sound keeps all [shape=(n_segments, n_draws)]."""
    if not audible_only:
        return values.mean(dim=-1)
    heard = segments.audible.to(values)
    weight = torch.where(heard.sum(dim=1, keepdim=True) > 0, heard, torch.ones_like(heard))[:, None]
    return (values * weight).sum(dim=-1) / weight.sum(dim=-1)


@dataclass(frozen=True, slots=True)
class Sketch:
    """A random fold of all weights into a few slots, the same wherever it is made from the same seed.

    Examples
    --------
    >>> gradient = {"weight": torch.arange(6.0).reshape(2, 3)}
    >>> Sketch(8).fold_of(gradient)(gradient).tolist()  # room for all: kept as they are
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    >>> Sketch(4).fold_of(gradient)(gradient).shape
    (4,)
    """

    n_slots: int
    seed: int = 0

    def fold_of(self, weights: Mapping[str, Tensor]) -> Callable[[Mapping[str, Tensor]], NDArray[np.float32]]:
        """Return the function that folds gradients of these weights [shape=(n_slots,), float32]."""
        if sum(weight.numel() for weight in weights.values()) <= self.n_slots:
            return flattened
        table = np.concatenate([self._slots_of(name, weight.numel()) for name, weight in weights.items()])

        def folded(gradients: Mapping[str, Tensor]) -> NDArray[np.float32]:
            # the upper half of the slots holds what enters with a minus
            sums = np.bincount(table, flattened(gradients), 2 * self.n_slots)
            return (sums[: self.n_slots] - sums[self.n_slots :]).astype(np.float32)

        return folded

    def _slots_of(self, name: str, n_weights: int) -> NDArray[np.int64]:
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        random = np.random.default_rng(int.from_bytes(digest[:16], "big"))
        return random.integers(2 * self.n_slots, size=n_weights)


def flattened(gradients: Mapping[str, Tensor]) -> NDArray[np.float32]:
    """Return gradients of all weights in a row [shape=(n_weights,), float32]."""
    row: NDArray[np.float32] = torch.cat([g.flatten() for g in gradients.values()]).float().cpu().numpy()
    return row


@dataclass(frozen=True)
class GradientPass:
    """A fold over segment numbers: the sketched gradient of each, mean over draws.

    ``network`` stands in for the generator's own where gradients at another checkpoint are wanted.
    """

    generator: Generator
    segments: Segments
    draws: NoiseDraws
    scalar: Scalar
    sketch: Sketch
    network: nn.Module | None = None

    def start(self) -> list[NDArray[np.float32]]:
        """Return no gradients."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[int]) -> list[NDArray[np.float32]]:
        """Differentiate one shard of segments [shape=(n_shard, n_slots)]."""
        network, weights = differentiable(self.generator, self.network)
        fold = self.sketch.fold_of(weights)
        rows = []
        for number in items:
            segment = self.segments.pick([number])
            gradient = mean_gradient(self.generator, network, weights, self.scalar, segment, self.draws)
            rows.append(_finite(fold(gradient), f"segment {number} of the corpus"))
        return [*state, np.stack(rows)]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return all sketches [shape=(n_segments, n_slots), float32]."""
        return np.concatenate(state)


@dataclass(frozen=True)
class QueryGradientPass:
    """A fold over queries: the sketched gradient of each, mean over its segments, for every group of draws.

    Group r of R holds draws r, r + R, r + 2 R, …: each spans all noise levels.
    """

    generator: Generator
    draws: NoiseDraws
    n_groups: int
    scalar: Scalar
    sketch: Sketch
    network: nn.Module | None = None

    def start(self) -> list[NDArray[np.float32]]:
        """Return no gradients."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[Query]) -> list[NDArray[np.float32]]:
        """Differentiate one shard of queries [shape=(n_groups, n_slots) each]."""
        network, weights = differentiable(self.generator, self.network)
        fold = self.sketch.fold_of(weights)
        made = []
        for query in items:
            groups = [
                fold(mean_gradient(self.generator, network, weights, self.scalar, query.segments,
                                   self.draws.pick(slice(first, None, self.n_groups)), audible_only=True))
                for first in range(self.n_groups)
            ]  # fmt: skip
            made.append(_finite(np.stack(groups), f"query {query.query_id}"))
        return [*state, *made]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep query order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return one array per query [shape=(n_groups, n_slots), float32]."""
        return state


def differentiable(
    generator: Generator, network: nn.Module | None = None
) -> tuple[nn.Module, dict[str, nn.Parameter]]:
    """Return a copy of the network and those of its weights that take part, ready to be differentiated."""
    copied = trainable_copy(generator, network)
    return copied, generator.updatable(copied)


def mean_gradient(
    generator: Generator,
    network: nn.Module,
    weights: Mapping[str, Tensor],
    scalar: Scalar,
    segments: Segments,
    draws: NoiseDraws,
    *,
    audible_only: bool = False,
) -> dict[str, Tensor]:
    """Return the gradient of a scalar's mean over segments and draws."""
    summed = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    n_pairs = len(segments) * len(draws)
    for number in range(len(segments)):
        segment = segments.pick([number])
        for first in range(0, len(draws), PAIRS_PER_PASS):
            part = draws.pick(slice(first, first + PAIRS_PER_PASS))
            value = scalar(generator, network, segment, part, audible_only).sum() / n_pairs
            gradients = torch.autograd.grad(
                value, list(weights.values()), allow_unused=True, materialize_grads=True
            )
            for total, gradient in zip(summed.values(), gradients, strict=True):
                total += gradient
    return summed


def corpus_gradients(
    generator: Generator,
    corpus: EncodedCorpus,
    config: GradientConfig,
    scalar: Scalar,
    run: Runner,
    network: nn.Module | None = None,
) -> NDArray[np.float32]:
    """Run a `GradientPass` over all segments of the corpus [shape=(n_segments, n_slots), float32]."""
    draws = generator.noise_draws(config.n_draws, config.seed + 1)
    sketch = Sketch(config.n_slots, config.seed)
    numbers, place_of = distinct(corpus.segments)
    fold = GradientPass(generator, corpus.segments, draws, scalar, sketch, network)
    return run(fold, numbers, name="gradients")[place_of]


def query_gradients(
    generator: Generator,
    queries: Sequence[Query],
    config: GradientConfig,
    scalar: Scalar,
    run: Runner,
    network: nn.Module | None = None,
) -> list[NDArray[np.float64]]:
    """Run a `QueryGradientPass` [shape=(n_replicates, n_slots), float64, per query]."""
    # not the corpus's draws: noise in common would pass for influence
    draws = generator.noise_draws(config.n_query_draws, config.seed + 3)
    sketch = Sketch(config.n_slots, config.seed)
    fold = QueryGradientPass(generator, draws, config.n_replicates, scalar, sketch, network)
    return [rows.astype(np.float64) for rows in run(fold, queries, name="query gradients")]


def gradient_passes(config: GradientConfig, n_segments: int, n_query_segments: int) -> tuple[int, int]:
    """Return the forward and backward passes of one scalar's gradients: of the corpus, and of so many query segments.

    Examples
    --------
    >>> gradient_passes(GradientConfig(n_draws=2, n_query_draws=8), n_segments=10, n_query_segments=3)
    (44, 44)
    """
    passes = n_segments * config.n_draws + n_query_segments * config.n_query_draws
    return passes, passes


def items_from_segments(
    method: str, unit: str, corpus: EncodedCorpus, query: Query, values: NDArray[np.float64]
) -> ItemScores:
    """Turn scores of segments [shape=(n_segments, n_replicates)] into scores of items: the mean over segments."""
    return ItemScores(
        query.query_id, method, unit, corpus.item_ids, corpus.per_item(values), values.mean(axis=1)
    )


def _finite(rows: NDArray[np.float32], of_what: str) -> NDArray[np.float32]:
    if not np.isfinite(rows).all():
        raise InputError(
            f"{of_what}: its gradient holds values that are not numbers; expected finite losses and weights: "
            "check the generator's weights and that tokens are finite"
        )
    return rows
