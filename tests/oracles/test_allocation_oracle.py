"""The payout formula written out output by output and item by item, against the engine."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.royalties.allocation import Candidate, allocate
from linernotes.royalties.outputs import Output
from linernotes.royalties.policy import Policy


@st.composite
def pools(draw):
    """Return a pool, items in clusters, outputs with shares, and a policy."""
    n_items = draw(st.integers(1, 7))
    items = [
        Candidate(
            item_id=f"i{n}",
            cluster_id=f"c{draw(st.integers(0, 4))}",
            party=draw(st.sampled_from(["", "Ada", "Bo", "Cy"])),
        )
        for n in range(n_items)
    ]
    n_outputs = draw(st.integers(1, 4))
    outputs = []
    for q in range(n_outputs):
        raw = [draw(st.integers(0, 20)) for _ in range(n_items + 1)]
        raw[-1] += sum(raw) == 0
        shares = [Fraction(part, sum(raw)) for part in raw]
        outputs.append(
            Output(
                query_id=f"q{q}",
                pool_share=Fraction(1, n_outputs),
                trust=Fraction(draw(st.integers(0, 10)), 10),
                influence={item.item_id: share for item, share in zip(items, shares, strict=False)},
                interval={},
                unattributed=shares[-1],
                method="m",
            )
        )
    policy = Policy(
        unattributed=draw(st.sampled_from(["presence", "escrow", "return"])),
        item_cap=Fraction(draw(st.integers(1, 10)), 10),
        layers=draw(st.sampled_from([(), (("master", Fraction(3, 4)), ("publishing", Fraction(1, 4)))])),
    )
    return draw(st.integers(0, 10**6)), items, outputs, policy


def naive_weights(items, outputs, policy):
    """Weight of every item, and of what nobody is credited with, one addition at a time."""
    weights, nobody = {item.item_id: Fraction(0) for item in items}, Fraction(0)
    clusters = {item.cluster_id for item in items}
    for output in outputs:
        r = output.trust
        for item in items:
            twins = [other for other in items if other.cluster_id == item.cluster_id]
            parties = {other.party for other in twins}
            own = [other for other in twins if other.party == item.party]
            present = Fraction(1, len(clusters)) / len(parties) / len(own)
            w = r * output.influence[item.item_id] + (1 - r) * present
            if policy.unattributed == "presence":
                w += r * output.unattributed * present
            weights[item.item_id] += output.pool_share * w
        if policy.unattributed != "presence":
            nobody += output.pool_share * r * output.unattributed
    return weights, nobody


@settings(max_examples=100, deadline=None)
@given(pools())
def test_weights_are_those_of_the_formula(pool):
    amount, items, outputs, policy = pool
    allocation = allocate(amount, items, outputs, policy)
    weights, nobody = naive_weights(items, outputs, policy)
    assert {item_id: weight.total for item_id, weight in allocation.weights.items()} == weights
    assert sum(weights.values()) + nobody == 1


@settings(max_examples=150, deadline=None)
@given(pools())
def test_money_is_conserved_and_follows_the_weights(pool):
    amount, items, outputs, policy = pool
    allocation = allocate(amount, items, outputs, policy)
    assert allocation.total_minor == amount
    assert min(allocation.amounts.values()) >= 0
    weights, nobody = naive_weights(items, outputs, policy)
    assert abs(allocation.unattributed_minor - amount * nobody) < 1
    for cluster in {item.cluster_id for item in items}:
        members = [item.item_id for item in items if item.cluster_id == cluster]
        paid = sum(minor for (item_id, _), minor in allocation.amounts.items() if item_id in members)
        weight = sum(weights[item_id] for item_id in members)
        if all(allocation.cap_factor[item_id] == 1 for item_id in members):
            assert abs(paid - amount * weight) < 1
        assert paid < amount * policy.item_cap + 1
    if allocation.over_cap_minor > 1:  # money is left only when every cluster has what it may have
        n_paid = len({item.cluster_id for item in items if weights[item.item_id]})
        assert n_paid * policy.item_cap < 1


@settings(max_examples=100, deadline=None)
@given(pools())
def test_the_order_of_items_and_outputs_does_not_matter(pool):
    amount, items, outputs, policy = pool
    first = allocate(amount, items, outputs, policy)
    second = allocate(amount, items[::-1], outputs[::-1], policy)
    assert first.amounts == second.amounts
    assert first.unattributed_minor == second.unattributed_minor


@settings(max_examples=150, deadline=None)
@given(pools(), st.integers(2, 6), st.data())
def test_copies_do_not_raise_what_a_recording_gets(pool, n_copies, data):
    """Split one item into k copies in its cluster, its influence among them: nothing changes for anybody."""
    amount, items, outputs, policy = pool
    victim = data.draw(st.sampled_from(items))
    copies = [
        Candidate(item_id=f"{victim.item_id}-{k}", cluster_id=victim.cluster_id, party=victim.party)
        for k in range(n_copies)
    ]
    split_items = [item for item in items if item is not victim] + copies
    split_outputs = []
    for output in outputs:
        shares = dict(output.influence)
        whole = shares.pop(victim.item_id)
        split_outputs.append(
            Output(
                query_id=output.query_id,
                pool_share=output.pool_share,
                trust=output.trust,
                influence=shares | {copy.item_id: whole / n_copies for copy in copies},
                interval={},
                unattributed=output.unattributed,
                method="m",
            )
        )
    before, after = (
        allocate(amount, items, outputs, policy),
        allocate(amount, split_items, split_outputs, policy),
    )
    assert cluster_totals(before, items) == cluster_totals(after, split_items)
    owner = (victim.cluster_id, victim.party)
    assert party_totals(before, items)[owner] == party_totals(after, split_items)[owner]


def cluster_totals(allocation, items):
    totals = {}
    for item in items:
        paid = sum(minor for (item_id, _), minor in allocation.amounts.items() if item_id == item.item_id)
        totals[item.cluster_id] = totals.get(item.cluster_id, 0) + paid
    return totals


def party_totals(allocation, items):
    totals = {}
    for item in items:
        paid = sum(minor for (item_id, _), minor in allocation.amounts.items() if item_id == item.item_id)
        totals[item.cluster_id, item.party] = totals.get((item.cluster_id, item.party), 0) + paid
    return totals
