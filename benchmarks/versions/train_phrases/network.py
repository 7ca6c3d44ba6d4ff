"""The phrase network as a PyTorch module, for training; `linernotes.versions.phrases.network` runs the same in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

TURNS = 12


class Circular(nn.Module):
    """Convolution over time (edges repeated) and around the circle of pitch classes."""

    def __init__(self, n_in: int, n_out: int, n_taps: int, dilation: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, (n_taps, TURNS), dilation=(dilation, 1), bias=bias)
        self.reach = n_taps // 2 * dilation

    def forward(self, x: Tensor) -> Tensor:
        """Map [shape=(n, n_in, n_frames, 12)] to [shape=(n, n_out, n_frames, 12)]."""
        x = torch.cat([x, x[..., : TURNS - 1]], 3)
        if self.reach:
            x = F.pad(x, (0, 0, self.reach, self.reach), mode="replicate")
        return self.conv(x)


class PhraseNetwork(nn.Module):
    """The linear projection, and what residual blocks add to its vectors and costs."""

    def __init__(
        self,
        channels: int = 32,
        dilations: tuple[int, ...] = (1, 3, 7),
        n_kept: int = 6,
        n_linear: int = 6,
        n_cost: int = 6,
    ) -> None:
        super().__init__()
        self.linear = Circular(3, n_linear, 17, bias=False)
        self.spread = Circular(3, n_cost, 17, bias=False)
        self.constant = nn.Parameter(torch.zeros(1))
        self.first = Circular(3, channels, 5)
        self.blocks = nn.ModuleList(Circular(channels, channels, 3, d) for d in dilations)
        self.head = Circular(channels, n_kept, 1)
        self.pool = nn.Linear(2 * channels, 16)
        self.cost = nn.Linear(16, 1)
        self.n_linear = n_linear
        for block in self.blocks:
            nn.init.normal_(block.conv.weight, std=0.5 / np.sqrt(channels * 36))
        nn.init.normal_(self.head.conv.weight, std=0.02 / np.sqrt(channels * 12))
        nn.init.zeros_(self.cost.weight)
        nn.init.zeros_(self.cost.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return vectors [shape=(n, n_frames, n_kept * 12)] and costs [shape=(n, n_frames)]."""
        hidden = F.relu(self.first(x))
        for block in self.blocks:
            hidden = hidden + F.relu(block(hidden))
        vectors = self.head(hidden)
        plain = self.linear(x)
        vectors = torch.cat([vectors[:, : self.n_linear] + plain, vectors[:, self.n_linear :]], 1)
        pooled = torch.cat([hidden.amax(3), hidden.mean(3)], 1).transpose(1, 2)
        costs = (
            (self.spread(x) ** 2).sum((1, 3))
            - self.constant / 2
            + self.cost(F.relu(self.pool(pooled)))[..., 0]
        )
        return vectors.transpose(1, 2).flatten(2), costs


def from_linear(network: PhraseNetwork, path: Path) -> None:
    """Start where the linear projection of *overall* stands."""
    with np.load(path) as stored:
        taps = stored["overall/taps"]
        for name, module in (("vectors", network.linear), ("costs", network.spread)):
            responses = stored[f"overall/{name}"]  # tap and channel, component, turn
            weight = np.zeros(tuple(module.conv.weight.shape), np.float32)
            kept = responses.shape[1]
            by_tap = responses.reshape(len(taps), 3, kept, TURNS)
            backwards = (-np.arange(TURNS)) % TURNS
            for row, tap in enumerate(taps):
                weight[:kept, :, int(tap) + 8] = by_tap[row][:, :, backwards].transpose(1, 0, 2)
            module.conv.weight.data = torch.from_numpy(weight)
        network.constant.data = torch.tensor([float(stored["overall/constant"])])


def load(path: Path) -> PhraseNetwork:
    """Read a checkpoint."""
    torch.set_num_threads(1)
    stored = torch.load(path, weights_only=True)
    network = PhraseNetwork(**stored["shape"])
    network.load_state_dict(stored["weights"])
    return network.eval()
