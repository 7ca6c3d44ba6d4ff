"""What the influence rankings say, checked against the policy and made exact.

One `Output` per generated piece: how much of the pool it earned, how far its ranking can be trusted,
and how its influence divides. Rankings are refused here when nobody measured their reliability.

Conventions
-----------
Shares become fractions with the denominator 10**12 that add up to exactly 1; the reliability is
rounded to the same grid and clipped to [0, 1].

Known limits
------------
The reliability is one figure per method, generator and corpus; it does not tell a well-ranked output
from a badly ranked one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from linernotes.errors import CorpusError, InputError, PolicyRefusal
from linernotes.evidence.influence import InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.royalties.policy import Policy
from linernotes.royalties.rounding import largest_remainder

GRID = 10**12
UNATTRIBUTED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One generated piece and where its influence went.

    Parameters
    ----------
    query_id : str
        The piece.
    pool_share : Fraction in [0, 1]
        Its part of the pool; adds up to 1 over all pieces.
    trust : Fraction in [0, 1]
        Weight of influence against presence that the policy makes of the measured reliability.
    influence : mapping of str to Fraction
        Share per item; adds up to 1 with ``unattributed``.
    interval : mapping of str to (Fraction, Fraction)
        95 % interval of each share.
    unattributed : Fraction in [0, 1]
        What no item was credited with.
    method : str
        Attribution method.
    """

    query_id: str
    pool_share: Fraction
    trust: Fraction
    influence: Mapping[str, Fraction]
    interval: Mapping[str, tuple[Fraction, Fraction]]
    unattributed: Fraction
    method: str


def read_outputs(
    rankings: Sequence[InfluenceRanking],
    policy: Policy,
    corpus_root: str,
    output_weights: Mapping[str, Fraction] | None = None,
) -> tuple[Output, ...]:
    """Turn rankings into outputs that can be paid on.

    Parameters
    ----------
    rankings : sequence of InfluenceRanking
        One per generated piece.
    policy : Policy
        Decides how far the reliability counts.
    corpus_root : str
        The sealed corpus that is paid; the rankings must be of it.
    output_weights : mapping of str to Fraction, optional
        What each piece earned, in any unit; equal when None.

    Returns
    -------
    tuple of Output
        Sorted by query id.

    Raises
    ------
    PolicyRefusal
        If a ranking has no reliability, or one measured on something else;
        a presence_only policy needs none.
    CorpusError
        If a ranking is of another corpus.
    InputError
        If two rankings are of one piece, or the weights do not fit the pieces.
    """
    ordered = sorted(rankings, key=lambda ranking: ranking.query_id)
    queries = [ranking.query_id for ranking in ordered]
    for first, second in pairwise(queries):
        if first == second:
            raise InputError(f"output {first}: two rankings; choose one method and generator for a statement")
    shares = _pool_shares(queries, output_weights)
    return tuple(_read(ranking, policy, corpus_root, shares[ranking.query_id]) for ranking in ordered)


def measured_trust(reliability: Reliability, policy: Policy) -> Fraction:
    """Return r of the formula: the LDS on the policy's scale, clipped to [0, 1], times the influence weight.

    Examples
    --------
    >>> figure = Reliability(
    ...     method="m", generator_id="g", corpus_root="c", lds=0.3, interval=(0.2, 0.4), ceiling=0.6
    ... )
    >>> measured_trust(figure, Policy()), measured_trust(figure, Policy(reliability_scale="ceiling"))
    (Fraction(3, 10), Fraction(1, 2))
    """
    lds = _exact(reliability.lds, "reliability")
    if lds < policy.reliability_floor:
        return Fraction(0)
    if policy.reliability_scale == "ceiling":
        ceiling = _exact(reliability.ceiling, "noise ceiling")
        lds = lds / ceiling if ceiling > 0 else Fraction(0)
    return policy.influence_weight * min(max(lds, Fraction(0)), Fraction(1))


def _read(ranking: InfluenceRanking, policy: Policy, corpus_root: str, pool_share: Fraction) -> Output:
    if ranking.corpus_root != corpus_root:
        raise CorpusError(
            f"output {ranking.query_id}: ranked against corpus {ranking.corpus_root[:12]}, the sealed corpus "
            f"is {corpus_root[:12]}; attribute it again with this corpus"
        )
    trust = Fraction(0)
    if policy.mode != "presence_only":
        trust = measured_trust(_trusted_reliability(ranking), policy)
    shares = {influence.item_id: influence.share for influence in ranking.influences}
    if len(shares) != len(ranking.influences) or UNATTRIBUTED in shares:
        raise InputError(f"output {ranking.query_id}: an item is ranked twice or has no id")
    exact = _exact_shares(ranking.query_id, shares | {UNATTRIBUTED: ranking.unattributed_share})
    unattributed = exact.pop(UNATTRIBUTED)
    return Output(
        query_id=ranking.query_id,
        pool_share=pool_share,
        trust=trust,
        influence=exact,
        interval={i.item_id: _interval(ranking.query_id, i.interval) for i in ranking.influences},
        unattributed=unattributed,
        method=ranking.method,
    )


def _trusted_reliability(ranking: InfluenceRanking) -> Reliability:
    reliability = ranking.reliability
    if reliability is None:
        raise PolicyRefusal(
            f"output {ranking.query_id}: nobody measured how reliable method {ranking.method} is for this "
            'generator and corpus; measure it first, or use a policy with mode = "presence_only"'
        )
    measured = (reliability.method, reliability.generator_id, reliability.corpus_root)
    if measured != (ranking.method, ranking.generator_id, ranking.corpus_root):
        raise PolicyRefusal(
            f"output {ranking.query_id}: its reliability was measured for another method, generator or "
            f"corpus ({reliability.method}, {reliability.generator_id}, {reliability.corpus_root[:12]})"
        )
    return reliability


def _exact_shares(query_id: str, shares: Mapping[str, float]) -> dict[str, Fraction]:
    for item_id, share in shares.items():
        if not (math.isfinite(share) and share >= 0):
            name = item_id or "the unattributed part"
            raise InputError(f"output {query_id}: share of {name} is {share}, expected a number from 0 to 1")
    parts = largest_remainder(GRID, {item_id: Fraction(share) for item_id, share in shares.items()})
    return {item_id: Fraction(part, GRID) for item_id, part in parts.items()}


def _interval(query_id: str, interval: tuple[float, float]) -> tuple[Fraction, Fraction]:
    low, high = (_exact(bound, f"output {query_id}: interval bound") for bound in interval)
    if low > high:
        raise InputError(f"output {query_id}: interval {interval}, expected low <= high")
    return max(low, Fraction(0)), min(max(high, Fraction(0)), Fraction(1))


def _exact(value: float, what: str) -> Fraction:
    if not math.isfinite(value):
        raise InputError(f"{what}: {value}, expected a finite number")
    return Fraction(round(Fraction(value) * GRID), GRID)


def _pool_shares(queries: Sequence[str], weights: Mapping[str, Fraction] | None) -> dict[str, Fraction]:
    if weights is None:
        return {query: Fraction(1, len(queries)) for query in queries}
    if set(weights) != set(queries):
        odd = sorted(set(weights) ^ set(queries))
        raise InputError(f"output weights: {', '.join(odd[:5])} have a weight or a ranking, not both")
    total = sum(weights.values(), Fraction(0))
    if total <= 0 or any(weight < 0 for weight in weights.values()):
        raise InputError("output weights: expected no negative weight and at least one above zero")
    return {query: weights[query] / total for query in queries}
