"""What each system costs, all of them measured one after the other in one process and one run.

Extraction: CPU seconds for an hour of catalogue audio, decoding apart. Index: bytes for an hour. Query: CPU
seconds of a 10 s query in all (extraction, search, verification, and for started programs their start-up),
of known and unrelated queries alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.identify.grid import Rivals
from benchmarks.identify.queries import Cell
from benchmarks.identify.systems import Catalogue, cpu_seconds


def measure(rivals: Rivals, cells: Sequence[Cell], hours: float, n_queries: int) -> dict[str, Any]:
    """Return cost of extraction, index and query of one system."""
    spent: list[float] = []
    for cell in [one for one in cells if one.seconds == 10] or cells:
        for number in range(min(n_queries, len(cell.queries))):
            spent += _asked(rivals.everything, cell, number)
    each = np.array(spent[1:])  # the first call may compile
    cost = rivals.everything.extraction_cpu_s
    return {
        "identity": rivals.system.identity,
        "extraction_cpu_s_per_hour": round(cost / hours, 3),
        "extraction_times_real_time": round(3600 * hours / cost, 1),
        "index_bytes_per_hour": round(rivals.everything.n_bytes / hours),
        "query_cpu_s": {
            "median": round(float(np.median(each)), 4),
            "mean": round(float(each.mean()), 4),
            "q95": round(float(np.quantile(each, 0.95)), 4),
            "n": len(each),
        },
    }


def _asked(catalogue: Catalogue, cell: Cell, number: int) -> list[float]:
    samples = cell.samples(number)
    return [cpu_seconds(lambda: catalogue.ask(samples))[1]]
