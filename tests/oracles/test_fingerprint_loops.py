"""Slow, obvious twins of the matching kernels and of the pairing."""

import numpy as np

from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.kernels import BIN_FRAMES, best_cells, collect_hits, count_votes
from linernotes.fingerprint.landmarks import (
    MAX_DELAY,
    MAX_INTERVAL,
    MIN_DELAY,
    Landmarks,
    _most_salient,
    _pair,
)


def _random_landmarks(seed: int, n_peaks: int, n_frames: int) -> Landmarks:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, n_frames, n_peaks)).astype(np.int32)
    bands = rng.integers(20, 60, n_peaks).astype(np.int32)
    return Landmarks(times, bands, *_pair(times, bands, 6), n_frames=n_frames)


def _hits(query: Landmarks, held: Landmarks, ratio: float, low: int, high: int):
    for i in range(len(query)):
        delay = round(query.delays[i] / ratio)
        for j in range(len(held)):
            shift = query.heights[i] - held.heights[j]
            if (
                abs(held.delays[j] - delay) <= 1
                and abs(held.intervals[j] - query.intervals[i]) <= 1
                and low <= shift <= high
            ):
                yield i, int(held.times[j]), int(shift)


def test_pairing_agrees_with_two_loops() -> None:
    rng = np.random.default_rng(5)
    times = np.sort(rng.integers(0, 400, 150)).astype(np.int32)
    bands = rng.integers(0, 96, 150).astype(np.int32)
    expected = []
    for i in range(150):
        followers = [
            j
            for j in range(i + 1, 150)
            if MIN_DELAY <= times[j] - times[i] <= MAX_DELAY and abs(bands[j] - bands[i]) <= MAX_INTERVAL
        ]
        expected += [(i, j) for j in followers[:4]]
    firsts, seconds = _pair(times, bands, 4)
    assert list(zip(firsts.tolist(), seconds.tolist(), strict=True)) == expected


def test_salience_quota_agrees_with_counting() -> None:
    rng = np.random.default_rng(6)
    times = np.sort(rng.integers(0, 300, 400))
    salience = rng.random(400).astype(np.float32)
    kept = [i for i in range(400) if ((np.abs(times - times[i]) <= 31) & (salience > salience[i])).sum() < 18]
    assert _most_salient(times, salience, 18.0).tolist() == kept


def test_votes_agree_with_all_pairs_of_landmarks() -> None:
    query, held = _random_landmarks(1, 40, 200), _random_landmarks(2, 80, 400)
    index = FingerprintIndex.empty().add([("held", "0" * 64, held)])
    for ratio in (1.0, 0.93, 1.1):
        origin = 240
        votes = np.zeros((5, 130), np.uint16)
        n_hits = count_votes(
            query.times, query.heights, query.intervals, query.delays,
            index.key_starts, index.postings, ratio, -2, origin, votes,
        )  # fmt: skip
        expected = np.zeros_like(votes)
        for i, frame, shift in _hits(query, held, ratio, -2, 2):
            expected[shift + 2, (frame + origin - round(query.times[i] / ratio)) // BIN_FRAMES] += 1
        np.testing.assert_array_equal(votes, expected)
        assert n_hits == expected.sum() > 0


def test_collected_hits_are_those_near_the_line() -> None:
    query, held = _random_landmarks(3, 40, 200), _random_landmarks(4, 80, 400)
    index = FingerprintIndex.empty().add([("held", "0" * 64, held)])
    which, frames, shifts = collect_hits(
        query.times, query.heights, query.intervals, query.delays,
        index.key_starts, index.postings, 1.0, -1, 2, 50.0, 20.0, 0, 400,
    )  # fmt: skip
    found = sorted(zip(which.tolist(), frames.tolist(), shifts.tolist(), strict=True))
    expected = sorted(
        (i, frame, shift)
        for i, frame, shift in _hits(query, held, 1.0, -1, 2)
        if abs(frame - 50 - query.times[i]) <= 20
    )
    assert found == expected
    assert found


def test_the_strongest_cell_is_found() -> None:
    rng = np.random.default_rng(7)
    votes = rng.integers(0, 3, (5, 200)).astype(np.uint16)
    votes[3, 77] = 40
    counts, rows, cells = best_cells(votes, 8)
    top = int(counts.argmax())
    assert counts[top] >= 40
    assert rows[top] in (2, 3)
    assert cells[top] in (76, 77)
