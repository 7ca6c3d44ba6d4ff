"""Fit the linear projection that training starts from, on arranged pieces alone.

    python -m benchmarks.versions.train_phrases.start START.npz

The package's own projections may have seen performances under terms that forbid shipping what was fitted on them; this
one reads the material of the phrase network and nothing else. A few CPU-seconds.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

from benchmarks.versions.data.ledger import Row
from benchmarks.versions.fit_projection import KEPT, RIDGE, moments, solve
from benchmarks.versions.train_phrases.material import TIER, Works, works
from linernotes.versions.features import Features
from linernotes.versions.projection import WIDE_TAPS, pack_projections

N_WORKS = 80
HOP_S = 0.25


def arranged_pairs(known: Works, n_works: int = N_WORKS) -> list[tuple[Row, Features, Row, Features]]:
    """Return pairs of versions of works spread over the training split."""
    names = sorted(known)[:: max(1, len(known) // n_works)]
    found = []
    for name in names:
        sides = [(row, _features(channels)) for row, channels in known[name]]
        found += [(a, x, b, y) for (a, x), (b, y) in itertools.combinations(sides, 2)]
    if any(row["tier"] != TIER for pair in found for row in (pair[0], pair[2])):
        raise SystemExit("the start may be fitted on arranged pieces only")
    return found


def _features(channels: np.ndarray) -> Features:
    harmony, melody, bass = (np.ascontiguousarray(channels[:, at]) for at in range(3))
    return Features(
        harmony, melody, np.zeros((len(harmony), 1), np.float32), HOP_S, HOP_S * len(harmony), bass
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    pairs = arranged_pairs(works("train"))
    found = moments(pairs, "overall", WIDE_TAPS)
    vectors, costs, constant, correlations = solve(found, KEPT["overall"], RIDGE["overall"])
    options.out.write_bytes(pack_projections({"overall": (WIDE_TAPS, vectors, costs, constant)}))
    print(f"{len(pairs)} pairs, {found.n_pairs} pairs of frames; rho {correlations[0][:3]}")


if __name__ == "__main__":
    main()
