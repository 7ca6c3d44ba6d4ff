"""Where the segments of a recording lie, and how a short recording fills one.

Segments start every ``hop_s`` seconds. One more is laid flush with the end, so that every second is
inside a segment and none is padded. A recording shorter than one segment is repeated until it fills it
(Serra et al. 2025 fill tails in this way).

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError, TooShort

SHORTEST_S = 4.0  # as the features of `versions compare`; repeating less is a rhythm of its own
SLACK_S = 0.25  # the end of a recording that needs no segment of its own


def segment_starts(duration_s: float, length_s: float, hop_s: float) -> NDArray[np.float32]:
    """Return where the segments of a recording begin, in seconds.

    Parameters
    ----------
    duration_s : float
        Length of the recording.
    length_s, hop_s : float > 0
        Length of a segment and step between segments.

    Returns
    -------
    NDArray[np.float32] [shape=(n_segments,)]
        Rising, the first is 0.

    Raises
    ------
    TooShort
        If the recording is shorter than 4 s.
    InputError
        If a length is not positive.

    Examples
    --------
    >>> segment_starts(32.0, 20.0, 5.0).tolist()
    [0.0, 5.0, 10.0, 12.0]
    >>> segment_starts(9.0, 20.0, 5.0).tolist()
    [0.0]
    """
    if not (length_s > 0 and hop_s > 0):
        raise InputError(f"segments of {length_s} s every {hop_s} s; expected positive lengths")
    if duration_s < SHORTEST_S:
        raise TooShort(
            f"audio of {duration_s:.1f} s; segment embeddings need at least {SHORTEST_S:g} s, give a longer one"
        )
    last = max(duration_s - length_s, 0.0)
    starts = np.arange(int(last / hop_s + 1e-6) + 1) * hop_s
    if last - starts[-1] > SLACK_S:
        starts = np.append(starts, last)
    return starts.astype(np.float32)


def cut(
    frames: NDArray[np.float32], starts_s: NDArray[np.float32], length_s: float, frames_per_s: float
) -> NDArray[np.float32]:
    """Cut segments from a sequence of frames, repeating a sequence that is too short.

    Parameters
    ----------
    frames : NDArray[np.float32] [shape=(n_frames, n_values)]
        The whole recording.
    starts_s : NDArray[np.float32] [shape=(n_segments,)]
        As `segment_starts` gives them.
    length_s : float
        Length of a segment.
    frames_per_s : float
        Rate of frames.

    Returns
    -------
    NDArray[np.float32] [shape=(n_segments, n_length, n_values)]
        ``n_length = round(length_s * frames_per_s)``.

    Examples
    --------
    >>> cut(np.arange(3.0, dtype=np.float32)[:, None], np.zeros(1, np.float32), 5.0, 1.0)[0, :, 0].tolist()
    [0.0, 1.0, 2.0, 0.0, 1.0]
    """
    n_length = round(length_s * frames_per_s)
    if len(frames) < n_length:
        frames = np.tile(frames, (-(-n_length // len(frames)), 1))[:n_length]
    first = np.clip(np.round(starts_s * frames_per_s).astype(int), 0, len(frames) - n_length)
    return np.stack([frames[at : at + n_length] for at in first])
