"""The part of a dossier that ranks groups of recordings: artists, rightsholders.

Conventions
-----------
Shares of groups are sums of their recordings' shares. Where groups do not overlap, they, the recordings that name
no group, and the unattributed part add up to 1; where they do, that is said, and nothing is added.

Known limits
------------
Overlap is told from counts and sums. No interval of a group's share is known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linernotes.reports.words import count, per_cent

HOW_WORDS = {
    "sum": "A group’s score is the sum of its recordings’ scores",
    "mean": "A group’s score is the mean of its recordings’ scores",
    "max": "A group’s score is that of its best recording",
    "top-3": "A group’s score is the mean of its three best recordings",
    "positive": "A group’s score is the sum of its recordings’ scores above zero",
}
LIMITS = (
    "Nobody was left out as a group: adding recordings up misses what is redundant among them, and favours groups that "
    "have many. The reliability was measured for recordings, not for groups, and no interval is given: those of "
    "single recordings do not add up."
)


def grouping_facts(
    rows: Sequence[Mapping[str, Any]],
    *,
    n_items: int,
    unattributed_share: float,
    reliability_line: str,
    scope: str,
) -> dict[str, Any]:
    """Return all groups of one kind with words and limits.

    Parameters
    ----------
    rows : sequence of mapping
        In the fields of ``linernotes attribute``, best first, at least one.
    n_items : int
        Recordings in the ranking.
    unattributed_share : float in [0, 1]
        Of the ranking.
    reliability_line, scope : str
        Of the ranking.
    """
    by, how = rows[0]["by"], rows[0]["how"]
    n_held = sum(row["n_items"] for row in rows)
    left = 1 - unattributed_share - sum(row["share"] for row in rows)
    overlapping = n_held > n_items or left < -1e-6
    n_without = None if overlapping else n_items - n_held
    left = max(0.0, left) if n_without else 0.0
    return {
        "by": by,
        "how": how,
        "rows": [{name: row[name] for name in ("name", "rank", "score", "share", "n_items")} for row in rows],
        "n_items": n_items,
        "n_without_group": n_without,
        "share_without_group": None if overlapping else left,
        "unattributed_share": unattributed_share,
        "overlapping": overlapping,
        "words": _words(rows, by, unattributed_share),
        "how_words": HOW_WORDS.get(how, f"Scores of recordings were combined by '{how}'")
        + ", and its share the sum of their shares.",
        "overlap_words": _overlap_words(by, n_without, left),
        "reliability_line": reliability_line,
        "scope": scope,
        "limits": LIMITS,
    }


def _words(rows: Sequence[Mapping[str, Any]], by: str, unattributed_share: float) -> str:
    if unattributed_share >= 1 - 1e-9:
        return (
            f"Nobody in particular: no {by} has a share, because no recording has. The order is that of the scores "
            "and carries no credit."
        )
    first = max(rows, key=lambda row: (row["share"], -row["rank"]))
    return (
        f"{first['name']} has the largest share of {count(len(rows), by)}: {per_cent(first['share'])}, with "
        f"{count(first['n_items'], 'recording')}. {per_cent(unattributed_share)} goes to nobody in particular."
    )


def _overlap_words(by: str, n_without: int | None, left: float) -> str:
    if n_without is None:
        return (
            "Groups overlap: a recording that stands under several names counts whole for each of them, so these "
            "shares must not be added up."
        )
    text = (
        f"Groups do not overlap: each recording stands under one {by} at most, as its rights table prints it."
    )
    if n_without:
        text += f" {count(n_without, 'recording names', 'recordings name')} no {by}, with {per_cent(left)} of the influence."
    return text
