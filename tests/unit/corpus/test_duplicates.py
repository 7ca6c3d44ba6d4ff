import itertools
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soxr

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.corpus.duplicates import DuplicateConfig, align, find_twins, with_clusters
from linernotes.corpus.signature import signature

DEMO = Path(__file__).parents[3] / "demo" / "corpus" / "audio"


def _recode(audio, tmp_path, suffix):
    path = tmp_path / f"copy{suffix}"
    write_audio(path, audio)
    return read_audio(path)


def _equalise(audio, tmp_path):
    b, a = scipy.signal.iirpeak(1000, 0.7, fs=audio.sample_rate)
    return Audio(
        (audio.samples + scipy.signal.lfilter(b, a, audio.samples)).astype(np.float32) * 0.4,
        audio.sample_rate,
    )


def _noise(audio, tmp_path):
    noise = np.random.default_rng(0).normal(size=len(audio.samples)) * audio.samples.std() * 0.03
    return Audio((audio.samples + noise).astype(np.float32), audio.sample_rate)


COPIES = {
    "mp3": lambda audio, path: _recode(audio, path, ".mp3"),
    "ogg": lambda audio, path: _recode(audio, path, ".ogg"),
    "gain": lambda audio, path: Audio(audio.samples * np.float32(0.1), audio.sample_rate),
    "trimmed": lambda audio, path: audio.excerpt(2.237, audio.duration_s - 1),
    "half a frame off": lambda audio, path: audio.excerpt(0.0625, audio.duration_s),
    "telephone rate": lambda audio, path: Audio(soxr.resample(audio.samples, audio.sample_rate, 8000), 8000),
    "equalised": _equalise,
    "noisy": _noise,
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_found_among_other_music(music, tmp_path, copy):
    audios = {f"m{n}": music(n, 12.0) for n in range(4)}
    audios["copy"] = COPIES[copy](audios["m2"], tmp_path)
    twins = find_twins({name: signature(audio) for name, audio in audios.items()})
    assert [(twin.first, twin.second) for twin in twins] == [("copy", "m2")]


def test_the_lag_says_where_the_copy_begins(music):
    whole = music(1, 20.0)
    twins = find_twins({"a": signature(whole), "b": signature(whole.excerpt(5.0, 18.0))})
    assert twins[0].lag_s == pytest.approx(5.0, abs=0.05)
    assert twins[0].overlap_s == pytest.approx(13.0, abs=0.5)


def test_unlike_music_is_never_joined(music):
    twins = find_twins({str(n): signature(music(n, 6.0)) for n in range(40)})
    assert twins == ()


@pytest.mark.skipif(not DEMO.is_dir(), reason="the demonstration corpus is not in this checkout")
def test_different_real_recordings_are_not_joined_and_excerpts_of_one_are():
    paths = sorted(DEMO.glob("*.ogg"))[:8]
    audios = {path.stem: read_audio(path) for path in paths}
    cut = {f"{name} cut": audio.excerpt(3.1, audio.duration_s) for name, audio in audios.items()}
    twins = find_twins({name: signature(audio) for name, audio in (audios | cut).items()})
    found = {(twin.first, twin.second) for twin in twins}
    assert {(name, f"{name} cut") for name in audios} <= found
    wrong = [pair for pair in found if pair[0].removesuffix(" cut") != pair[1].removesuffix(" cut")]
    assert wrong == []


def test_motionless_short_and_silent_sounds_are_left_alone(music):
    t = np.arange(64000) / 16000
    tones = [Audio(np.sin(2 * np.pi * f * t).astype(np.float32) / 2, 16000) for f in (220, 330)]
    silence = [Audio(np.zeros(n, np.float32), 16000) for n in (1, 100, 16000, 64000)]
    short = [music(n, 1.0) for n in (1, 1)]
    audios = [*tones, *silence, *short]
    assert find_twins({str(n): signature(audio) for n, audio in enumerate(audios)}) == ()


def _slow_best_correlation(a, b, least):
    """Slide and correlate, one lag at a time: what the FFT must agree with."""
    best = -1.0
    for lag in range(1 - len(b), len(a)):
        start, end = max(0, lag), min(len(a), lag + len(b))
        if end - start >= least:
            x, y = a[start:end], b[start - lag : end - lag]
            best = max(best, float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())))
    return best


@pytest.mark.parametrize(("n_a", "n_b"), [(60, 60), (90, 40), (33, 70)])
def test_alignment_agrees_with_the_slow_loop(n_a, n_b):
    rng = np.random.default_rng(n_a)
    a = rng.integers(-60, 60, (n_a, 20)).astype(np.int8)
    b = rng.integers(-60, 60, (n_b, 20)).astype(np.int8)
    b[5:30] = a[2:27]
    config = DuplicateConfig(min_overlap_s=1.0, min_overlap_share=0.3)

    def smooth(x):
        x = x.astype(float)
        return (x[:-2] + 2 * x[1:-1] + x[2:]) / 4

    slow_a, slow_b = smooth(a), smooth(b)
    parts = [slow_a] + [(1 - p) * slow_a[:-1] + p * slow_a[1:] for p in (0.25, 0.5, 0.75)]
    slow = max(
        _slow_best_correlation(part, slow_b, max(8.0, 0.3 * min(len(part), len(slow_b))) - 2)
        for part in parts
    )
    assert align(a, b, config)[0] == pytest.approx(slow, abs=1e-4)


@pytest.mark.parametrize("block", [1, 3, 64])
def test_blocks_do_not_change_what_is_found(music, block):
    wholes = [music(n, 5.0 + n) for n in range(4)]
    cuts = [audio.excerpt(1.0, audio.duration_s) for audio in wholes]
    signatures = {str(n): signature(audio) for n, audio in enumerate([*wholes, *cuts])}
    found = find_twins(signatures, DuplicateConfig(block=block))
    assert [(twin.first, twin.second) for twin in found] == [("0", "4"), ("1", "5"), ("2", "6"), ("3", "7")]


def test_clusters_follow_chains_and_equal_hashes(new_item):
    from linernotes.corpus.duplicates import Twin

    items = [new_item(n) for n in range(6)] + [new_item(6, content_sha256=f"{5:064x}")]
    twins = [
        Twin(first=f"item-{a:04}", second=f"item-{b:04}", correlation=0.9, lag_s=0, overlap_s=9)
        for a, b in ((3, 4), (1, 3))
    ]
    for order in itertools.permutations(twins):
        clusters = [item.cluster_id for item in with_clusters(items, order)]
        assert clusters == [f"item-{n:04}" for n in (0, 1, 2, 1, 1, 5, 5)]
