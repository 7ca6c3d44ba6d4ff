"""Verify on demand: re-test the top claims of a ranking by other means, and attach what came out.

A claim is a recording near the top of a ranking. It is paired, again and again, with a *matched* recording drawn
at random from further down: one that carries like words and is about as long. Both are tested by the same means
under the same noise; the claim wins the pairing when it moves the output more. A sequential test decides when to
stop:

- **confirmed**: refuted, at level α, that the claim wins at most ``level`` of such pairings;
- **not confirmed**: refuted that it wins at least ``level`` of them;
- **undecided**: neither, when the declared number of repeats is spent.

With ``level`` = 0.5 a claim would pass that is no more than better than the median; the default asks for three in
four.

Conventions
-----------
Every claim is tested at level α by itself. Effects are mean differences, claim minus matched, in the unit of the
generator's loss; their standard error is over repeats and does not know of the stopping.

References
----------
As `sequential`, `tail_patch` and `counterfactuals`.

Known limits
------------
It tests influence on this output among the disclosed recordings; copying is another question, and is not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus
from linernotes.errors import InputError
from linernotes.evaluation.sequential import Tally
from linernotes.evaluation.tail_patch import Trial

Outcome = Literal["confirmed", "not confirmed", "undecided"]
Measure = Callable[[Sequence[Trial]], NDArray[np.float64]]

SCOPE_VERIFICATION = (
    "Says whether {means} moves this output more than it does for matched recordings of the same sealed corpus; "
    "it is not proof of copying."
)


@dataclass(frozen=True, slots=True)
class VerifyConfig:
    """When a claim counts as confirmed, and what may be spent on it."""

    level: float = 0.75
    alpha: float = 0.05
    max_repeats: int = 32
    repeats_per_look: int = 2
    n_matched: int = 16
    keep_from_top: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.level < 1 and 0 < self.alpha < 1 and 0 <= self.keep_from_top < 1):
            raise InputError(f"{self}: expected level and alpha in (0, 1) and keep_from_top in [0, 1)")
        if min(self.max_repeats, self.repeats_per_look, self.n_matched) < 1:
            raise InputError(f"{self}: expected at least one repeat and one matched recording")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What re-testing one claim has shown.

    Parameters
    ----------
    win_rate, win_interval : float, (float, float)
        Part of the pairings that the claim won, and its always-valid 95 % interval (for α = 0.05).
    e_value, p_value : float
        Evidence against "wins at most ``level`` of the pairings"; the p-value is 1 / e and valid at any stopping.
    effect, standard_error : float, float or None
        Mean difference to the matched recording, in ``unit``.
    cost : dict of str to int
        What was spent: ``patches`` or ``retrainings``, and training steps in all.
    """

    item_id: str
    rank: int
    by: str
    outcome: Outcome
    level: float
    alpha: float
    win_rate: float
    win_interval: tuple[float, float]
    e_value: float
    e_value_against: float
    p_value: float
    effect: float
    standard_error: float | None
    unit: str
    n_repeats: int
    n_matched: int
    cost: dict[str, int]
    scope: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return asdict(self) | {"win_interval": list(self.win_interval)}


@dataclass(frozen=True, slots=True)
class Means:
    """How claims are tested: its name, the test itself, and what one test costs."""

    name: str
    words: str
    measure: Measure
    unit: str
    cost_of_one: dict[str, int]


@dataclass
class _Claim:
    item: int
    rank: int
    matched: NDArray[np.int64]
    tally: Tally
    differences: list[float]
    outcome: Outcome = "undecided"


def verify_claims(
    corpus: EncodedCorpus,
    order: Sequence[str],
    n_claims: int,
    means: Means,
    config: VerifyConfig | None = None,
) -> list[Verification]:
    """Test the first *n_claims* recordings of a ranking.

    Parameters
    ----------
    corpus : EncodedCorpus
        Every recording of the ranking.
    order : sequence of str
        Item ids, best first.
    means : Means
        How a recording is tested; trials of one repeat must share their noise.

    Raises
    ------
    InputError
        If there are fewer recordings than claims and matches need.
    """
    config = config or VerifyConfig()
    claims = _claims(corpus, order, n_claims, config)
    repeat = 0
    while repeat < config.max_repeats and any(claim.outcome == "undecided" for claim in claims):
        n_more = min(config.repeats_per_look, config.max_repeats - repeat)
        repeats = range(repeat, repeat + n_more)
        pairs = [
            (claim, Trial(claim.item, number), Trial(_opponent(claim, number, config), number))
            for claim in claims
            if claim.outcome == "undecided"
            for number in repeats
        ]
        values = means.measure([trial for _, *both in pairs for trial in both]).reshape(-1, 2)
        for (claim, *_), (own, other) in zip(pairs, values.tolist(), strict=True):
            claim.tally = claim.tally.plus(won=own > other, lost=own < other)
            claim.differences.append(own - other)
        for claim in claims:
            if claim.outcome == "undecided":
                claim.outcome = _decide(claim.tally, config)
        repeat += n_more
    return [_verification(corpus, claim, means, config) for claim in claims]


def n_apart(n_items: int, n_claims: int, config: VerifyConfig) -> int:
    """Return how many recordings from the top are never drawn for comparison.

    Raises
    ------
    InputError
        If fewer than two are left to draw.
    """
    n_kept = max(n_claims, round(config.keep_from_top * n_items))
    if n_claims < 1 or n_items - n_kept < 2:
        raise InputError(
            f"{n_claims} claims to verify among {n_items} recordings: expected at least one, and at least two "
            "recordings further down to compare with; ask for fewer"
        )
    return n_kept


def matched_recordings(
    corpus: EncodedCorpus, item: int, pool: Sequence[int], n_matched: int
) -> NDArray[np.int64]:
    """Return those of the pool most like the recording in words, then in length; ties go by place.

    Likeness in words is the Jaccard index of what the generator was told about each.
    """
    first = np.unique(corpus.item_of, return_index=True)[1]
    told = corpus.segments.conditions[first.tolist()].numpy() > 0
    n_segments = np.bincount(corpus.item_of, minlength=len(corpus.item_ids))
    candidates = np.asarray(pool, dtype=np.int64)
    both = (told[candidates] & told[item]).sum(axis=1)
    either = (told[candidates] | told[item]).sum(axis=1)
    likeness = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    apart = np.abs(np.log(n_segments[candidates] / n_segments[item]))
    return candidates[np.lexsort((candidates, apart, -likeness))[:n_matched]]


def _claims(corpus: EncodedCorpus, order: Sequence[str], n_claims: int, config: VerifyConfig) -> list[_Claim]:
    places = {item_id: number for number, item_id in enumerate(corpus.item_ids)}
    rows = [places[item_id] for item_id in order]
    pool = rows[n_apart(len(rows), n_claims, config) :]
    return [
        _Claim(row, rank, matched_recordings(corpus, row, pool, config.n_matched), Tally(), [])
        for rank, row in enumerate(rows[:n_claims], start=1)
    ]


def _opponent(claim: _Claim, repeat: int, config: VerifyConfig) -> int:
    random = np.random.default_rng([config.seed, claim.rank, repeat])
    return int(claim.matched[random.integers(len(claim.matched))])


def _decide(tally: Tally, config: VerifyConfig) -> Outcome:
    if tally.against_at_most(config.level) >= 1 / config.alpha:
        return "confirmed"
    if tally.against_at_least(config.level) >= 1 / config.alpha:
        return "not confirmed"
    return "undecided"


def _verification(corpus: EncodedCorpus, claim: _Claim, means: Means, config: VerifyConfig) -> Verification:
    differences, tally = np.array(claim.differences), claim.tally
    n = len(differences)
    e_value = tally.against_at_most(config.level)
    return Verification(
        item_id=corpus.item_ids[claim.item],
        rank=claim.rank,
        by=means.name,
        outcome=claim.outcome,
        level=config.level,
        alpha=config.alpha,
        win_rate=tally.win_rate,
        win_interval=tally.interval(config.alpha),
        e_value=e_value,
        e_value_against=tally.against_at_least(config.level),
        p_value=min(1.0, 1.0 / e_value) if e_value > 0 else 1.0,
        effect=float(differences.mean()),
        standard_error=float(differences.std(ddof=1) / np.sqrt(n)) if n > 1 else None,
        unit=means.unit,
        n_repeats=n,
        n_matched=len(claim.matched),
        cost={name: 2 * n * value for name, value in means.cost_of_one.items()},
        scope=SCOPE_VERIFICATION.format(means=means.words),
    )
