"""The part of a dossier that says what testing the first claims of a ranking again has shown.

Conventions
-----------
An outcome is printed with the e-value that decided it, what was done, and what it does not say. Counts of
pairings are ``win_rate`` times ``n_repeats``, a tie as half.

Known limits
------------
Every claim is tested at its own level; the words say how many false confirmations to expect, and correct nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linernotes.reports.words import count, per_cent, per_cent_range

MEANS_WORDS = {
    "tail-patch": (
        "By tail-patch: from the generator’s weights, a few training steps on the recording and as many away from it; how "
        "far apart the output’s losses are afterwards, beside a matched recording under the same noise."
    ),
    "retrain": (
        "By retraining: the generator trained again without the recording, and without a matched one from the same seed; "
        "whose absence costs the output more."
    ),
}
MEANS_LIMITS = {
    "tail-patch": (
        "Tail-patching is local: it sees neither what a recording did early in training, nor that another would have "
        "stepped in for it. Some recordings move every output; such a claim is confirmed though it is not about this one."
    ),
    "retrain": (
        "Leaving out one of many recordings moves a loss less than another seed does: a true claim may stay undecided."
    ),
}
COMMON_LIMITS = (
    "It asks whether the recording is among those of its kind that move the output most, and not whether it had any "
    "influence. The standard error of an effect does not know of the stopping; intervals, e- and p-values do."
)


def retest_facts(claims: Sequence[Mapping[str, Any]], *, nobody: bool = False) -> dict[str, Any]:
    """Return the claims tested by one means with words and limits.

    Parameters
    ----------
    claims : sequence of mapping
        In the fields of ``linernotes attribute``, at least one.
    nobody : bool
        Whether the ranking credits nobody in particular.
    """
    by = claims[0]["by"]
    return {
        "by": by,
        "claims": [_claim_facts(one) for one in claims],
        "words": _means_words(claims, nobody),
        "limits": " ".join(filter(None, [MEANS_LIMITS.get(by, ""), COMMON_LIMITS])),
    }


def _claim_facts(one: Mapping[str, Any]) -> dict[str, Any]:
    return dict(one) | {
        "done": _done(one),
        "words": _outcome_words(one),
        "evidence_words": _evidence_words(one),
    }


def _means_words(claims: Sequence[Mapping[str, Any]], nobody: bool) -> str:
    first = claims[0]
    text = MEANS_WORDS.get(first["by"], f"By {first['by']}.")
    text += (
        f" Tested one by one at level {first['alpha']:g}: of {count(len(claims), 'claim')}, up to "
        f"{len(claims) * first['alpha']:.2g} would be confirmed falsely on average."
    )
    return text + (" The ranking itself credits nobody in particular." if nobody else "")


def _done(one: Mapping[str, Any]) -> str:
    spent = ", ".join(
        count(n, what.rstrip("s").replace("_", " "), what.replace("_", " "))
        for what, n in one["cost"].items()
    )
    return (
        f"{count(one['n_repeats'], 'repeat')}, each beside one of {count(one['n_matched'], 'matched recording')} drawn "
        f"anew; {spent} in all"
    )


def _outcome_words(one: Mapping[str, Any]) -> str:
    won = f"it moved this output more than the matched recording in {_n_won(one)} of {one['n_repeats']} pairings"
    level = per_cent(one["level"])
    if one["outcome"] == "confirmed":
        return (
            f"Confirmed: {won}, more than a recording that wins at most {level} of them would. By this test few matched "
            "recordings move the output as much."
        )
    if one["outcome"] == "not confirmed":
        return (
            f"Not confirmed: {won}, fewer than a recording that wins at least {level} of them would. By this test many "
            "matched recordings move the output as much. That is not the same as no influence."
        )
    return (
        f"Undecided: {won}, and the declared repeats were spent before “more than {level}” or “less” was settled. The "
        "test can tell neither way at this size."
    )


def _evidence_words(one: Mapping[str, Any]) -> str:
    level, needed = per_cent(one["level"]), 1 / one["alpha"] if one["alpha"] else float("inf")
    return (
        f"e-value {one['e_value']:.3g} against “wins at most {level}”, {one['e_value_against']:.3g} against “wins at "
        f"least {level}”; {needed:g} decides. p {_p_words(one['p_value'])} for the first. Win rate "
        f"{per_cent(one['win_rate'])}, 95 % interval {per_cent_range(*one['win_interval'])}; all valid however long one "
        "looked."
    )


def _n_won(one: Mapping[str, Any]) -> str:
    return f"{one['win_rate'] * one['n_repeats']:g}"


def _p_words(p_value: float) -> str:
    return "below 0.001" if p_value < 0.001 else f"at most {p_value:.2g}"
