"""Eight recordings of the demo and their landmarks."""

from pathlib import Path

import pytest

from linernotes.audio.files import Audio, read_audio
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks

MUSIC = Path(__file__).parents[3] / "demo" / "catalog" / "audio"
RATE = 8000


@pytest.fixture(scope="session")
def known() -> dict[str, Audio]:
    return {path.stem: read_audio(path, RATE) for path in sorted(MUSIC.glob("*.ogg"))[0:40:5]}


@pytest.fixture(scope="session")
def index(known: dict[str, Audio]) -> FingerprintIndex:
    return FingerprintIndex.empty().add([(k, "0" * 64, find_landmarks(v, name=k)) for k, v in known.items()])
