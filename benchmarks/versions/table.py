"""The results as tables for people."""

from __future__ import annotations

import math
from typing import Any

Report = dict[str, Any]


def as_markdown(report: Report) -> str:
    """Return every table of a report."""
    systems = report["systems"]
    parts = [
        f"# Versions: {report['split']} split",
        f"{report['n_pieces']} pieces, {report['n_references']} of them searched. Intervals: 95 %, bootstrap over works. "
        "Recall is at 1 % false matches among unrelated pairs. Made by `python -m benchmarks.versions.run`.",
        *(
            ["Ours was fitted and chosen on this split: its figures flatter it."]
            if report["split"] == "dev"
            else []
        ),
        "## Whole pieces",
        _grid(systems, "whole", ("map", "mr1", "arp", "recall_at_1_percent")),
        "## Excerpts of 20 s",
        _grid(systems, "excerpt", ("map", "mr1", "recall_at_1_percent")),
        "## Quotations inside other music",
        _grid(systems, "quoted", ("recall_at_1_percent", "top1")),
        "## The same recording changed: recall at 1 % false matches",
        _changed(systems),
        "## Cost, and strangers of the same key, tempo and instruments",
        _cost(systems),
    ]
    for name, rows in systems.items():
        aligned = rows.get("aligned_share_of_versions", {})
        shares = ", ".join(f"{task} {share:.3f}" for task, share in aligned.items() if _is_number(share))
        if shares:
            parts.append(
                f"Share of versions among what `{name}` aligns, the ceiling of its second step: {shares}."
            )
    if report.get("full_comparisons"):
        parts += _full(report["full_comparisons"])
    if report.get("search"):
        parts += _search(report["search"])
    return "\n\n".join(parts) + "\n"


def _search(found: Report) -> list[str]:
    columns = (
        "cpu_ms_per_segment",
        "wall_ms_per_segment",
        "cpu_ms_per_file",
        "wall_ms_per_file",
        "recall_100_in_100",
    )
    lines = ["| system | " + " | ".join(c.replace("_", " ") for c in columns) + " |", "|---" * 6 + "|"]
    for row in found["rows"]:
        lines.append(f"| {row['system']} | " + " | ".join(_number(row.get(c)) for c in columns) + " |")
    rest = [
        f"| {name.replace('_', ' ')} | {_number(value)} |"
        for part in ("index", "rerank")
        for name, value in found[part].items()
        if name != "encoder"
    ]
    return [
        "## A search among a million segments",
        f"Segments of the dev split ({found['encoder']}), multiplied; a file is 30 segments asked at once; one core.",
        "\n".join(lines),
        "\n".join(["| our index and the steps after it | |", "|---|---|", *rest]),
    ]


def _grid(systems: Report, task: str, names: tuple[str, ...]) -> str:
    groups = sorted({group for rows in systems.values() for group in rows[task]}, key=_place)
    lines = ["| system | " + " | ".join(f"{g}" for g in groups) + " |", "|---" * (len(groups) + 1) + "|"]
    for system, rows in systems.items():
        cells = [_cell(rows[task].get(group, {}), names) for group in groups]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    shown = {"map": "MAP", "mr1": "MR1", "arp": "ARP", "recall_at_1_percent": "recall", "top1": "first"}
    return "Cells: " + ", ".join(shown[name] for name in names) + ".\n\n" + "\n".join(lines)


def _place(group: str) -> tuple[int, str]:
    """Order tiers by name and quotations by length."""
    number = group.split()[0]
    return (int(number) if number.isdigit() else 0, group)


def _cell(figures: Report, names: tuple[str, ...]) -> str:
    if "any_above_limit" in figures:
        return f"{figures['any_above_limit']:.2f} of {figures['n_queries']} raise any"
    if not figures.get("n_queries"):
        return "—"
    parts = []
    for name in names:
        if name == "map":
            low, high = figures["map_interval"]
            parts.append(f"{figures['map']:.3f} [{low:.3f}, {high:.3f}]")
        elif name in ("mr1", "arp"):
            parts.append(f"{figures[name]:.1f}")
        else:
            parts.append(f"{figures[name]:.2f}")
    return ", ".join(parts) + f" (n {figures['n_queries']})"


def _changed(systems: Report) -> str:
    kinds = list(dict.fromkeys(kind for rows in systems.values() for kind in rows["changed"]))
    lines = ["| system | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for system, rows in systems.items():
        cells = [
            f"{rows['changed'][k]['recall_at_1_percent']:.2f}" if k in rows["changed"] else "—" for k in kinds
        ]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cost(systems: Report) -> str:
    lines = [
        "| system | CPU-ms per comparison | strangers above the limit | queries per group |",
        "|---|---|---|---|",
    ]
    for system, rows in systems.items():
        limit = rows["queries_per_group_at_most"]
        asked = "all" if limit is None else f"at most {limit}"
        lines.append(
            f"| {system} | {rows['ms_per_comparison']:.3f} | {rows['strangers_above_limit']:.3f} | {asked} |"
        )
    return "\n".join(lines)


def _full(found: Report) -> list[str]:
    parts = ["## Which dimensions are said to be shared"]
    columns = ("n_shared", "n_not_shared", "recall", "cross_talk", "false_rate", "balanced_accuracy", "auc")
    lines = ["| dimension | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for dimension, figures in found["labels"]["dimensions"].items():
        cells = [_number(figures.get(column)) for column in columns]
        lines.append(f"| {dimension} | " + " | ".join(cells) + " |")
    parts.append("\n".join(lines))
    lines = ["| pairs | n | melody | harmony | rhythm | all judged right |", "|---|---|---|---|---|---|"]
    for kind, rates in found["labels"]["said_by_kind"].items():
        said = " | ".join(f"{rates[d]:.2f}" for d in ("melody", "harmony", "rhythm", "all_right"))
        lines.append(f"| {kind} | {rates['n']} | {said} |")
    parts += [
        "Share of pairs that are said to share each dimension:",
        "\n".join(lines),
        "## Where quotations lie",
    ]
    ends = [
        f"{name} within 1 s by {by}" for by in ("bars", "notes") for name in ("begin", "end", "both ends")
    ]
    lines = [
        f"| | n | any span within 1 s | interval | strongest within 1 s | mean overlap | {' | '.join(ends)} |",
        "|---" * (6 + len(ends)) + "|",
    ]
    for kind, figures in found["places"].items():
        low, high = figures["within_1_s_interval"]
        strict = " | ".join(_number(figures[name.replace(" ", "_")]) for name in ends)
        lines.append(
            f"| {kind} | {figures['n']} | {figures['within_1_s']:.2f} | {low:.2f} to {high:.2f} | "
            f"{figures['strongest_within_1_s']:.2f} | {figures['mean_overlap']:.2f} | {strict} |"
        )
    parts.append("\n".join(lines))
    parts.append(
        "The middle of a span, then its ends. By bars: both pieces play the same bars of the notation; by notes: the "
        "same melody over the same chords, which songs return to in other bars (needs LINERNOTES_DATA)."
    )
    certainty = found["certainty"]
    if certainty:
        rows = "\n".join(
            f"| {name.replace('_', ' ')} | {_number(value)} |" for name, value in certainty.items()
        )
        parts += ["## Probabilities", f"| figure | value |\n|---|---|\n{rows}"]
    parts.append(f"One full comparison takes {found['ms_per_full_comparison']:.0f} CPU-ms.")
    return parts


def _number(value: Any) -> str:
    if not _is_number(value):
        return "—"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _is_number(value: Any) -> bool:
    return value is not None and not math.isnan(value)
