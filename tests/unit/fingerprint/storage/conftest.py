"""Landmarks of a dozen short synthetic recordings, and a way to compare indexes by content."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.fingerprint.index import FAMILIES, FingerprintIndex
from linernotes.fingerprint.landmarks import Landmarks, find_landmarks
from linernotes.fingerprint.storage.merging import EVENT_COLUMNS, EVENTS

RATE = 8000


def _melody(seed: int) -> Audio:
    rng = np.random.default_rng(seed)
    notes = []
    for _ in range(int(rng.integers(6, 14))):
        time = np.arange(int(rng.integers(1200, 2600))) / RATE
        pitch = 220 * 2 ** (rng.integers(0, 40) / 12)
        notes.append(np.sin(2 * np.pi * pitch * time) * np.exp(-4 * time))
    sound = np.concatenate(notes) + rng.normal(0, 0.01, sum(map(len, notes)))
    return Audio((0.3 * sound).astype(np.float32), RATE)


@pytest.fixture(scope="session")
def takes() -> list[Landmarks]:
    return [find_landmarks(_melody(seed), name=f"take {seed}") for seed in range(12)]


def _content(index: FingerprintIndex) -> dict[str, Any]:
    events = np.asarray(getattr(index, EVENTS)).astype(np.int64)
    found: dict[str, Any] = {}
    for recording in index.recordings:
        first, last = recording.first_frame, recording.first_frame + recording.n_frames
        peaks = slice(*np.searchsorted(events, [first, last]))
        found[recording.recording_id] = [
            recording.content_sha256,
            recording.n_frames,
            (events[peaks] - first).tolist(),
            [getattr(index, name)[peaks].tolist() for name in EVENT_COLUMNS],
        ]
    for family, (_, along) in FAMILIES.items():
        starts = np.asarray(getattr(index, f"{family}_starts")).astype(np.int64)
        places = np.asarray(getattr(index, along[0])).astype(np.int64)
        keys = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        for recording in index.recordings:
            first, last = recording.first_frame, recording.first_frame + recording.n_frames
            own = (places >= first) & (places < last)
            columns = [getattr(index, name)[own].tolist() for name in along[1:]]
            found[recording.recording_id] += [keys[own].tolist(), (places[own] - first).tolist(), columns]
    return found


@pytest.fixture(scope="session")
def content() -> Callable[[FingerprintIndex], dict[str, Any]]:
    """Everything an index says about each recording, wherever on the time axis it lies."""
    return _content
