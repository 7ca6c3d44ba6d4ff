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
from math import ceil, floor
from typing import Any

import rfc8785

from linernotes.corpus.seal import SealedCorpus, used_on
from linernotes.errors import InputError, NotFitted, PolicyRefusal, VerificationError
from linernotes.evidence import InfluenceRanking
from linernotes.royalties.allocation import Allocation, Candidate, ItemWeight, allocate
from linernotes.royalties.money import Money, to_minor
from linernotes.royalties.outputs import Output, read_outputs
from linernotes.royalties.policy import MASTER, Policy

STATEMENT_REVISION = 1
NOT_IN_ID = ("statement_id", "created_at", "files")
MISSING_CONSENT = "consent-missing"
NO_PARTY = "(no named rightsholder)"
NO_ITEM = {"unattributed": "(unattributed)", "over-cap": "(above the cap)"}


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
    lines = _item_lines(pool, candidates, outputs, allocation, policy)
    lines += _other_lines(pool, allocation, policy)
    parties = _carry_small_parties(lines, pool, policy)
    for line in lines:
        line["limits"] = limits
    statement: dict[str, Any] = {
        "statement_revision": STATEMENT_REVISION,
        "pool": _amount(pool.amount_minor, pool) | {"currency": pool.currency},
        "total": _amount(sum(line["amount_minor"] for line in lines), pool),
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


def _item_lines(
    pool: Money,
    candidates: Sequence[Candidate],
    outputs: Sequence[Output],
    allocation: Allocation,
    policy: Policy,
) -> list[dict[str, Any]]:
    layers = dict(policy.layers) or {MASTER: Fraction(1)}
    lines = []
    for candidate in sorted(candidates, key=lambda candidate: candidate.item_id):
        weight, factor = allocation.weights[candidate.item_id], allocation.cap_factor[candidate.item_id]
        for layer, layer_share in layers.items():
            minor = allocation.amounts[candidate.item_id, layer]
            status, note = _status(candidate, layer, policy)
            scale = pool.amount_minor * factor * layer_share
            fixed = weight.presence + weight.unattributed
            low = min(minor, floor(scale * (weight.influence_low + fixed)))
            high = min(pool.amount_minor, max(minor, ceil(scale * (weight.influence_high + fixed))))
            lines.append(
                {
                    "line_id": f"{candidate.item_id}/{layer}",
                    "kind": "item",
                    "item_id": candidate.item_id,
                    "cluster_id": candidate.cluster_id,
                    "title": candidate.title,
                    "artist": candidate.artist,
                    "party": candidate.party if layer == MASTER else "",
                    "layer": layer,
                    "status": status,
                    **_amount(minor, pool),
                    "interval_minor": [low, high],
                    "interval": [str(Money(low, pool.currency)), str(Money(high, pool.currency))],
                    "parts": _parts(weight)
                    | {"cap_factor": _number(factor), "layer_share": _number(layer_share)},
                    "why": _why(candidate, weight, factor, outputs) + note,
                }
            )
    return lines


def _other_lines(pool: Money, allocation: Allocation, policy: Policy) -> list[dict[str, Any]]:
    why = {
        "unattributed": "Influence that no disclosed recording could be credited with beyond noise; the "
        f"policy says '{policy.unattributed}'.",
        "over-cap": "What the cap per recording leaves over after every recording has reached it.",
    }
    amounts = {"unattributed": allocation.unattributed_minor, "over-cap": allocation.over_cap_minor}
    status = {"unattributed": "return" if policy.unattributed == "return" else "escrow", "over-cap": "escrow"}
    # With 'presence' the unattributed part is inside the item lines; its own line says 0 rather than vanish.
    kinds = ["unattributed", "over-cap"] if allocation.over_cap_minor else ["unattributed"]
    return [
        {
            "line_id": f"({kind})",
            "kind": kind,
            "item_id": None,
            "cluster_id": None,
            "title": NO_ITEM[kind],
            "artist": "",
            "party": "",
            "layer": "",
            "status": status[kind],
            **_amount(amounts[kind], pool),
            "interval_minor": [amounts[kind]] * 2,
            "interval": [str(Money(amounts[kind], pool.currency))] * 2,
            "parts": {},
            "why": why[kind],
        }
        for kind in kinds
    ]


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
            **_amount(owed[party], pool),
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


def _status(candidate: Candidate, layer: str, policy: Policy) -> tuple[str, str]:
    if layer != MASTER:
        return "escrow", f" Held: the rights table names nobody for the layer '{layer}'."
    if not candidate.party:
        return "escrow", " Held: no rightsholder is named."
    if candidate.consent_gap and policy.consent_missing == "escrow":
        return "escrow", f" Held: no consent that counts ({candidate.consent_gap})."
    return "payable", ""


def _why(candidate: Candidate, weight: ItemWeight, factor: Fraction, outputs: Sequence[Output]) -> str:
    n_credited = sum(1 for output in outputs if output.trust and output.influence.get(candidate.item_id))
    text = f"{_percent(weight.total)} of the pool: {_percent(weight.presence)} for presence in the corpus"
    if outputs:
        text += f", {_percent(weight.influence)} for influence on {n_credited} of {len(outputs)} outputs"
    if weight.unattributed:
        text += f", {_percent(weight.unattributed)} of the influence that nobody could be credited with"
    if factor != 1:
        text += f"; the cap multiplies this by {float(factor):.4f}"
    return text + "."


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
        text += f" Unattributed share {_percent(unattributed)}."
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
        "pool_share": _number(output.pool_share),
        "influence_weight": _number(output.trust),
        "unattributed_share": _number(output.unattributed),
    }


def _parts(weight: ItemWeight) -> dict[str, float]:
    return {
        "weight": _number(weight.total),
        "influence": _number(weight.influence),
        "presence": _number(weight.presence),
        "unattributed_by_presence": _number(weight.unattributed),
    }


def _amount(minor: int, pool: Money) -> dict[str, Any]:
    return {"amount_minor": minor, "amount": str(Money(minor, pool.currency))}


def _number(value: Fraction) -> float:
    return round(float(value), 12)


def _percent(value: Fraction) -> str:
    return f"{100 * float(value):.2f} %"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
