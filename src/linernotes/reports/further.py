"""What was asked of a ranking beyond itself, and the facts that a page shows of it.

Idea
----
``linernotes attribute`` can tell which seconds (``--where``), test the first claims again (``--verify K``) and rank
groups (``--group-by``). `FurtherEvidence` holds what came out, in the fields of the command's JSON;
`further_facts` checks that it belongs to the ranking beside it, and adds words, reliability and limits.

Conventions
-----------
What was not asked is absent: an empty tuple, or None. `not_asked` then names the option that gives it.

Known limits
------------
That the figures are about this ranking is checked by recordings, places and shares, not by a signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from linernotes.errors import InputError
from linernotes.evidence.influence import InfluenceRanking
from linernotes.reports.group_facts import grouping_facts
from linernotes.reports.retest_facts import retest_facts
from linernotes.reports.where_facts import where_facts

Rows = tuple[Mapping[str, Any], ...]
SECTIONS = (
    (
        "where",
        "Where",
        "--where",
        "which seconds of the output lean on which seconds of the first recordings",
    ),
    ("verification", "Re-tested", "--verify K", "the first K claims tested again by other means"),
    ("groups", "Groups", "--group-by artist", "artists or rightsholders ranked, from their recordings"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherEvidence:
    """What was asked of one ranking beyond itself.

    Parameters
    ----------
    where : tuple of mapping, optional
        For each mapped recording its whole map, as in ``where.json``, or its best cells, as in the answer's
        ``where``; None when nobody asked.
    verification : tuple of tuple of mapping
        For each means of testing the tested claims, as in the answer's ``verification``.
    groups : tuple of tuple of mapping
        For each kind of group its rows, as in the answer's ``groups``.

    Examples
    --------
    >>> FurtherEvidence.of({"groups": [{"by": "artist", "name": "Ada"}]}).groups[0][0]["name"]
    'Ada'
    >>> FurtherEvidence().where is None
    True
    """

    where: Rows | None = None
    verification: tuple[Rows, ...] = ()
    groups: tuple[Rows, ...] = ()

    @classmethod
    def of(
        cls, answer: Mapping[str, Any], maps: Iterable[Mapping[str, Any]] | None = None
    ) -> FurtherEvidence:
        """Return what one answer of ``linernotes attribute --json`` holds beyond its ranking.

        Parameters
        ----------
        answer : mapping
            The answer for one output.
        maps : iterable of mapping, optional
            The whole maps of the same output, from ``where.json``.
        """
        where = tuple(maps) if maps is not None else answer.get("where")
        return cls(
            where=None if where is None else tuple(where),
            verification=(tuple(answer["verification"]),) if answer.get("verification") else (),
            groups=(tuple(answer["groups"]),) if answer.get("groups") else (),
        )


def further_facts(
    ranking: InfluenceRanking, evidence: FurtherEvidence, reliability_line: str
) -> dict[str, Any]:
    """Return the sections of one ranking: ``where``, ``verification`` and ``groups``.

    Raises
    ------
    InputError
        If the evidence is about recordings, places or shares that the ranking does not hold.
    """
    _refuse_strangers(ranking, evidence)
    nobody = ranking.unattributed_share >= 1 - 1e-9
    return {
        "where": None if evidence.where is None else where_facts(evidence.where, nobody=nobody),
        "verification": [retest_facts(claims, nobody=nobody) for claims in evidence.verification],
        "groups": [
            grouping_facts(
                rows,
                n_items=len(ranking.influences),
                unattributed_share=ranking.unattributed_share,
                reliability_line=reliability_line,
                scope=ranking.scope,
            )
            for rows in evidence.groups
        ],
    }


def not_asked(rankings: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the sections that none of an output's rankings has, each with the option that gives it.

    Examples
    --------
    >>> [one["option"] for one in not_asked([{"where": {"maps": []}, "verification": [], "groups": []}])]
    ['--verify K', '--group-by artist']
    """
    return [
        {
            "section": title,
            "option": option,
            "words": f"Not asked for. 'linernotes attribute FILE … {option}' gives {gives}.",
        }
        for name, title, option, gives in SECTIONS
        if rankings and not any(ranking.get(name) for ranking in rankings)
    ]


def _refuse_strangers(ranking: InfluenceRanking, evidence: FurtherEvidence) -> None:
    places = {one.item_id: one.rank for one in ranking.influences}
    about = f"query {ranking.query_id}, method {ranking.method}"
    claims = [claim for rows in evidence.verification for claim in rows]
    for row in [*(evidence.where or ()), *claims]:
        if row.get("item_id") not in places:
            raise InputError(
                f"{about}: further evidence names item '{row.get('item_id')}', which the ranking does not hold; "
                "give the evidence of the same run"
            )
    for claim in claims:
        if claim.get("rank") != places[claim["item_id"]]:
            raise InputError(
                f"{about}: item '{claim['item_id']}' was tested at place {claim.get('rank')}, and stands at place "
                f"{places[claim['item_id']]}; give the evidence of the same run"
            )
