"""Where quotations are found: both ends of the best *overall* span of every quotation of a split.

    LINERNOTES_DATA=DATA python -m benchmarks.versions.quotations [--split dev] [--misses]

Needs features (``features_cache.py``); the reading by notes needs the data folder. Writes
``results/quotations-SPLIT.json``; for the development split only, unless a report asks for test.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.notation import notation_of
from benchmarks.versions.features_cache import load_features
from benchmarks.versions.measures.ends import by_bars, by_notes, end_errors_s
from benchmarks.versions.pairs import Known, surroundings
from linernotes.versions.hypotheses import Piece, search
from linernotes.versions.spans import stretches

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--misses", action="store_true", help="print what lies further off than a second")
    options = parser.parse_args()
    known = Known(options.split)
    errors: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    spent, n_pairs = 0.0, 0
    for row in known.rows.values():
        for quote in row["quotes"]:
            name = f"{quote['of']}-v0"
            if name not in known.rows:
                continue
            a, b = (Piece(load_features(options.split, one)) for one in (row["id"], name))
            chosen = search(a, b, "overall")
            started = time.process_time()
            best = next(stretches(a, b, "overall", chosen, 1), None)
            spent, n_pairs = spent + time.process_time() - started, n_pairs + 1
            sections, notation = known.rows[name]["sections"], notation_of(quote["of"])
            span = (best.a.start_s, best.a.end_s) if best else None
            readings = {"bars": by_bars(quote, sections)}
            if notation is not None:
                readings["notes"] = by_notes(quote, sections, notation)
            for reading, true in readings.items():
                error = end_errors_s(span, true)
                errors[row["kind"], reading].append(error)
                if options.misses and max(map(abs, error)) > 1:
                    print(f"{row['id']} by {reading}: {error[0]:.1f} s, {error[1]:.1f} s off")
    report = {
        "split": options.split,
        "within_1_s": {
            reading: {kind: figures(found) for (kind, one), found in sorted(errors.items()) if one == reading}
            for reading in ("bars", "notes")
        },
        "ms_per_pair": round(1e3 * spent / max(n_pairs, 1), 1),
        "surroundings": surroundings(),
    }
    text = json.dumps(report, indent=1)
    (RESULTS / f"quotations-{options.split}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def figures(found: list[tuple[float, float]]) -> dict[str, Any]:
    """Return how many of errors (begin, end) are within a second."""
    within = np.abs(np.array(found)) <= 1.0
    return {
        "n": len(found),
        "begin": int(within[:, 0].sum()),
        "end": int(within[:, 1].sum()),
        "both": int(within.all(axis=1).sum()),
    }


if __name__ == "__main__":
    main()
