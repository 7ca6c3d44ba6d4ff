"""When the answer is "nobody in particular".

Something always ranks first. Whether that means anything is asked three times:

1. *Has the generator learnt its corpus?* Its loss on the corpus must lie clearly below that of an untrained
   network; a network of random weights is asked about nobody (`corpus_fit`).
2. *Do the scores look like those of the generator's own outputs, or like those of music it did not make?* A query's
   signs (how far the first recording stands out, how far all scores are spread, and, where known, how much the
   output is like the generator) are weighed into one figure by a diagonal discriminant between the generator's
   own outputs and null queries: real recordings from outside the corpus. The chance of a null query to look as much
   like an output is the p-value (`NullReference`); above ``false_credit`` nobody is credited.
3. *Does any recording stand out?* See `ranking.shares_of`.

The p-value is the larger of two, so that both must be convinced: Student's predictive tail of the null queries'
figures, and their conformal rank where there are enough of them to reach ``false_credit`` at all.

    p_t = 1 − T_{m−1}((f − f̄) / (s √(1 + 1/m))),      p_rank = (1 + #{f_j ≥ f}) / (m + 1)

No sign counts for more than it does for the most convincing output, and scores spread far more or far less than those
of any output credit nobody. Figures of null queries are taken with each left out of the weighing (leave one out), so
that they are not flattered.

Assumptions
-----------
Null queries are exchangeable with the music from outside that will be asked about; their figures are about normal
(needed only where there are fewer of them than 1 / ``false_credit``).

References
----------
Vovk, Gammerman, Shafer (2005), "Algorithmic learning in a random world" (conformal p-values); Geisser (1993),
"Predictive inference"; Dudoit, Fridlyand, Speed (2002), "Comparison of discrimination methods" (diagonal
discriminants are hard to beat with few examples); Adebayo et al. (2018), "Sanity checks for saliency maps".

Known limits
------------
A short list of null queries from one genre says little about another. A generator that has learnt its corpus by
heart and is asked about that very corpus looks like an author of it; that question is for identification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from linernotes.attribution.base import EncodedCorpus, ItemScores
from linernotes.errors import InputError
from linernotes.generators.base import Generator

FALSE_CREDIT = (
    0.02  # twenty or thirty null queries say little about their own tail; asked for is one in twenty
)
LEARNT = 0.95  # loss over the loss of an untrained network; every trained generator of ours lies below 0.8
SIGNS = ("peak", "spread", "likeness")
N_FIT_SEGMENTS = 96
MIN_NULLS, MIN_OWN = 6, 4


@dataclass(frozen=True, slots=True)
class CorpusFit:
    """Mean loss on the corpus under the generator and under an untrained network."""

    loss: float
    null_loss: float
    n_segments: int

    @property
    def learnt(self) -> bool:
        """Whether the generator has learnt anything of its corpus.

        Examples
        --------
        >>> CorpusFit(1.0, 2.0, 96).learnt, CorpusFit(2.4, 2.0, 96).learnt, CorpusFit(2.0, 2.0, 96).learnt
        (True, False, False)
        """
        return self.loss < LEARNT * self.null_loss

    @property
    def why_nobody(self) -> str | None:
        """Return why nobody can be credited by this generator, or None."""
        if self.learnt:
            return None
        return (
            f"the generator has not learnt its corpus: loss {self.loss:.3g} on {self.n_segments} segments, "
            f"an untrained network {self.null_loss:.3g}"
        )


def corpus_fit(generator: Generator, corpus: EncodedCorpus, n_draws: int = 16, seed: int = 0) -> CorpusFit:
    """Measure whether a generator has learnt its corpus, on segments spread evenly over it."""
    import torch

    count = min(N_FIT_SEGMENTS, len(corpus.segments))
    chosen = np.linspace(0, len(corpus.segments) - 1, count).round().astype(int)
    segments, draws = corpus.segments.pick(chosen.tolist()), generator.noise_draws(n_draws, seed + 4)
    with torch.no_grad():
        loss = generator.losses(generator.network, segments, draws, audible_only=True)
        null = generator.null_losses(segments, draws, audible_only=True)
    return CorpusFit(float(loss.double().mean()), float(null.double().mean()), count)


def signs_of(scores: ItemScores, likeness: float | None = None) -> dict[str, float]:
    """Return the signs by which an output is told from a null query.

    ``peak`` is the logarithm of how many spreads the largest score stands above the median; ``spread`` is the
    logarithm of the spread itself, 1.4826 median absolute deviations, in the method's unit.

    Examples
    --------
    >>> flat = ItemScores("q", "m", "u", tuple("abcde"), np.array([[-2.0], [-1.0], [0.0], [1.0], [4.0]]), np.zeros(5))
    >>> {name: round(value, 3) for name, value in signs_of(flat).items()}
    {'peak': 0.992, 'spread': 0.394}
    """
    values = scores.scores
    centre = np.median(values)
    spread = 1.4826 * float(np.median(np.abs(values - centre)))
    if spread <= 0:  # half of all scores are equal: nothing was measured, or next to nothing
        spread = float(values.std())
    tiny = np.finfo(np.float64).tiny
    signs = {
        "peak": float(np.log(max((values.max() - centre) / max(spread, tiny), 1e-3))),
        "spread": float(np.log(max(spread, tiny))),
    }
    return signs if likeness is None else signs | {"likeness": float(likeness)}


@dataclass(frozen=True, slots=True)
class NullReference:
    """How null queries look, and how they are told from the generator's own outputs.

    Parameters
    ----------
    signs : tuple of str
        Which signs are weighed; all must be there when a query is asked about.
    weights : tuple of float
        One per sign; larger figures are more like the generator's own outputs.
    least, largest : tuple of float
        Range of each sign over the generator's own outputs. What goes beyond the most convincing of them convinces
        no more, and a spread far outside (by more than the range itself) is unlike any output: nobody.
    figures : tuple of float
        Weighed signs of the null queries, each with itself left out of the weighing.
    false_credit : float in (0, 1)
        Chance that a null query is credited.
    """

    signs: tuple[str, ...]
    weights: tuple[float, ...]
    least: tuple[float, ...]
    largest: tuple[float, ...]
    figures: tuple[float, ...]
    false_credit: float = FALSE_CREDIT

    def figure(self, signs: Mapping[str, float]) -> float:
        """Weigh a query's signs.

        Raises
        ------
        InputError
            If a sign is missing.
        """
        missing = [name for name in self.signs if name not in signs]
        if missing:
            raise InputError(
                f"abstention: calibrated with {', '.join(self.signs)}, but {', '.join(missing)} was not measured for "
                "this query; measure it, or calibrate without it"
            )
        row = np.array([signs[name] for name in self.signs])
        return float(_capped(row, np.array(self.weights), np.array(self.least), np.array(self.largest)).sum())

    def strange(self, signs: Mapping[str, float]) -> bool:
        """Whether the scores are spread as those of no output are: far too little or far too much."""
        place = self.signs.index("spread") if "spread" in self.signs else None
        if place is None:
            return False
        low, high = self.least[place], self.largest[place]
        room = max(high - low, 1.0)
        return not low - room <= signs["spread"] <= high + room

    def p_value(self, signs: Mapping[str, float]) -> float:
        """Return the chance that a null query looks as much like an output as this query does."""
        figure, nulls = self.figure(signs), np.array(self.figures)
        if self.strange(signs):
            return 1.0
        count = len(nulls)
        width = nulls.std(ddof=1) * np.sqrt(1 + 1 / count)
        tail = float(stdtr(count - 1, -(figure - nulls.mean()) / width)) if width > 0 else 1.0
        rank = float((1 + (nulls >= figure).sum()) / (count + 1))
        return max(tail, rank) if (count + 1) * self.false_credit >= 1 else tail

    def as_json(self) -> dict[str, Any]:
        """Return plain fields."""
        return {
            "signs": list(self.signs),
            "weights": list(self.weights),
            "least": list(self.least),
            "largest": list(self.largest),
            "figures": list(self.figures),
            "false_credit": self.false_credit,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> NullReference:
        """Read what `as_json` wrote."""
        numbers = {
            name: tuple(float(value) for value in fields[name])
            for name in ("weights", "least", "largest", "figures")
        }
        signs = tuple(str(name) for name in fields["signs"])
        return cls(signs, **numbers, false_credit=float(fields["false_credit"]))


def null_reference(
    own: Sequence[Mapping[str, float]],
    nulls: Sequence[Mapping[str, float]],
    false_credit: float = FALSE_CREDIT,
) -> NullReference:
    """Learn how to tell a generator's own outputs from null queries, by the signs that all of them have.

    Raises
    ------
    InputError
        If there are too few of either.
    """
    if len(own) < MIN_OWN or len(nulls) < MIN_NULLS:
        raise InputError(
            f"abstention: {len(own)} outputs of the generator and {len(nulls)} null queries; expected at least "
            f"{MIN_OWN} and {MIN_NULLS}: add recordings from outside the corpus"
        )
    names = tuple(name for name in SIGNS if all(name in one for one in (*own, *nulls)))
    ours, theirs = (np.array([[one[name] for name in names] for one in group]) for group in (own, nulls))
    weights, least, largest = _weights(ours, theirs), ours.min(axis=0), ours.max(axis=0)
    figures = []
    for place, row in enumerate(theirs):
        rest = np.delete(theirs, place, axis=0)
        # without one null query the weights change a little; figures are moved to where all are weighed alike
        own_weights = _weights(ours, rest)
        moved = _capped(rest, weights, least, largest).sum(axis=1).mean()
        moved -= _capped(rest, own_weights, least, largest).sum(axis=1).mean()
        figures.append(float(_capped(row, own_weights, least, largest).sum() + moved))
    return NullReference(
        names,
        tuple(weights.tolist()),
        tuple(least.tolist()),
        tuple(largest.tolist()),
        tuple(figures),
        false_credit,
    )


def _capped(
    signs: NDArray[np.float64],
    weights: NDArray[np.float64],
    least: NDArray[np.float64],
    largest: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weigh signs [shape=(…, n_signs)]; none counts for more than the most convincing output's."""
    weighed: NDArray[np.float64] = np.minimum(signs * weights, np.maximum(least * weights, largest * weights))
    return weighed


def _weights(own: NDArray[np.float64], nulls: NDArray[np.float64]) -> NDArray[np.float64]:
    """Diagonal discriminant: difference of means over pooled variance, scaled to unit norm in pooled deviations."""
    gap = own.mean(axis=0) - nulls.mean(axis=0)
    freedom = len(own) + len(nulls) - 2
    variance = (len(own) - 1) * own.var(axis=0, ddof=1) + (len(nulls) - 1) * nulls.var(axis=0, ddof=1)
    variance = variance / freedom + 1e-12
    raw = gap / variance
    norm = float(np.sqrt((raw**2 * variance).sum()))
    weights: NDArray[np.float64] = raw / norm if norm > 0 else np.zeros_like(raw)
    return weights
