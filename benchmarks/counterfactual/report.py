"""The table for eyes."""

from __future__ import annotations

from typing import Any


def as_text(report: dict[str, Any]) -> str:
    """Return the whole report as Markdown."""
    lines = [
        "# Counterfactual benchmark",
        "",
        f"{report['n_items']} items, {report['n_artists']} artists, {report['n_models']} retrained models, generator "
        f"{report['generator_id']}. Intervals are 95 %; test queries only.",
    ]
    for kind in ("generated", "passage"):
        lines += _lds(kind, report[kind]) + _groups(kind, report[kind]["groups"])
    if "removal" in report:
        lines += new_output_lines(report["removal"])
    return "\n".join([*lines, *_costs(report["methods"])]) + "\n"


def _lds(kind: str, part: dict[str, Any]) -> list[str]:
    lines = [
        "",
        f"## {kind}: {part['n_queries']} queries",
        "",
        f"Ceilings: LDS {part['ceiling']:.2f}, within artists {part['ceiling_within_artist']:.2f}, "
        f"at α = 0.9 {part['ceiling_at_0.9']:.2f}.",
        "",
        "| scorer | LDS | of ceiling | within artists | of ceiling | LDS at α = 0.9 |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in sorted(part["scorers"].items(), key=lambda pair: -pair[1]["lds"]):
        lines.append(
            f"| {name} | {_figure(row['lds'], row['interval'])} | {row['of_ceiling']:.0%} "
            f"| {_figure(row['within_artist'], row['within_artist_interval'])} | {row['within_artist_of_ceiling']:.0%} "
            f"| {_figure(row['lds_at_0.9'], row['lds_at_0.9_interval'])} |"
        )
    return lines


def _groups(
    kind: str, part: dict[str, Any], best: str = "", leads: dict[str, Any] | None = None
) -> list[str]:
    """Return how artists are ranked, with what one scorer leads the others by where that is known."""
    leads = leads or {}
    lines = [
        "",
        f"### {kind}: artists ranked by what leaving each out does",
        "",
        "| scorer | Top-1 | NDCG@3 | Spearman |" + (f" {best} leads by, Top-1 |" if leads else ""),
        "|---|---|---|---|" + ("---|" if leads else ""),
    ]
    for name, row in sorted(part.items(), key=lambda pair: -pair[1]["ndcg@3"]["value"]):
        figures = [row[key] for key in ("top-1", "ndcg@3", "spearman")]
        cells = [_figure(figure["value"], figure["interval"]) for figure in figures]
        if leads:
            cells.append(_figure(leads[name]["value"], leads[name]["interval"]) if name in leads else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def new_output_lines(part: dict[str, Any]) -> list[str]:
    """Return the tables of what was asked of new outputs."""
    return _removals(part) + _groups(
        f"{part['n_queries']} new outputs", part["groups"], part["best_of_groups"], part.get("group_leads")
    )


def _removals(part: dict[str, Any]) -> list[str]:
    lines = [
        "",
        f"## Leave-top-{part['top']}-out: rise of the loss beyond a random removal of as many, in %",
        "",
        f"New outputs, one retraining for each list, {part['n_controls']} controls.",
        "",
        f"| scorer | outputs | rise | interval below {part['best']}'s | {part['best']} leads by |",
        "|---|---|---|---|---|",
    ]
    for name, row in sorted(part["scorers"].items(), key=lambda pair: -pair[1]["rise"]["value"]):
        cells = f"| {name} | {row['n_queries']} | {_percent(row['rise'])} |"
        if row["lead"] is None:
            lines.append(f"{cells} | |")
        else:
            lines.append(f"{cells} {'yes' if row['apart'] else 'no'} | {_percent(row['lead'])} |")
    return lines


def _costs(methods: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "## Cost, self-rank, collapse",
        "",
        "| method | fit, CPU-s | query, CPU-s | peak, MiB | self-rank mean (worst) | lists alike |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in methods.items():
        lines.append(
            f"| {name} | {row['fit_cpu_s']:.1f} | {row['query_cpu_s']:.2f} | {row['peak_mib']:.0f} "
            f"| {row['self_rank_mean']:.1f} ({row['self_rank_worst']}) "
            f"| {row['collapse']['mean_correlation']:.2f}{' collapsed' if row['collapse']['collapsed'] else ''} |"
        )
    return lines


def _figure(value: float, interval: list[float]) -> str:
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def _percent(figure: dict[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{100 * figure['value']:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
