"""The recipe that trains the reference generator, on all of a corpus or on part of it.

Random crops on the token grid, AdamW with warm-up and cosine decay, an exponential moving average of
the weights, and words dropped at random so that the network also learns music without words.

Conventions
-----------
Everything random follows from ``Recipe.seed``; on one machine with one thread count the weights
repeat bit for bit.

Known limits
------------
Losses of two machines agree only to rounding; figures are compared within one machine.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linernotes.errors import InputError
from linernotes.generators.reference.network import Network, NetworkConfig

Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that training needs besides the corpus."""

    n_steps: int = 3000
    batch_size: int = 32
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    weight_decay: float = 0.01
    average: float = 0.998
    drop_words: float = 0.1
    width: int = 128
    depth: int = 4
    n_heads: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingItem:
    """One recording as tokens [shape=(n_tokens, n_dims)] with its words [shape=(n_words,)]."""

    item_id: str
    tokens: Tensor
    words: Tensor


def train_network(
    items: Sequence[TrainingItem],
    recipe: Recipe,
    n_segment_tokens: int,
    *,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 250,
    device: str = "cpu",
) -> Network:
    """Train from scratch and return the averaged network, in eval mode, on the CPU.

    Parameters
    ----------
    items : sequence of TrainingItem
        The corpus; shorter recordings are padded with their own mean-zero silence.
    recipe : Recipe
        Sizes, steps, seed.
    n_segment_tokens : int > 0
        Tokens per crop.
    progress : callable, optional
        Called with (step, steps, smoothed loss).
    checkpoint : Path, optional
        Where the unfinished state is kept; an interrupted run continues from it with the same result.
    device : str
        Where the arithmetic is done, in torch's words: ``cpu``, ``cuda``. Random numbers are always drawn on
        the CPU, so that the same crops and noise are seen everywhere.

    Raises
    ------
    InputError
        If there are no items.
    """
    if not items:
        raise InputError("no recordings to train on; seal a corpus with at least one")
    trainer = _Trainer(items, recipe, n_segment_tokens, device)
    if checkpoint is not None and checkpoint.is_file():
        trainer.load(checkpoint)
    while trainer.step < recipe.n_steps:
        trainer.advance()
        if progress is not None and (trainer.step % 20 == 0 or trainer.step == recipe.n_steps):
            progress(trainer.step, recipe.n_steps, trainer.smoothed_loss)
        if checkpoint is not None and trainer.step % checkpoint_every == 0:
            trainer.save(checkpoint)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return trainer.averaged.cpu().eval()


class _Trainer:
    def __init__(
        self, items: Sequence[TrainingItem], recipe: Recipe, n_segment_tokens: int, device: str
    ) -> None:
        n_dims, n_words = items[0].tokens.shape[1], len(items[0].words)
        self.device = torch.device(device)
        self.recipe, self.window = recipe, n_segment_tokens
        self.random = torch.Generator().manual_seed(recipe.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network = Network(
                NetworkConfig(n_dims, n_segment_tokens, n_words, recipe.width, recipe.depth, recipe.n_heads)
            ).to(self.device)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            betas=(0.9, 0.99),
        )
        self.step, self.smoothed_loss = 0, math.nan
        self._lay_out(items)

    def _lay_out(self, items: Sequence[TrainingItem]) -> None:
        # all recordings in one long tensor; a crop is a start that does not cross a border
        padded = [
            torch.cat([i.tokens, i.tokens.new_zeros(max(0, self.window - len(i.tokens)), i.tokens.shape[1])])
            for i in items
        ]
        self.tokens = torch.cat(padded)
        self.words = torch.stack([i.words for i in items])
        starts, owners, border = [], [], 0
        for number, tokens in enumerate(padded):
            n_starts = len(tokens) - self.window + 1
            starts.append(torch.arange(border, border + n_starts))
            owners.append(torch.full((n_starts,), number))
            border += len(tokens)
        self.starts, self.owners = torch.cat(starts), torch.cat(owners)

    def advance(self) -> None:
        recipe = self.recipe
        chosen = torch.randint(len(self.starts), (recipe.batch_size,), generator=self.random)
        crop = self.starts[chosen][:, None] + torch.arange(self.window)
        clean, words = self.tokens[crop], self.words[self.owners[chosen]]
        keep = torch.rand(recipe.batch_size, 1, generator=self.random) >= recipe.drop_words
        levels = torch.sigmoid(torch.randn(recipe.batch_size, generator=self.random))
        noise = torch.randn(clean.shape, generator=self.random)
        clean, words, levels, noise = (t.to(self.device) for t in (clean, words * keep, levels, noise))
        predicted = self.network(torch.lerp(clean, noise, levels[:, None, None]), levels, words)
        loss = (predicted - (noise - clean)).square().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self.optimiser.step()
        self.step += 1
        self._average()
        value = float(loss.detach())
        self.smoothed_loss = (
            value if math.isnan(self.smoothed_loss) else 0.98 * self.smoothed_loss + 0.02 * value
        )

    def _learning_rate(self) -> float:
        recipe = self.recipe
        if self.step < recipe.warmup_steps:
            return recipe.learning_rate * (self.step + 1) / recipe.warmup_steps
        done = (self.step - recipe.warmup_steps) / max(1, recipe.n_steps - recipe.warmup_steps)
        return recipe.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    def _average(self) -> None:
        # early on the average must not remember the random start
        weight = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(value, 1 - weight)

    def save(self, path: Path) -> None:
        state: dict[str, Any] = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "smoothed_loss": self.smoothed_loss,
            "random": self.random.get_state(),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise InputError(
                f"{path}: holds a run of another recipe; remove it or train with the same recipe"
            )
        self.step, self.smoothed_loss = state["step"], state["smoothed_loss"]
        self.random.set_state(state["random"])
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
