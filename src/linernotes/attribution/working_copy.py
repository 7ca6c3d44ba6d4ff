"""The copy of a network that a method computes with.

Methods never touch the generator's own network: they copy it, and the copy's Linear layers multiply through `products`.

Conventions
-----------
Only layers whose type is exactly ``torch.nn.Linear`` change class; they keep weights, names, hooks and
parametrisations. Copies are in evaluation mode.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn

from linernotes.attribution.products import linear
from linernotes.generators.base import Generator


class QuickLinear(nn.Linear):
    """A Linear layer that multiplies through `products.linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``x Wᵀ + b`` [shape=(…, n_out)]."""
        return linear(input, self.weight, self.bias)


def working_copy(network: nn.Module) -> nn.Module:
    """Return a copy of a network in which no weight wants a gradient.

    Examples
    --------
    >>> original = nn.Sequential(nn.Linear(3, 2))
    >>> copied = working_copy(original)
    >>> copied[0].weight.requires_grad, isinstance(copied[0], QuickLinear), isinstance(original[0], QuickLinear)
    (False, True, False)
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    for module in copied.modules():
        if type(module) is nn.Linear:
            module.__class__ = QuickLinear
    return copied


def trainable_copy(generator: Generator, network: nn.Module | None = None) -> nn.Module:
    """Return a copy of a network, the generator's unless named, in which only updatable weights want a gradient."""
    copied = working_copy(network if network is not None else generator.network)
    for weight in generator.updatable(copied).values():
        weight.requires_grad_(True)
    return copied
