"""Statistics of passages with known truth: chance stays below its limit, planted copies are found, bounds hold."""

import numpy as np
import pytest

from linernotes.evaluation.exact_rates import bound_with_misses, effective_trials, rate_ratio, upper_bound
from linernotes.fingerprint.passages.features import SegmentFeatures
from linernotes.fingerprint.passages.notes import NoteIndex, NoteLine
from linernotes.fingerprint.passages.segments import SegmentSearch, find_runs

PLAIN = SegmentSearch(max_shift_semitones=0, ratios=(1.0,))


def moving(draw, n_frames, steadiness):
    """Frames that drift: each remembers a part of the one before, as music does."""
    rows = draw.normal(0, 1, (n_frames, 96))
    for t in range(1, n_frames):
        rows[t] = steadiness * rows[t - 1] + np.sqrt(1 - steadiness**2) * rows[t]
    rows -= rows.mean(axis=1, keepdims=True)
    return SegmentFeatures((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


@pytest.fixture(scope="module")
def world():
    draw = np.random.default_rng(7)
    known = {f"r{i}": moving(draw, 200, draw.uniform(0.3, 0.8)) for i in range(25)}
    background = [moving(draw, 200, draw.uniform(0.3, 0.8)) for _ in range(15)]
    return draw, known, background


def test_unrelated_queries_stay_below_the_declared_rate(world):
    draw, known, background = world
    flagged = sum(
        bool(
            find_runs(
                moving(draw, 100, draw.uniform(0.3, 0.8)),
                known,
                background,
                max_false_rate=0.05,
                search=PLAIN,
            )
        )
        for _ in range(80)
    )
    assert flagged <= 8  # 4 expected at the limit; 9 or more have a chance of 2 %


def test_a_noisy_copy_is_found_at_a_small_rate(world):
    draw, known, background = world
    found = 0
    for k in range(20):
        query = moving(draw, 100, 0.5).frames.copy()
        copy = known[f"r{k}"].frames[60:100] + 0.7 * moving(draw, 40, 0.5).frames
        query[30:70] = copy / np.linalg.norm(copy, axis=1, keepdims=True)
        runs = find_runs(SegmentFeatures(query), known, background, max_false_rate=1e-3, search=PLAIN)
        found += any(run.recording_id == f"r{k}" and abs(run.query.start_s - 3) < 0.6 for run, _ in runs)
    assert found >= 19


def test_chance_runs_of_notes_stay_below_the_declared_rate():
    draw = np.random.default_rng(3)

    def line(n):
        steps = draw.choice([-2, -1, 1, 2, 3, -3, 5, -5], n, p=[0.25, 0.2, 0.2, 0.2, 0.05, 0.04, 0.03, 0.03])
        return NoteLine(np.cumsum(draw.choice([0.25, 0.5, 1.0], n, p=[0.6, 0.3, 0.1])), 60 + np.cumsum(steps))

    index = NoteIndex({f"t{i}": line(150) for i in range(60)})
    assert sum(bool(index.find(line(40), max_false_rate=0.05)) for _ in range(150)) <= 13


def test_the_corrected_bound_holds_when_the_detector_misses():
    draw = np.random.default_rng(5)
    rate, recall, inside = 0.05, 0.7, 0
    for _ in range(300):
        hits, found = draw.binomial(150, rate * recall), draw.binomial(40, recall)
        inside += bound_with_misses(int(hits), 150, int(found), 40) >= rate
    assert inside / 300 >= 0.95


def test_clustered_outputs_need_the_wider_bound():
    draw = np.random.default_rng(6)
    truth, naive, clustered = 0.2, 0, 0
    for _ in range(200):
        prompts = draw.random(20) < truth  # a prompt draws it out always, or never
        rows = [(10 * int(hit), 10) for hit in prompts]
        hits = sum(one for one, _ in rows)
        worth, _ = effective_trials(rows)
        naive += upper_bound(hits, 200) >= truth
        clustered += upper_bound(hits * worth / 200, worth) >= truth
    assert naive / 200 < 0.85 < 0.93 <= clustered / 200


def test_the_interval_of_the_contrast_covers_one_where_nothing_is_memorised():
    draw = np.random.default_rng(8)
    covered = []
    for _ in range(300):
        a, b = draw.binomial(40, 0.15), draw.binomial(40, 0.15)
        if a + b:
            found = rate_ratio(int(a), 100.0, int(b), 100.0)
            covered.append(found["lower"] <= 1 and (found["upper"] is None or found["upper"] >= 1))
    assert np.mean(covered) >= 0.95
