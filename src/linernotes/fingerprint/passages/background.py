"""Unrelated music that the null of segment matching is fitted on when the catalogue is small.

The package carries the frames (never audio) of half a minute of freely licensed recordings, one per artist.
``background.npz`` is made by ``benchmarks/passages/make_background.py``; ``background_attribution.txt`` credits
every recording.

Known limits
------------
Mostly soundtracks, electronic and pop music: for other traditions the catalogue itself is the better null, and
it takes over as it grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np

from linernotes.errors import NotFitted
from linernotes.fingerprint.passages.features import FEATURES_REVISION, SegmentFeatures

_SCALE = 31  # coarse, so that the file stays small: the error of a correlation is below 0.01


@lru_cache(maxsize=1)
def bundled_background() -> tuple[SegmentFeatures, ...]:
    """Return the unrelated pieces that the package carries.

    Raises
    ------
    NotFitted
        If the bundled file was made with another revision of the features.

    Examples
    --------
    >>> len(bundled_background()) >= 20
    True
    """
    return unpack((resources.files("linernotes.fingerprint.passages") / "background.npz").read_bytes())


def pack(pieces: Sequence[SegmentFeatures]) -> bytes:
    """Return the bytes of a background file.

    Examples
    --------
    >>> piece = SegmentFeatures(np.eye(96, dtype=np.float32)[:20])
    >>> len(unpack(pack([piece, piece]))[1])
    20
    """
    stream = BytesIO()
    frames = np.concatenate([piece.frames for piece in pieces])
    np.savez_compressed(
        stream,
        revision=np.array(FEATURES_REVISION),
        lengths=np.array([len(piece) for piece in pieces]),
        frames=np.round(frames * _SCALE).astype(np.int8),
    )
    return stream.getvalue()


def unpack(data: bytes) -> tuple[SegmentFeatures, ...]:
    """Read what `pack` wrote.

    Raises
    ------
    NotFitted
        If the revision of the features differs.
    """
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        revision = int(stored["revision"])
        if revision != FEATURES_REVISION:
            raise NotFitted(
                f"background of revision {revision}, features of revision {FEATURES_REVISION}; "
                "make it again with benchmarks/passages/make_background.py"
            )
        frames = stored["frames"].astype(np.float32) / _SCALE
        ends = np.cumsum(stored["lengths"])[:-1]
    return tuple(SegmentFeatures(part) for part in np.split(frames, ends))
