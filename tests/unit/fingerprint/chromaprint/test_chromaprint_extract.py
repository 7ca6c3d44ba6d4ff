"""The extractor gives what fpcalc gives, on real music and at any sample rate."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soxr

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError, TooShort
from linernotes.fingerprint.chromaprint.codec import decode
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.image import chroma_image
from linernotes.fingerprint.chromaprint.prints import SAMPLE_RATE, n_items
from linernotes.fingerprint.chromaprint.resample import to_fingerprint_rate
from linernotes.fingerprint.chromaprint.scoring import bit_errors

ROOT = Path(__file__).parents[4]
MUSIC = ROOT / "demo" / "corpus" / "audio"
VECTORS = json.loads((ROOT / "tests" / "vectors" / "chromaprint_fpcalc.json").read_text())


@pytest.fixture(scope="module")
def song():
    return read_audio(MUSIC / VECTORS["files"][0]["file"])


def error_rate(a, b):
    assert len(a) == len(b)
    return float(bit_errors(a.values, b.values).mean()) / 32


@pytest.mark.parametrize("case", VECTORS["files"], ids=lambda case: case["file"])
def test_the_numbers_are_those_of_fpcalc(case):
    path = MUSIC / case["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == case["sha256"]
    audio = read_audio(path)
    assert audio.duration_s == pytest.approx(case["duration"], abs=0.01)
    assert error_rate(extract(audio), decode(case["fingerprint"])) < 1e-3


def test_over_all_files_one_bit_in_five_thousand_differs_at_most():
    wrong = sum(
        bit_errors(extract(read_audio(MUSIC / case["file"])).values, decode(case["fingerprint"]).values).sum()
        for case in VECTORS["files"]
    )
    n_bits = sum(32 * len(decode(case["fingerprint"])) for case in VECTORS["files"])
    assert wrong <= n_bits / 5000


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_the_sample_rate_hardly_matters(song, rate):
    again = Audio(soxr.resample(song.samples, song.sample_rate, rate), rate)
    assert error_rate(extract(again), extract(song)) < 0.005


def test_loudness_hardly_matters(song):
    quiet = Audio(song.samples * 0.05, song.sample_rate)
    assert error_rate(extract(quiet), extract(song)) < 0.005


def test_other_music_differs_in_half_of_the_bits(song):
    other = read_audio(MUSIC / VECTORS["files"][3]["file"])
    assert 0.4 < error_rate(extract(other), extract(song)) < 0.6


def test_only_the_beginning_is_read_unless_all_is_wanted(song):
    short, whole = extract(song, 5.0), extract(song, None)
    assert len(short) == n_items(5 * SAMPLE_RATE)
    assert len(whole) == n_items(-(-len(song.samples) * SAMPLE_RATE // song.sample_rate))
    assert (short.values == whole.values[: len(short)]).all()


def test_silence_gives_one_number_again_and_again():
    found = extract(Audio(np.zeros(5 * 8000, np.float32), 8000))
    assert set(found.values.tolist()) == {627964279}  # as fpcalc prints for silence


def test_too_little_audio_is_named():
    with pytest.raises(TooShort, match=r"tick\.wav: 2\.00 s; .* at least 2\.72 s"):
        extract(Audio(np.ones(16000, np.float32), 8000), name="tick.wav")
    with pytest.raises(TooShort):
        extract(Audio(np.zeros(0, np.float32), 8000))
    assert chroma_image(np.zeros(10, np.int16)).shape == (0, 12)


@pytest.mark.parametrize("length_s", [0, -1, float("nan")])
def test_a_length_that_is_none_is_refused(song, length_s):
    with pytest.raises(InputError, match="length"):
        extract(song, length_s)


def test_an_impossible_rate_is_refused():
    with pytest.raises(InputError, match="sample rate 500 Hz"):
        to_fingerprint_rate(np.zeros(500, np.float32), 500)


def test_what_exceeds_full_scale_is_clipped():
    assert to_fingerprint_rate(np.array([2.0, -2.0], np.float32), SAMPLE_RATE).tolist() == [32767, -32768]


@pytest.mark.parametrize("n", [0, 1, 2, 50])
def test_very_short_audio_is_resampled_to_its_length(n):
    assert len(to_fingerprint_rate(np.ones(n, np.float32), 44100)) == -(-n // 4)
