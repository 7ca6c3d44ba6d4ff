"""Linear layers seen row by row: their inputs, and the gradients at their outputs, pair by pair.

The gradient of one loss with respect to a Linear layer is a sum over rows (tokens) of an outer product,
``Σ_t g_t a_tᵀ``, of the row's input a (with a 1 for the bias) and the gradient g at its output. Kronecker
factors, per-sample gradients and inner products with them all come from these rows, and one backward
call gives the rows of many pairs of segment and noise draw.

Assumptions
-----------
A layer's rows explain its gradient, and the leading axis of what a layer sees counts the draws. Neither is
taken on trust: `layout_of` tries both on one segment. A Linear layer whose rows do not explain its gradient
(tied, or used behind the module's back) joins the weights that are not in a Linear layer; where the leading
axis counts something else, pairs go through the network one at a time.

Conventions
-----------
Inputs ``[shape=(n_pairs, n_rows, n_in), float32]`` with the 1 last when the layer has a bias that may be
updated; gradients at outputs ``[shape=(n_pairs, n_rows, n_out), float32]``.

References
----------
Goodfellow (2015), "Efficient per-example gradient computations", arXiv:1510.01799.

Known limits
------------
Rows of the pairs of one call are held at once: keep calls to about 16 draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from linernotes.attribution.working_copy import trainable_copy
from linernotes.generators.base import Generator, NoiseDraws, Segments

Scalar = Callable[[nn.Module, Segments, NoiseDraws], Tensor]
"""Gives one number per draw of one segment [shape=(n_draws,)], differentiable."""


@dataclass(frozen=True, slots=True)
class LinearLayer:
    """One Linear layer, by the names of its module and of its weights; ``bias`` is "" when it has none."""

    module: str
    weight: str
    bias: str

    def join(self, gradients: dict[str, Tensor]) -> Tensor:
        """Return weight and bias as one matrix, the bias as the last column [shape=(…, n_out, n_in)]."""
        weight = gradients[self.weight]
        return torch.cat([weight, gradients[self.bias][..., None]], dim=-1) if self.bias else weight

    def split(self, matrix: Tensor) -> dict[str, Tensor]:
        """Undo `join`."""
        if not self.bias:
            return {self.weight: matrix}
        return {self.weight: matrix[..., :-1], self.bias: matrix[..., -1]}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which weights are in Linear layers, which are not, and whether draws may go through together."""

    layers: tuple[LinearLayer, ...]
    others: tuple[str, ...]
    together: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """What one backward call showed.

    ``values`` are the scalars [shape=(n_pairs,)]; ``inputs`` and ``gradients`` are per module; ``others``
    are the gradients of weights outside Linear layers [shape=(n_pairs, …)].
    """

    values: Tensor
    inputs: dict[str, Tensor]
    gradients: dict[str, Tensor]
    others: dict[str, Tensor]

    def matrix(self, module: str) -> Tensor:
        """Return the gradient of every pair, bias last [shape=(n_pairs, n_out, n_in)]."""
        return self.gradients[module].transpose(1, 2) @ self.inputs[module]


@dataclass
class _Seen:
    inputs: dict[str, list[Tensor]] = field(default_factory=dict)
    outputs: dict[str, list[Tensor]] = field(default_factory=dict)


def rows_of(
    generator: Generator,
    network: nn.Module,
    layout: Layout,
    segment: Segments,
    draws: NoiseDraws,
    scalar: Scalar,
) -> Iterator[Rows]:
    """Yield the rows of one segment under every draw: all at once, or draw by draw, as the layout says."""
    parts = [draws] if layout.together else [draws.pick([k]) for k in range(len(draws))]
    for part in parts:
        yield _backward(generator, network, layout, segment, part, scalar)


def layout_of(generator: Generator, segment: Segments) -> Layout:
    """Find the Linear layers among the updatable weights, and try on one segment what may be assumed of them."""
    network, draws = trainable_copy(generator), generator.noise_draws(2, 0)
    weights = generator.updatable(network)
    found = tuple(_linear_layers(network, weights))
    alone = []
    for k in range(2):
        loss = generator.losses(network, segment, draws.pick([k])).sum()
        gradient = torch.autograd.grad(
            loss, list(weights.values()), allow_unused=True, materialize_grads=True
        )
        alone.append(dict(zip(weights, gradient, strict=True)))

    def scalar(network: nn.Module, segment: Segments, draws: NoiseDraws) -> Tensor:
        return generator.losses(network, segment, draws)[0]

    trial = Layout(found, (), together=False)
    shown = list(rows_of(generator, network, trial, segment, draws, scalar))
    explained = tuple(
        layer
        for layer in found
        if all(_explains(rows, layer, gradient) for rows, gradient in zip(shown, alone, strict=True))
    )
    covered = {name for layer in explained for name in (layer.weight, layer.bias)}
    others = tuple(name for name in weights if name not in covered)
    if others or not explained:
        return Layout(explained, others, together=False)
    both = _backward(generator, network, Layout(explained, (), together=True), segment, draws, scalar)
    return Layout(explained, (), together=all(_agrees(both, shown, layer) for layer in explained))


def _backward(
    generator: Generator,
    network: nn.Module,
    layout: Layout,
    segment: Segments,
    draws: NoiseDraws,
    scalar: Scalar,
) -> Rows:
    with _watching(network, layout.layers) as seen:
        values = scalar(network, segment, draws)
    weights = generator.updatable(network)
    wanted = [output for layer in layout.layers for output in seen.outputs.get(layer.module, [])]
    others = [weights[name] for name in layout.others]
    found = torch.autograd.grad(values.sum(), [*wanted, *others], allow_unused=True, materialize_grads=True)
    inputs, gradients, at, n_pairs = {}, {}, iter(found), len(draws)
    for layer in layout.layers:
        came = seen.inputs.get(layer.module, [])
        if not came:  # never called: used behind the module's back, or not at all
            n_out, n_in = weights[layer.weight].shape
            inputs[layer.module] = torch.zeros(n_pairs, 0, n_in + bool(layer.bias))
            gradients[layer.module] = torch.zeros(n_pairs, 0, n_out)
            continue
        inputs[layer.module] = torch.cat([_rows(x, n_pairs, bool(layer.bias)) for x in came], dim=1)
        gradients[layer.module] = torch.cat([_rows(next(at), n_pairs, False) for _ in came], dim=1)
    rest = {name: next(at)[None].detach() for name in layout.others}
    return Rows(values.detach(), inputs, gradients, rest)


def _rows(x: Tensor, n_pairs: int, with_one: bool) -> Tensor:
    rows = x.detach().reshape(n_pairs, -1, x.shape[-1])
    return torch.cat([rows, rows.new_ones(*rows.shape[:2], 1)], dim=-1) if with_one else rows


@contextmanager
def _watching(network: nn.Module, layers: tuple[LinearLayer, ...]) -> Iterator[_Seen]:
    seen = _Seen()

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            seen.inputs.setdefault(name, []).append(given[0])
            seen.outputs.setdefault(name, []).append(output)

        return keep

    hooks = [
        network.get_submodule(layer.module).register_forward_hook(watch(layer.module)) for layer in layers
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _linear_layers(network: nn.Module, weights: dict[str, nn.Parameter]) -> Iterator[LinearLayer]:
    for module, linear in network.named_modules():
        prefix = f"{module}." if module else ""
        if isinstance(linear, nn.Linear) and weights.get(f"{prefix}weight") is linear.weight:
            has_bias = linear.bias is not None and weights.get(f"{prefix}bias") is linear.bias
            yield LinearLayer(module, f"{prefix}weight", f"{prefix}bias" if has_bias else "")


def _explains(rows: Rows, layer: LinearLayer, gradient: dict[str, Tensor]) -> bool:
    return _close(rows.matrix(layer.module)[0], layer.join(gradient))


def _agrees(both: Rows, alone: list[Rows], layer: LinearLayer) -> bool:
    return _close(both.matrix(layer.module), torch.cat([rows.matrix(layer.module) for rows in alone]))


def _close(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    return float((found - expected).norm()) <= 1e-3 * float(expected.norm())
