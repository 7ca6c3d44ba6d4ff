"""A minute and more is written in every coding: libsndfile's Vorbis encoder dies of a minute in one call."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy as np
from linernotes.audio.files import Audio, read_audio, write_audio

place, seconds = sys.argv[1], int(sys.argv[2])
noise = np.random.default_rng(0).normal(0, 0.1, seconds * 44100).astype(np.float32)
write_audio(place, Audio(noise, 44100))
print(len(read_audio(place).samples) / 44100)
"""


@pytest.mark.parametrize("suffix", [".ogg", ".flac", ".wav"])
def test_a_long_recording_is_written_whole(tmp_path, suffix):
    """In a process of its own, since what went wrong ended the process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / f"long{suffix}"), "70"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(70, abs=0.1)
