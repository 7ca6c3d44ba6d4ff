"""What a batch of outputs says as a whole: the share with leads, its bounds, and what chance alone would give.

References
----------
Clopper and Pearson (1934), Biometrika 26.

Known limits
------------
Outputs of one prompt are not independent draws; the bounds take them as if they were. State one prompt per output, or
read the bounds as too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from linernotes.disclosure.leads import LeadConfig
from linernotes.evaluation.exact_rates import Rate, upper_bound
from linernotes.workflows.leads_controls import ControlCounts


def batch_facts(
    with_leads: Sequence[bool], n_references: int, config: LeadConfig, controls: ControlCounts
) -> dict[str, Any]:
    """Return the figures of a batch.

    Parameters
    ----------
    with_leads : sequence of bool
        For each output, whether it has a lead.
    n_references : int
        Catalogue recordings outside the corpus that were searched: the multiplicity of the question.
    config : LeadConfig
        Limits.
    controls : ControlCounts
        What controls showed.

    Returns
    -------
    dict
        ``share`` with its 95 % interval; ``share_above_controls``, the lower end of that interval less the upper end
        of the control rate, not below 0; ``expected_by_chance`` outputs and ``chance_of_as_many``; ``multiplicity``.

    Examples
    --------
    >>> facts = batch_facts([True, True, False, False], 9, LeadConfig(), ControlCounts(n_unrelated=300))
    >>> facts["n_with_leads"], round(facts["share"]["interval"][0], 3), facts["chance_of_as_many"] < 1e-5
    (2, 0.068, True)
    """
    from scipy.stats import binom

    n, n_hits = len(with_leads), sum(with_leads)
    share = Rate.of(n_hits, n)
    base = upper_bound(controls.flagged_unrelated, controls.n_unrelated) if controls.n_unrelated else None
    rate = config.max_false_match_rate
    return {
        "n_outputs": n,
        "n_with_leads": n_hits,
        "share": share.as_json(),
        "control_rate_upper": base,
        "share_above_controls": None if base is None else max(0.0, share.lower - base),
        "expected_by_chance": n * rate,
        "chance_of_as_many": float(binom.sf(n_hits - 1, n, rate)),
        "multiplicity": {
            "n_outputs": n,
            "n_references": n_references,
            "max_false_match_rate": rate,
            "words": (
                f"{n} x {n_references} comparisons; the false-match rate of {rate:g} holds per output for the whole "
                "catalogue, and 'false_match_rate_in_batch' for all outputs together"
            ),
        },
        "words": _words(share, base, n * rate),
    }


def _words(share: Rate, base: float | None, expected: float) -> str:
    n, k = share.n_trials, share.n_hits
    words = (
        f"{k} of {n} outputs raise a reason to ask: 95 % interval {100 * share.lower:.3g} to {100 * share.upper:.3g} %; "
        f"chance alone is allowed {expected:.2g}"
    )
    if base is None:
        return words + "; no control was searched"
    return words + f"; unrelated excerpts show such a find in at most {100 * base:.2g} %"
