"""Write a checkpoint of the phrase network into the package, with its card.

    python -m benchmarks.versions.train_phrases.export NET.pt [--revisions 2]

Weights are rounded to float16, kernels first tap, then turn, input, output. The card (``phrases.json``) names data,
recipe, licence, the revisions of the features whose harmony, melody and bass the network knows, and the SHA-256.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import torch

from benchmarks.versions.train_phrases.network import PhraseNetwork, load
from linernotes.versions.features import FEATURES_REVISION

PACKAGE = Path(__file__).parents[3] / "src/linernotes/versions/phrases/weights"
RESULTS = Path(__file__).with_name("results") / "dev.json"


def arrays_of(network: PhraseNetwork) -> dict[str, np.ndarray]:
    """Return weights by the names that the package reads."""
    convolutions = {
        "linear": network.linear,
        "spread": network.spread,
        "first": network.first,
        "head": network.head,
    }
    convolutions |= {f"block{at}": block for at, block in enumerate(network.blocks)}
    found: dict[str, np.ndarray] = {"constant": network.constant.detach().numpy()}
    for name, layer in convolutions.items():
        found[name] = layer.conv.weight.detach().numpy().transpose(2, 3, 1, 0)
        if layer.conv.bias is not None:
            found[f"{name}.bias"] = layer.conv.bias.detach().numpy()
    for name, map_ in (("pool", network.pool), ("cost", network.cost)):
        found[name], found[f"{name}.bias"] = map_.weight.detach().numpy().T, map_.bias.detach().numpy()
    return {name: np.ascontiguousarray(values, np.float16) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--revisions", type=int, nargs="+", default=[FEATURES_REVISION])
    parser.add_argument("--into", type=Path, default=PACKAGE)
    options = parser.parse_args()
    stored = torch.load(options.checkpoint, weights_only=True)
    network = load(options.checkpoint)
    stream = BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays_of(network))
    data = stream.getvalue()
    card = {
        "name": "phrases",
        "licence": "Apache-2.0",
        "training_data": "POP909 songs 1 to 560 (MIT licence; Wang et al. 2020), rendered in three arrangements each "
        "with free sound fonts; no audio and no notation is in the weights file",
        "recipe": "benchmarks/versions/train_phrases",
        "features_revisions": options.revisions,
        "dilations": list(stored["shape"]["dilations"]),
        "n_weights": int(sum(p.numel() for p in network.parameters())),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "dev": json.loads(RESULTS.read_text(encoding="utf-8"))["network"] if RESULTS.is_file() else {},
    }
    for path, content in (
        (options.into / "phrases.npz", data),
        (options.into / "phrases.json", (json.dumps(card, indent=1) + "\n").encode()),
    ):
        partial = path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(path)
    print(f"{len(data)} bytes, {card['n_weights']} weights")


if __name__ == "__main__":
    main()
