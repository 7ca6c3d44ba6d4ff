"""Shares for groups that overlap: the Shapley value of who made a score possible.

A coalition of groups S is worth v(S). The Shapley value gives each group its expected contribution when
groups join in random order. It is the only division that is efficient (shares add up to v(all) − v(nobody)),
symmetric (equal roles, equal shares), pays nothing to a group that never contributes, and adds up over sums of
games.

**Items held by several groups.** Let every item i be worth x_i and count as soon as *any* of its holders is in
S: v(S) = Σ_i x_i · [S meets H_i]. Then φ_g = Σ_{i held by g} x_i / |H_i|: each item's worth is divided equally
among its holders. Proof: by additivity take one item; groups outside H_i never contribute and get nothing; the
holders are interchangeable and get the same; efficiency makes that x_i / |H_i|. The same argument holds when an
item counts only if *all* its holders are in S, so both readings of a joint work pay alike.

**Roles.** A policy may say that master, writers and performers of a recording stand in the ratio of declared
weights: each role's part is divided equally among those who hold it, and the part of a role that nobody holds goes to the
roles that are there, in proportion. Per item this is Shapley's weighted value of the game in which all holders are
needed, with a holder's weight the sum of its parts; over items it adds up.

**Any other game**, such as the loss of an output under models that unlearned all groups outside S, is solved
exactly by Harsanyi's dividends for few players, or estimated from sampled coalitions by least squares under
the efficiency constraint.

Conventions
-----------
A coalition is ``[shape=(n_players,), bool]``. Coalition number c of a table of 2^n values holds player p
where bit p of c is set: number 0 is nobody.

Cost
----
`exact`: 2^n values and n·2^n additions. `kernel`: one value per coalition.

References
----------
Shapley (1953), "A value for n-person games"; Harsanyi (1963), "A simplified bargaining model" (dividends);
Kalai and Samet (1987), "On weighted Shapley values"; Charnes et al. (1988), "Extremal principle solutions of
games in characteristic function form" (the least-squares form); Lundberg and Lee (2017), "A unified approach to
interpreting model predictions" (sampling it); Covert and Lee (2021), "Improving KernelSHAP" (pairs of
complementary coalitions); Ghorbani and Zou (2019), "Data Shapley".

Known limits
------------
Shares of a game with negative values can be negative. Weighted shares are not symmetric, by intent. Standard
errors of `kernel` cover the choice of coalitions, not the noise of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.by_group.groups import Groups
from linernotes.errors import InputError

Value = Callable[[NDArray[np.bool_]], float]

MAX_PLAYERS = 16  # 65,536 values
N_BOOTSTRAP = 100


def covered_items(values: NDArray[np.float64], groups: Groups) -> NDArray[np.float64]:
    """Divide each item's value equally among the groups that hold it.

    Parameters
    ----------
    values : NDArray [shape=(n_items,) or (n_items, n_replicates), float64]
        What each item is worth, such as its share of an output.

    Returns
    -------
    NDArray [shape=(n_groups,) or (n_groups, n_replicates), float64]
        They add up to the worth of all items that anybody holds; nobody gets the rest.

    Raises
    ------
    InputError
        If there is not one value per item.

    Examples
    --------
    >>> groups = Groups.of(("rain", "sun"), {"rain": ["Ada", "Bo"], "sun": "Ada"})
    >>> covered_items(np.array([0.4, 0.2]), groups).round(3).tolist()
    [0.4, 0.2]
    """
    _one_value_per_item(values, len(groups.item_ids))
    n_holders = np.maximum(1, groups.membership.sum(axis=0))
    shares: NDArray[np.float64] = (groups.membership / n_holders) @ values
    return shares


@dataclass(frozen=True, slots=True)
class Credit:
    """One name in one role on one item."""

    item_id: str
    name: str
    role: str


def role_shares(
    values: NDArray[np.float64],
    item_ids: Sequence[str],
    credits: Sequence[Credit],
    weights: Mapping[str, float],
) -> dict[str, float]:
    """Divide each item's value by declared weights of roles; see the head of this file.

    Parameters
    ----------
    values : NDArray [shape=(n_items,), float64]
        What each item is worth.
    credits : sequence of Credit
        Who did what; a name may hold several roles.
    weights : mapping of str to float >= 0
        Weight of each role, in any unit, such as ``{"master": 50, "writer": 30, "performer": 20}``.

    Returns
    -------
    dict of str to float
        Share of each name, sorted by name. They add up to the worth of all items on which somebody with a
        weight above zero is credited.

    Raises
    ------
    InputError
        If a role has no weight, a weight is negative, or an item is not in the corpus.

    Examples
    --------
    >>> credits = [Credit("rain", "Ada", "writer"), Credit("rain", "Bo", "writer"), Credit("rain", "Cy", "master")]
    >>> role_shares(np.array([0.75]), ["rain"], credits, {"master": 2, "writer": 1, "performer": 1})
    {'Ada': 0.125, 'Bo': 0.125, 'Cy': 0.5}
    """
    _one_value_per_item(values, len(item_ids))
    _check_credits(item_ids, credits, weights)
    value_of = dict(zip(item_ids, values.tolist(), strict=True))
    shares = dict.fromkeys(sorted({credit.name for credit in credits}), 0.0)
    held: dict[str, dict[str, set[str]]] = {}
    for credit in credits:
        held.setdefault(credit.item_id, {}).setdefault(credit.role, set()).add(credit.name)
    for item_id, names_by_role in sorted(held.items()):
        total = sum(weights[role] for role in names_by_role)
        for role, names in sorted(names_by_role.items()):
            for name in names if total > 0 else ():
                shares[name] += value_of[item_id] * (weights[role] / total) / len(names)
    return {name: float(share) for name, share in shares.items()}


def exact(value: Value, n_players: int, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the Shapley value by enumeration of all coalitions [shape=(n_players,)].

    Parameters
    ----------
    value : callable
        Worth of a coalition [shape=(n_players,), bool]; called once per coalition.
    n_players : int in 1 … 16
    weights : NDArray [shape=(n_players,), float64], optional
        All above zero. Each dividend (what a coalition is worth beyond its parts) is divided in proportion to them,
        the weighted value of Kalai and Samet; equal weights are Shapley's own.

    Raises
    ------
    InputError
        If there are too many players, or weights that are not above zero.

    Examples
    --------
    >>> exact(lambda s: float(s.all()), 3).round(3).tolist()  # all are needed
    [0.333, 0.333, 0.333]
    >>> exact(lambda s: float(s.all()), 2, weights=np.array([3.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    if not 1 <= n_players <= MAX_PLAYERS:
        raise InputError(
            f"{n_players} players: exact shares need 1 to {MAX_PLAYERS}; use kernel() for more, or covered_items()"
        )
    parts = np.ones(n_players) if weights is None else np.asarray(weights, dtype=np.float64)
    if parts.shape != (n_players,) or not (np.isfinite(parts) & (parts > 0)).all():
        raise InputError(f"weights {parts}: expected {n_players} numbers above zero")
    members = all_coalitions(n_players)
    dividends = np.array([value(row) for row in members], dtype=np.float64)
    for player in range(n_players):
        # subtract, for every coalition with the player, what the same coalition has without
        pairs = dividends.reshape(-1, 2, 2**player)
        pairs[:, 1] -= pairs[:, 0]
    mass = members @ parts
    per_weight = np.divide(dividends, mass, out=np.zeros_like(dividends), where=mass > 0)
    shares: NDArray[np.float64] = parts * (members.T @ per_weight)
    return shares


def all_coalitions(n_players: int) -> NDArray[np.bool_]:
    """Return every coalition, by number [shape=(2**n_players, n_players), bool].

    Examples
    --------
    >>> all_coalitions(2).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    numbers = np.arange(2**n_players)[:, None]
    return ((numbers >> np.arange(n_players)) & 1).astype(bool)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated shares, their standard errors [shape=(n_players,)], and how many coalitions were valued."""

    shares: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    n_coalitions: int


def kernel(value: Value, n_players: int, n_coalitions: int = 256, seed: int = 0) -> Estimate:
    """Estimate the Shapley value from sampled coalitions; the shares add up exactly.

    Parameters
    ----------
    value : callable
        Worth of a coalition; called for nobody, for everybody, and for each sampled coalition.
    n_coalitions : int >= 2
        Sampled coalitions, in pairs of complements. With 2^n − 2 or more, all are taken once and the result is
        exact.

    Raises
    ------
    InputError
        If there are no players, or fewer than two coalitions.

    Examples
    --------
    >>> worth = np.array([1.0, 2.0, 3.0, 4.0])
    >>> kernel(lambda s: float(worth[s].sum()), 4).shares.round(6).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    coalitions = draw_coalitions(n_players, n_coalitions, seed)
    values = np.array([value(row) for row in coalitions.members], dtype=np.float64)
    nobody, everybody = value(np.zeros(n_players, dtype=bool)), value(np.ones(n_players, dtype=bool))
    return solve(coalitions, values, nobody, everybody, seed)


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Coalitions to be valued.

    Parameters
    ----------
    members : NDArray [shape=(n_drawn, n_players), bool]
        Each is followed by its complement.
    weights : NDArray [shape=(n_drawn,), float64]
        How much each counts in the fit.
    complete : bool
        Whether they are all there are but nobody and everybody, each once.
    """

    members: NDArray[np.bool_]
    weights: NDArray[np.float64]
    complete: bool


def draw_coalitions(n_players: int, n_coalitions: int, seed: int = 0) -> Coalitions:
    """Draw coalitions for `solve`: sizes s in proportion to (n − 1) / (s (n − s)), members uniformly.

    Where all coalitions are no more than asked for, each comes once with its exact weight.

    Raises
    ------
    InputError
        If there are no players, or fewer than two coalitions.
    """
    if n_players < 1 or n_coalitions < 2:
        raise InputError(f"{n_players} players, {n_coalitions} coalitions: expected at least 1 and 2")
    if n_players == 1:
        return Coalitions(np.zeros((0, 1), dtype=bool), np.zeros(0), True)
    sizes = np.arange(1, n_players)
    per_size = (n_players - 1) / (sizes * (n_players - sizes))
    if n_players <= MAX_PLAYERS and n_coalitions >= 2**n_players - 2:
        drawn = _in_pairs(all_coalitions(n_players)[1 : 2 ** (n_players - 1)])
        per_coalition = per_size / [comb(n_players, int(size)) for size in sizes]
        return Coalitions(drawn, per_coalition[drawn.sum(axis=1) - 1], True)
    random = np.random.default_rng(seed)
    chosen = random.choice(sizes, size=n_coalitions // 2, p=per_size / per_size.sum())
    order = random.random((len(chosen), n_players)).argsort(axis=1).argsort(axis=1)
    drawn = _in_pairs(order < chosen[:, None])
    return Coalitions(drawn, np.ones(len(drawn)), False)


def solve(
    coalitions: Coalitions, values: NDArray[np.float64], nobody: float, everybody: float, seed: int = 0
) -> Estimate:
    """Fit shares to the values of coalitions, constrained to add up to ``everybody - nobody``.

    For coalitions that are valued together elsewhere, such as by `Guda.coalition_values`. Where the coalitions
    do not determine the shares, the most equal division that fits is returned.

    Raises
    ------
    InputError
        If there is not one value per coalition, or a value is not a number.
    """
    members, total = coalitions.members, float(everybody - nobody)
    if len(values) != len(members) or not np.isfinite([*values, nobody, everybody]).all():
        raise InputError(f"{len(values)} values for {len(members)} coalitions: expected one number for each")
    n_players, n_pairs = members.shape[1], len(members) // 2
    if n_players == 1:
        return Estimate(np.array([total]), np.zeros(1), 0)
    # shares are an equal division plus something that adds up to zero: a basis of the latter
    basis = np.linalg.svd(np.ones((1, n_players)))[2][1:].T
    design, left = members @ basis, values - nobody - members.mean(axis=1) * total

    def fit(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        root = np.sqrt(weights)
        free = np.linalg.lstsq(design * root[:, None], left * root, rcond=1e-10)[0]
        shares: NDArray[np.float64] = total / n_players + basis @ free
        shares += (total - shares.sum()) / n_players
        return shares

    shares = fit(coalitions.weights)
    if coalitions.complete:
        return Estimate(shares, np.zeros(n_players), len(members))
    random = np.random.default_rng(seed)
    counts = random.multinomial(n_pairs, np.full(n_pairs, 1 / n_pairs), size=N_BOOTSTRAP)
    resampled = np.stack([fit(np.repeat(row, 2).astype(np.float64)) for row in counts])
    return Estimate(shares, resampled.std(axis=0, ddof=1), len(members))


def _in_pairs(coalitions: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.stack([coalitions, ~coalitions], axis=1).reshape(-1, coalitions.shape[1])


def _one_value_per_item(values: NDArray[np.float64], n_items: int) -> None:
    if values.ndim < 1 or len(values) != n_items or not np.isfinite(values).all():
        raise InputError(f"values {values.shape}: expected one number for each of {n_items} items")


def _check_credits(item_ids: Sequence[str], credits: Sequence[Credit], weights: Mapping[str, float]) -> None:
    for role, weight in weights.items():
        if not (np.isfinite(weight) and weight >= 0):
            raise InputError(f"role '{role}': weight {weight}; expected a number of at least 0")
    known = set(item_ids)
    for credit in credits:
        if credit.item_id not in known:
            raise InputError(f"credit of '{credit.name}': item '{credit.item_id}' is not in the corpus")
        if credit.role not in weights:
            raise InputError(
                f"credit of '{credit.name}': role '{credit.role}' has no weight; declare one (0 pays nothing) beside "
                f"{', '.join(sorted(weights)) or 'none'}"
            )
