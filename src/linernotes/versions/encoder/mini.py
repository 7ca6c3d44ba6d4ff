"""The shipped encoder: a small network trained on rendered arrangements, fast on one core.

Its weights lie in the package (``weights/mini.safetensors``) beside a card (``mini.json``) that says what they
were trained on, what they measured, and their SHA-256, which is checked before they are used. How they were
made: ``benchmarks/versions/train_encoder`` and ``docs/methods/version-encoder.md``.

Conventions
-----------
Vectors are ``[shape=(n_segments, dimension), float32]``; compare by squared distance over the dimension.

Cost
----
About 0.1 CPU-s for 60 s of audio, half of it for the constant-Q bands.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML.

Known limits
------------
Trained on synthesised renders of pop songs and piano performances: on sung, mixed records it is weaker than
networks trained on them (`linernotes.versions.encoder.clews`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.errors import VerificationError
from linernotes.versions.encoder.cqt import FRAMES_PER_S, constant_q_bands
from linernotes.versions.encoder.learnt import LearntEncoder, placed

if TYPE_CHECKING:
    from torch import Tensor

    from linernotes.versions.encoder.circle import CircleNetwork

WEIGHTS, CARD = "mini.safetensors", "mini.json"


@dataclass(frozen=True, eq=False)
class Mini(LearntEncoder):
    """The shipped network as an encoder; see `LearntEncoder` for the rest.

    Parameters
    ----------
    pool : int
        Frames of the constant-Q bands averaged into one of the network's.
    """

    pool: int = 1

    def frames(self, audio: Audio) -> tuple[NDArray[np.float32], float]:
        """Return constant-Q bands and their rate."""
        return constant_q_bands(audio), FRAMES_PER_S

    def magnitudes(self, segments: Tensor) -> Tensor:
        """Return the bands frequency first, `pool` frames averaged."""
        import torch

        bands = segments.transpose(1, 2)
        return torch.nn.functional.avg_pool1d(bands, self.pool) if self.pool > 1 else bands


def load_mini(device: str = "cpu") -> Mini:
    """Return the shipped encoder; loaded once per device.

    Parameters
    ----------
    device : str, optional
        Where the network runs, as torch names it.

    Raises
    ------
    VerificationError
        If the weights in the package are not those that its card names.
    InputError
        If the device is not there.

    Examples
    --------
    >>> encoder = load_mini()
    >>> encoder.dimension, encoder.length_s, encoder.hop_s
    (128, 20.0, 5.0)
    """
    return _loaded(device)


def card() -> dict[str, Any]:
    """Return what is known about the shipped weights: data, recipe, figures, licence.

    Examples
    --------
    >>> card()["name"], card()["licence"]
    ('mini', 'CC-BY-SA-4.0')
    """
    text = (resources.files(__package__) / "weights" / CARD).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@lru_cache(maxsize=4)
def _loaded(device: str) -> Mini:
    from linernotes.versions.encoder.circle import CircleConfig, CircleNetwork

    facts = card()
    data = (resources.files(__package__) / "weights" / WEIGHTS).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != facts["sha256"]:
        raise VerificationError(
            f"{WEIGHTS} has SHA-256 {found[:12]}, its card says {str(facts['sha256'])[:12]}; install Linernotes anew"
        )
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["network"].items()}
    network = CircleNetwork(CircleConfig(**sizes))
    _fill(network, data)
    return Mini(placed(network, device), f"mini-{found[:8]}", int(facts["pool"]))


def _fill(network: CircleNetwork, data: bytes) -> None:
    import safetensors.torch

    tensors = safetensors.torch.load(data)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    missing = {name for name in network.state_dict() if "num_batches" not in name} - set(tensors)
    if missing:
        raise VerificationError(f"{WEIGHTS} lacks {sorted(missing)[0]}; install Linernotes anew")
