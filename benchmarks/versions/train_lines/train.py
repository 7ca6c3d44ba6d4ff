"""Train the line reader on the examples that ``examples.py`` made.

    python -m benchmarks.versions.train_lines.train OUT.npz --steps 900 --until 600

Every batch holds crops of sixteen seconds, transposed by up to five semitones and with each layer louder or softer.
The exported weights are an exponential average over steps. Prints the loss and, on the dev examples, the share of
cells whose pitch class (melody, bass) or root is right.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.versions.train_lines.examples import CACHE
from benchmarks.versions.train_lines.network import LineReader, export
from linernotes.versions.notes.grid import LOWEST_PITCH, N_PITCHES

CROP, BATCH = 128, 8
Example = dict[str, np.ndarray]


def load(split: str) -> list[Example]:
    examples = []
    for path in sorted((CACHE / "lines" / split).glob("*.npz")):
        with np.load(path) as stored:
            examples.append({name: stored[name] for name in stored.files})
    return examples


def batch(examples: list[Example], random: np.random.Generator) -> dict[str, Tensor]:
    """Draw crops, transposed and rescaled."""
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("grid", "melody", "bass", "root", "tones")}
    for _ in range(BATCH):
        example = examples[random.integers(len(examples))]
        start = int(random.integers(max(1, example["grid"].shape[1] - CROP)))
        piece = {
            k: v[:, start : start + CROP] if k == "grid" else v[start : start + CROP]
            for k, v in example.items()
        }
        grid, step = piece["grid"].astype(np.float32), int(random.integers(-5, 6))
        heard = [0, 1, 4, 5]
        grid[heard] *= np.float32(random.uniform(0.7, 1.2))
        grid[2:4] *= np.float32(random.uniform(0.6, 1.3))
        if random.random() < 0.15:
            grid[2:4] *= np.float32(random.uniform(0, 1))
        grid[:6] = np.roll(grid[:6], step, axis=2)
        grid[:6, :, : max(step, 0)] = 0
        grid[:6, :, N_PITCHES + min(step, 0) :] = 0
        rows["grid"].append(grid)
        for name in ("melody", "bass"):
            rows[name].append(line_class(np.where(piece[name] < 0, -1, piece[name] + step)))
        rows["root"].append(np.where(piece["root"] < 0, 12, (piece["root"] + step) % 12).astype(np.int64))
        rows["tones"].append(np.roll(piece["tones"], step, axis=1).astype(np.float32))
    return {name: torch.from_numpy(np.stack(values)) for name, values in rows.items()}


def line_class(pitches: np.ndarray) -> np.ndarray:
    """Return the column of each MIDI pitch, the last one for none."""
    columns = np.clip(pitches - LOWEST_PITCH, 0, N_PITCHES - 1)
    return np.where(pitches < 0, N_PITCHES, columns).astype(np.int64)


def loss(said: dict[str, Tensor], true: dict[str, Tensor]) -> Tensor:
    parts = {
        name: F.cross_entropy(said[name].flatten(0, 1), true[name].flatten())
        for name in ("melody", "bass", "root")
    }
    has_chord = (true["root"] < 12).float()[..., None]
    tones = F.binary_cross_entropy_with_logits(said["tones"], true["tones"], reduction="none")
    return (
        parts["melody"]
        + 0.5 * parts["bass"]
        + 0.5 * parts["root"]
        + (tones * has_chord).sum() / (12 * has_chord.sum() + 1)
    )


@torch.no_grad()
def accuracy(network: LineReader, examples: list[Example]) -> dict[str, float]:
    """Return shares of right cells, over examples; ``voicing`` counts sounding or not."""
    network.eval()
    found: dict[str, list[float]] = {name: [] for name in ("melody", "voicing", "bass", "root")}
    for example in examples:
        said = network(torch.from_numpy(example["grid"].astype(np.float32))[None])
        for name in ("melody", "bass"):
            column, true = said[name][0].argmax(1).numpy(), example[name]
            right = ((column + LOWEST_PITCH - true) % 12 == 0) & (column < N_PITCHES)
            found[name].append(float(right[true >= 0].mean()) if (true >= 0).any() else np.nan)
            if name == "melody":
                found["voicing"].append(float(((column < N_PITCHES) == (true >= 0)).mean()))
        with_chord = example["root"] >= 0
        right = said["root"][0].argmax(1).numpy() == example["root"]
        found["root"].append(float(right[with_chord].mean()) if with_chord.any() else np.nan)
    network.train()
    return {name: round(float(np.nanmean(values)), 4) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--until", type=int, default=None, help="stop before the schedule ends")
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    random = np.random.default_rng(options.seed)
    training, held_out = load("train"), load("dev")
    network = LineReader()
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=1e-3)
    warm = max(1, options.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda i: min((i + 1) / warm, 0.5 + 0.5 * float(np.cos(np.pi * i / options.steps)))
    )
    started = time.process_time()
    until = options.until or options.steps
    for step in range(1, until + 1):
        true = batch(training, random)
        value = loss(network(true["grid"]), true)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        keep = min(0.99, 1 - 10 / (10 + step))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
        if step % 200 == 0 or step == until:
            figures = accuracy(average, held_out)
            print(
                json.dumps(
                    {
                        "step": step,
                        "loss": round(value.item(), 3),
                        "cpu_s": round(time.process_time() - started),
                    }
                    | figures
                ),
                flush=True,
            )
            export(average.state_dict(), options.out)


if __name__ == "__main__":
    main()
