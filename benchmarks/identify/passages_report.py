"""What was found of planted passages, as figures and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.identify.grid import upper_bound
from benchmarks.identify.report import markdown

WITHIN_S = 0.5


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return recall and errors per kind and length, and how many hosts without a passage were flagged."""
    table = []
    for kind in dict.fromkeys(row["kind"] for row in rows if row["kind"] != "none"):
        for seconds in sorted({row["seconds"] for row in rows if row["kind"] == kind}):
            group = [row for row in rows if row["kind"] == kind and row["seconds"] == seconds]
            if group:
                table.append({"kind": kind, "seconds": seconds} | _cell(group))
    clean = [row for row in rows if row["kind"] == "none"]
    flagged = [row for row in clean if row["n_answers"]]
    return {
        "table": table,
        "hosts": {
            "n": len(clean), "flagged": len(flagged), "upper_95": upper_bound(len(flagged), len(clean)),
            "examples": [row["others"][:1] for row in flagged[:10]],
        },
        "mean_cpu_s": round(float(np.mean([row["cpu_s"] for row in rows])), 4),
    }  # fmt: skip


def _cell(group: Sequence[dict[str, Any]]) -> dict[str, Any]:
    pairs = [(plant, hit) for row in group for plant, hit in zip(row["plants"], row["hits"], strict=True)]
    errors = np.array(
        [
            [hit["begins_s"] - plant["begins_s"], hit["ends_s"] - plant["begins_s"] - plant["seconds"]]
            for plant, hit in pairs
            if hit
        ]
    ).reshape(-1, 2)
    both = np.abs(errors).max(axis=1) if len(errors) else np.zeros(0)
    return {
        "plants": len(pairs),
        "found": len(errors),
        "both_ends_within": int((both <= WITHIN_S).sum()),
        "begin_error_median_s": _median(errors[:, 0]),
        "end_error_median_s": _median(errors[:, 1]),
        "error_q95_s": round(float(np.quantile(np.abs(errors), 0.95)), 3) if len(errors) else None,
        "other_answers": sum(len(row["others"]) for row in group),
    }


def _median(errors: Any) -> float | None:
    return round(float(np.median(np.abs(errors))), 3) if len(errors) else None


def as_text(result: dict[str, Any]) -> str:
    """Return the table."""
    rows = [
        [
            cell["kind"], f"{cell['seconds']} s", f"{cell['found']}/{cell['plants']}",
            f"{100 * cell['found'] / cell['plants']:.1f}",
            f"{100 * cell['both_ends_within'] / cell['found']:.0f}" if cell["found"] else "",
            cell["begin_error_median_s"], cell["end_error_median_s"], cell["error_q95_s"], cell["other_answers"],
        ]
        for cell in result["table"]
    ]  # fmt: skip
    hosts = result["hosts"]
    heads = ["planted", "length", "found", "per cent", "both ends within 0.5 s, per cent of found"]
    heads += ["begin, median error (s)", "end", "95 % of both", "wrong answers"]
    return (
        f"{markdown(heads, rows)}\n\nHosts without a passage that got an answer: {hosts['flagged']} of {hosts['n']} "
        f"(at most {100 * hosts['upper_95']:.1f} % with 95 % confidence). Mean query: {result['mean_cpu_s']} CPU s.\n"
    )
