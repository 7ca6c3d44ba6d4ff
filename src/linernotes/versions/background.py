"""What unrelated music sounds like: a small bundled set of sequences from real recordings.

A likeness means something only against what unrelated pieces show by chance. The package carries the harmony,
melody, bass and rhythm sequences (never audio) of freely licensed recordings; `significance` asks how well a fragment
or a whole recording aligns with them. ``background.npz`` is made by
``benchmarks/versions/make_background.py``; ``background_attribution.txt`` credits every recording.

Conventions
-----------
Sequences are stored as int8, 127 for 1.0, pieces one after another; ``lengths`` holds their frame counts.

Known limits
------------
Few artists, mostly soundtracks, electronic and pop music: what is common in other traditions may look rare here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import NotFitted
from linernotes.versions.features import FEATURES_REVISION, Features
from linernotes.versions.hypotheses import Piece


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Unrelated pieces; ``names`` and ``pieces`` run in parallel. Equal only to itself."""

    names: tuple[str, ...]
    pieces: tuple[Features, ...]


@lru_cache(maxsize=1)
def bundled_background() -> Background:
    """Return the background that the package carries.

    Raises
    ------
    NotFitted
        If the bundled file was made with another revision of the features.

    Examples
    --------
    >>> background = bundled_background()
    >>> len(background.names) == len(background.pieces) > 30
    True
    """
    return unpack((resources.files("linernotes.versions") / "background.npz").read_bytes())


def pack(names: Sequence[str], pieces: Sequence[Features]) -> bytes:
    """Return the bytes of a background file.

    Examples
    --------
    >>> x = np.eye(12, dtype=np.float32)
    >>> piece = Features(x, x, x, 0.25, 3.0)
    >>> unpack(pack(["scale"], [piece])).pieces[0].harmony.argmax(axis=1)[3].item()
    3
    """
    stream = BytesIO()
    np.savez_compressed(
        stream,
        names=np.array(names),
        lengths=np.array([len(piece) for piece in pieces]),
        hop_s=np.array(pieces[0].hop_s),
        revision=np.array(FEATURES_REVISION),
        harmony=_joined([piece.harmony for piece in pieces]),
        melody=_joined([piece.melody for piece in pieces]),
        rhythm=_joined([piece.rhythm for piece in pieces]),
        bass=_joined([piece.bass for piece in pieces]),
    )
    return stream.getvalue()


def unpack(data: bytes) -> Background:
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
                "make it again with benchmarks/versions/make_background.py"
            )
        hop_s = float(stored["hop_s"])
        ends = np.cumsum(stored["lengths"])
        parts = {
            name: stored[name].astype(np.float32) / 127 for name in ("harmony", "melody", "rhythm", "bass")
        }
        pieces = tuple(
            Features(
                parts["harmony"][end - n : end],
                parts["melody"][end - n : end],
                parts["rhythm"][end - n : end],
                hop_s,
                float(n * hop_s),
                parts["bass"][end - n : end],
            )
            for n, end in zip(stored["lengths"], ends, strict=True)
        )
        return Background(tuple(str(name) for name in stored["names"]), pieces)


@lru_cache(maxsize=4)
def comparable(background: Background) -> tuple[Piece, ...]:
    """Return the pieces of a background ready for comparison, projected once."""
    return tuple(Piece(features) for features in background.pieces)


def _joined(sequences: Sequence[NDArray[np.float32]]) -> NDArray[np.int8]:
    return np.round(127 * np.concatenate(sequences)).astype(np.int8)
