"""Fit the log-odds of `linernotes.versions.significance.Calibration` on the development split.

    python benchmarks/versions/calibrate.py DATA_FOLDER [SIZE]

Logistic regression with a small ridge; each class weighs the same (even prior odds); the mislabelled or
unreachable groups are not removed. Prints the constants to copy into the package.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import scipy.optimize
from pairs import load, table

RIDGE = 0.002


def fit(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return intercept and weights; weights may not be negative."""
    design = np.hstack([np.ones((len(values), 1)), values])
    sign = np.where(truth, 1.0, -1.0)
    share = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())

    def loss(w: np.ndarray) -> float:
        return float((share * np.logaddexp(0, -sign * (design @ w))).sum() + RIDGE * (w[1:] ** 2).sum() / 10)

    bounds = [(None, None)] + [(0, None)] * values.shape[1]
    return scipy.optimize.minimize(loss, np.zeros(design.shape[1]), bounds=bounds).x


def main(root: Path, size: int) -> None:
    known = load(root, "dev", size)
    _, values, truth = table(known)
    weights = fit(values, truth)
    print(f"{len(known)} pieces, {truth.sum()} related and {(~truth).sum()} unrelated pairs")
    for name, value in zip(("intercept", "log_score", "cohort", "contrast"), weights, strict=True):
        print(f"    {name}: float = {value:.3f}")
    odds = np.hstack([np.ones((len(values), 1)), values]) @ weights
    limit = np.quantile(odds[~truth], 0.99)
    print(f"recall at 1 % false matches {np.mean(odds[truth] > limit):.3f}; limit {limit:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12)
