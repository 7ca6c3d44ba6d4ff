"""What a segment looks like from inside the generator: its preconditioned gradient, sketched, and its hidden states.

The influence of a segment i on a query q, or what forgetting q does to i, is to first order an inner product of two
gradients,

    score(q, i) ∝ ⟨u_q, u_i⟩,        u = (F + λ F̄)^-½ ∇ℓ,

with F the curvature of the corpus's loss: Kronecker blocks (EK-FAC), or the Fisher diagonal, whichever the teacher
goes by. The gradients are too long to keep; a sparse random projection (one signed bucket
per weight) keeps their inner products without bias. To it join the pooled hidden states of each transformer
layer, the pooled tokens, and the loss: what a student needs to correct the first-order score.

Conventions
-----------
Items are measured with padding and silence, queries on their audible tokens, as in `unlearning`. All segments
share the same few noise draws. ``sketch`` [shape=(n, n_buckets), float32] is in units of the loss; a query has
one row, the mean over its segments.

Cost
----
``n_item_draws`` forward and backward passes per item segment, about 16 per query; ``4 n_buckets`` bytes kept per
segment while fitting.

References
----------
Charikar, Chen, Farach-Colton (2002), "Finding frequent items in data streams" (the signed buckets);
Kane and Nelson (2014), "Sparser Johnson-Lindenstrauss transforms"; Choe et al. (2024), "What is your data
worth to GPT?" (projected gradients for attribution).

Known limits
------------
The sketch of inner products has standard error ``|u| |v| / sqrt(n_buckets)``. Hidden states are pooled over
noise draws together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.curvature.kronecker import Curvature
from linernotes.attribution.measurement import cleanest
from linernotes.attribution.working_copy import trainable_copy
from linernotes.errors import CorpusError
from linernotes.generators.base import Generator, NoiseDraws, Segments

Rows = NDArray[np.float32]
MOST_PASSES = 16
AGAIN = "build the index again with 'linernotes index build'"


@dataclass(frozen=True, slots=True)
class Features:
    """Features of segments or queries, one row each.

    Parameters
    ----------
    sketch : NDArray [shape=(n, n_buckets), float32]
        Projected preconditioned gradient.
    hidden : NDArray [shape=(n, n_hidden), float32]
        Mean and deviation over tokens of the tokens themselves and of every layer's output.
    loss, strength : NDArray [shape=(n,), float32]
        Mean loss, and the squared length of the preconditioned gradient.
    """

    sketch: Rows
    hidden: Rows
    loss: Rows
    strength: Rows

    def __len__(self) -> int:
        return len(self.loss)

    @classmethod
    def join(cls, parts: Sequence[Features]) -> Features:
        """Return the rows of several, in order."""
        columns = (tuple(getattr(part, name) for part in parts) for name in cls.__slots__)
        return cls(*(np.concatenate(rows) for rows in columns))

    def pick(self, index: Sequence[int] | NDArray[np.int64]) -> Features:
        """Return the chosen rows."""
        rows = np.asarray(index, dtype=np.int64)
        return Features(self.sketch[rows], self.hidden[rows], self.loss[rows], self.strength[rows])


class FeatureReader:
    """Reads features from a generator; holds its own copy of the network, the weighting and the projection.

    Parameters
    ----------
    generator : Generator
        Left as it is.
    curvature : Curvature
        What gradients are brought to one scale by; see `diagonal_of` for the simplest.
    n_item_draws, n_query_draws, n_buckets : int
        Noise draws per item segment, at most so many per query segment, and length of the sketch.
    seed : int
        Of the draws and the projection.
    query_levels : float in (0, 1]
        Part of the noise levels, the cleanest, that a query's gradient is taken at.
    """

    def __init__(
        self,
        generator: Generator,
        curvature: Curvature,
        *,
        n_item_draws: int,
        n_query_draws: int,
        n_buckets: int,
        seed: int,
        query_levels: float = 1.0,
    ) -> None:
        self.generator = generator
        self.curvature = curvature
        self._item_draws: NoiseDraws = generator.noise_draws(n_item_draws, seed + 4)
        self._n_query_draws, self._query_levels, self._seed = n_query_draws, query_levels, seed
        self._network = trainable_copy(generator)
        self._weights = generator.updatable(self._network)
        _must_fit(curvature, self._weights)
        n_weights = sum(weight.numel() for weight in self._weights.values())
        random = torch.Generator().manual_seed(seed + 5)
        self._signs = torch.randint(0, 2, (n_weights,), generator=random).mul_(2).sub_(1)
        self._buckets = torch.randint(0, n_buckets, (n_weights,), generator=random)
        self._n_buckets = n_buckets
        self._layers = layer_names(list(self._weights))

    def of_items(self, segments: Segments) -> Features:
        """Return one row per segment, padding and silence included, as the generator was trained."""
        draws = self._item_draws
        rows = [self._row(segments.pick([i]), draws, audible_only=False) for i in range(len(segments))]
        return Features.join(rows)

    def of_query(self, segments: Segments) -> Features:
        """Return one row for all segments of an output together, on audible tokens.

        A longer output gets fewer draws per segment, so that an answer takes about the same time.
        """
        n_draws = draws_for(len(segments), self._n_query_draws)
        pool = self.generator.noise_draws(round(n_draws / self._query_levels), self._seed + 4)
        return self._row(segments, cleanest(pool, self._query_levels), audible_only=True)

    def _row(self, segments: Segments, draws: NoiseDraws, *, audible_only: bool) -> Features:
        with _pooled_outputs(self._network, self._layers) as pooled:
            loss = self.generator.losses(self._network, segments, draws, audible_only=audible_only).mean()
        gradients = torch.autograd.grad(loss, list(self._weights.values()))
        named = {name: one.detach().cpu() for name, one in zip(self._weights, gradients, strict=True)}
        flat = torch.cat([one.flatten() for one in self.curvature.whiten(named).values()])
        sketch = torch.zeros(self._n_buckets).index_add_(0, self._buckets, flat * self._signs)
        strength = float(flat.double().square().sum())
        tokens = segments.latents.flatten(0, 1)
        hidden = torch.cat([tokens.mean(0), tokens.std(0, correction=0), *pooled])
        facts = np.array([[float(loss.detach())], [strength]], dtype=np.float32)
        return Features(sketch[None].numpy(), hidden[None].numpy(), facts[0], facts[1])


@dataclass(frozen=True)
class FeaturePass:
    """A fold over segment numbers that reads item features.

    A copy of the reader is not needed: reading changes nothing.
    """

    reader: FeatureReader
    segments: Segments

    def start(self) -> list[Features]:
        """Return no features."""
        return []

    def add(self, state: list[Features], items: Sequence[int]) -> list[Features]:
        """Read one shard of segments."""
        return [*state, self.reader.of_items(self.segments.pick(list(items)))]

    def merge(self, left: list[Features], right: list[Features]) -> list[Features]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[Features]) -> Features:
        """Return all rows."""
        return Features.join(state)


def draws_for(n_segments: int, n_query_draws: int) -> int:
    """Return the draws per segment of a query: as set, but at most 16 passes in all, and at least 2 draws.

    Examples
    --------
    >>> [draws_for(n, 8) for n in (1, 2, 4, 100)]
    [8, 8, 4, 2]
    """
    return min(n_query_draws, max(2, MOST_PASSES // n_segments))


def diagonal_of(fisher: Mapping[str, Tensor], damping: float) -> Curvature:
    """Return the Fisher diagonal as a curvature; ``damping`` is the multiple of its mean that is added to every weight's."""
    return Curvature((), {name: values.float() for name, values in fisher.items()}, damping, "network")


def _must_fit(curvature: Curvature, weights: Mapping[str, Tensor]) -> None:
    """Refuse a curvature of other weights than the generator's."""
    expected = {name: tuple(weight.shape) for name, weight in weights.items()}
    found = {name: tuple(values.shape) for name, values in curvature.diagonal.items()}
    for block in curvature.blocks:
        parts = block.layer.split(block.eigenvalues)
        found |= {name: tuple(values.shape) for name, values in parts.items()}
    if found != expected:
        differing = sorted(
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        )
        raise CorpusError(
            f"index made for other weights than the generator's ({len(differing)} differ, '{differing[0]}' first); {AGAIN}"
        )


def layer_names(weights: Sequence[str]) -> list[str]:
    """Return the modules that repeat: the shortest prefix of each weight's name that ends in a number.

    Examples
    --------
    >>> layer_names(["layers.0.up.weight", "layers.0.up.bias", "layers.1.up.weight", "head.weight"])
    ['layers.0', 'layers.1']
    """
    found = (re.match(r"(.*?\d+)(?=\.|$)", name) for name in weights)
    return list(dict.fromkeys(match.group(1) for match in found if match))


@contextmanager
def _pooled_outputs(network: nn.Module, names: Sequence[str]) -> Iterator[list[Tensor]]:
    """Collect mean and deviation over rows and tokens of the named modules' outputs, in their order."""
    sums: dict[str, tuple[Tensor, Tensor, int]] = {}
    pooled: list[Tensor] = []

    def keep(name: str, output: object) -> None:
        if not isinstance(output, Tensor) or output.ndim < 2:
            return
        rows = output.detach().flatten(0, -2).double().cpu()
        first, second, count = sums.get(name, (torch.zeros(1), torch.zeros(1), 0))
        sums[name] = first + rows.sum(0), second + rows.square().sum(0), count + len(rows)

    modules = dict(network.named_modules())
    hooks = [
        modules[name].register_forward_hook(lambda _module, _inputs, output, name=name: keep(name, output))
        for name in names
        if name in modules
    ]
    try:
        yield pooled
    finally:
        for hook in hooks:
            hook.remove()
    for name in names:
        if name in sums:
            first, second, count = sums[name]
            mean = first / count
            pooled += [mean.float(), (second / count - mean.square()).clamp_min(0).sqrt().float()]
