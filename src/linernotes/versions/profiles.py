"""Profiles on disk: what comparing needs to know of a recording, computed once per content.

Conventions
-----------
One ``.npz`` per recording, named by the caller (usually the content hash); sequences as float16, whose
rounding is far below what any decision rests on. Files of another revision read as absent.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from linernotes.versions.features import FEATURES_REVISION, Features
from linernotes.versions.significance import Cohort, Profile

PROFILE_REVISION = 4  # of cohorts: another background or another score makes them void
_SEQUENCES = ("harmony", "melody", "rhythm", "bass")


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
    features, cohort = known.features, known.cohort
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.savez_compressed(
            stream,
            allow_pickle=False,
            revision=np.array([FEATURES_REVISION, PROFILE_REVISION]),
            clock=np.array([features.hop_s, features.duration_s]),
            cohort=np.array([cohort.mean, cohort.deviation, cohort.level]),
            related=np.array(cohort.related, bool),
            **{name: getattr(features, name).astype(np.float16) for name in _SEQUENCES},
        )
    os.replace(partial, path)


def load_profile(path: Path) -> Profile | None:
    """Read a profile; None when it is absent, damaged or of another revision: compute it again."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if stored["revision"].tolist() != [FEATURES_REVISION, PROFILE_REVISION]:
                return None
            harmony, melody, rhythm, bass = (stored[name].astype(np.float32) for name in _SEQUENCES)
            hop_s, duration_s = (float(value) for value in stored["clock"])
            mean, deviation, level = (tuple(float(x) for x in row) for row in stored["cohort"])
            related = tuple(bool(value) for value in stored["related"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Profile(
        Features(harmony, melody, rhythm, hop_s, duration_s, bass),
        Cohort(mean, deviation, level, related),
    )
