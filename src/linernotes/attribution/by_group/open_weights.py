"""Which weights of a copied network may move, and the change that they then hold.

All of them, those of the last blocks, or factors of low rank beside the linear maps (LoRA). A change is kept
as half-precision differences from the generator's weights.

References
----------
Hu et al. (2022), "LoRA: low-rank adaptation of large language models", arXiv:2106.09685.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from linernotes.attribution.working_copy import working_copy
from linernotes.errors import InputError
from linernotes.generators.base import Generator

# per weight: its difference, or the two factors whose product is its difference
Change = dict[str, tuple[Tensor, ...]]


class LowRank(nn.Module):
    """A weight plus the product of two thin factors; the product starts at zero."""

    def __init__(self, shape: torch.Size, rank: int, seed: int) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        self.up = nn.Parameter(torch.zeros(shape[0], rank))
        self.down = nn.Parameter(torch.randn(rank, shape[1], generator=random) * shape[1] ** -0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the changed weight."""
        return weight + self.up @ self.down


@dataclass(frozen=True)
class OpenWeights:
    """The weights of a copied network that may move, and how to read off how they moved."""

    names: list[str]
    parameters: list[Tensor]
    change: Callable[[], Change]


def open_weights(
    generator: Generator, network: nn.Module, which: str, *, n_blocks: int, rank: int, seed: int
) -> OpenWeights:
    """Let some weights of a frozen copy of the generator's network move.

    Parameters
    ----------
    generator : Generator
        Says which of its weights may move at all.
    network : torch.nn.Module
        The copy; changed in place.
    which : {"all", "last", "lora"}
        All of those weights, the last blocks, or factors of low rank beside its linear maps.
    n_blocks, rank, seed : int
        How many last blocks; rank of the factors and seed of their start.

    Raises
    ------
    InputError
        If ``"lora"`` finds no linear map.
    """
    weights = generator.updatable(network)
    if which == "lora":
        return _open_low_rank(network, list(weights), rank, seed)
    names = list(weights) if which == "all" else _last_blocks(list(weights), n_blocks)
    before = {name: weights[name].detach().clone() for name in names}
    chosen = [weights[name].requires_grad_(True) for name in names]
    return OpenWeights(
        names, chosen, lambda: {name: ((weights[name].detach() - before[name]).half(),) for name in names}
    )


def _open_low_rank(network: nn.Module, names: list[str], rank: int, seed: int) -> OpenWeights:
    added: dict[str, LowRank] = {}
    for number, name in enumerate(names):
        path, _, last = name.rpartition(".")
        module = network.get_submodule(path)
        if last == "weight" and isinstance(module, nn.Linear):
            added[name] = LowRank(module.weight.shape, rank, seed + number)
            parametrize.register_parametrization(module, "weight", added[name])
    if not added:
        raise InputError("weights='lora': the generator lets no linear map move; use weights='all'")
    return OpenWeights(
        list(added),
        [factor for pair in added.values() for factor in (pair.up, pair.down)],
        lambda: {name: (pair.up.detach().half(), pair.down.detach().half()) for name, pair in added.items()},
    )


def network_with_change(generator: Generator, change: Change) -> nn.Module:
    """Return a copy of the generator's network with a change added."""
    network = working_copy(generator.network)
    weights = dict(network.named_parameters())
    with torch.no_grad():
        for name, parts in change.items():
            weights[name].add_(parts[0].float() if len(parts) == 1 else parts[0].float() @ parts[1].float())
    return network


def _last_blocks(names: list[str], n_blocks: int) -> list[str]:
    """Return the names in the last blocks: a block ends at the first number of a name, such as ``layers.2``."""
    blocks = [_block_of(name) for name in names]
    last = list(dict.fromkeys(blocks))[-n_blocks:]
    return [name for name, block in zip(names, blocks, strict=True) if block in last]


def _block_of(name: str) -> str:
    parts = name.split(".")
    number = next((place for place, part in enumerate(parts) if part.isdigit()), 0)
    return ".".join(parts[: number + 1])
