"""The results as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LENGTHS = (3, 5, 10, 30)


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table.

    Examples
    --------
    >>> print(markdown(["a", "b"], [[1, 2]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def grid_tables(result: dict[str, Any]) -> str:
    """Return the tables of `grid`: one per length, one of costs, one of false matches."""
    systems = result["systems"]
    shown = _columns(systems)
    text = [_preface(result)]
    lengths = sorted(
        {cell["seconds"] for one in systems.values() for cell in one["own"]}, key=lambda s: (s != 10, s)
    )
    for seconds in lengths:
        text.append(f"\n### {seconds} s: recall, per cent\n")
        rows = []
        for row in result["rows"]:
            cells = [_cell(systems[name][kind], row, seconds) for name, kind in shown]
            n = next((cell["queries"] for cell in cells if cell), 0)
            rows.append([row, n, *[_percent(cell) for cell in cells]])
        heads = [name if kind == "own" else f"{name}, threshold" for name, kind in shown]
        text.append(markdown(["query", "n", *heads], rows))
    text.append("\n### Cost\n")
    text.append(markdown(
        ["", "extraction, times real time", "CPU s per hour", "index, MB per hour", "10 s query, CPU ms: median", ".95"],
        [_cost(name, one["cost"]) for name, one in systems.items()],
    ))  # fmt: skip
    text.append("\n### False matches on unrelated queries\n")
    text.append(markdown(
        ["", *[f"{s} s" for s in sorted(lengths)], "all", "own decision"],
        [_false(name, one, sorted(lengths)) for name, one in systems.items()],
    ))  # fmt: skip
    return "\n".join(text) + "\n"


def _columns(systems: dict[str, Any]) -> list[tuple[str, str]]:
    columns = []
    for name, one in systems.items():
        if one["decides"]:
            columns.append((name, "own"))
        if name != "Linernotes":
            columns.append((name, "threshold"))
    return columns


def _preface(result: dict[str, Any]) -> str:
    catalogue = result["catalogue"]
    return (
        f"Catalogue: {catalogue['recordings']} recordings, {catalogue['hours']:.2f} hours, "
        f"{catalogue['artists']} artists (half '{result['half']}'). Right: recording and place within 1 s. "
        "*Threshold*: accepted above the highest score of any unrelated query of that length."
    )


def _cell(cells: Sequence[dict[str, Any]], row: str, seconds: int) -> dict[str, Any] | None:
    return next((cell for cell in cells if cell["row"] == row and cell["seconds"] == seconds), None)


def _percent(cell: dict[str, Any] | None) -> str:
    if not cell or not cell["queries"]:
        return ""
    return f"{100 * cell['found'] / cell['queries']:.1f}"


def _cost(name: str, cost: dict[str, Any]) -> list[object]:
    query = cost["query_cpu_s"]
    return [
        name,
        f"{cost['extraction_times_real_time']:,.0f}",
        f"{cost['extraction_cpu_s_per_hour']:.1f}",
        f"{cost['index_bytes_per_hour'] / 1e6:.2f}",
        f"{1000 * query['median']:.0f}",
        f"{1000 * query['q95']:.0f}",
    ]


def _false(name: str, one: dict[str, Any], lengths: Sequence[int]) -> list[object]:
    if not one["decides"]:
        return [name, *["" for _ in lengths], "", "none: above the threshold, 0 by construction"]
    counts = []
    for seconds in lengths:
        cells = [cell for cell in one["own"] if cell["seconds"] == seconds]
        counts.append(f"{sum(c['false'] for c in cells)} of {sum(c['unrelated'] for c in cells)}")
    total = f"{sum(c['false'] for c in one['own'])} of {sum(c['unrelated'] for c in one['own'])}"
    return [name, *counts, total, one["decision"]]
