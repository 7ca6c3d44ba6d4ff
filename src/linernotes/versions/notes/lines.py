"""Melody, bass and chords: the lines that a small network reads off the pitch grid.

Which of the sounding notes is the tune depends on everything around it: what lies above and below, what came
before, whether it moves like an accompaniment. Eleven small convolutions over time and pitch, 33,000 weights,
see all of that; they were trained on rendered arrangements of POP909 songs, where the tune is known
(``benchmarks/versions/train_lines``). The network treats all pitches alike but for one layer that says how high they
are, and pitch classes entirely alike, so it hears the same in every key.

Conventions
-----------
Probabilities, one row per cell of `linernotes.versions.notes.grid`. Lines have one column per pitch of the grid and a
last one for *no note*; roots have twelve pitch classes and a last one for *no chord*.

Cost
----
0.03 CPU-s for 60 s of audio.

References
----------
Bittner, McFee, Salamon, Li, Bello (2017), "Deep salience representations for F0 estimation in polyphonic music", ISMIR
(convolutions over a pitch picture). McFee, Bello (2017), "Structured training for large-vocabulary chord recognition",
ISMIR (root and tones as joint targets). Wang et al. (2020), "POP909", ISMIR.

Known limits
------------
Trained on sampled instruments: sung melodies are heard through the transcription alone. Where two tunes sound at
once it follows the one that is louder and higher. Chords are what accompaniments of pop songs do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from linernotes.versions.notes.grid import CELL_S, LOWEST_PITCH

WEIGHTS_FILE = "lines.npz"
Weights = dict[str, NDArray[np.float32]]

_OCTAVE = 12


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """What the network hears; equal only to itself.

    Parameters
    ----------
    melody, bass : NDArray[np.float32] [shape=(n_cells, n_pitches + 1)]
        Probability of each pitch from `LOWEST_PITCH` on, and of no note; rows sum to 1.
    root : NDArray[np.float32] [shape=(n_cells, 13)]
        Probability of each root, and of no chord; rows sum to 1.
    tones : NDArray[np.float32] [shape=(n_cells, 12)]
        Probability that a pitch class belongs to the chord.
    cell_s : float
        Seconds per cell.
    """

    melody: NDArray[np.float32]
    bass: NDArray[np.float32]
    root: NDArray[np.float32]
    tones: NDArray[np.float32]
    cell_s: float = CELL_S

    def __len__(self) -> int:
        return len(self.melody)


def read_lines(grid: NDArray[np.float32], weights: Weights | None = None) -> Lines:
    """Return melody, bass and chords of a recording.

    Parameters
    ----------
    grid : NDArray[np.float32] [shape=(7, n_cells, n_pitches)]
        From `linernotes.versions.notes.grid.pitch_grid`.
    weights : dict of NDArray[np.float32], optional
        Weights of the network; the shipped ones when None.

    Examples
    --------
    >>> heard = read_lines(np.zeros((7, 16, 73), np.float32))
    >>> len(heard), bool(heard.melody[:, -1].min() > 0.5)  # no note in silence
    (16, True)
    """
    w = shipped_weights() if weights is None else weights
    x = _relu(_across(grid.transpose(1, 2, 0), w, "first"))
    x = x + _relu(_across(x, w, "near"))
    x = x + _relu(_across(x, w, "octaves", (1, _OCTAVE)))
    x = x + _everywhere(x, w, "whole")[:, None, :]
    x = x + _relu(_across(x, w, "before", (3, 1)))
    x = x + _relu(_across(x, w, "around"))
    x = x + _relu(_across(x, w, "phrase", (8, 1)))
    line, none = _across(x, w, "pitches"), _everywhere(x, w, "none")
    chord = _across(_classes(_relu(_across(x, w, "fold")), w), w, "chord")
    return Lines(
        melody=_shares(np.hstack([line[..., 0], none[:, :1]])),
        bass=_shares(np.hstack([line[..., 1], none[:, 1:2]])),
        root=_shares(np.hstack([chord[..., 0], none[:, 2:]])),
        tones=np.asarray(1 / (1 + np.exp(-np.clip(chord[..., 1], -30, 30))), np.float32),
    )


@lru_cache(maxsize=1)
def shipped_weights() -> Weights:
    """Return the weights that the package carries."""
    data = (resources.files("linernotes.versions.notes") / WEIGHTS_FILE).read_bytes()
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def _across(
    x: NDArray[np.float32], weights: Weights, name: str, dilation: tuple[int, int] = (1, 1)
) -> NDArray[np.float32]:
    """Convolve over time and pitch with zeros outside [shape=(n_cells, n_pitches, n_channels)]."""
    taps = weights[f"{name}.weight"]
    reach = [(n // 2) * d for n, d in zip(taps.shape[:2], dilation, strict=True)]
    padded = np.pad(x, ((reach[0], reach[0]), (reach[1], reach[1]), (0, 0)))
    return _correlated(padded, taps, dilation, x.shape[:2]) + weights[f"{name}.bias"]


def _correlated(
    padded: NDArray[np.float32], taps: NDArray[np.float32], dilation: tuple[int, int], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    n_cells, n_pitches = shape
    total = np.zeros((n_cells * n_pitches, taps.shape[3]), np.float32)
    for i in range(taps.shape[0]):
        for j in range(taps.shape[1]):
            cells = slice(i * dilation[0], i * dilation[0] + n_cells)
            pitches = slice(j * dilation[1], j * dilation[1] + n_pitches)
            total += padded[cells, pitches].reshape(-1, taps.shape[2]) @ taps[i, j]
    return total.reshape(n_cells, n_pitches, -1)


def _everywhere(x: NDArray[np.float32], weights: Weights, name: str) -> NDArray[np.float32]:
    """Return a linear map of the greatest and the mean over pitch [shape=(n_cells, n_outputs)]."""
    pooled = np.hstack([x.max(axis=1), x.mean(axis=1)])
    return np.asarray(pooled @ weights[f"{name}.weight"] + weights[f"{name}.bias"], np.float32)


def _classes(x: NDArray[np.float32], weights: Weights) -> NDArray[np.float32]:
    """Fold octaves and convolve around the circle of pitch classes [shape=(n_cells, 12, n_channels)]."""
    below = LOWEST_PITCH % _OCTAVE
    padded = np.pad(x, ((0, 0), (below, -(below + x.shape[1]) % _OCTAVE), (0, 0)))
    octaves = padded.reshape(len(x), -1, _OCTAVE, x.shape[2])
    y = np.concatenate([octaves.max(axis=1), octaves.mean(axis=1)], axis=2)
    around = np.pad(np.concatenate([y, y[:, : _OCTAVE - 1]], axis=1), ((1, 1), (0, 0), (0, 0)))
    taps = weights["circle.weight"]
    y = _relu(_correlated(around, taps, (1, 1), (len(x), _OCTAVE)) + weights["circle.bias"])
    return y + _relu(_across(y, weights, "bars", (3, 1)))


def _relu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(x, 0)


def _shares(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities whose rows sum to 1."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
