"""Where influence lies: which seconds of the output, which seconds of each recording.

The loss is a mean over tokens, on both sides. The query's gradient is therefore the sum of the gradients of
its windows, and to first order so is everything that a step along it does; an item's loss is the sum of the
losses of its windows. So the first-order score of unlearning splits into cells, and nothing is left over:

    score_i = (1/2) [ℓ_i(θ + η P ∇ℓ_ẑ) − ℓ_i(θ − η P ∇ℓ_ẑ)]
            ≈ Σ_q Σ_w (1/2) [ℓ_iw(θ + η P ∇ℓ_q) − ℓ_iw(θ − η P ∇ℓ_q)]      q: window of the output, w: of the item

with P the damped inverse Fisher diagonal, and ℓ_q, ℓ_iw the parts of the losses that fall into a window. The
difference is taken over both signs of the step, so that the curvature, which does not split, cancels; what is
left of it is third order, and every map carries how large it was (`SegmentMap.additivity_gap`). Where a step is
too long for that (a generator that has learnt little has small gradients, hence long steps), it is halved until
the query's own loss follows it, and the cells are scaled back.

Assumptions
-----------
The loss is near enough to a cubic over the step; the Fisher is near enough to diagonal.

Conventions
-----------
Silence and padding are left out of the query's loss and kept in the items' losses, as everywhere here. All
windows share one step size, that at which the whole query's loss is predicted to rise by a set fraction.

Cost
----
One gradient per window of the query; then, over the chosen recordings only, two forward passes per window of
the query, noise draw and segment. The rest of the corpus is not looked at.

References
----------
Choi et al. (2025), arXiv:2506.18312, and Wang et al. (2024), arXiv:2406.09408, for the step; Ko et al. (2024),
"The mirrored influence hypothesis", for exchanging query and item; Koh and Liang (2017), "Understanding
black-box predictions via influence functions", for first-order influence, which is linear in both losses.

Known limits
------------
A token's loss depends on all tokens of its segment. Seconds are those whose loss moved; the sounds that made it
move may lie elsewhere in the same segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.curvature.fisher import FisherPass
from linernotes.attribution.measurement import Weights, network_with
from linernotes.attribution.where.maps import SegmentMap
from linernotes.attribution.working_copy import trainable_copy
from linernotes.errors import InputError, UnsupportedGenerator
from linernotes.evidence.spans import Span
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws, Segments, TokenLossGenerator

DRAWS_AT_ONCE = 16
MOST_HALVINGS = 12
LINEAR_WITHIN = 0.02  # of the predicted rise


@dataclass(frozen=True, slots=True)
class LocaliseConfig:
    """Settings of a segment map.

    ``window_tokens`` is the side of a cell in tokens; a step is such that the query's loss rises by
    ``relative_rise``; the Fisher is damped by ``damping`` times its mean and taken from at most
    ``n_fisher_segments`` segments, spread over the corpus.
    """

    window_tokens: int = 8
    n_query_draws: int = 64
    n_scoring_draws: int = 16
    relative_rise: float = 0.02
    damping: float = 0.1
    n_fisher_segments: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = (self.window_tokens, self.n_query_draws, self.n_fisher_segments)
        if min(sizes) < 1 or self.n_scoring_draws < 2 or self.relative_rise <= 0 or self.damping <= 0:
            raise InputError(f"{self}: expected positive settings and at least 2 scoring draws")


def token_loss_generator(generator: Generator) -> TokenLossGenerator:
    """Return the generator if it tells losses by token.

    Raises
    ------
    UnsupportedGenerator
        If it does not.
    """
    if not isinstance(generator, TokenLossGenerator):
        raise UnsupportedGenerator(
            f"generator {generator.generator_id}: its adapter has no token_losses(network, segments, draws), which "
            "telling seconds apart needs; add it (its mean over tokens is the loss), or ask without --where"
        )
    return generator


def fisher_diagonal(
    generator: Generator, corpus: EncodedCorpus, run: Runner, config: LocaliseConfig | None = None
) -> dict[str, Tensor]:
    """Return the Fisher diagonal that all maps of one generator share, from segments spread over the corpus."""
    config = config or LocaliseConfig()
    n_segments = len(corpus.segments)
    chosen = np.unique(np.linspace(0, n_segments - 1, min(n_segments, config.n_fisher_segments)).round())
    draws = generator.noise_draws(64, config.seed + 2)
    return run(FisherPass(generator, corpus, draws), [int(i) for i in chosen], name="Fisher for maps")


def localise(
    generator: Generator,
    corpus: EncodedCorpus,
    query: Query,
    item_ids: Sequence[str],
    fisher: Mapping[str, Tensor],
    run: Runner,
    config: LocaliseConfig | None = None,
) -> list[SegmentMap]:
    """Return one map per named recording.

    Parameters
    ----------
    generator : Generator
        With ``token_losses``.
    item_ids : sequence of str
        The recordings to look into, usually the first few of a ranking.
    fisher : mapping of str to Tensor
        From `fisher_diagonal`.

    Raises
    ------
    UnsupportedGenerator
        If the generator does not tell losses by token.
    InputError
        If a recording is not in the corpus.
    """
    config = config or LocaliseConfig()
    telling = token_loss_generator(generator)
    rows = [_number_of(corpus, item_id) for item_id in item_ids]
    parts = run(
        WindowGradientPass(telling, query, telling.noise_draws(config.n_query_draws, config.seed + 3), config.window_tokens),
        range(len(query.segments)),
        name="gradients of windows",
    )  # fmt: skip
    steps = _steps(telling, parts, fisher, config)
    shrunk = _linear_part(telling, query, steps[-1], sum(loss for loss, _ in parts), config)
    steps = tuple({name: shrunk * value for name, value in step.items()} for step in steps)
    chosen = [int(i) for i in np.flatnonzero(np.isin(corpus.item_of, rows))]
    draws = telling.noise_draws(config.n_scoring_draws, config.seed + 1)
    rises = run(
        TokenRisePass(telling, corpus, draws, steps, config.window_tokens),
        chosen,
        name="losses by window",
    )
    rises = rises / shrunk
    return [_map_of(telling, corpus, query, row, chosen, rises, config) for row in rows]


@dataclass(frozen=True)
class WindowGradientPass:
    """A fold over the query's segments: loss and gradient of every window of tokens."""

    generator: TokenLossGenerator
    query: Query
    draws: NoiseDraws
    window_tokens: int
    shard_size: ClassVar[int] = 1

    def start(self) -> list[tuple[float, dict[str, Tensor]]]:
        """Return no windows."""
        return []

    def add(
        self, state: list[tuple[float, dict[str, Tensor]]], items: Sequence[int]
    ) -> list[tuple[float, dict[str, Tensor]]]:
        """Take the gradients of one shard of segments."""
        return [*state, *(one for number in items for one in self._windows(number))]

    def merge(
        self, left: list[tuple[float, dict[str, Tensor]]], right: list[tuple[float, dict[str, Tensor]]]
    ) -> list[tuple[float, dict[str, Tensor]]]:
        """Keep time order."""
        return left + right

    def finish(self, state: list[tuple[float, dict[str, Tensor]]]) -> list[tuple[float, dict[str, Tensor]]]:
        """Return (part of the loss, its gradient) of every window, in time order."""
        return state

    def _windows(self, number: int) -> list[tuple[float, dict[str, Tensor]]]:
        network = trainable_copy(self.generator)
        weights = self.generator.updatable(network)
        segment = self.query.segments.pick([number])
        importance = token_weights(self.query.segments)[number]
        n_windows = -(-len(importance) // self.window_tokens)
        sums = [{name: torch.zeros_like(value) for name, value in weights.items()} for _ in range(n_windows)]
        totals = [0.0] * n_windows
        for first in range(0, len(self.draws), DRAWS_AT_ONCE):
            part = self.draws.pick(slice(first, first + DRAWS_AT_ONCE))
            per_token = self.generator.token_losses(network, segment, part)[0].sum(dim=0) / len(self.draws)
            for window, loss in enumerate(torch.split(per_token * importance, self.window_tokens)):
                gradients = torch.autograd.grad(
                    loss.sum(), list(weights.values()), retain_graph=window + 1 < n_windows
                )
                for name, gradient in zip(weights, gradients, strict=True):
                    sums[window][name] += gradient
                totals[window] += float(loss.detach().double().sum())
        return list(zip(totals, sums, strict=True))


@dataclass(frozen=True)
class TokenRisePass:
    """A fold over corpus segments: rise of the loss in each window, per step and draw, by central difference."""

    generator: TokenLossGenerator
    corpus: EncodedCorpus
    draws: NoiseDraws
    steps: tuple[Weights, ...]
    window_tokens: int

    def start(self) -> list[NDArray[np.float64]]:
        """Return no rises."""
        return []

    def add(self, state: list[NDArray[np.float64]], items: Sequence[int]) -> list[NDArray[np.float64]]:
        """Measure one shard of segments [shape=(n_steps, n_shard, n_draws, n_windows)]."""
        segments = self.corpus.segments.pick(list(items))
        return [*state, np.stack([self._rises(step, segments) for step in self.steps])]

    def merge(
        self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return all rises [shape=(n_steps, n_segments, n_draws, n_windows)]."""
        return np.concatenate(state, axis=1)

    def _rises(self, step: Weights, segments: Segments) -> NDArray[np.float64]:
        sides = []
        for sign in (1.0, -1.0):
            moved = _moved(self.generator, step, sign)
            with torch.no_grad():
                losses = self.generator.token_losses(
                    network_with(self.generator, moved), segments, self.draws
                )
            sides.append(losses.double())
        rise = (sides[0] - sides[1]) / (2 * segments.latents.shape[1])
        windows = [part.sum(dim=-1) for part in torch.split(rise, self.window_tokens, dim=-1)]
        found: NDArray[np.float64] = torch.stack(windows, dim=-1).numpy()
        return found


def token_weights(segments: Segments) -> Tensor:
    """Return how much each token counts in the mean over segments and audible tokens; they add up to 1.

    A segment without any sound keeps all of its tokens, as in the adapter's ``audible_only`` losses.
    """
    heard = segments.audible.float()
    heard = torch.where(heard.sum(dim=1, keepdim=True) > 0, heard, torch.ones_like(heard))
    return heard / heard.sum(dim=1, keepdim=True) / len(segments)


def window_spans(generator: Generator, segments: Segments, window_tokens: int) -> tuple[Span, ...]:
    """Return the seconds of every window of tokens, segment after segment."""
    n_tokens = segments.latents.shape[1]
    token_s = generator.segment_s / n_tokens
    return tuple(
        Span(start + first * token_s, start + min(first + window_tokens, n_tokens) * token_s)
        for start in segments.start_s
        for first in range(0, n_tokens, window_tokens)
    )


def _steps(
    generator: Generator,
    windows: Sequence[tuple[float, Mapping[str, Tensor]]],
    fisher: Mapping[str, Tensor],
    config: LocaliseConfig,
) -> tuple[dict[str, Tensor], ...]:
    """Return the steps of all windows, then that of the whole query; all with one size."""
    mean = torch.cat([value.flatten() for value in fisher.values()]).mean()
    if float(mean) == 0.0:
        return tuple({} for _ in range(len(windows) + 1))  # a network that has learnt nothing
    loss = sum(part for part, _ in windows)
    whole = {name: sum((g[name] for _, g in windows), torch.zeros_like(fisher[name])) for name in fisher}
    scale = {name: value + config.damping * mean for name, value in fisher.items()}
    slope = sum(float((g.double().square() / scale[name].double()).sum()) for name, g in whole.items())
    eta = config.relative_rise * loss / slope if slope > 0 else 0.0
    directions = [*(gradient for _, gradient in windows), whole]
    return tuple({name: eta * g[name] / scale[name] for name in fisher} for g in directions)


def _linear_part(
    generator: TokenLossGenerator,
    query: Query,
    whole: Weights,
    loss: float,
    config: LocaliseConfig,
) -> float:
    """Return by how much the steps must shrink for the query's loss to rise and fall as predicted."""
    if not whole:
        return 1.0
    draws = generator.noise_draws(config.n_query_draws, config.seed + 3)
    importance = token_weights(query.segments).double()
    shrunk = 1.0
    for _ in range(MOST_HALVINGS):
        sides = []
        for sign in (shrunk, -shrunk):
            network = network_with(generator, _moved(generator, whole, sign))
            with torch.no_grad():
                per_token = generator.token_losses(network, query.segments, draws).double()
            sides.append(float((per_token.mean(dim=1) * importance).sum()))
        predicted = shrunk * config.relative_rise * loss
        if abs((sides[0] - sides[1]) / 2 - predicted) <= LINEAR_WITHIN * predicted:
            break
        shrunk /= 2
    return shrunk


def _moved(generator: Generator, step: Weights, sign: float) -> Weights:
    weights = generator.updatable(generator.network)
    return {name: weights[name].detach() + sign * value for name, value in step.items()}


def _map_of(
    generator: Generator,
    corpus: EncodedCorpus,
    query: Query,
    row: int,
    chosen: Sequence[int],
    rises: NDArray[np.float64],
    config: LocaliseConfig,
) -> SegmentMap:
    own = [place for place, number in enumerate(chosen) if corpus.item_of[number] == row]
    # [n_steps, n_draws, n_item_windows], each window's part of the recording's mean loss
    values = rises[:, own].transpose(0, 2, 1, 3).reshape(rises.shape[0], rises.shape[2], -1) / len(own)
    segments = corpus.segments.pick([chosen[place] for place in own])
    windows = values[:-1]
    return SegmentMap(
        query_id=query.query_id,
        item_id=corpus.item_ids[row],
        query_spans=window_spans(generator, query.segments, config.window_tokens),
        item_spans=window_spans(generator, segments, config.window_tokens),
        cells=windows.mean(axis=1),
        errors=windows.std(axis=1, ddof=1) / np.sqrt(windows.shape[1]),
        whole=float(values[-1].mean(axis=0).sum()),
        unit=f"rise of the training loss, {generator.loss_unit}",
    )


def _number_of(corpus: EncodedCorpus, item_id: str) -> int:
    try:
        return corpus.item_ids.index(item_id)
    except ValueError:
        raise InputError(
            f"recording '{item_id}': not among the {len(corpus.item_ids)} of the corpus that the generator was "
            "trained on; name one of those that a ranking lists"
        ) from None


def settings_of(config: LocaliseConfig) -> dict[str, Any]:
    """Return every setting that a map depends on, as plain values."""
    return asdict(config)
