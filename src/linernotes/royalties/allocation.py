"""Who gets what part of a pool, exact to the last minor unit.

For each output, every item weighs ``w = r * influence + (1 - r) * presence``, with r the measured
reliability: what attribution has been shown to know is paid by influence, the rest by presence.
Presence counts a recording once, however many copies of it the corpus holds: each near-duplicate
cluster has the same presence, divided inside by party and then by item. Weights of all outputs are
added as exact fractions, capped per cluster, and rounded once.

Conventions
-----------
Weights are fractions of the pool and add up to 1 with the visible lines for unattributed influence and
for what a cap leaves over. Rounding goes down the tree pool → cluster → party → item → layer, so that
splitting a recording into copies cannot raise what its cluster gets, not even by one cent.

References
----------
Douceur (2002), "The Sybil Attack" (why copies must not count); `linernotes.royalties.rounding`.

Known limits
------------
Copies that the duplicate search missed count as recordings of their own. Ties in rounding are decided
by cluster id. Intervals are per item and do not add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from linernotes.errors import CorpusError, InputError
from linernotes.royalties.outputs import Output
from linernotes.royalties.policy import MASTER, Policy
from linernotes.royalties.rounding import largest_remainder

Blend = Literal["declared", "presence_only", "influence_only"]
_UNATTRIBUTED, _OVER_CAP = "unattributed", "over-cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A corpus item as the payout sees it.

    Parameters
    ----------
    item_id, cluster_id : str
        The item, and the near-duplicate cluster that it belongs to.
    party : str
        Who is paid; empty when nobody is named.
    title, artist : str
        For people who read the statement.
    consent_gap : str or None
        Gap code when its consent does not count; None when it does.
    """

    item_id: str
    cluster_id: str
    party: str
    title: str = ""
    artist: str = ""
    consent_gap: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWeight:
    """Parts of one item's weight in the pool, before the cap."""

    influence: Fraction = Fraction(0)
    presence: Fraction = Fraction(0)
    unattributed: Fraction = Fraction(0)
    influence_low: Fraction = Fraction(0)
    influence_high: Fraction = Fraction(0)

    @property
    def total(self) -> Fraction:
        """The weight."""
        return self.influence + self.presence + self.unattributed


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A pool divided.

    Parameters
    ----------
    amounts : mapping of (str, str) to int
        Minor units per item and layer; sums to the pool with the two below.
    unattributed_minor, over_cap_minor : int
        Visible lines that belong to no item.
    weights : mapping of str to ItemWeight
        Why, per item.
    cap_factor : mapping of str to Fraction
        What the cap multiplied each item's weight by.
    """

    amounts: Mapping[tuple[str, str], int]
    unattributed_minor: int
    over_cap_minor: int
    weights: Mapping[str, ItemWeight]
    cap_factor: Mapping[str, Fraction]

    @property
    def total_minor(self) -> int:
        """Sum of everything; equals the pool."""
        return sum(self.amounts.values()) + self.unattributed_minor + self.over_cap_minor


def presence(candidates: Sequence[Candidate]) -> dict[str, Fraction]:
    """Return each item's presence: equal per cluster, then per party in it, then per item; adds up to 1.

    Examples
    --------
    >>> rain = [Candidate(item_id=f"rain-{i}", cluster_id="rain-0", party="Ada") for i in range(2)]
    >>> sun = Candidate(item_id="sun", cluster_id="sun", party="Bo")
    >>> {name: str(part) for name, part in presence([*rain, sun]).items()}
    {'rain-0': '1/4', 'rain-1': '1/4', 'sun': '1/2'}
    """
    clusters: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for candidate in candidates:
        clusters[candidate.cluster_id][candidate.party].append(candidate.item_id)
    return {
        item_id: Fraction(1, len(clusters) * len(parties) * len(items))
        for parties in clusters.values()
        for items in parties.values()
        for item_id in items
    }


def allocate(
    pool_minor: int,
    candidates: Sequence[Candidate],
    outputs: Sequence[Output],
    policy: Policy,
    *,
    blend: Blend = "declared",
) -> Allocation:
    """Divide a pool.

    Parameters
    ----------
    pool_minor : int >= 0
        Minor units.
    candidates : sequence of Candidate
        Every item of the sealed corpus.
    outputs : sequence of Output
        From `linernotes.royalties.outputs.read_outputs`; may be empty when only presence counts.
    policy : Policy
        The declared rule.
    blend : {"declared", "presence_only", "influence_only"}
        Follow the policy, or ask what another weight of influence would pay.

    Raises
    ------
    CorpusError
        If the corpus is empty or an output credits an item that is not in it.
    InputError
        If two candidates share an id, or influence is asked for without outputs.

    Examples
    --------
    >>> items = [Candidate(item_id=name, cluster_id=name, party=name) for name in ("rain", "sun")]
    >>> output = Output(query_id="q", pool_share=Fraction(1), trust=Fraction(1, 2), interval={}, method="m",
    ...                 influence={"rain": Fraction(1)}, unattributed=Fraction(0))
    >>> allocate(1000, items, [output], Policy()).amounts
    {('rain', 'master'): 750, ('sun', 'master'): 250}
    """
    by_id = {candidate.item_id: candidate for candidate in candidates}
    if not by_id:
        raise CorpusError("the sealed corpus holds no items; there is nobody to pay")
    if len(by_id) != len(candidates):
        raise InputError("two items of the corpus share an id; expected every item once")
    weights, unattributed = _weigh(by_id, outputs, policy, blend)
    members: dict[str, list[str]] = defaultdict(list)
    for item_id in sorted(by_id):
        members[by_id[item_id].cluster_id].append(item_id)
    clusters = {name: sum((weights[i].total for i in own), Fraction(0)) for name, own in members.items()}
    capped, over_cap = _cap(clusters, policy.item_cap)
    top = {f"cluster:{name}": weight for name, weight in capped.items()}
    parts = largest_remainder(pool_minor, top | {_UNATTRIBUTED: unattributed, _OVER_CAP: over_cap})
    amounts: dict[tuple[str, str], int] = {}
    for name in sorted(clusters):
        amounts |= _divide_cluster(parts[f"cluster:{name}"], members[name], by_id, weights, policy)
    factors = {name: capped[name] / weight if weight else Fraction(1) for name, weight in clusters.items()}
    return Allocation(
        amounts=amounts,
        unattributed_minor=parts[_UNATTRIBUTED],
        over_cap_minor=parts[_OVER_CAP],
        weights=weights,
        cap_factor={item_id: factors[item.cluster_id] for item_id, item in by_id.items()},
    )


def _weigh(
    by_id: Mapping[str, Candidate], outputs: Sequence[Output], policy: Policy, blend: Blend
) -> tuple[dict[str, ItemWeight], Fraction]:
    present = presence(list(by_id.values()))
    influence: dict[str, Fraction] = defaultdict(Fraction)
    low: dict[str, Fraction] = defaultdict(Fraction)
    high: dict[str, Fraction] = defaultdict(Fraction)
    by_influence, unattributed = Fraction(0), Fraction(0)
    for output in outputs:
        weight = output.pool_share * _trust(output, policy, blend)
        by_influence += weight
        unattributed += weight * output.unattributed
        for item_id, share in output.influence.items():
            if item_id not in by_id:
                raise CorpusError(
                    f"output {output.query_id}: credits {item_id}, which is not in the sealed corpus"
                )
            influence[item_id] += weight * share
            bounds = output.interval.get(item_id, (share, share))
            low[item_id] += weight * min(share, bounds[0])
            high[item_id] += weight * max(share, bounds[1])
    if blend == "influence_only" and not outputs:
        raise InputError("no output was attributed, so nothing can be paid by influence alone")
    spread = unattributed if policy.unattributed == "presence" else Fraction(0)
    weights = {
        item_id: ItemWeight(
            influence=influence[item_id],
            presence=(1 - by_influence) * part,
            unattributed=spread * part,
            influence_low=low[item_id],
            influence_high=high[item_id],
        )
        for item_id, part in present.items()
    }
    return weights, unattributed - spread


def _trust(output: Output, policy: Policy, blend: Blend) -> Fraction:
    if blend == "influence_only":
        return Fraction(1)
    if blend == "presence_only" or policy.mode == "presence_only":
        return Fraction(0)
    return output.trust


def _cap(clusters: Mapping[str, Fraction], cap: Fraction) -> tuple[dict[str, Fraction], Fraction]:
    """Cut every cluster to *cap* and pour what is above over the others in proportion, until it fits."""
    total = sum(clusters.values(), Fraction(0))
    full: set[str] = set()
    while True:
        free = {name: weight for name, weight in clusters.items() if name not in full}
        whole = sum(free.values(), Fraction(0))
        left = total - cap * len(full)
        factor = left / whole if whole else Fraction(0)
        newly = {name for name, weight in free.items() if weight * factor > cap}
        if not newly:
            break
        full |= newly
    result = {name: cap if name in full else clusters[name] * factor for name in clusters}
    return result, total - sum(result.values(), Fraction(0))


def _divide_cluster(
    amount: int,
    members: Sequence[str],
    by_id: Mapping[str, Candidate],
    weights: Mapping[str, ItemWeight],
    policy: Policy,
) -> dict[tuple[str, str], int]:
    parties: dict[str, dict[str, Fraction]] = defaultdict(dict)
    for item_id in members:
        parties[by_id[item_id].party][item_id] = weights[item_id].total
    per_party = largest_remainder(
        amount, {name: sum(own.values(), Fraction(0)) for name, own in parties.items()}
    )
    layers = dict(policy.layers) or {MASTER: Fraction(1)}
    amounts: dict[tuple[str, str], int] = {}
    for name, own in parties.items():
        for item_id, part in largest_remainder(per_party[name], own).items():
            for layer, minor in largest_remainder(part, layers).items():
                amounts[item_id, layer] = minor
    return amounts
