"""Fit the log-odds of `linernotes.versions.significance.Calibration` on the development split.

    python benchmarks/versions/calibrate.py DATA_FOLDER [--size N] [--keep FOLDER]

Logistic regression on standardised terms with a normal prior of standard deviation 2.5 on every weight
(after Gelman et al. 2008), weights not negative, each class weighing the same (even prior odds). A share of the
related pairs, fitted too, is allowed to look unrelated (Copas 1988): an a cappella and an instrumental mix are
one work, but have hardly a note in common, and without the allowance they would flatten the curve for all.
All related pairs but those out of reach, and a random draw of unrelated ones; every original is also asked for
by 12 s of it. Writes ``results/calibration.json``, whose constants are those in the package; a unit test
compares them. About two CPU-minutes at the default size.

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
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.optimize
from dataset import OUT_OF_REACH
from pairs import TERMS, Known, load, queries, related, surroundings, table

from linernotes.versions.significance import profile

PRIOR_DEVIATION = 2.5
N_UNRELATED = 700
SEED = 20
RESULTS = Path(__file__).with_name("results") / "calibration.json"


def with_excerpts(known: list[Known]) -> list[Known]:
    """Add 12 s of every original whose recording is not among the changed ones."""
    changed = {one.work for one in known if one.kind not in ("original", "full")}
    chosen = [one for one in known if one.kind == "original" and one.work not in changed]
    cut = [profile(one.profile.features.excerpt(80, 128)) for one in chosen]
    return known + [
        replace(one, kind="12 s of its features", profile=new) for one, new in zip(chosen, cut, strict=True)
    ]


def draw(known: list[Known]) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs [shape=(n, 2)] and whether they are related [shape=(n,)]."""
    reachable = {i for i, one in enumerate(known) if one.work not in OUT_OF_REACH}
    pairs = [(i, j) for i, candidates in queries(known) for j in candidates if {i, j} <= reachable]
    truth = np.array([related(known[i], known[j]) for i, j in pairs])
    unrelated = np.random.default_rng(SEED).permutation(np.flatnonzero(~truth))[:N_UNRELATED]
    chosen = np.concatenate([np.flatnonzero(truth), unrelated])
    return np.array(pairs)[chosen], truth[chosen]


def fit(values: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """Return intercept and weights, which may not be negative, and the share of lapses."""
    deviation = values.std(axis=0)
    design = np.hstack([np.ones((len(values), 1)), values / deviation])
    weight = truth.sum() / (~truth).sum()

    def loss(w: np.ndarray) -> float:
        logit, lapses = design @ w[:-1], w[-1]
        shows, hides = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        either = np.logaddexp(np.log1p(-lapses) + shows, np.log(lapses) + hides)
        likelihood = either[truth].sum() + weight * hides[~truth].sum()
        return float(0.5 * (w[1:-1] ** 2).sum() / PRIOR_DEVIATION**2 - likelihood)

    n_terms = values.shape[1]
    bounds = [(None, None)] + [(0, None)] * n_terms + [(1e-6, 0.5)]
    found = scipy.optimize.minimize(loss, np.array([0.0] + [1.0] * n_terms + [0.1]), bounds=bounds).x
    return np.concatenate([found[:1], found[1:-1] / deviation]), float(found[-1])


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
    known = with_excerpts(known)
    pairs, truth = draw(known)
    values = table(known, pairs)
    weights, lapses = fit(values, truth)
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
        "share_of_lapses": round(lapses, 3),
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
