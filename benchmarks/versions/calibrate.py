"""Fit the log-odds of `linernotes.versions.significance.Calibration` on the development split.

    python benchmarks/versions/calibrate.py DATA_FOLDER [--size N] [--keep FOLDER]

Logistic regression on standardised terms with a normal prior of standard deviation 2.5 on every weight
(after Gelman et al. 2008), weights not negative, each class weighing the same (even prior odds). All related
pairs but those out of reach, and a random draw of unrelated ones. Writes ``results/calibration.json``, whose
constants are those in the package; a unit test compares them. About three CPU-minutes at the default size.

References
----------
Gelman, Jakulin, Pittau, Su (2008), "A weakly informative default prior distribution for logistic and other
regression models", Annals of Applied Statistics 2.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import scipy.optimize
from dataset import OUT_OF_REACH
from pairs import TERMS, Known, load, queries, related, surroundings, table

PRIOR_DEVIATION = 2.5
N_UNRELATED = 700
SEED = 20
RESULTS = Path(__file__).with_name("results") / "calibration.json"


def draw(known: list[Known]) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs [shape=(n, 2)] and whether they are related [shape=(n,)]."""
    reachable = {i for i, one in enumerate(known) if one.work not in OUT_OF_REACH}
    pairs = [(i, j) for i, candidates in queries(known) for j in candidates if {i, j} <= reachable]
    truth = np.array([related(known[i], known[j]) for i, j in pairs])
    unrelated = np.random.default_rng(SEED).permutation(np.flatnonzero(~truth))[:N_UNRELATED]
    chosen = np.concatenate([np.flatnonzero(truth), unrelated])
    return np.array(pairs)[chosen], truth[chosen]


def fit(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return intercept and weights; weights may not be negative."""
    deviation = values.std(axis=0)
    design = np.hstack([np.ones((len(values), 1)), values / deviation])
    sign = np.where(truth, 1.0, -1.0)
    share = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum()) * 2 * truth.sum()

    def loss(w: np.ndarray) -> float:
        likelihood = (share * np.logaddexp(0, -sign * (design @ w))).sum()
        return float(likelihood + 0.5 * (w[1:] ** 2).sum() / PRIOR_DEVIATION**2)

    bounds = [(None, None)] + [(0, None)] * values.shape[1]
    found = scipy.optimize.minimize(loss, np.zeros(design.shape[1]), bounds=bounds).x
    return np.concatenate([found[:1], found[1:] / deviation])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, default=6, help="works per collection")
    parser.add_argument("--keep", type=Path, help="folder to keep profiles in between runs")
    options = parser.parse_args()
    known, profiles_cpu_s = load(options.data, "dev", options.size, options.keep)
    started = time.process_time()
    pairs, truth = draw(known)
    values = table(known, pairs)
    weights = fit(values, truth)
    odds = weights[0] + values @ weights[1:]
    limit = float(np.quantile(odds[~truth], 0.99))
    report = {
        "split": "dev",
        "size": options.size,
        "seed": SEED,
        "n_pieces": len(known),
        "n_related": int(truth.sum()),
        "n_unrelated": int((~truth).sum()),
        "constants": dict(zip(("intercept", *TERMS), weights.round(3).tolist(), strict=True)),
        "recall_at_1_percent_false_on_the_fitted_pairs": round(float(np.mean(odds[truth] > limit)), 4),
        "cpu_s": {"profiles": profiles_cpu_s, "pairs_and_fit": round(time.process_time() - started, 1)},
        "surroundings": surroundings(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    text = json.dumps(report, indent=2, sort_keys=True)
    RESULTS.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
