"""Fit the constants of `linernotes.versions.significance` and `linernotes.versions.expectation` on the development split.

    python -m benchmarks.versions.calibrate [--unrelated 700]

Three fits, on pairs whose features stand in the cache (``features_cache.py``), cross-validated by work. Strangers of
the same key, tempo and sound are few in the development split; those of the training works are taken besides:

- *substance*: logistic regression with a normal prior of standard deviation 2.5 on every weight (after Gelman et al.
  2008), weights not negative, each class weighing the same. A share of the related pairs, fitted too, is allowed to
  look unrelated (Copas 1988): an a cappella and an instrumental mix have hardly a note in common.
- *dimensions*: for melody, harmony and rhythm, which pairs share them; weights may be negative, so that what melody
  owes to shared chords is subtracted. Kinds of pairs weigh as the roots of their numbers.
- *chance*: decay and location of the scores of unrelated pairs, by maximum likelihood of a Gumbel distribution whose
  location follows the search space and whose decay follows the cohorts.

Writes ``src/linernotes/versions/calibration.json`` and ``results/calibration.json``.

References
----------
Gelman, Jakulin, Pittau, Su (2008), "A weakly informative default prior distribution for logistic and other
regression models", Annals of Applied Statistics 2.
Copas (1988), "Binary regression models for contaminated data", J. Royal Statistical Society B 50.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize

from benchmarks.versions.pairs import (
    PARTS,
    Known,
    Pair,
    controlled_pairs,
    design,
    related_pairs,
    stranger_pairs,
    surroundings,
    unrelated_pairs,
)
from linernotes.versions.expectation import rate, search_space, surprise
from linernotes.versions.hypotheses import COARSE_STEP, DIMENSIONS

PACKAGE = Path(__file__).parents[2] / "src/linernotes/versions"
RESULTS = Path(__file__).with_name("results") / "calibration.json"
PRIOR_DEVIATION = 2.5
SEED, N_FOLDS, N_BINS = 20, 5, 10
SUBSTANCE_TERMS = ("overall surprise", "melody")
LABEL_TERMS = {
    "melody": (
        "overall log",
        "melody log",
        "melody along overall",
        "melody along harmony",
        "melody beyond harmony along overall",
        "melody beyond harmony along melody",
    ),
    "harmony": (
        "overall log",
        "harmony log",
        "harmony along overall",
        "harmony along melody",
        "harmony beyond melody along overall",
        "harmony beyond melody along harmony",
    ),
    "rhythm": ("rhythm", "rhythm contrast"),
}
TAILS = (0.3, 0.7, 0.9, 0.9, 0.9, 0.9)  # scores below this quantile of chance say only that they are below
NOT_FITTED = ("4 bars quoted",)
MEASURED_ONLY = (
    "performed",
    "performed, unrelated",
)  # ASAP is licensed for measuring, not for constants that ship


def fit(
    values: np.ndarray, truth: np.ndarray, weight: np.ndarray, *, signed: bool, lapses: bool
) -> tuple[np.ndarray, float]:
    """Return intercept and weights, and the share of related pairs that look unrelated."""
    deviation = values.std(axis=0) + 1e-9
    inputs = np.hstack([np.ones((len(values), 1)), values / deviation])

    def loss(w: np.ndarray) -> float:
        logit = inputs @ w[:-1]
        shows, hides = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        either = np.logaddexp(np.log1p(-w[-1]) + shows, np.log(w[-1]) + hides)
        likelihood = (weight * np.where(truth, either, hides)).sum()
        return float(0.5 * (w[1:-1] ** 2).sum() / PRIOR_DEVIATION**2 - likelihood)

    n_terms = values.shape[1]
    least = None if signed else 0
    bounds = [(None, None)] + [(least, None)] * n_terms + [(1e-6, 0.5 if lapses else 2e-6)]
    start = np.array([0.0] + [0.5] * n_terms + [0.1 if lapses else 1e-6])
    found = scipy.optimize.minimize(loss, start, bounds=bounds).x
    return np.concatenate([found[:1], found[1:-1] / deviation]), float(found[-1])


def by_class(truth: np.ndarray) -> np.ndarray:
    """Return weights under which all that are not shared count as much as all that are; these count one each."""
    return np.where(truth, 1.0, truth.sum() / max((~truth).sum(), 1))


def by_class_and_group(truth: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return weights under which, within a class, a group counts as the root of its size.

    Random pairs are many and easy, controlled pairs few and what labels are for.
    """
    weight = np.zeros(len(truth))
    for one in (True, False):
        for name in np.unique(group[truth == one]):
            chosen = (truth == one) & (group == name)
            weight[chosen] = chosen.sum() ** -0.5
        weight[truth == one] *= truth.sum() / weight[truth == one].sum()
    return weight


def folds(pairs: list[Pair]) -> np.ndarray:
    """Return the fold of every pair, by its first work: a work's pairs are never on both sides."""
    return np.array([zlib.crc32(max(pair.works).encode()) % N_FOLDS for pair in pairs])


def cross_validated(
    values: np.ndarray, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, *, signed: bool, lapses: bool
) -> np.ndarray:
    """Return log-odds of every pair from the fit without its fold."""
    odds = np.zeros(len(values))
    for k in range(N_FOLDS):
        held = fold == k
        weights, _ = fit(values[~held], truth[~held], weight[~held], signed=signed, lapses=lapses)
        odds[held] = weights[0] + values[held] @ weights[1:]
    return odds


def calibration_error(odds: np.ndarray, truth: np.ndarray) -> float:
    """Return the expected calibration error in ten bins, both classes weighing the same."""
    chance = 1 / (1 + np.exp(-odds))
    weight = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())
    bins = np.minimum((chance * N_BINS).astype(int), N_BINS - 1)
    return float(
        sum(abs((weight[bins == k] * (truth[bins == k] - chance[bins == k])).sum()) for k in range(N_BINS))
    )


def fit_chance(table: dict[str, np.ndarray], unrelated: np.ndarray, dimension: str) -> dict[str, Any]:
    """Return the constants of the chance scores of a dimension, and observed against expected counts.

    The table gains the column of how surprising every pair's score is.
    """
    scores, levels = table[f"{dimension} score"], table[f"{dimension} level"]
    sizes = zip(table["n_a"], table["n_b"], strict=True)
    spaces = np.log([search_space(n / COARSE_STEP, m / COARSE_STEP) for n, m in sizes])
    score, level, space = scores[unrelated], levels[unrelated], spaces[unrelated]

    def log_expected(w: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(w[1] + space - rate(level, np.exp(w[0]), w[2]) * at, -50, 50))

    def loss(w: np.ndarray, least: np.ndarray) -> float:
        above, x = score > least, log_expected(w, score)
        density = np.log(rate(level, np.exp(w[0]), w[2])) + x - np.exp(x)
        return float(-(density[above].sum() - np.exp(log_expected(w, least))[~above].sum()))

    w = np.array([np.log(1.3 / max(score.std(), 1.0)) + 0.5 * np.log(np.median(level)), 0.0, 0.5])
    w[1] = float((rate(level, np.exp(w[0]), w[2]) * score - space).mean()) - 0.577
    least = np.full(len(score), -np.inf)
    for tail in TAILS:  # the body fixes the location; what is fitted in the end is the tail
        w = scipy.optimize.minimize(loss, w, (least,), method="Nelder-Mead", options={"maxiter": 4000}).x
        least = (w[1] + space + np.log(1 / -np.log(tail))) / rate(level, np.exp(w[0]), w[2])
    every = np.maximum(w[1] + spaces, 0) - rate(levels, np.exp(w[0]), w[2]) * scores
    table[f"{dimension} surprise"] = np.array([surprise(x) for x in every])
    chance = np.exp(log_expected(w, score))
    counts = {
        str(limit): {
            "expected": round(float((1 - np.exp(-limit)) * len(score)), 1),
            "observed": int((chance <= limit).sum()),
        }
        for limit in (0.5, 0.1, 0.03, 0.01, 0.003)
    }
    constants = {"decay": float(np.exp(w[0])), "composition": float(w[2]), "location": float(w[1])}
    return constants | {"counts": counts}


def by_group(pairs: list[Pair], found: np.ndarray) -> dict[str, float]:
    groups: dict[str, list[float]] = defaultdict(list)
    for pair, value in zip(pairs, found, strict=True):
        groups[pair.group].append(float(value))
    return {group: round(float(np.mean(values)), 3) for group, values in sorted(groups.items())}


def fit_substance(pairs: list[Pair], table: dict[str, np.ndarray]) -> tuple[dict[str, float], dict[str, Any]]:
    judged = np.array([pair.related is not None for pair in pairs])
    fitted = judged & np.array([pair.group not in (*NOT_FITTED, *MEASURED_ONLY) for pair in pairs])
    truth = np.array([bool(pair.related) for pair in pairs])
    values, fold = design(table, SUBSTANCE_TERMS), folds(pairs)
    odds = np.zeros(len(pairs))
    known = values[fitted], truth[fitted], by_class(truth[fitted])
    odds[fitted] = cross_validated(*known, fold[fitted], signed=False, lapses=True)
    weights, lapses = fit(*known, signed=False, lapses=True)
    odds[~fitted] = weights[0] + values[~fitted] @ weights[1:]
    limit = float(np.quantile(odds[fitted & ~truth], 0.99))
    names = ("intercept", *SUBSTANCE_TERMS)
    report = {
        "expected_calibration_error": round(calibration_error(odds[fitted], truth[fitted]), 4),
        "share_of_lapses": round(lapses, 3),
        "share_above_limit_of_1_percent": by_group(pairs, odds > limit),
        "share_above_one_half_at_prior_one_tenth": by_group(pairs, odds > np.log(9)),
        "n": {"related": int((fitted & truth).sum()), "unrelated": int((fitted & ~truth).sum())},
    }
    return dict(zip(names, weights.round(4).tolist(), strict=True)), report


def fit_dimensions(pairs: list[Pair], table: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, Any]]:
    fold, group = folds(pairs), np.array([pair.group for pair in pairs])
    constants: dict[str, Any] = {}
    said = np.zeros((len(pairs), len(PARTS)), bool)
    right = np.ones(len(pairs), bool)
    report: dict[str, Any] = {}
    for column, part in enumerate(PARTS):
        judged = np.array([part in pair.shares for pair in pairs])
        fitted = judged & np.array([pair.group not in MEASURED_ONLY for pair in pairs])
        truth = np.array([pair.shares.get(part, False) for pair in pairs])
        values, odds = design(table, LABEL_TERMS[part]), np.zeros(len(pairs))
        known = values[fitted], truth[fitted], by_class_and_group(truth[fitted], group[fitted])
        odds[fitted] = cross_validated(*known, fold[fitted], signed=True, lapses=False)
        weights, _ = fit(*known, signed=True, lapses=False)
        odds[~fitted] = weights[0] + values[~fitted] @ weights[1:]
        said[:, column] = odds > 0
        right &= ~judged | (said[:, column] == truth)
        constants[part] = dict(zip(("intercept", *LABEL_TERMS[part]), weights.round(4).tolist(), strict=True))
        error = calibration_error(odds[fitted], truth[fitted])
        report[part] = {"expected_calibration_error": round(error, 4)}
    with_shares = [at for at, pair in enumerate(pairs) if pair.shares]
    chosen = [pairs[at] for at in with_shares]
    report["all_judged_labels_right"] = by_group(chosen, right[with_shares])
    for column, part in enumerate(PARTS):
        report[part]["said_to_be_shared"] = by_group(chosen, said[with_shares, column])
    return constants, report


def _joined(*tables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--unrelated", type=int, default=700, help="number of unrelated pairs")
    parser.add_argument("--share", type=float, default=1.0, help="part of the songs to use")
    parser.add_argument("--again", action="store_true", help="fit again from the table of the last run")
    parser.add_argument("--profiles-only", type=int, help="make every second profile, from this one on")
    parser.add_argument("--out", type=Path, default=PACKAGE / "calibration.json")
    options = parser.parse_args()
    known = Known("dev", options.share)
    started = time.process_time()
    asked = [
        *related_pairs(known),
        *controlled_pairs(known),
        *unrelated_pairs(known, options.unrelated, SEED),
    ]
    if options.profiles_only is not None:
        for name in sorted({name for pair in asked for name in (pair.a, pair.b)})[options.profiles_only :: 2]:
            known.profile(name)
        return
    training = Known("train", options.share)
    strangers = stranger_pairs(training)
    pairs = [*asked, *strangers]
    names = np.array([f"{pair.a} {pair.b}" for pair in pairs])
    kept = known.folder.parent / "pairs.npz"
    if options.again:
        with np.load(kept) as stored:
            table = {name: stored[name] for name in stored.files}
        rows = {name: row for row, name in enumerate(table.pop("pairs"))}
        pairs = [pair for pair, name in zip(pairs, names, strict=True) if name in rows]
        chosen = [rows[f"{pair.a} {pair.b}"] for pair in pairs]
        table = {name: values[chosen] for name, values in table.items()}
    else:
        table = _joined(known.table(asked), training.table(strangers))
        np.savez(kept, allow_pickle=False, **table, pairs=names)
    unrelated = np.array(
        [pair.group.endswith(", unrelated") and pair.group not in MEASURED_ONLY for pair in pairs]
    )
    chance = {dimension: fit_chance(table, unrelated, dimension) for dimension in DIMENSIONS}
    substance, of_substance = fit_substance(pairs, table)
    dimensions, of_dimensions = fit_dimensions(pairs, table)
    constants = {
        "substance": substance,
        "dimensions": dimensions,
        **{
            name: {dimension: round(chance[dimension][name], 6) for dimension in DIMENSIONS}
            for name in ("decay", "composition", "location")
        },
    }
    report = {
        "split": "dev",
        "seed": SEED,
        "n_pieces": len(known.rows),
        "substance": of_substance,
        "dimensions": of_dimensions,
        "chance": {dimension: chance[dimension]["counts"] for dimension in DIMENSIONS},
        "mean_scores_in_deviations": {name: by_group(pairs, table[name]) for name in DIMENSIONS},
        "cpu_s": round(time.process_time() - started, 1),
        "surroundings": surroundings(),
    }
    partial = options.out.with_suffix(".partial")
    partial.write_text(json.dumps(constants, indent=1) + "\n", encoding="utf-8")
    partial.replace(options.out)
    text = json.dumps(report, indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
