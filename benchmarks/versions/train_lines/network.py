"""The line reader as a PyTorch module, for training; `linernotes.versions.notes.lines` runs the same in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linernotes.versions.notes.grid import LOWEST_PITCH, N_LAYERS


class LineReader(nn.Module):
    """Grid [shape=(n, 7, n_cells, 73)] in, logits of the four lines out."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        c = channels
        self.first = nn.Conv2d(N_LAYERS, c, 1)
        self.near = nn.Conv2d(c, c, (3, 5), padding=(1, 2))
        self.octaves = nn.Conv2d(c, c, (1, 7), padding=(0, 36), dilation=(1, 12))
        self.whole = nn.Linear(2 * c, c)
        self.before = nn.Conv2d(c, c, (7, 1), padding=(9, 0), dilation=(3, 1))
        self.around = nn.Conv2d(c, c, (1, 13), padding=(0, 6))
        self.phrase = nn.Conv2d(c, c, (5, 1), padding=(16, 0), dilation=(8, 1))
        self.pitches = nn.Conv2d(c, 2, 1)
        self.none = nn.Linear(2 * c, 3)
        self.fold = nn.Conv2d(c, c, 1)
        self.circle = nn.Conv2d(2 * c, c, (3, 12))
        self.bars = nn.Conv2d(c, c, (5, 1), padding=(6, 0), dilation=(3, 1))
        self.chord = nn.Conv2d(c, 2, 1)

    def forward(self, grid: Tensor) -> dict[str, Tensor]:
        """Return logits [shape=(n, n_cells, n_columns)] of melody, bass, root and tones."""
        x = F.relu(self.first(grid))
        x = x + F.relu(self.near(x))
        x = x + F.relu(self.octaves(x))
        x = x + self.whole(_pooled(x)).transpose(1, 2)[..., None]
        for layer in (self.before, self.around, self.phrase):
            x = x + F.relu(layer(x))
        line, none = self.pitches(x), self.none(_pooled(x))
        chord = self.chord(self._classes(F.relu(self.fold(x))))
        return {
            "melody": torch.cat([line[:, 0], none[..., :1]], 2),
            "bass": torch.cat([line[:, 1], none[..., 1:2]], 2),
            "root": torch.cat([chord[:, 0], none[..., 2:]], 2),
            "tones": chord[:, 1],
        }

    def _classes(self, x: Tensor) -> Tensor:
        below = LOWEST_PITCH % 12
        octaves = F.pad(x, (below, -(below + x.shape[3]) % 12)).unflatten(3, (-1, 12))
        y = torch.cat([octaves.amax(3), octaves.mean(3)], 1)
        y = F.relu(self.circle(F.pad(torch.cat([y, y[..., :11]], 3), (0, 0, 1, 1))))
        return y + F.relu(self.bars(y))


def _pooled(x: Tensor) -> Tensor:
    """Return the greatest and the mean over pitch [shape=(n, n_cells, 2 * channels)]."""
    return torch.cat([x.amax(3), x.mean(3)], 1).transpose(1, 2)


def export(state: dict[str, Tensor], path: Path) -> None:
    """Write weights as `linernotes.versions.notes.lines` reads them: float16, taps first."""
    arrays = {}
    for name, values in state.items():
        array = values.detach().numpy()
        if array.ndim == 4:  # out, in, time, pitch -> time, pitch, in, out
            array = array.transpose(2, 3, 1, 0)
        elif array.ndim == 2:
            array = array.T
        arrays[name] = array.astype(np.float16)
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
