"""Spread vectors over all their dimensions: whitening, folded into the last layer of a run.

    python -m benchmarks.versions.train_encoder.whiten RUN [--power 0.25] [--centre] [--state last|best]

A network that has trained for an hour leaves most variance in a few dimensions. Vectors of train pieces (before they are
scaled to one length) are multiplied by their covariance to the power of ``-power``, centred or not; since the last layer
is linear, both become its weights, and embedding costs nothing more. ``last`` changes the state that
training goes on from, ``best`` what is exported; both are measured before and after.

References
----------
Jégou, Chum (2012), "Negative evidences and co-occurences in image retrieval: the benefit of PCA and whitening", ECCV.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.versions.train_encoder.cqt_cache import CACHE
from benchmarks.versions.train_encoder.material import Piece, split_material
from benchmarks.versions.train_encoder.measure import figures, piece_distances
from benchmarks.versions.train_encoder.train import TrainConfig, configured, embed_frames
from linernotes.versions.encoder.circle import CircleConfig, CircleNetwork

N_PIECES, EVERY, FLOOR = 400, 3, 0.02
Array = NDArray[np.float64]
State = dict[str, torch.Tensor]


def whitening(vectors: Array, power: float) -> tuple[Array, Array]:
    """Return the mean, and the symmetric matrix that vectors less the mean are multiplied by.

    Parameters
    ----------
    vectors : Array [shape=(n, dimension)]
        What is to be spread.
    power : float
        0 changes nothing, 0.5 makes all variances one.
    """
    mean = vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov((vectors - mean).T))
    return mean, (axes * (variances / variances.mean() + FLOOR) ** -power) @ axes.T


def fold(state: State, mean: Array, matrix: Array) -> None:
    """Change the last layer of a state so that its output is ``(output - mean) @ matrix``, but for one factor."""
    linear, bias = (state[name].double().numpy() for name in ("head.1.weight", "head.0.bias"))
    spread = matrix.T @ linear
    spread *= np.linalg.norm(linear) / np.linalg.norm(spread)
    state["head.0.bias"].copy_(torch.from_numpy(bias - np.linalg.lstsq(linear, mean, rcond=1e-3)[0]))
    state["head.1.weight"].copy_(torch.from_numpy(spread))


def forget(network: CircleNetwork, optimizer: dict[str, Any]) -> None:
    """Clear what the optimizer remembers of the last layer."""
    named = list(network.named_parameters())
    order = [n for n, p in named if p.ndim > 1] + [n for n, p in named if p.ndim <= 1]
    for name in ("head.1.weight", "head.0.bias"):
        for moment in ("exp_avg", "exp_avg_sq"):
            optimizer["state"][order.index(name)][moment].zero_()


def circle(config: TrainConfig) -> CircleConfig:
    """Return the sizes of the network, which must be circular."""
    if not isinstance(config.network, CircleConfig):
        raise SystemExit("only circular networks are whitened")
    return config.network


def embedded(state: State, config: TrainConfig, pieces: list[Piece], unit: bool = True) -> list[NDArray[Any]]:
    """Return the vectors of pieces, scaled to one length or as the last layer gives them."""
    network = CircleNetwork(replace(circle(config), unit=unit))
    network.load_state_dict(state)
    return [embed_frames(network, piece, config) for piece in pieces]


def measured(state: State, config: TrainConfig, held: list[Piece]) -> dict[str, float]:
    """Return the MAP of each tier that is held out."""
    distances, works = piece_distances(embedded(state, config, held)), [piece.work for piece in held]
    tiers = {tier: [i for i, p in enumerate(held) if p.tier == tier] for tier in {p.tier for p in held}}
    return {tier: round(figures(distances, works, rows).map, 4) for tier, rows in sorted(tiers.items())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("--power", type=float, default=0.25)
    parser.add_argument("--centre", action="store_true", help="take the mean away as well")
    parser.add_argument("--state", choices=["last", "best"], default="best")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder: Path = CACHE / "encoder" / "runs" / options.run
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    config = configured([phase["settings"] for phase in facts["phases"] if "settings" in phase][-1])
    material, held = split_material(CACHE, config.without, config.held_out)
    material = [piece for piece in material if piece.tier != "recording"]
    drawn = np.random.default_rng(0).permutation(len(material))[:N_PIECES]
    path = folder / f"{options.state}.pt"
    stored = torch.load(path, weights_only=True)
    before = measured(stored["average"], config, held)
    vectors = embedded(stored["average"], config, [material[i] for i in drawn], unit=False)
    mean, matrix = whitening(np.concatenate([v[::EVERY] for v in vectors]).astype(float), options.power)
    mean = mean if options.centre else np.zeros_like(mean)
    for name in {"average", "network"} & stored.keys():
        fold(stored[name], mean, matrix)
    if "optimizer" in stored:
        forget(CircleNetwork(circle(config)), stored["optimizer"])
    after = measured(stored["average"], config, held)
    whitened = {"power": options.power, "centred": options.centre, "measure": "MAP, bpwr-n"}
    whitened |= {"before": before, "after": after}
    partial = path.with_suffix(".partial")
    torch.save(stored, partial)
    os.replace(partial, path)
    facts["phases"].append({"whitened": options.state, **whitened})
    (folder / "run.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"before": before, "after": after}))


if __name__ == "__main__":
    main()
