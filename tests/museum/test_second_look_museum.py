"""Recordings whose audio is not what it was: the answer falls back on the index, and says why."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.workflows.identify import add_catalogue, identify_files
from linernotes.workflows.recording_audio import RecordingAudio

MUSIC = Path(__file__).parents[2] / "demo" / "catalog" / "audio"
RATE = 8000
NAME = "song"


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Return a folder with a catalogue of one recording and a query that is too faint for the index alone."""
    (tmp_path / "music").mkdir()
    song = read_audio(sorted(MUSIC.glob("*.ogg"))[0], RATE)
    write_audio(tmp_path / "music" / f"{NAME}.wav", Audio(song.samples[: 30 * RATE], RATE))
    with (tmp_path / "catalog.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["file", "title", "artist"], [f"{NAME}.wav", "Song", "Someone"]])
    add_catalogue(tmp_path / "music", tmp_path / "catalog.csv", tmp_path / "ws")
    noise = np.random.default_rng(0).standard_normal(6 * RATE).astype(np.float32)
    part = song.excerpt(10.0, 16.0).samples
    faint = part + noise * np.sqrt((part**2).mean()) * 10 ** (14 / 20)
    write_audio(tmp_path / "query.wav", Audio((0.1 * faint / np.abs(faint).max()).astype(np.float32), RATE))
    return tmp_path


def _gone(path: Path) -> None:
    path.unlink()


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _shorter(path: Path) -> None:
    write_audio(path, read_audio(path).excerpt(0.0, 20.0))


def _louder(path: Path) -> None:
    audio = read_audio(path)
    write_audio(path, Audio(np.float32(1.05) * audio.samples, audio.sample_rate))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("no longer music\n" * 50, encoding="utf-8")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "gone": (_gone, "is gone"),
    "a folder": (_a_folder, "is gone"),
    "shorter": (_shorter, "changed since it was indexed"),
    "louder": (_louder, "changed since it was indexed"),
    "empty": (_empty, "changed since it was indexed"),
    "text": (_text, "changed since it was indexed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_says_why_and_answers_by_the_index(scene: Path, fault: str) -> None:
    spoil, words = FAULTS[fault]
    (alone,) = identify_files([scene / "query.wav"], scene / "ws", second_look=False)
    spoil(scene / "music" / f"{NAME}.wav")
    (answer,) = identify_files([scene / "query.wav"], scene / "ws")
    assert answer["matches"] == alone["matches"]
    (unheard,) = answer["not_heard"]
    assert unheard["recording_id"] == NAME
    assert words in unheard["reason"]
    assert "\n" not in unheard["reason"]


def test_a_file_that_breaks_while_it_is_read_is_named_once(scene: Path) -> None:
    listen = RecordingAudio([scene / "ws"])
    assert listen(NAME, 0.0, 2.0) is not None
    (scene / "music" / f"{NAME}.wav").unlink()
    assert listen(NAME, 2.0, 4.0) is None
    assert "no such file" in listen.unheard[NAME]
    assert listen(NAME, 4.0, 6.0) is None
