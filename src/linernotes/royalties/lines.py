"""The lines of a statement: one per item and layer, and one for money that belongs to no item.

Conventions
-----------
Lines of items are sorted by item id. Each says in one sentence why its amount is what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

from linernotes.royalties.allocation import Allocation, Candidate, ItemWeight
from linernotes.royalties.money import Money
from linernotes.royalties.outputs import Output
from linernotes.royalties.policy import MASTER, Policy

NO_ITEM = {"unattributed": "(unattributed)", "over-cap": "(above the cap)"}


def item_lines(
    pool: Money,
    candidates: Sequence[Candidate],
    outputs: Sequence[Output],
    allocation: Allocation,
    policy: Policy,
) -> list[dict[str, Any]]:
    """Return the lines of every item and layer, without their limits."""
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
                    **amount_fields(minor, pool),
                    "interval_minor": [low, high],
                    "interval": [str(Money(low, pool.currency)), str(Money(high, pool.currency))],
                    "parts": _parts(weight)
                    | {"cap_factor": number(factor), "layer_share": number(layer_share)},
                    "why": _why(candidate, weight, factor, outputs) + note,
                }
            )
    return lines


def other_lines(pool: Money, allocation: Allocation, policy: Policy) -> list[dict[str, Any]]:
    """Return the lines of money that belongs to no item."""
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
            **amount_fields(amounts[kind], pool),
            "interval_minor": [amounts[kind]] * 2,
            "interval": [str(Money(amounts[kind], pool.currency))] * 2,
            "parts": {},
            "why": why[kind],
        }
        for kind in kinds
    ]


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
    text = f"{percent(weight.total)} of the pool: {percent(weight.presence)} for presence in the corpus"
    if outputs:
        text += f", {percent(weight.influence)} for influence on {n_credited} of {len(outputs)} outputs"
    if weight.unattributed:
        text += f", {percent(weight.unattributed)} of the influence that nobody could be credited with"
    if factor != 1:
        text += f"; the cap multiplies this by {float(factor):.4f}"
    return text + "."


def _parts(weight: ItemWeight) -> dict[str, float]:
    return {
        "weight": number(weight.total),
        "influence": number(weight.influence),
        "presence": number(weight.presence),
        "unattributed_by_presence": number(weight.unattributed),
    }


def amount_fields(minor: int, pool: Money) -> dict[str, Any]:
    """Return an amount as minor units and as text."""
    return {"amount_minor": minor, "amount": str(Money(minor, pool.currency))}


def number(value: Fraction) -> float:
    """Return a fraction as a number for people and programs, to twelve decimals."""
    return round(float(value), 12)


def percent(value: Fraction) -> str:
    """Return a fraction as per cent."""
    return f"{100 * float(value):.2f} %"
