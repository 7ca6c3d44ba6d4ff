"""The phrase network: log-odds that two frames sound the same moment of a work, from four seconds around each.

The linear projection of *overall* (`linernotes.versions.projection`) weighs what it sees by fixed sums. This network
adds to its vectors and costs what sums cannot say: which chord a melody implies, whether a line is the tune or what
moves under it. Four convolutions around the circle of pitch classes, 32 channels, 127,000 weights; everything after it
(transposing by rolling, alignment, spans) is as with the linear one.

It was trained on rendered arrangements of POP909 songs with the alignment in the loop: among other works, the other
version of a song is to score highest (``benchmarks/versions/train_phrases``, ``docs/methods/version-phrases.md``).

Conventions
-----------
Frames hold harmony, melody and bass, twelve pitch classes each, as `projection.values` gives them for *overall*.
Vectors are ``[shape=(n_frames, 12 * n_kept), float32]``, blocks of twelve; the log-odds of two frames are
``a.vectors[i] · b.vectors[j] - a.costs[i] - b.costs[j]``.

References
----------
Cohen, Welling (2016), "Group equivariant convolutional networks", ICML. He et al. (2016), "Deep residual learning for
image recognition", CVPR. Yu, Koltun (2016), "Multi-scale context aggregation by dilated convolutions", ICLR.

Known limits
------------
Trained on sampled instruments playing pop songs: on real recordings no gain over the linear projection is shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.errors import NotFitted, VerificationError
from linernotes.versions.alignment import Matrix
from linernotes.versions.features import FEATURES_REVISION
from linernotes.versions.phrases.circle import Signal, convolved, kernel, spectrum_of
from linernotes.versions.projection import Embedded

WEIGHTS, CARD = "phrases.npz", "phrases.json"
N_CHANNELS = 3  # harmony, melody, bass

Weights = Mapping[str, NDArray[np.float32]]


class PhraseNetwork:
    """The network with its weights.

    Parameters
    ----------
    weights : mapping of NDArray[np.float32]
        Kernels ``linear``, ``spread``, ``first``, ``block0``, .. and ``head`` [shape=(n_taps, 12, n_in, n_out)], their
        biases ``NAME.bias``, ``pool``, ``cost`` and ``constant``.
    dilations : sequence of int
        Frames from one tap of each block to the next.
    """

    def __init__(self, weights: Weights, dilations: tuple[int, ...]) -> None:
        self._weights = weights
        self._blocks = tuple(kernel(weights[f"block{at}"], d) for at, d in enumerate(dilations))
        self._first, self._head = kernel(weights["first"]), kernel(weights["head"])
        self._lines = kernel(np.concatenate([weights["linear"], weights["spread"]], axis=3))

    def embed(self, frames: Matrix, step: int = 1) -> Embedded:
        """Return every *step*-th frame as a vector and a cost.

        Parameters
        ----------
        frames : NDArray[np.float32] [shape=(n_frames, 36)]
            Result of `projection.values` for *overall*.
        step : int
            Frames from one to the next.
        """
        signal = frames.reshape(len(frames), N_CHANNELS, PITCH_CLASSES).transpose(2, 0, 1)
        seen = spectrum_of(np.ascontiguousarray(signal, np.float32))
        lines = convolved(seen, self._lines, step)
        hidden = self._hidden(seen, step)
        vectors = convolved(spectrum_of(hidden), self._head) + self._weights["head.bias"]
        n_kept = vectors.shape[2]
        vectors += lines[..., :n_kept]
        costs = (lines[..., n_kept:] ** 2).sum(axis=(0, 2)) + self._further_costs(hidden)
        return Embedded(
            np.ascontiguousarray(vectors.transpose(1, 2, 0).reshape(len(costs), -1), np.float32),
            np.asarray(costs, np.float32),
        )

    def _hidden(self, seen: NDArray[np.complex64], step: int) -> Signal:
        """Return what the residual blocks make of every *step*-th frame [shape=(12, n_frames, 32)]."""
        x = convolved(seen, self._first)
        x += self._weights["first.bias"]
        np.maximum(x, 0, out=x)
        for at, block in enumerate(self._blocks):
            every = step if at + 1 == len(self._blocks) else 1
            y = convolved(spectrum_of(x), block, every)
            y += self._weights[f"block{at}.bias"]
            np.maximum(y, 0, out=y)
            y += x[:, ::every]
            x = y
        return x

    def _further_costs(self, hidden: Signal) -> NDArray[np.float32]:
        """Return what a frame costs beside the length of its spread; the same in every key [shape=(n_frames,)]."""
        w = self._weights
        pooled = np.hstack([hidden.max(axis=0), hidden.mean(axis=0)])
        inner = np.maximum(pooled @ w["pool"] + w["pool.bias"], 0)
        return np.asarray((inner @ w["cost"] + w["cost.bias"])[:, 0] - w["constant"][0] / 2, np.float32)


@lru_cache(maxsize=1)
def bundled_network() -> PhraseNetwork:
    """Return the network that the package carries.

    Raises
    ------
    VerificationError
        If the weights are not those that their card names.
    NotFitted
        If it was trained on other features.

    Examples
    --------
    >>> found = bundled_network().embed(np.zeros((8, 36), np.float32), step=2)
    >>> found.vectors.shape[0], found.vectors.shape[1] % 12
    (4, 0)
    """
    return read_network((resources.files(__package__) / "weights" / WEIGHTS).read_bytes(), card())


def card() -> dict[str, Any]:
    """Return what is known about the shipped weights: data, recipe, figures, licence.

    Examples
    --------
    >>> card()["licence"]
    'Apache-2.0'
    """
    text = (resources.files(__package__) / "weights" / CARD).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@lru_cache(maxsize=1)
def network_mark() -> str:
    """Return what tells vectors of the bundled network from those of another: the beginning of its SHA-256.

    Examples
    --------
    >>> len(network_mark())
    16
    """
    return str(card()["sha256"])[:16]


def read_network(data: bytes, facts: Mapping[str, Any], revision: int = FEATURES_REVISION) -> PhraseNetwork:
    """Return the network of a weights file.

    Parameters
    ----------
    data : bytes
        An ``.npz`` of the arrays that `PhraseNetwork` names.
    facts : mapping
        Its card: ``sha256``, ``features_revisions`` and ``dilations``.
    revision : int, optional
        Of the features that it is to read.

    Raises
    ------
    VerificationError
        If the SHA-256 differs.
    NotFitted
        If the card does not name the revision of the features.
    """
    digest = hashlib.sha256(data).hexdigest()
    if digest != facts["sha256"]:
        raise VerificationError(
            f"{WEIGHTS} has SHA-256 {digest}, its card says {facts['sha256']}; install the package again"
        )
    if revision not in facts["features_revisions"]:
        raise NotFitted(
            f"phrase network for features of revision {facts['features_revisions']}, these are of revision {revision}; "
            "train it again with benchmarks/versions/train_phrases"
        )
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        weights = {name: stored[name].astype(np.float32) for name in stored.files}
    return PhraseNetwork(weights, tuple(facts["dilations"]))
