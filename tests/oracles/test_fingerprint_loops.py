"""Slow, obvious twins of the compiled loops of identification."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from linernotes.fingerprint import keys as keying
from linernotes.fingerprint.index import N_PAIR_KEYS, N_QUAD_KEYS, FingerprintIndex
from linernotes.fingerprint.kernels import (
    best_line,
    best_stretch,
    evidence_on_line,
    middle_and_deviation,
    most_voted,
    quick_standing,
    standing_of_cells,
    sums_elsewhere,
    vote_pairs,
)
from linernotes.fingerprint.landmarks import Landmarks
from linernotes.fingerprint.peaks import _highest
from linernotes.fingerprint.quads import shared_quads, unmoved_quads

MASK = (1 << 64) - 1


def _mixed(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def _pair_is_kept(key: int) -> bool:
    return _mixed(key + 1) % 256 < 77


def _peaks(seed: int, n_peaks: int, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.sort(rng.integers(0, n_frames, n_peaks)).astype(np.int32), rng.integers(20, 50, n_peaks).astype(
        np.int32
    )


def _precise(seed: int, n_peaks: int = 45, n_frames: int = 240) -> tuple[np.ndarray, np.ndarray]:
    times, bands = _peaks(seed, n_peaks, n_frames)
    rng = np.random.default_rng(seed + 100)
    times = np.sort(times + rng.uniform(-0.4, 0.4, n_peaks)).astype(np.float32)
    return times, (bands + rng.uniform(-0.4, 0.4, n_peaks)).astype(np.float32)


def _held(seed: int) -> Landmarks:
    times, bands = _peaks(seed, 60, 300)
    pairs = keying.pairs_of(times, bands, 0)
    quads = keying.quads_of(times.astype(np.float32), bands.astype(np.float32))
    return Landmarks(
        times, bands, pairs[:, 0].copy(), pairs[:, 1].copy(), quads[:, 0].astype(np.int32),
        quads[:, 1].astype(np.int32), quads[:, 2].astype(np.uint8), quads[:, 3].astype(np.uint8), 310,
    )  # fmt: skip


def test_the_tables_of_keys_have_one_size() -> None:
    assert (keying.N_PAIR_KEYS, keying.N_QUAD_KEYS) == (N_PAIR_KEYS, N_QUAD_KEYS)


@pytest.mark.parametrize("slack", [0, 1])
def test_pairs_agree_with_all_combinations(slack: int) -> None:
    times, bands = _peaks(5, 120, 400)
    expected = Counter()
    for i, j in combinations(range(len(times)), 2):
        for delay in range(times[j] - times[i] - slack, times[j] - times[i] + slack + 1):
            interval = int(bands[j]) - int(bands[i])
            if 3 <= delay <= 62 and abs(interval) <= 24:
                key = ((interval + 24) * 64 + int(delay)) * 96 + int(bands[i])
                if _pair_is_kept(key):
                    expected[key, int(times[i])] += 1
    assert Counter(map(tuple, keying.pairs_of(times, bands, slack).tolist())) == expected
    assert expected


def _quad_cells(times: np.ndarray, bands: np.ndarray, four: tuple[int, ...]) -> tuple[float, ...]:
    i, j, k, last = four
    span = np.float32(times[last] - times[i])
    return (
        *(np.float32(bands[p] - bands[i]) + 32 for p in (j, k, last)),
        *(np.float32(times[p] - times[i]) / span * 24 for p in (j, k)),
        span,
    )


def _quad_hash(cells: tuple[int, ...]) -> int:
    packed = ((((cells[0] * 128 + cells[1]) * 128 + cells[2]) * 64 + cells[3]) * 64) + cells[4]
    return _mixed((packed + 0x9E3779B97F4A7C15) & MASK)


def test_quads_agree_with_all_combinations() -> None:
    times, bands = _precise(6)
    expected = Counter()
    for four in combinations(range(len(times)), 4):
        *cells, span = _quad_cells(times, bands, four)
        early, late = cells[3] / 24, cells[4] / 24
        if not 30 <= span <= 90 or any(abs(cell - 32) > 20 for cell in cells[:3]):
            continue
        if early < 0.1 or late > 0.9 or late - early < 0.1:
            continue
        hashed = _quad_hash(tuple(math.floor(cell) for cell in cells))
        if hashed % 112 == 0:
            expected[(hashed >> 40) % (1 << 20), float(times[four[0]])] += 1
    found = Counter((int(row[0]), float(row[1])) for row in keying.quads_of(times, bands))
    # ratios within a rounding error of a border may fall on either side of it
    assert sum(((found - expected) + (expected - found)).values()) <= 0.02 * sum(expected.values())
    assert sum(expected.values()) > 50


def test_a_query_asks_for_every_quad_that_is_kept() -> None:
    times, bands = _precise(7)
    kept = {(int(row[0]), float(row[1])) for row in keying.quads_of(times, bands)}
    asked = {(int(row[0]), float(row[1])) for row in keying.quad_lookups(times, bands)}
    assert kept <= asked
    moved = {
        (int(row[0]), round(float(row[1]) / 1.2, 2))
        for row in keying.quad_lookups(times * np.float32(1.2), bands + np.float32(6))
    }
    found = {(key, round(time, 2)) for key, time in kept} & moved
    assert len(found) > 0.9 * len(kept)  # rounding may lose some that lie on a border


def test_the_quota_of_peaks_agrees_with_counting() -> None:
    rng = np.random.default_rng(6)
    times = np.sort(rng.integers(0, 300, 400))
    heights = rng.random(400).astype(np.float32)
    kept = [i for i in range(400) if ((np.abs(times - times[i]) <= 31) & (heights > heights[i])).sum() < 18]
    assert _highest(times, heights, 18.0).tolist() == kept


def test_votes_of_pairs_count_query_frames() -> None:
    held, (times, bands) = _held(2), _peaks(2, 60, 300)
    index = FingerprintIndex.empty().add([("held", "0" * 64, held)])
    asked = keying.pairs_of(times + np.int32(9), bands, 1)
    expected: dict[int, set[int]] = {}
    n_expected = 0
    for key, time in asked.tolist():
        for own, place in zip(held.pair_keys, held.pair_times, strict=True):
            if own == key:
                expected.setdefault((int(place) - time + 400) // 4, set()).add(time)
                n_expected += 1
    cells = np.zeros(300, np.uint32)
    n_hits = vote_pairs(
        asked[:, 0].copy(), asked[:, 1].copy(), index.pair_starts, index.pair_places, 400, 4, cells
    )
    votes = cells & 65535
    assert n_hits == n_expected
    assert {cell: len(frames) for cell, frames in expected.items()} == {
        int(cell): int(votes[cell]) for cell in np.flatnonzero(votes)
    }
    assert int(votes.argmax()) == (400 - 9) // 4


@pytest.mark.parametrize("n_most", [1, 5, 40, 500])
def test_the_most_voted_cells_stand_out(n_most: int) -> None:
    rng = np.random.default_rng(n_most)
    votes = rng.poisson(1.0, 300)
    cells = (votes + (rng.integers(0, 9, 300) << 16)).astype(np.uint32)
    paired = votes[:-1] + votes[1:]
    threshold = min(t for t in range(1, 99) if (paired >= t).sum() <= n_most)
    found = most_voted(cells, n_most)
    assert found.tolist() == np.flatnonzero(paired >= threshold).tolist()
    for cell, standing in zip(found, standing_of_cells(found, cells, 6), strict=True):
        around = votes[max(0, cell - 6) : cell + 7]
        usual = 2 * around.mean()
        assert standing == pytest.approx((paired[cell] - usual) / math.sqrt(usual + 1))


def test_shared_quads_are_all_that_agree() -> None:
    held, (times, bands) = _held(3), _peaks(3, 60, 300)
    index = FingerprintIndex.empty().add([("held", "0" * 64, held)])
    asked = keying.quad_lookups(times.astype(np.float32) * np.float32(1.1), bands.astype(np.float32) + 4)
    names = asked[:, 0].astype(np.int64)
    tables = (index.quad_starts, index.quad_places, index.quad_bands, index.quad_spans)
    expected = Counter()
    for key, time, band, span in asked.tolist():
        for own in np.flatnonzero(held.quad_keys == int(key)):
            shift = band - int(held.quad_bands[own])
            log_ratio = math.log(span / int(held.quad_spans[own]))
            if abs(shift) <= 4.5 and abs(log_ratio) <= 0.2:
                expected[round(time, 3), int(held.quad_times[own]), round(shift, 3), round(log_ratio, 3)] += 1
    settings = (4.5, math.exp(0.2), 150.0, 16, 40)
    found = shared_quads(names, asked, *tables, *settings, 1 << 20)
    rounded = Counter((round(t, 3), int(p), round(s, 3), round(r, 3)) for t, p, s, r, _ in found.tolist())
    assert sum((rounded - expected).values()) == sum((expected - rounded).values()) <= 0.01 * len(found)
    true = (np.abs(found[:, 2] - 4) < 0.6) & (np.abs(found[:, 3] - math.log(1.1)) < 0.03)
    assert true.sum() > 10
    middles = found[:, 1] + (150.0 - found[:, 0]) * np.exp(-found[:, 3])
    assert (np.abs(found[:, 4] - np.floor(middles / 16)) <= (np.abs(middles % 16 - 8) > 7.9)).all()
    votes = Counter(found[:, 4].astype(int).tolist())
    best = shared_quads(names, asked, *tables, *settings, 3)
    least = min(v for v in votes.values() if sum(w >= v for w in votes.values()) <= 3)
    chosen = {cell + step for cell, v in votes.items() if v >= least for step in (-1, 0, 1)}
    assert set(best[:, 4].astype(int).tolist()) == chosen & set(votes)


def test_unmoved_quads_are_all_that_agree() -> None:
    held, (times, bands) = _held(3), _peaks(3, 60, 300)
    index = FingerprintIndex.empty().add([("held", "0" * 64, held)])
    asked = keying.quad_lookups(times.astype(np.float32), bands.astype(np.float32))
    asked[:, 1] -= 5  # the query begins five frames into the recording
    tables = (index.quad_starts, index.quad_places, index.quad_bands, index.quad_spans)
    expected = Counter()
    for key, time, band, span in asked.tolist():
        for own in np.flatnonzero(held.quad_keys == int(key)):
            if abs(band - int(held.quad_bands[own])) <= 1 and abs(span - int(held.quad_spans[own])) <= 2:
                expected[int(held.quad_times[own]) - round(time)] += 1
    found = Counter(unmoved_quads(asked[:, 0].astype(np.int64), asked, *tables, 1.0, 2.0).tolist())
    assert found == expected
    assert found[5] > 10


def test_evidence_along_a_line_is_a_sum_over_its_peaks() -> None:
    rng = np.random.default_rng(8)
    table = rng.normal(size=(120, 96)).astype(np.float32)
    means = table.mean(axis=0)
    times, bands = np.sort(rng.uniform(0, 200, 50)), rng.integers(0, 96, 50)
    expected = 0.0
    for time, band in zip(times, bands, strict=True):
        frame, height = math.floor((time - 30) * 0.9 + 0.5), band + 3
        if 0 <= frame < 120 and 0 <= height < 96:
            expected += float(table[frame, height] - means[height])
    assert evidence_on_line(times, bands, 30.0, 0.9, 3, table, means) == pytest.approx(expected, abs=1e-4)
    turns, steps = np.array([-0.01, 0.0, 0.01]), np.array([-1.0, 0.0, 1.0])
    best = best_line(times, bands, 100.0, 63.0, 0.9, 3, turns, steps, 1, table, means)
    tried = [
        evidence_on_line(
            times, bands, 100 - (63 + step) / (0.9 * (1 + turn)), 0.9 * (1 + turn), s, table, means
        )
        for s in (2, 3, 4)
        for turn in turns
        for step in steps
    ]
    assert best[0] == max(tried)


def test_quick_standing_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(9)
    table = rng.normal(size=(80, 96)).astype(np.float32)
    means, variances = table.mean(axis=0), table.var(axis=0)
    times = np.sort(rng.integers(0, 300, 90)).astype(np.uint32)
    bands = rng.integers(0, 96, 90).astype(np.uint8)
    origins = np.array([40, 150])
    standing, lags = quick_standing(
        origins, np.array([0, 0]), np.array([90, 90]), 6, times, bands, table, means, variances
    )
    for origin, found, found_lag in zip(origins, standing, lags, strict=True):
        tried = []
        for lag in range(6):
            frames = times.astype(int) - origin - lag
            inside = (frames >= 0) & (frames < 80)
            own = bands[inside]
            total = (table[frames[inside], own] - means[own]).sum()
            tried.append(total / math.sqrt(variances[own].sum()))
        assert found == pytest.approx(max(0.0, *tried), abs=1e-3)
        assert max(tried) <= 0 or found_lag == int(np.argmax(tried))


def test_elsewhere_wraps_around() -> None:
    rng = np.random.default_rng(10)
    table = rng.normal(size=(50, 96)).astype(np.float32)
    frames, bands = rng.integers(20, 70, 30), rng.integers(0, 96, 30)
    lags = np.array([0, 7, 49])
    expected = [
        sum(float(table[(f - 20 + lag) % 50, b]) for f, b in zip(frames, bands, strict=True)) for lag in lags
    ]
    np.testing.assert_allclose(sums_elsewhere(frames, bands, lags, 20, table), expected, atol=1e-4)


def test_the_best_stretch_is_the_largest_of_all_sums_of_neighbours() -> None:
    rng = np.random.default_rng(12)
    for n in (1, 2, 9, 40):
        gain = rng.normal(-0.2, 1, n).astype(np.float32)
        sums = {
            (first, last): float(gain[first:last].astype(np.float64).sum())
            for first in range(n)
            for last in range(first + 1, n + 1)
        }
        best, first, last = best_stretch(gain)
        assert best == pytest.approx(max(sums.values()))
        assert sums[first, last] == pytest.approx(best)


def test_the_middle_and_its_deviation_are_medians() -> None:
    rng = np.random.default_rng(13)
    for n in (1, 2, 7, 600):
        values = rng.normal(size=n)
        middle = float(np.median(values))
        assert middle_and_deviation(values) == (middle, float(np.median(np.abs(values - middle))))
