"""The statement: who gets what, why, how sure that is, and under which rule.

A statement is plain data (JSON). Each line belongs to one item and layer, or to money that belongs to no
item: unattributed influence, and what a cap leaves over. Nothing is hidden: held, carried and returned
money has lines like any other, and all lines add up to the pool.

Conventions
-----------
``amount_minor`` counts minor units; ``amount`` is the same as text. ``interval_minor`` is the amount at
both ends of the 95 % interval of the item's influence shares, everything else unchanged; intervals of
several lines do not add up. ``status`` is ``payable``, ``carried_forward`` (below the minimum),
``escrow`` (held) or ``return`` (back to the payer).

Known limits
------------
A statement is as good as its rights table: it pays whom that table names.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from typing import Any

import rfc8785

from linernotes.corpus.seal import SealedCorpus, used_on
from linernotes.errors import InputError, NotFitted, PolicyRefusal, VerificationError
from linernotes.evidence.influence import InfluenceRanking
from linernotes.royalties.allocation import Allocation, Candidate, allocate
from linernotes.royalties.lines import NO_ITEM, amount_fields, item_lines, number, other_lines, percent
from linernotes.royalties.money import Money, to_minor
from linernotes.royalties.outputs import Output, read_outputs
from linernotes.royalties.policy import Policy

STATEMENT_REVISION = 1
NOT_IN_ID = ("statement_id", "created_at", "files")
MISSING_CONSENT = "consent-missing"
NO_PARTY = "(no named rightsholder)"


def candidates_of(corpus: SealedCorpus) -> tuple[Candidate, ...]:
    """Return the items of a sealed corpus as the payout sees them."""
    day = used_on(corpus.training_date, corpus.sealed_at)
    return tuple(
        Candidate(
            item_id=item.item_id,
            cluster_id=item.cluster_id or item.item_id,
            party=item.recording.rightsholder.strip(),
            title=item.recording.title,
            artist=item.recording.artist,
            consent_gap=item.consent.doubt(day) if item.consent else MISSING_CONSENT,
        )
        for item in corpus.items
    )


def build_statement(
    pool: Money,
    corpus: SealedCorpus,
    rankings: Sequence[InfluenceRanking],
    policy: Policy,
    *,
    output_weights: Mapping[str, Fraction] | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Divide *pool* among the items of *corpus* and return the statement.

    Parameters
    ----------
    pool : Money
        What there is to divide; more than zero.
    corpus : SealedCorpus
        Whose items may be paid.
    rankings : sequence of InfluenceRanking
        One per generated piece, all of one generator; may be empty for a presence_only policy.
    policy : Policy
        The declared rule.
    output_weights : mapping of str to Fraction, optional
        What each piece earned; equal when None.
    now : datetime, optional
        Time of the statement, for tests; the clock when None. It is not part of ``statement_id``.

    Returns
    -------
    dict
        JSON-ready; checked with `check_statement`.

    Raises
    ------
    PolicyRefusal
        If the policy forbids it: no reliability, no consent, no rightsholder.
    NotFitted
        If there are no rankings and the policy asks for influence.
    CorpusError, InputError
        If rankings, corpus and pool do not fit each other.
    """
    candidates = candidates_of(corpus)
    _check_request(pool, candidates, rankings, policy)
    outputs = read_outputs(rankings, policy, corpus.root, output_weights)
    allocation = allocate(pool.amount_minor, candidates, outputs, policy)
    limits = _limits(corpus, rankings, outputs)
    lines = item_lines(pool, candidates, outputs, allocation, policy)
    lines += other_lines(pool, allocation, policy)
    parties = _carry_small_parties(lines, pool, policy)
    for line in lines:
        line["limits"] = limits
    statement: dict[str, Any] = {
        "statement_revision": STATEMENT_REVISION,
        "pool": amount_fields(pool.amount_minor, pool) | {"currency": pool.currency},
        "total": amount_fields(sum(line["amount_minor"] for line in lines), pool),
        "corpus_root": corpus.root,
        "generator_id": rankings[0].generator_id if rankings else "",
        "methods": sorted({ranking.method for ranking in rankings}),
        "reliability": _reliabilities(rankings),
        "policy": {
            "name": policy.name,
            "sha256": policy.sha256,
            "text": policy.text,
            "resolved": policy.as_json(),
        },
        "outputs": [_output_line(output) for output in outputs],
        "lines": lines,
        "parties": parties,
        "sensitivity": _sensitivity(pool, candidates, outputs, policy, allocation),
        "open_gaps": len(corpus.gaps),
        "limits": limits,
    }
    statement["statement_id"] = hashlib.sha256(rfc8785.dumps(statement)).hexdigest()[:16]
    statement["created_at"] = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    check_statement(statement)
    return statement


def check_statement(statement: Mapping[str, Any]) -> None:
    """Check that a statement adds up.

    Raises
    ------
    VerificationError
        If the lines do not add up to the pool, an amount is negative, outside its interval, or does not
        agree with its text, or the statement id is not that of its content.
    """
    try:
        lines, pool = statement["lines"], statement["pool"]
        total = sum(line["amount_minor"] for line in lines)
        if not total == pool["amount_minor"] == statement["total"]["amount_minor"]:
            raise VerificationError(f"statement: lines add up to {total}, the pool is {pool['amount_minor']}")
        for line in lines:
            low, high = line["interval_minor"]
            if not 0 <= low <= line["amount_minor"] <= high:
                raise VerificationError(
                    f"statement: {line['line_id']}: amount negative or outside its interval"
                )
            if str(Money(line["amount_minor"], pool["currency"])) != line["amount"]:
                raise VerificationError(f"statement: {line['line_id']}: amount and its text differ")
        content = {key: value for key, value in statement.items() if key not in NOT_IN_ID}
        if hashlib.sha256(rfc8785.dumps(content)).hexdigest()[:16] != statement["statement_id"]:
            raise VerificationError(
                f"statement {statement['statement_id']}: its id is not that of its content"
            )
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise VerificationError(
            f"statement: damaged ({error!r}); build it again with 'linernotes settle'"
        ) from None


def _check_request(
    pool: Money, candidates: Sequence[Candidate], rankings: Sequence[InfluenceRanking], policy: Policy
) -> None:
    if pool.amount_minor <= 0:
        raise InputError(f"pool {pool}: expected more than zero")
    if not rankings and policy.mode != "presence_only":
        raise NotFitted(
            "no output has been attributed; run 'linernotes attribute' first, "
            'or use a policy with mode = "presence_only"'
        )
    generators = sorted({ranking.generator_id for ranking in rankings})
    if len(generators) > 1:
        raise InputError(f"rankings of {len(generators)} generators ({', '.join(generators)}); choose one")
    without = [c.item_id for c in candidates if c.consent_gap]
    if policy.consent_missing == "refuse" and without:
        raise PolicyRefusal(
            f"{len(without)} items without consent that counts ({_some(without)}); see the gaps"
        )
    unnamed = [c.item_id for c in candidates if not c.party]
    if policy.rightsholder_missing == "refuse" and unnamed:
        raise PolicyRefusal(
            f"{len(unnamed)} items without a rightsholder ({_some(unnamed)}); name them and seal anew"
        )


def _carry_small_parties(lines: list[dict[str, Any]], pool: Money, policy: Policy) -> list[dict[str, Any]]:
    """Mark the lines of parties below the minimum and return one summary per party."""
    exact_minimum = policy.minimum_payable * 10 ** (len(pool.decimal.partition(".")[2]))
    minimum = to_minor(
        Fraction(ceil(exact_minimum), 10 ** len(pool.decimal.partition(".")[2])), pool.currency
    )
    owed: dict[str, int] = defaultdict(int)
    held: dict[str, int] = defaultdict(int)
    for line in lines:
        if line["party"]:
            (owed if line["status"] == "payable" else held)[line["party"]] += line["amount_minor"]
    for line in lines:
        if line["status"] == "payable" and owed[line["party"]] < minimum:
            line["status"] = "carried_forward"
            line["why"] += (
                f" {line['party']} is owed less than the minimum of {Money(minimum, pool.currency)}."
            )
    return [
        {
            "party": party,
            "status": "payable" if owed[party] >= minimum else "carried_forward",
            **amount_fields(owed[party], pool),
            "held_minor": held[party],
            "held": str(Money(held[party], pool.currency)),
        }
        for party in sorted({line["party"] for line in lines if line["party"]})
    ]


def _sensitivity(
    pool: Money,
    candidates: Sequence[Candidate],
    outputs: Sequence[Output],
    policy: Policy,
    declared: Allocation,
) -> list[dict[str, Any]]:
    """List what each party's items get under three rules; held and carried money included."""
    columns = {
        "declared": declared,
        "presence_only": allocate(pool.amount_minor, candidates, outputs, policy, blend="presence_only"),
    }
    if outputs:
        columns["influence_only"] = allocate(
            pool.amount_minor, candidates, outputs, policy, blend="influence_only"
        )
    by_rule = {rule: _per_party(candidates, allocation) for rule, allocation in columns.items()}
    names = sorted({name for sums in by_rule.values() for name in sums})
    rows = []
    for name in names:
        row: dict[str, Any] = {"party": name}
        for rule in ("presence_only", "influence_only", "declared"):
            minor = by_rule[rule].get(name, 0) if rule in by_rule else None
            row[f"{rule}_minor"] = minor
            row[rule] = None if minor is None else str(Money(minor, pool.currency))
        rows.append(row)
    return rows


def _per_party(candidates: Sequence[Candidate], allocation: Allocation) -> dict[str, int]:
    party = {candidate.item_id: candidate.party or NO_PARTY for candidate in candidates}
    sums: dict[str, int] = defaultdict(int)
    for (item_id, _), minor in allocation.amounts.items():
        sums[party[item_id]] += minor
    sums[NO_ITEM["unattributed"]] += allocation.unattributed_minor
    if allocation.over_cap_minor:
        sums[NO_ITEM["over-cap"]] += allocation.over_cap_minor
    return sums


def _limits(corpus: SealedCorpus, rankings: Sequence[InfluenceRanking], outputs: Sequence[Output]) -> str:
    text = (
        f"Divides money among the recordings that the provider committed in corpus {corpus.root[:12]}. "
        "It does not show what else was used, is not proof of copying, and is not a legal conclusion."
    )
    for figure in _reliabilities(rankings):
        text += (
            f" Method {figure['method']}: reliability (LDS) {figure['lds']:.3f}, 95 % interval "
            f"{figure['interval'][0]:.3f} to {figure['interval'][1]:.3f}, noise ceiling "
            f"{figure['ceiling']:.3f}, measured against retraining."
        )
    if outputs:
        unattributed = sum((output.pool_share * output.unattributed for output in outputs), Fraction(0))
        text += f" Unattributed share {percent(unattributed)}."
    else:
        text += " No influence was used."
    return text + f" Open gaps of the corpus: {len(corpus.gaps)}. Verify with the receipt of this statement."


def _reliabilities(rankings: Sequence[InfluenceRanking]) -> list[dict[str, Any]]:
    found = {r.method: r.reliability.as_json() for r in rankings if r.reliability is not None}
    return [found[method] for method in sorted(found)]


def _output_line(output: Output) -> dict[str, Any]:
    return {
        "query": output.query_id,
        "method": output.method,
        "pool_share": number(output.pool_share),
        "influence_weight": number(output.trust),
        "unattributed_share": number(output.unattributed),
    }


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
