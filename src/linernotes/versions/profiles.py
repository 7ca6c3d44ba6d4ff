"""Profiles on disk: what comparing needs to know of a recording, computed once per content.

Beside the features and the cohort a profile holds what the phrase network makes of them at the four speeds that are
tried (`linernotes.versions.hypotheses.SPEEDS`): computing that again takes longer than all the rest of a comparison.

Conventions
-----------
One ``.npz`` per recording, named by the caller (usually the content hash), of four arrays: ``header`` is UTF-8 JSON,
``frames`` [shape=(n_frames, n_values)] all sequences side by side, ``vectors`` [shape=(n, n_out)] and ``costs``
[shape=(n,)] the network's, one speed after another. Sequences and vectors are float16, whose rounding is far below what
any decision rests on. Files of another revision, or with vectors of another network, read as absent.

Cost
----
5.4 MB per hour of music, 2.0 of them features. Saving takes 15 CPU-ms for 70 s, which is the network; reading 0.4. Nothing
is compressed: that would save an eighth and double the time to read.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.versions.alignment import Matrix
from linernotes.versions.features import FEATURES_REVISION, Features
from linernotes.versions.hypotheses import COARSE_STEP, SPEEDS
from linernotes.versions.phrases.network import network_mark
from linernotes.versions.projection import Embedded
from linernotes.versions.significance import Cohort, Profile

PROFILE_REVISION = 6  # of cohorts and of the file: another background or another score makes them void
_SEQUENCES = ("harmony", "melody", "bass", "rhythm")
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


def save_profile(path: Path, known: Profile) -> None:
    """Write a profile; the file appears whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> x, four = np.eye(12, dtype=np.float32), (1.0, 2.0, 3.0, 4.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "one.npz"
    ...     save_profile(path, Profile(Features(x, x, x, 0.25, 3.0), Cohort(four, four, four, (False, True))))
    ...     load_profile(path).cohort.related
    (False, True)
    """
    sequences = [getattr(known.features, name) for name in _SEQUENCES]
    embedded = [known.piece.embedded("overall", speed, COARSE_STEP) for speed in SPEEDS]
    header = json.dumps(_header(known, [x.shape[1] for x in sequences], [len(x) for x in embedded]))
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.savez(
            stream,
            allow_pickle=False,
            header=np.frombuffer(header.encode(), np.uint8),
            frames=np.hstack(sequences).astype(np.float16),
            vectors=np.concatenate([one.vectors for one in embedded]).astype(np.float16),
            costs=np.concatenate([one.costs for one in embedded]).astype(np.float32),
        )
    os.replace(partial, path)


def load_profile(path: Path) -> Profile | None:
    """Read a profile; None when it is absent, damaged or of another revision: compute it again."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            header = json.loads(stored["header"].tobytes())
            if header["marks"] != _marks():
                return None
            known = _profile(header, stored["frames"].astype(np.float32))
            embedded = Embedded(stored["vectors"].astype(np.float32), stored["costs"])
            _keep(known, embedded, header["lengths"])
    except _UNREADABLE:
        return None
    return known


def _marks() -> list[int | str | list[float]]:
    """Return all that a file must agree in."""
    return [FEATURES_REVISION, PROFILE_REVISION, network_mark(), [*SPEEDS]]


def _header(known: Profile, widths: list[int], lengths: list[int]) -> dict[str, Any]:
    features, cohort = known.features, known.cohort
    return {
        "marks": _marks(),
        "hop_s": float(features.hop_s),
        "duration_s": float(features.duration_s),
        "widths": widths,
        "lengths": lengths,
        "mean": cohort.mean,
        "deviation": cohort.deviation,
        "level": cohort.level,
        "related": cohort.related,
    }


def _profile(header: dict[str, Any], frames: Matrix) -> Profile:
    parts = np.split(frames, np.cumsum(header["widths"])[:-1], axis=1)
    named = dict(zip(_SEQUENCES, map(np.ascontiguousarray, parts), strict=True))
    features = Features(**named, hop_s=header["hop_s"], duration_s=header["duration_s"])
    mean, deviation, level, related = (tuple(header[x]) for x in ("mean", "deviation", "level", "related"))
    return Profile(features, Cohort(mean, deviation, level, related))


def _keep(known: Profile, embedded: Embedded, lengths: list[int]) -> None:
    """Hand the network's vectors to the piece, speed by speed."""
    if sum(lengths) != len(embedded) or len(embedded) != len(embedded.vectors):
        raise ValueError(f"vectors of {len(embedded)} frames; expected {lengths}")
    ends = np.cumsum(lengths)[:-1]
    parts = np.split(embedded.vectors, ends), np.split(embedded.costs, ends)
    for speed, vectors, costs in zip(SPEEDS, *parts, strict=True):
        known.piece.kept["overall", speed, COARSE_STEP] = Embedded(vectors, costs)
