"""What a probe says in the end: the rate of outputs that hold a passage, and how large it can still be.

References
----------
Exact intervals: `linernotes.evaluation.exact_rates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linernotes.evaluation.exact_rates import Rate, bound_with_misses, effective_trials, upper_bound
from linernotes.workflows.identify_passages import LIMITS
from linernotes.workflows.probe_config import ProbeConfig


def report_of(
    answers: Sequence[Mapping[str, Any]],
    planted: Sequence[Mapping[str, Any]],
    config: ProbeConfig,
    generator_id: str,
) -> dict[str, Any]:
    """Return the report on answers: pure arithmetic, tested on its own."""
    n, hits = len(answers), sum(bool(one["holds"]) for one in answers)
    n_found = sum(bool(one["found"]) for one in planted)
    by_prompt = [
        {
            "prompt": prompt,
            "n_outputs": sum(one["prompt"] == prompt for one in answers),
            "n_holding": sum(one["prompt"] == prompt and bool(one["holds"]) for one in answers),
        }
        for prompt in dict.fromkeys(one["prompt"] for one in answers)
    ]
    worth, correlation = effective_trials([(row["n_holding"], row["n_outputs"]) for row in by_prompt])
    if len(by_prompt) == 1:
        worth, correlation = float(n), None  # one prompt: the bound is about that prompt
    rate = Rate.of(hits, n, config.confidence)
    recall = Rate.of(n_found, len(planted), config.confidence)
    report = {
        "generator_id": generator_id,
        "n_outputs": n,
        "n_holding": hits,
        "n_holding_undisclosed": sum(bool(one["undisclosed"]) for one in answers),
        "rate": rate.as_json(),
        "upper_bound": upper_bound(hits, n, config.confidence),
        "rule_of_three": 3 / n if hits == 0 else None,
        "recall": recall.as_json(),
        "upper_bound_with_misses": bound_with_misses(hits, n, n_found, len(planted), config.confidence),
        "clusters": {
            "n_prompts": len(by_prompt),
            "correlation": correlation,
            "effective_outputs": round(worth, 2),
            "upper_bound": bound_with_misses(
                hits * worth / n, worth, n_found, len(planted), config.confidence
            ),
        },
        "by_prompt": by_prompt,
        "expected_by_chance": round(n * config.passages.max_false_rate, 3),
        "confidence": config.confidence,
        "outputs": [one for one in answers if one["passages"]],
        "limits": LIMITS,
    }
    return report | {"words": _words(report)}


def _words(report: Mapping[str, Any]) -> str:
    n, hits = report["n_outputs"], report["n_holding"]
    sure = f"{100 * report['confidence']:g} %"
    recall = report["recall"]
    parts = [f"{hits} of {n} outputs hold a passage of the disclosed corpus"]
    parts.append(f"upper bound {_per_cent(report['upper_bound'])} of outputs at {sure} confidence")
    if report["rule_of_three"] is not None:
        parts.append(f"rule of three {_per_cent(report['rule_of_three'])}")
    if recall["n_trials"]:
        parts.append(
            f"{recall['n_hits']} of {recall['n_trials']} planted excerpts were found, with misses paid for the bound is "
            f"{_per_cent(report['upper_bound_with_misses'])}"
        )
    else:
        parts.append("recall was not measured, so nothing bounds what the detector misses")
    if report["clusters"]["n_prompts"] > 1:
        parts.append(
            f"with {report['clusters']['n_prompts']} prompts as clusters "
            f"{_per_cent(report['clusters']['upper_bound'])}"
        )
    parts.append(f"by chance about {report['expected_by_chance']:g} outputs would be flagged at most")
    return "; ".join(parts) + "."


def _per_cent(value: float) -> str:
    return f"{100 * value:.3g} %"
