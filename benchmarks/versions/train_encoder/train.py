"""Train the segment encoder ``mini`` on cached constant-Q bands.

    python -m benchmarks.versions.train_encoder.train RUN --minutes 60

Writes ``CACHE/encoder/runs/RUN/``: ``log.jsonl`` (one line per measurement), ``last.pt`` (to go on from: start the same
command again), ``best.pt`` (the weights with the best MAP on the arranged pieces held out; performances
are measured and decide nothing). Weights are averaged over steps (exponentially); the average is what is measured and
kept. Learning rate: linear rise, then half a cosine.

With ``--steps`` a run repeats exactly on one machine; with ``--minutes`` (of processor time) the number of steps
depends on its speed, and ``--wall-minutes`` hurries the schedule on a machine that is shared.

References
----------
Loshchilov, Hutter (2019), "Decoupled weight decay regularization", ICLR.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.versions.train_encoder.augment import AugmentConfig, augment
from benchmarks.versions.train_encoder.cqt_cache import CACHE
from benchmarks.versions.train_encoder.loss import LossConfig, Memory, version_loss
from benchmarks.versions.train_encoder.material import (
    FRAMES_PER_S,
    Batches,
    Draw,
    Piece,
    Sizes,
    split_material,
)
from benchmarks.versions.train_encoder.measure import Figures, figures, piece_distances
from linernotes.versions.encoder.circle import CircleConfig, CircleNetwork
from linernotes.versions.encoder.network import Network, NetworkConfig
from linernotes.versions.encoder.segments import cut, segment_starts


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome besides the material."""

    network: NetworkConfig | CircleConfig
    sizes: Sizes
    augment: AugmentConfig
    loss: LossConfig
    draw: Draw = field(default_factory=Draw)
    without: tuple[str, ...] = ("performed",)  # tiers of the train split that no shipped weight may see
    memory: int = 0  # past vectors that serve as negatives
    memory_from: int = 300  # step from which they do: earlier ones move too fast
    dropout: float = 0.0
    pool: int = 1
    peak_rate: float = 2e-3
    final_rate: float = 2e-5
    warm_up_steps: int = 200
    decay: float = 0.02
    average: float = 0.998
    bfloat16: bool = True
    held_out: int = 0  # works of the train split to choose on instead of the dev split
    seed: int = 21


def built(config: NetworkConfig | CircleConfig) -> Network | CircleNetwork:
    """Return a network of the kind that its configuration belongs to."""
    return Network(config) if isinstance(config, NetworkConfig) else CircleNetwork(config)


class Run:
    """One training run: state, steps, measurements."""

    def __init__(self, folder: Path, config: TrainConfig, material: list[Piece], held: list[Piece]) -> None:
        self.folder, self.config, self.held = folder, config, held
        torch.manual_seed(config.seed)
        self.network = built(config.network)
        self.average = built(config.network)
        self.average.load_state_dict(self.network.state_dict())
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        rest = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": config.decay}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=config.peak_rate, betas=(0.9, 0.98))
        self.batches = Batches(material, config.sizes, config.seed, config.draw)
        self.memory = torch.zeros(0, config.network.dimension), torch.zeros(0, dtype=torch.int64)
        self.step, self.spent_s, self.wall_s, self.best = 0, 0.0, 0.0, 0.0

    def resume(self) -> None:
        """Go on from ``last.pt`` if it stands."""
        path = self.folder / "last.pt"
        if path.is_file():
            state = torch.load(path, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.best, self.memory = state["step"], state["best"], state["memory"]
            self.spent_s, self.wall_s = state["spent_s"], state["wall_s"]

    def save(self) -> None:
        """Write ``last.pt`` whole."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
            "wall_s": self.wall_s,
            "best": self.best,
            "memory": self.memory,
        }
        _save(state, self.folder / "last.pt")

    def advance(self, progress: float) -> dict[str, float]:
        """Take one step; *progress* in [0, 1] sets the learning rate."""
        config = self.config
        rate = config.final_rate + (config.peak_rate - config.final_rate) * (
            0.5 + 0.5 * math.cos(math.pi * min(progress, 1.0))
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * min(1.0, (self.step + 1) / config.warm_up_steps)
        batch = self.batches.batch(self.step)
        random = torch.Generator().manual_seed(config.seed * 1_000_003 + self.step)
        n_works, n_segments = config.sizes.works, config.sizes.segments
        segments = torch.from_numpy(batch.segments)
        segments = segments.view(2 * n_works, n_segments, *segments.shape[1:])
        segments = augment(segments, config.augment, random).flatten(0, 1)
        vectors = self._forward(segments, random).view(n_works, 2, n_segments, -1)
        weights, aligned, keys = map(torch.from_numpy, (batch.weights, batch.aligned, batch.keys))
        memory = Memory(*self.memory, keys) if len(self.memory[0]) else None
        loss, alignment, uniformity = version_loss(vectors, weights, aligned, config.loss, memory)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self._follow()
        self._remember(vectors.detach(), keys)
        self.step += 1
        return {"loss": loss.item(), "alignment": alignment.item(), "uniformity": uniformity.item()}

    def _forward(self, roots: Tensor, random: torch.Generator) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bfloat16):
            maps = self.network.maps(_input(roots, self.config.pool))
        if self.config.dropout:  # of whole channels
            kept = torch.rand(maps.shape[:2], generator=random) >= self.config.dropout
            maps = maps * (kept / (1 - self.config.dropout))[:, :, None, None]
        return self.network.summary(maps)

    def _remember(self, vectors: Tensor, keys: Tensor) -> None:
        """Append the vectors of a step to those of the last ones."""
        size = self.config.memory if self.step >= self.config.memory_from else 0
        flat, theirs = vectors.flatten(0, 2), keys.repeat_interleave(vectors[0, ..., 0].numel())
        both = torch.cat([self.memory[0], flat]), torch.cat([self.memory[1], theirs])
        first = max(0, len(both[1]) - size)
        self.memory = both[0][first:], both[1][first:]

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the network."""
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        own = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(own[name], 1 - keep)
            else:
                value.copy_(own[name])

    def measure(self) -> dict[str, Figures]:
        """Return the figures of each tier's pieces, looked for among all that are held out; what counts is first."""
        vectors = [embed_frames(self.average, piece, self.config) for piece in self.held]
        works = [piece.work for piece in self.held]
        distances = piece_distances(vectors)
        tiers = dict.fromkeys(piece.tier for piece in self.held)
        rows = {tier: [i for i, piece in enumerate(self.held) if piece.tier == tier] for tier in tiers}
        return {tier: figures(distances, works, asked) for tier, asked in rows.items()}


@torch.no_grad()
def embed_frames(network: Network | CircleNetwork, piece: Piece, config: TrainConfig) -> np.ndarray:
    """Return the vectors of a cached piece."""
    network.eval()
    length_s = config.sizes.length_s
    starts = segment_starts(piece.duration_s, length_s, 5.0)
    frames = np.asarray(piece.frames / np.float32(255), np.float32)
    segments = cut(frames, starts, length_s, FRAMES_PER_S)
    vectors: np.ndarray = network(_input(torch.from_numpy(segments), config.pool)).numpy()
    return vectors


def _input(roots: Tensor, pool: int) -> Tensor:
    """From square roots, time first, to magnitudes, frequency first, *pool* frames averaged."""
    magnitudes = roots.square().transpose(1, 2)
    return torch.nn.functional.avg_pool1d(magnitudes, pool) if pool > 1 else magnitudes


def _save(state: dict[str, Any], path: Path) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def train(run: Run, budget: dict[str, float], every: int) -> None:
    """Train to the end of the budget, measuring every so many steps."""
    if not budget:
        raise SystemExit("give --steps or --minutes")
    begun, begun_wall = time.process_time() - run.spent_s, time.monotonic() - run.wall_s
    means: list[dict[str, float]] = []
    while True:
        run.spent_s, run.wall_s = time.process_time() - begun, time.monotonic() - begun_wall
        spent = {"steps": run.step, "minutes": run.spent_s / 60, "wall_minutes": run.wall_s / 60}
        progress = max(spent[unit] / budget[unit] for unit in budget)
        done = progress >= 1
        if (run.step % every == 0 and run.step and means) or done:
            found = run.measure()
            line: dict[str, Any] = {"step": run.step, "minutes": round(run.spent_s / 60, 2)}
            line |= {tier: shown.to_json() for tier, shown in found.items()}
            line |= {k: round(float(np.mean([m[k] for m in means])), 4) for k in means[0]} if means else {}
            with (run.folder / "log.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)
            means = []
            chosen_by = next(iter(found.values())).map
            if chosen_by >= run.best:
                run.best = chosen_by
                _save({"average": run.average.state_dict(), "line": line}, run.folder / "best.pt")
            run.save()
        if done:
            return
        run.network.train()
        means.append(run.advance(progress))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="name of the run")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float, help="of processor time")
    parser.add_argument("--wall-minutes", type=float)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=250, help="steps between measurements")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="e.g. loss.gamma=5")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = configured(options.set)
    material, held = split_material(CACHE, config.without, config.held_out)
    run = Run(CACHE / "encoder" / "runs" / options.run, config, material, held)
    run.resume()
    run.folder.mkdir(parents=True, exist_ok=True)
    facts_path = run.folder / "run.json"
    before = json.loads(facts_path.read_text(encoding="utf-8"))["phases"] if run.step else []
    facts = {
        "config": asdict(config),
        "phases": [*before, {"from_step": run.step, "settings": options.set}],
        "n_pieces": len(material),
        "n_works": len(run.batches.pairs),
        "n_recordings": len(run.batches.singles),
        "n_held_out": len(held),
        "n_parameters": sum(p.numel() for p in run.network.parameters()),
        "torch": torch.__version__,
        "threads": options.threads,
    }
    facts_path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(facts), flush=True)
    given = {"steps": options.steps, "minutes": options.minutes, "wall_minutes": options.wall_minutes}
    train(run, {unit: value for unit, value in given.items() if value}, options.every)


def configured(settings: list[str]) -> TrainConfig:
    """Return the configuration with ``part.name=value`` settings applied (values are JSON)."""
    names = ("network", "circle", "sizes", "augment", "loss", "draw", "")
    parts: dict[str, dict[str, Any]] = {name: {} for name in names}
    for setting in settings:
        name, _, value = setting.partition("=")
        part, _, entry = name.rpartition(".")
        given = json.loads(value) if value[:1] in '[{"0123456789-tf' else value
        parts[part][entry] = tuple(given) if isinstance(given, list) else given
    return TrainConfig(
        NetworkConfig(**parts["network"]) if parts["network"] else CircleConfig(**parts["circle"]),
        Sizes(**parts["sizes"]),
        AugmentConfig(**parts["augment"]),
        LossConfig(**parts["loss"]),
        Draw(**parts["draw"]),
        **parts[""],
    )


if __name__ == "__main__":
    main()
