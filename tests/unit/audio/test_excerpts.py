"""A few seconds out of the middle of a file are those of the whole file."""

from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.excerpts import read_excerpt
from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.errors import InputError

RATE = 16000


@pytest.fixture(scope="module")
def music() -> Audio:
    time = np.arange(12 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    sweep = np.sin(2 * np.pi * (200 * time + 40 * time**2))
    return Audio((0.4 * sweep + 0.05 * noise).astype(np.float32), RATE)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "opus", "m4a"])
def test_an_excerpt_is_that_of_the_whole(tmp_path: Path, music: Audio, suffix: str) -> None:
    path = tmp_path / f"music.{suffix}"
    if suffix == "m4a":
        _write_m4a(path, music)
    else:
        write_audio(path, music)
    whole = read_audio(path)
    part = read_excerpt(path, 4.25, 6.5)
    assert part.sample_rate == whole.sample_rate
    assert part.duration_s == pytest.approx(2.25, abs=1e-3)
    best = max(_likeness(whole, part, 4.25 + step / whole.sample_rate) for step in range(-60, 61, 1))
    assert best > 0.999
    assert _likeness(whole, part, 4.25) > (0.999 if suffix in ("wav", "flac", "ogg", "m4a") else 0.9)


def test_at_the_end_there_is_less_and_behind_it_nothing(tmp_path: Path, music: Audio) -> None:
    for suffix in ("wav", "ogg"):
        path = tmp_path / f"music.{suffix}"
        write_audio(path, music)
        assert read_excerpt(path, 11.0, 14.0).duration_s == pytest.approx(1.0, abs=0.01)
        assert len(read_excerpt(path, 30.0, 31.0).samples) == 0


@pytest.mark.parametrize(("start_s", "end_s"), [(-1, 2), (3, 3), (4, 2), (float("nan"), 2)])
def test_times_that_are_none_are_refused(tmp_path: Path, start_s: float, end_s: float) -> None:
    with pytest.raises(InputError, match="expected 0 <= start < end"):
        read_excerpt(tmp_path / "any.wav", start_s, end_s)


def test_what_is_no_audio_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_excerpt(tmp_path / "absent.wav", 0, 1)
    letter = tmp_path / "letter.wav"
    letter.write_text("not music")
    with pytest.raises(InputError, match=r"letter\.wav"):
        read_excerpt(letter, 0, 1)


def _likeness(whole: Audio, part: Audio, start_s: float) -> float:
    first = round(start_s * whole.sample_rate)
    a, b = whole.samples[first : first + len(part.samples)], part.samples
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


def _write_m4a(path: Path, audio: Audio) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as writing:
        stream = writing.add_stream("aac", rate=audio.sample_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(audio.samples[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = audio.sample_rate, 0
        for part in av.AudioResampler(
            format="fltp", layout="mono", rate=audio.sample_rate, frame_size=1024
        ).resample(frame):
            writing.mux(stream.encode(part))
        writing.mux(stream.encode(None))
