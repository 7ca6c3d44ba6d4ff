"""Statements against twins in plain Python: pooling by hand, shares of clusters, quantiles by counting."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import NullReference
from linernotes.attribution.statements.calibration import centred_isotonic, venn_abers
from linernotes.attribution.statements.ranking import rank
from linernotes.evaluation.cross_fitting import _conformal

values = st.integers(-40, 40).map(lambda n: n / 4)


def pool_adjacent(rows):
    """Merge neighbours that fall, one pair at a time, until none does; rows are [x, y, weight]."""
    rows = [list(row) for row in rows]
    while True:
        fall = next((i for i in range(len(rows) - 1) if rows[i][1] >= rows[i + 1][1]), None)
        if fall is None:
            return rows
        (xa, ya, wa), (xb, yb, wb) = rows[fall], rows[fall + 1]
        total = wa + wb
        rows[fall : fall + 2] = [[(xa * wa + xb * wb) / total, (ya * wa + yb * wb) / total, total]]


@given(st.lists(st.tuples(values, values), min_size=1, max_size=14))
@settings(max_examples=40, deadline=None)
def test_isotonic_maps_agree(pairs):
    at = sorted({x for x, _ in pairs})
    rows = [
        [x, statistics.fmean(y for other, y in pairs if other == x), sum(o == x for o, _ in pairs)]
        for x in at
    ]
    expected = pool_adjacent(rows)
    fitted = centred_isotonic(np.array([x for x, _ in pairs]), np.array([y for _, y in pairs]))
    grid = np.linspace(-12, 12, 49)
    by_hand = np.interp(grid, [row[0] for row in expected], [row[1] for row in expected])
    assert fitted(grid) == pytest.approx(by_hand, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=12))
@settings(max_examples=30, deadline=None)
def test_chances_agree(cases):
    x, happened = np.array([float(a) for a, _ in cases]), np.array([b for _, b in cases])
    fitted = venn_abers(x, happened)
    order = np.argsort(x, kind="stable")
    best = 0.0
    for knot, value in zip(fitted.at, fitted.value, strict=True):
        place = sum(a <= knot for a in x)
        outcome = [float(happened[i]) for i in order]
        ends = []
        for case in (0.0, 1.0):
            trial = [*outcome[:place], case, *outcome[place:]]
            blocks = pool_adjacent([[i, y, 1] for i, y in enumerate(trial)])
            count = 0
            for _, mean, weight in blocks:
                count += weight
                if count > place:
                    ends.append(mean)
                    break
        best = max(best, ends[1] / (1 - ends[0] + ends[1]))
        assert value == pytest.approx(best)


def cluster_shares(scores, clusters, rule):
    """Return item shares, where a cluster is judged by its mean and paid for its sum."""
    members = {}
    for name in scores:
        members.setdefault(clusters.get(name) or name, []).append(name)
    mean = {c: statistics.fmean(scores[m] for m in names) for c, names in members.items()}
    background = statistics.median(mean.values())
    below = [background - m for m in mean.values() if m < background]
    spread = 1.4826 * statistics.median(below) if below else 0.0
    n = len(mean)
    threshold = student.ppf(1 - 0.05 / n, n / 5.44 + 0.75) * spread
    total = sum(len(members[c]) * (m - background) for c, m in mean.items() if m > background)
    shares = dict.fromkeys(scores, 0.0)
    for c, m in mean.items():
        if m > background and m - background > threshold:
            credit = len(members[c]) * (m - background) / total
            parts = {
                one: 1.0 if rule == "equal" else max(0.0, scores[one] - background) for one in members[c]
            }
            whole = sum(parts.values())
            for one, part in parts.items():
                shares[one] = credit * part / whole
    return shares


@pytest.mark.parametrize("rule", ["equal", "score"])
@pytest.mark.parametrize("seed", range(6))
def test_cluster_shares_agree(rule, seed):
    random = np.random.default_rng(seed)
    drawn = random.normal(size=25)
    drawn[:4] += [30, 20, 10, 25]
    names = tuple(f"item-{n:02d}" for n in range(25))
    clusters = {names[i]: names[int(random.integers(0, i + 1))] for i in range(0, 12, 2)}
    scores = ItemScores("q", "m", "u", names, np.repeat(drawn[:, None], 2, 1), np.zeros(1))
    found = rank(scores, generator_id="g", corpus_root="r", seed=0, clusters=clusters, cluster_rule=rule)
    expected = cluster_shares(dict(zip(names, drawn.tolist(), strict=True)), clusters, rule)
    assert {one.item_id: one.share for one in found.influences} == pytest.approx(expected, abs=1e-9)
    assert sum(expected.values()) > 0


@given(st.lists(values, min_size=1, max_size=60), st.sampled_from([0.5, 0.8, 0.9]))
@settings(max_examples=40, deadline=None)
def test_conformal_ends_agree(residuals, confidence):
    low, high = _conformal(np.sort(np.array(residuals)), confidence)
    need = min(len(residuals), math.ceil((len(residuals) + 1) * (1 + confidence) / 2))
    assert high == min(r for r in residuals if sum(o <= r for o in residuals) >= need)
    assert low == max(r for r in residuals if sum(o >= r for o in residuals) >= need)


@pytest.mark.parametrize("n_nulls", [6, 13, 80])
def test_p_values_agree(n_nulls):
    nulls = np.random.default_rng(n_nulls).normal(size=n_nulls).tolist()
    reference = NullReference(("peak",), (1.0,), (-9.0,), (9.0,), tuple(nulls), 0.05)
    for figure in (-1.0, 0.3, 2.0, 5.0):
        spread = statistics.stdev(nulls) * math.sqrt(1 + 1 / n_nulls)
        tail = student.sf((figure - statistics.fmean(nulls)) / spread, n_nulls - 1)
        by_rank = (1 + sum(one >= figure for one in nulls)) / (n_nulls + 1)
        expected = max(tail, by_rank) if n_nulls >= 19 else tail
        assert reference.p_value({"peak": figure}) == pytest.approx(expected)
