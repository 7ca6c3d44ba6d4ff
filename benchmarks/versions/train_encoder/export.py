"""Put the chosen weights of a run into the package, with their card.

    python -m benchmarks.versions.train_encoder.export RUN [--folder OTHER]

Matrices become float16, everything else float32: under 1.5 MB. The card says what the weights were trained on, by which
recipe, and what the run measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from benchmarks.versions.train_encoder.cqt_cache import CACHE

PACKAGE = Path(__file__).parents[3] / "src/linernotes/versions/encoder/weights"
DATA = (
    "POP909 songs 1-560 (three arrangements each), rendered with three sound fonts; recordings of 34 artists under CC0, "
    "CC BY and CC BY-SA against changed copies of themselves. No audio, notation or recording is contained in the "
    "weights' file."
)
LICENCE = "CC-BY-SA-4.0"
LICENCE_NOTE = (
    "The weights hold no audio and no notation. Some of the recordings that they were fitted on are CC BY-SA, so they are "
    "offered under CC BY-SA 4.0, with mini_attribution.txt as credits. POP909 is MIT-licensed data of songs in "
    "copyright: renders of it were made for training and measuring and never passed on. "
    "ASAP, which is for non-commercial use, was measured on and not fitted to: its performances neither trained the "
    "network nor chose among its states."
)


def packed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what is shipped of a state: no counters, matrices in float16."""
    kept = {name: value for name, value in state.items() if "num_batches" not in name}
    return {
        name: value.to(torch.float16 if value.ndim > 1 else torch.float32).contiguous()
        for name, value in kept.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("--folder", type=Path, default=PACKAGE)
    options = parser.parse_args()
    folder = CACHE / "encoder" / "runs" / options.run
    chosen = torch.load(folder / "best.pt", weights_only=True)
    facts: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if "performed" not in facts["config"].get("without", []):
        raise SystemExit(f"{options.run} was fitted on ASAP (CC BY-NC-SA): it may not be shipped")
    data = safetensors.torch.save(packed(chosen["average"]))
    card = {
        "name": "mini",
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": LICENCE,
        "licence_note": LICENCE_NOTE,
        "trained_on": DATA,
        "network": facts["config"]["network"],
        "pool": facts["config"]["pool"],
        "n_parameters": facts["n_parameters"],
        "phases": facts["phases"],
        "recipe": {k: v for k, v in facts["config"].items() if k not in ("network", "pool")},
        "chosen": chosen["line"] | {"measured_on": "dev split, arranged pieces decide"},
        "torch": facts["torch"],
        "n_pieces": facts["n_pieces"],
        "n_works": facts["n_works"],
        "method": "docs/methods/version-encoder.md",
    }
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, content in (
        ("mini.safetensors", data),
        ("mini.json", (json.dumps(card, indent=2, sort_keys=True) + "\n").encode()),
    ):
        partial = options.folder / f"{name}.partial"
        partial.write_bytes(content)
        os.replace(partial, options.folder / name)
    print(f"{len(data)} bytes, {card['sha256'][:12]}, chosen at step {chosen['line']['step']}")


if __name__ == "__main__":
    main()
