"""Changed pitch and tempo: a few seconds are enough, and of several repetitions the right one is named."""

from pathlib import Path

import numpy as np
import pytest
import soxr

from linernotes.audio.files import Audio
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks
from linernotes.fingerprint.match import METHOD_PLACED, identify_audio

MUSIC = Path(__file__).parents[3] / "demo" / "catalog" / "audio"
RATE = 8000


def _faster(audio: Audio, factor: float) -> Audio:
    """Play so many times as fast: pitch and tempo move together."""
    return Audio(np.asarray(soxr.resample(audio.samples, RATE * factor, RATE), np.float32), RATE)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_three_seconds_at_another_speed_are_found(known, index, factor: float) -> None:
    found = 0
    for name, audio in known.items():
        matches = identify_audio(_faster(audio.excerpt(14.0, 14.0 + 3.0 * factor), factor), index)
        assert {match.recording_id for match in matches} <= {name}
        for match in matches[:1]:
            assert match.time_ratio == pytest.approx(1 / factor, abs=0.02)
            assert match.pitch_shift_semitones == pytest.approx(12 * np.log2(factor), abs=0.6)
            place = match.reference.start_s - match.query.start_s * factor
            found += place == pytest.approx(14.0, abs=0.2)
    assert found >= len(known) - 1


def test_of_two_repetitions_the_one_that_was_heard_is_named(known) -> None:
    bed, other = (known[name].excerpt(10.0, 22.0).samples for name in list(known)[:2])
    other = other * np.sqrt((bed**2).mean() / (other**2).mean()).astype(np.float32)
    verses = [
        bed,
        bed + 0.25 * other,
        bed + 0.25 * other[::-1],
    ]  # one music, each time with something else under it
    song = Audio(np.concatenate(verses).astype(np.float32), RATE)
    index = FingerprintIndex.empty().add([("song", "0" * 64, find_landmarks(song, name="song"))])
    by_spectra = 0
    for verse in range(3):
        for begin in (1.0, 5.0):
            at = 12.0 * verse + begin
            query = _faster(song.excerpt(at, at + 4.4), 1.1)
            (match, *_) = identify_audio(
                query, index, listen=lambda _name, a, b: song.excerpt(a, min(b, 36.0))
            )
            assert match.reference.start_s - match.query.start_s * 1.1 == pytest.approx(at, abs=0.2)
            assert (match.alikeness is not None) == (match.method == METHOD_PLACED)
            by_spectra += match.method == METHOD_PLACED
    assert by_spectra >= 4
