"""Kronecker-factored curvature: what a change of the weights costs the whole corpus.

For a Linear layer with inputs a (a 1 for the bias folded in) and gradients g at its outputs, the Fisher block
``E[vec(∇) vec(∇)ᵀ]`` is replaced by a product in the eigenbases of two small covariances:

    A = E[a aᵀ] = U_A · U_Aᵀ        S = E[g gᵀ] = U_S · U_Sᵀ
    K-FAC     Λ = λ_S λ_Aᵀ                         (eigenvalues of the Kronecker product S ⊗ A)
    EK-FAC    Λ = E[(U_Sᵀ ∇ U_A)²]                  (second moments in that basis: the best diagonal there)

    (F + δ)⁻¹ ∇  =  U_S [ (U_Sᵀ ∇ U_A) / (Λ + δ) ] U_Aᵀ

Weights outside Linear layers get a plain diagonal.

Assumptions
-----------
Layers are independent of each other; within a layer the eigenbasis of the product is near enough to that of
the block. ``empirical`` gradients are those of the corpus's own losses. ``sampled`` ones are Jacobians times
normal noise, ``√(2/n) Jᵀu``, whose second moment is exactly the Gauss–Newton matrix (equally the true Fisher)
of a mean squared error over n outputs; they need an adapter with ``outputs``.

Conventions
-----------
Means are over pairs of segment and noise draw. Damping is a multiple of the mean eigenvalue, of the layer's
own or of all layers'. Segment number i takes draws ``i, i + n/r, i + 2n/r, …`` (mod n) for r repeats out of n,
so that noise levels are spread evenly over the corpus.

Cost
----
Two passes over the corpus, each ``n_repeats`` gradients per segment; ``n_in² + n_out²`` numbers per layer for
the bases and ``n_in n_out`` for the eigenvalues.

References
----------
Martens and Grosse (2015), "Optimizing neural networks with Kronecker-factored approximate curvature";
George et al. (2018), "Fast approximate natural gradient descent in a Kronecker-factored eigenbasis";
Grosse et al. (2023), arXiv:2308.03296; Eschenhagen et al. (2023), arXiv:2311.00636 (weight sharing: "expand").

Known limits
------------
Sampled gradients assume a mean squared error: with another loss, such as the cross-entropy of a token model, ask for
``empirical`` ones. Convolutions count as weights outside Linear layers. The bases of a layer n wide take n³ work once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.curvature.linear import (
    Layout,
    LinearLayer,
    Rows,
    Scalar,
    layout_of,
    rows_of,
)
from linernotes.attribution.products import matmul, over_rows
from linernotes.attribution.working_copy import trainable_copy
from linernotes.errors import InputError
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws, OutputGenerator, Segments

KINDS = ("ekfac", "kfac")
GRADIENTS = ("auto", "empirical", "sampled")
SCOPES = ("layer", "network")
N_LEVELS = 64  # draws in the pool that repeats are taken from

Sums = tuple[dict[str, Tensor], int]


@dataclass(frozen=True, slots=True)
class CurvatureConfig:
    """Settings of Kronecker-factored curvature.

    Parameters
    ----------
    kind : {"ekfac", "kfac"}
        Eigenvalues measured in the basis, or products of the factors' own.
    gradients : {"auto", "empirical", "sampled"}
        Of the corpus's losses, or drawn from the model's own predictions; "auto" draws where the adapter
        shows its predictions.
    n_repeats : int >= 1
        Noise draws per segment and pass, at most 64.
    damping : float > 0
        Multiple of the mean eigenvalue.
    scope : {"layer", "network"}
        Whose mean eigenvalue.
    """

    kind: str = "ekfac"
    gradients: str = "auto"
    n_repeats: int = 2
    damping: float = 0.2
    scope: str = "layer"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("kind", self.kind, KINDS), ("gradients", self.gradients, GRADIENTS), ("scope", self.scope, SCOPES),
        ):  # fmt: skip
            if value not in known:
                raise InputError(f"{name}='{value}': expected one of {', '.join(known)}")
        if not 1 <= self.n_repeats <= N_LEVELS or self.damping <= 0:
            raise InputError(f"{self}: expected 1 to {N_LEVELS} repeats and a positive damping")

    def passes(self, n_segments: int) -> int:
        """Return how many passes, forward and as many backward, fitting takes, but for a look at the layers per shard.

        Examples
        --------
        >>> CurvatureConfig("ekfac", n_repeats=2).passes(10), CurvatureConfig("kfac", n_repeats=2).passes(10)
        (40, 20)
        """
        return (2 if self.kind == "ekfac" else 1) * self.n_repeats * n_segments


@dataclass(frozen=True, slots=True)
class LayerCurvature:
    """One Linear layer's block: eigenvectors in columns, eigenvalues [shape=(n_out, n_in)], all float32."""

    layer: LinearLayer
    out_basis: Tensor
    in_basis: Tensor
    eigenvalues: Tensor

    def solve(self, matrix: Tensor, damping: float) -> Tensor:
        """Return the damped inverse applied to a gradient [shape=(n_out, n_in)]."""
        if damping == 0.0:
            return torch.zeros_like(matrix)
        turned = matmul(matmul(self.out_basis.T, matrix), self.in_basis)
        solved = turned / (self.eigenvalues + damping)
        return matmul(matmul(self.out_basis, solved), self.in_basis.T)

    def whiten(self, matrix: Tensor, damping: float) -> Tensor:
        """Return the gradient in the eigenbasis over the root of the damped eigenvalues [shape=(n_out, n_in)]."""
        if damping == 0.0:
            return torch.zeros_like(matrix)
        turned = matmul(matmul(self.out_basis.T, matrix), self.in_basis)
        return turned * (self.eigenvalues + damping).rsqrt()


@dataclass(frozen=True)
class Curvature:
    """Fitted curvature of a whole network: Kronecker blocks, and a diagonal for the rest.

    Examples
    --------
    >>> layer = LinearLayer("", "weight", "")
    >>> block = LayerCurvature(layer, torch.eye(2), torch.eye(1), torch.tensor([[1.0], [3.0]]))
    >>> Curvature((block,), {}, damping=0.5, scope="layer").solve({"weight": torch.ones(2, 1)})["weight"]
    tensor([[0.5000],
            [0.2500]])
    """

    blocks: tuple[LayerCurvature, ...]
    diagonal: dict[str, Tensor]
    damping: float
    scope: str

    def solve(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return ``(F + δ)⁻¹`` applied to a gradient; zeros where the corpus has no curvature at all."""
        solved: dict[str, Tensor] = {}
        for block in self.blocks:
            damping = self._damping(block.eigenvalues)
            solved |= block.layer.split(block.solve(block.layer.join(gradients), damping))
        for name, values in self.diagonal.items():
            damping = self._damping(values)
            solved[name] = (
                gradients[name] / (values + damping) if damping else torch.zeros_like(gradients[name])
            )
        return {name: solved[name] for name in gradients}

    def whiten(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``(F + δ)^(-1/2)`` applied to a gradient, in the eigenbases.

        Inner products of two results are those of the gradients through the inverse:
        ``⟨whiten(g), whiten(h)⟩ = ⟨g, solve(h)⟩``.
        """
        whitened: dict[str, Tensor] = {}
        for block in self.blocks:
            matrix = block.layer.join(dict(gradients))
            whitened |= block.layer.split(block.whiten(matrix, self._damping(block.eigenvalues)))
        for name, values in self.diagonal.items():
            damping = self._damping(values)
            whitened[name] = gradients[name] * ((values + damping).rsqrt() if damping else 0.0)
        return {name: whitened[name] for name in gradients}

    def with_damping(self, damping: float, scope: str | None = None) -> Curvature:
        """Return the same curvature under other damping."""
        return replace(self, damping=damping, scope=scope or self.scope)

    def _damping(self, eigenvalues: Tensor) -> float:
        mean = self._overall() if self.scope == "network" else float(eigenvalues.mean())
        return self.damping * mean

    def _overall(self) -> float:
        parts = [block.eigenvalues.flatten() for block in self.blocks]
        return float(torch.cat(parts + [values.flatten() for values in self.diagonal.values()]).mean())


@dataclass(frozen=True)
class CurvaturePass:
    """What both passes share: a fold over segment numbers that sums something over pairs in double precision."""

    generator: Generator
    corpus: EncodedCorpus
    draws: NoiseDraws
    layout: Layout
    config: CurvatureConfig
    network: nn.Module | None

    def start(self) -> Sums:
        """Return sums of nothing."""
        return {}, 0

    def add(self, state: Sums, items: Sequence[int]) -> Sums:
        """Add one shard's pairs."""
        network = trainable_copy(self.generator, self.network)
        sums, count = {name: value.clone() for name, value in state[0].items()}, state[1]
        for number in items:
            segment = self.corpus.segments.pick([number])
            draws = self.draws.pick(_spread(number, self.config.n_repeats, len(self.draws)))
            for rows in rows_of(self.generator, network, self.layout, segment, draws, self._scalar(number)):
                for name, value in self.measure(rows).items():
                    if name in sums:
                        sums[name] += value  # in double precision, whatever the value's
                    else:
                        sums[name] = value.double()
            count += self.config.n_repeats
        return sums, count

    def merge(self, left: Sums, right: Sums) -> Sums:
        """Add two sums."""
        if not left[0] or not right[0]:
            return right if not left[0] else left
        return {name: value + right[0][name] for name, value in left[0].items()}, left[1] + right[1]

    def finish(self, state: Sums) -> dict[str, Tensor]:
        """Return means over pairs, float64."""
        return {name: value / max(1, state[1]) for name, value in state[0].items()}

    def measure(self, rows: Rows) -> dict[str, Tensor]:
        """Return what is summed."""
        raise NotImplementedError

    def _scalar(self, number: int) -> Scalar:
        generator = self.generator
        if self.config.gradients == "sampled":
            return SampledScalar(cast("OutputGenerator", generator), self.config.seed, number)
        return lambda network, segment, draws: generator.losses(network, segment, draws)[0]


@dataclass(frozen=True)
class CovariancePass(CurvaturePass):
    """Sums ``a aᵀ`` (as "in/module") and ``g gᵀ`` (as "out/module") over rows and pairs."""

    def measure(self, rows: Rows) -> dict[str, Tensor]:
        """Return both covariances of every layer."""
        summed = {}
        for layer in self.layout.layers:
            for side, values in (("in", rows.inputs), ("out", rows.gradients)):
                flat = values[layer.module].flatten(0, 1)
                summed[f"{side}/{layer.module}"] = over_rows(flat, flat)
        return summed


@dataclass(frozen=True)
class EigenvaluePass(CurvaturePass):
    """Sums squared gradients in the eigenbases (per module), and of weights outside Linear layers (per weight)."""

    bases: dict[str, tuple[Tensor, Tensor]]

    def measure(self, rows: Rows) -> dict[str, Tensor]:
        """Return the squared entries of every pair's gradient, turned."""
        summed = {f"weight/{name}": value.double().square().sum(dim=0) for name, value in rows.others.items()}
        for layer in self.layout.layers:
            out_basis, in_basis = self.bases[layer.module]
            outputs = matmul(rows.gradients[layer.module], out_basis)
            turned = outputs.transpose(1, 2) @ matmul(rows.inputs[layer.module], in_basis)
            summed[f"module/{layer.module}"] = turned.square().sum(dim=0)
        return summed


@dataclass(frozen=True)
class SampledScalar:
    """``√(2/n) ⟨outputs, u⟩`` with normal u, a function of seed, segment and draw alone."""

    generator: OutputGenerator
    seed: int
    number: int

    def __call__(self, network: nn.Module, segment: Segments, draws: NoiseDraws) -> Tensor:
        """Return one number per draw."""
        outputs = self.generator.outputs(network, segment, draws)[0]
        n_outputs = outputs[0].numel()
        noise = []
        for level in draws.levels:  # the level names the draw, whichever others go along
            random = torch.Generator().manual_seed(hash((self.seed, self.number, float(level))) % 2**63)
            noise.append(torch.randn(outputs.shape[1:], generator=random))
        products: Tensor = (outputs * torch.stack(noise)).flatten(1).sum(dim=1)
        return products * math.sqrt(2.0 / n_outputs)


def fit_curvature(
    generator: Generator,
    corpus: EncodedCorpus,
    run: Runner,
    config: CurvatureConfig,
    network: nn.Module | None = None,
) -> Curvature:
    """Estimate the curvature of a network, the generator's unless named, in two passes over the corpus.

    Raises
    ------
    InputError
        If sampled gradients are asked of an adapter without ``outputs``.
    """
    if config.gradients == "auto":
        shown = isinstance(generator, OutputGenerator)
        config = replace(config, gradients="sampled" if shown else "empirical")
    elif config.gradients == "sampled":
        _with_outputs(generator)
    numbers = range(len(corpus.segments))
    draws = generator.noise_draws(N_LEVELS, config.seed + 2)
    layout = layout_of(generator, corpus.segments.pick([0]))
    fold = CovariancePass(generator, corpus, draws, layout, config, network)
    covariances = run(fold, numbers, name="covariances")
    bases, products = {}, {}
    for layer in layout.layers:
        out_values, out_basis = _eigen(covariances[f"out/{layer.module}"])
        in_values, in_basis = _eigen(covariances[f"in/{layer.module}"])
        bases[layer.module] = out_basis, in_basis
        products[layer.module] = torch.outer(out_values, in_values)
    values: dict[str, Tensor] = {}
    if config.kind == "ekfac" or layout.others:
        squares = EigenvaluePass(generator, corpus, draws, layout, config, network, bases)
        values = run(squares, numbers, name="eigenvalues")
    blocks = tuple(
        LayerCurvature(
            layer, *bases[layer.module],
            (values[f"module/{layer.module}"] if config.kind == "ekfac" else products[layer.module]).float(),
        )
        for layer in layout.layers
    )  # fmt: skip
    diagonal = {name: values[f"weight/{name}"].float() for name in layout.others}
    return Curvature(blocks, diagonal, config.damping, config.scope)


def _eigen(covariance: Tensor) -> tuple[Tensor, Tensor]:
    values, basis = torch.linalg.eigh(covariance)
    return values.clamp_min(0.0), basis.float()


def _spread(number: int, n_repeats: int, n_draws: int) -> list[int]:
    return [(number + repeat * n_draws // n_repeats) % n_draws for repeat in range(n_repeats)]


def _with_outputs(generator: Generator) -> OutputGenerator:
    if not isinstance(generator, OutputGenerator):
        raise InputError(
            f"generator {generator.generator_id}: its adapter has no 'outputs', which sampled curvature needs; "
            "add it (see generators/base.py) or use gradients='empirical'"
        )
    return generator
