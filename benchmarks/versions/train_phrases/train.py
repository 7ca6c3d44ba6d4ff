"""Train the phrase network.

    python -m benchmarks.versions.train_phrases.train NET.pt --linear START.npz --minutes 6 --rivals 0

That made the shipped weights; START.npz is from ``start.py``. Training starts as the linear projection; frames and
alignments of two versions of sixteen works a step teach it the rest. With ``--rivals`` a work brings, that often, the one
that its versions were last taken for. The checkpoint holds an exponential average over steps. ``--start`` goes on from
a checkpoint. The schedule follows CPU-time, so a run is not repeated bit for bit.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.versions.train_phrases.batches import scenes
from benchmarks.versions.train_phrases.loss import frame_loss, path_loss, path_scores
from benchmarks.versions.train_phrases.material import works
from benchmarks.versions.train_phrases.network import PhraseNetwork, from_linear
from linernotes.versions.alignment import AlignmentConfig

SHAPE: dict[str, Any] = {"channels": 32, "dilations": [1, 3, 7], "n_kept": 6}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--linear", type=Path, required=True, help="from start.py")
    parser.add_argument("--minutes", type=float, default=10.0, help="CPU-minutes")
    parser.add_argument("--works", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--slow", type=float, default=0.1, help="rate of the linear part, relative")
    parser.add_argument("--frames-weight", type=float, default=0.2)
    parser.add_argument("--rivals", type=float, default=0.4)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    random = np.random.default_rng(options.seed)
    known = works("train")
    names = sorted(known)
    print(len(names), "works", flush=True)
    network = PhraseNetwork(**SHAPE)
    from_linear(network, options.linear)
    sharpness, limit = torch.nn.Parameter(torch.tensor(5.0)), torch.nn.Parameter(torch.tensor(7.0))
    if options.start:
        stored = torch.load(options.start, weights_only=True)
        network.load_state_dict(stored["weights"])
        with torch.no_grad():
            sharpness.fill_(stored["sharpness"])
            limit.fill_(stored["limit"])
    average = copy.deepcopy(network)
    slow = [*network.linear.parameters(), *network.spread.parameters()]
    fast = [p for p in network.parameters() if all(p is not q for q in slow)]
    optimiser = torch.optim.AdamW(
        [
            {"params": fast, "lr": options.rate},
            {"params": slow, "lr": options.rate * options.slow, "weight_decay": 0.0},
            {"params": [sharpness, limit], "lr": 1e-2, "weight_decay": 0.0},
        ],
        weight_decay=1e-3,
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    limits = AlignmentConfig()
    rivals: dict[str, str] = {}
    started, step, seen = time.process_time(), 0, []
    while (spent := (time.process_time() - started) / (60 * options.minutes)) < 1:
        step += 1
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(step / 50, 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * spent)))
        drawn = [names[i] for i in random.choice(len(names), options.works, replace=False)]
        chosen = list(
            dict.fromkeys(
                n
                for name in drawn
                for n in (name, rivals.get(name, name) if random.random() < options.rivals else name)
            )
        )[: options.works]
        made = scenes(known, chosen, int(random.choice([96, 128, 160, 200])), random)
        both = np.stack([side for one in made for side in (one.a, one.b)]).transpose(0, 2, 1, 3)
        vectors, costs = network(torch.from_numpy(np.ascontiguousarray(both)))
        frames = frame_loss(vectors, costs, [(one.at_a, one.at_b) for one in made], random)
        low = int(random.integers(2))
        scores = path_scores(vectors[:, low::2], costs[:, low::2], limits)
        paths, first = path_loss(scores, sharpness, limit)
        rivals |= nearest_rivals(scores.detach().numpy(), [one.work for one in made])
        value = paths + options.frames_weight * frames
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        keep = min(0.99, 1 - 10 / (10 + step))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
        seen.append((frames.item(), paths.item(), first))
        if step % 25 == 0:
            mean = np.mean(seen[-50:], axis=0)
            print(
                json.dumps(
                    {
                        "step": step,
                        "frames": round(float(mean[0]), 3),
                        "paths": round(float(mean[1]), 3),
                        "first": round(float(mean[2]), 4),
                        "sharpness": round(sharpness.item(), 2),
                        "limit": round(limit.item(), 2),
                        "cpu_s": round(time.process_time() - started),
                    }
                ),
                flush=True,
            )
            save(options.out, average, sharpness.item(), limit.item())
    save(options.out, average, sharpness.item(), limit.item())


def nearest_rivals(scores: np.ndarray, works_asked: list[str]) -> dict[str, str]:
    """Return for each work the other work of the batch that its versions resemble most."""
    by_work = scores.reshape(len(works_asked), 2, len(works_asked), 2).max(axis=(1, 3))
    np.fill_diagonal(by_work, -1)
    return {work: works_asked[int(row.argmax())] for work, row in zip(works_asked, by_work, strict=True)}


def save(path: Path, network: PhraseNetwork, sharpness: float, limit: float) -> None:
    partial = path.with_suffix(".partial")
    torch.save(
        {"weights": network.state_dict(), "shape": SHAPE, "sharpness": sharpness, "limit": limit}, partial
    )
    partial.replace(path)


if __name__ == "__main__":
    main()
