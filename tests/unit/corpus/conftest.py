"""Music made on the spot: seeded melodies with drums, unlike each other, in any coding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from linernotes.audio.files import Audio
from linernotes.catalog.recording import Recording
from linernotes.corpus.manifest import Item

HEADER = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,isrc\n"


def make_music(seed: int, duration_s: float = 8.0, sample_rate: int = 16000) -> Audio:
    """A random melody of harmonic notes over noise bursts."""
    rng = np.random.default_rng(seed)
    n_samples = int(duration_s * sample_rate)
    samples = np.zeros(n_samples)
    start = 0.0
    while start < duration_s:
        length = rng.choice([0.2, 0.3, 0.45])
        first, last = int(start * sample_rate), min(n_samples, int((start + length) * sample_rate))
        t = np.arange(last - first) / sample_rate
        pitch = 110 * 2 ** (rng.integers(0, 36) / 12)
        partials = range(1, max(2, min(8, int(sample_rate / 2.2 / pitch))))
        samples[first:last] += sum(np.sin(2 * np.pi * k * pitch * t) / k for k in partials) * np.exp(-4 * t)
        if rng.random() < 0.4:
            samples[first:last] += rng.normal(size=len(t)) * np.exp(-30 * t) * 0.5
        start += length
    return Audio((samples / np.abs(samples).max() * 0.5).astype(np.float32), sample_rate)


def make_item(n: int, **changes: object) -> Item:
    """An item whose hashes follow from its number."""
    fields: dict[str, object] = {
        "item_id": f"item-{n:04}",
        "path": f"item-{n:04}.wav",
        "content_sha256": f"{n:064x}",
        "audio_sha256": f"{n + 2**128:064x}",
        "duration_s": 1.5,
        "sample_rate": 8000,
        "n_channels": 1,
        "coding": "WAV/PCM_16",
        "recording": Recording(recording_id=f"item-{n:04}", title=f"Title {n}", artist="Ada"),
        "cluster_id": f"item-{n:04}",
    }
    return Item(**(fields | changes))  # type: ignore[arg-type]


def write_aac(path: Path, audio: Audio, form: str | None = None) -> None:
    """Encode AAC with PyAV, which libsndfile cannot."""
    import av

    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream("aac", rate=audio.sample_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(audio.samples[None], format="fltp", layout="mono")
        frame.sample_rate = audio.sample_rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def write_rights(path: Path, rows: list[str]) -> Path:
    """Write a rights table of ready rows."""
    path.write_text(HEADER + "".join(row + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def make_folder(tmp_path):
    """Write short FLAC files, one per name, each another music; returns the folder."""

    def make(*names: str, duration_s: float = 4.0) -> Path:
        folder = tmp_path / "audio"
        for seed, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            audio = make_music(seed, duration_s)
            soundfile.write(path, audio.samples, audio.sample_rate, format="FLAC")
        return folder

    return make


@pytest.fixture(name="music")
def music_fixture():
    return make_music


@pytest.fixture(name="new_item", scope="session")
def new_item_fixture():
    return make_item


@pytest.fixture(name="aac")
def aac_fixture():
    return write_aac


@pytest.fixture(name="rights")
def rights_fixture(tmp_path):
    def write(*rows: str) -> Path:
        return write_rights(tmp_path / "rights.csv", list(rows))

    return write
