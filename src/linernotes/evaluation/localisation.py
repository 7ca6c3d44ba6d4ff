"""Does a segment map point at the right seconds? Planted splices, and masking.

**Planted**: an "output" is spliced from some seconds of one training recording and some of another. For every
window of it the map must point at the recording, and at the seconds, that it was taken from.

**Masked**: for a real output nobody knows the seconds. The map's best cell claims that some seconds of a recording
moved some seconds of the output. So the recording is learnt and forgotten a little (`tail_patch`) twice: once
leaving out the claimed seconds, once leaving out as many seconds elsewhere in the same recording, under the same
noise. If the claim is right, the output's seconds move less when the claimed seconds are left out.

Conventions
-----------
A window is hit in time when the best cell of its row, in the right recording, shares at least a moment with the
seconds that it was taken from. Chance is what a column drawn at random would score.

References
----------
Carlini et al. (2019), "The secret sharer", for planting; `tail_patch` and `sequential` for the masked test.

Known limits
------------
Music repeats itself: another bar of the same recording may be as much the source as the bar that was spliced, and
counts as a miss. A splice is training data, and is localised more easily than an output that is like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.where.maps import SegmentMap
from linernotes.errors import InputError
from linernotes.evaluation.sequential import Tally
from linernotes.evaluation.tail_patch import TailPatchConfig, Trial, tail_patch
from linernotes.folds import Runner
from linernotes.generators.base import Generator, Segments

N_PAIRS = 16


@dataclass(frozen=True, slots=True)
class Source:
    """Where a stretch of a splice was taken from: recording and first token in it."""

    item_id: str
    first_token: int


@dataclass(frozen=True)
class Splice:
    """An output put together from training recordings, with its sources in order, each of ``n_tokens`` tokens."""

    query: Query
    sources: tuple[Source, ...]
    n_tokens: int


@dataclass(frozen=True, slots=True)
class HitRates:
    """How often maps pointed at the right place, over the windows of planted splices."""

    item: float
    time: float
    chance_time: float
    n_windows: int
    n_items: int

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class MaskCheck:
    """How much less the output's seconds moved without the claimed seconds than without others.

    ``effect`` is the mean of the paired differences of the contrast, in the unit of the loss.
    """

    tally: Tally
    effect: float
    standard_error: float

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "win_rate": self.tally.win_rate,
            "win_interval": list(self.tally.interval()),
            "e_value": self.tally.against_at_most(0.5),
            "n_pairs": len(self.tally),
            "effect": self.effect,
            "standard_error": self.standard_error,
        }


def splice(generator: Generator, corpus: EncodedCorpus, sources: Sequence[Source], n_tokens: int) -> Splice:
    """Put an output together from *n_tokens* of each source, without words.

    Raises
    ------
    InputError
        If a source is not there or too short, or the splice does not fill whole segments.
    """
    size = corpus.segments.latents.shape[1]
    total = n_tokens * len(sources)
    if not sources or total % size:
        raise InputError(
            f"splice of {len(sources)} × {n_tokens} tokens: expected a multiple of a segment's {size}"
        )
    tokens = torch.cat([_taken(corpus, source, n_tokens) for source in sources])
    n_segments = total // size
    segments = Segments(
        tokens.reshape(n_segments, size, -1),
        torch.ones(n_segments, size, dtype=torch.bool),
        torch.zeros(n_segments, corpus.segments.conditions.shape[1]),
        tuple(number * generator.segment_s for number in range(n_segments)),
    )
    name = " + ".join(f"{source.item_id}@{source.first_token}" for source in sources)
    return Splice(Query(name, segments), tuple(sources), n_tokens)


def random_splices(
    generator: Generator, corpus: EncodedCorpus, n_splices: int, n_tokens: int, seed: int = 0
) -> list[Splice]:
    """Return splices of two recordings each, from places drawn at random, off the grid of segments."""
    random = np.random.default_rng(seed)
    sizes = np.bincount(corpus.item_of) * corpus.segments.latents.shape[1]
    able = np.flatnonzero(sizes > n_tokens)
    if len(able) < 2:
        raise InputError(f"{len(able)} recordings hold more than {n_tokens} tokens; a splice needs two")
    made = []
    for _ in range(n_splices):
        pair = random.choice(able, size=2, replace=False)
        sources = [
            Source(corpus.item_ids[int(row)], int(random.integers(sizes[row] - n_tokens + 1))) for row in pair
        ]
        made.append(splice(generator, corpus, sources, n_tokens))
    return made


def hit_rates(
    splices: Sequence[Splice], maps: Sequence[Sequence[SegmentMap]], window_tokens: int
) -> HitRates:
    """Compare the maps of each splice with where it was taken from.

    Parameters
    ----------
    maps : sequence of sequences of SegmentMap
        For each splice one map per candidate recording, its sources among them.
    """
    items, times, chances = [], [], []
    for made, found in zip(splices, maps, strict=True):
        for row in range(len(found[0].query_spans)):
            number, place = divmod(row * window_tokens, made.n_tokens)
            source = made.sources[number]
            strongest = max(found, key=lambda one: float(one.cells[row].sum()))
            items.append(strongest.item_id == source.item_id)
            own = next(one for one in found if one.item_id == source.item_id)
            touched = _touched(source.first_token + place, window_tokens, len(own.item_spans))
            times.append(int(own.cells[row].argmax()) in touched)
            chances.append(len(touched) / len(own.item_spans))
    n_items = len(maps[0])
    return HitRates(
        float(np.mean(items)), float(np.mean(times)), float(np.mean(chances)), len(items), n_items
    )


def masked_check(
    generator: Generator,
    corpus: EncodedCorpus,
    query: Query,
    one: SegmentMap,
    run: Runner,
    window_tokens: int,
    *,
    n_pairs: int = N_PAIRS,
    config: TailPatchConfig | None = None,
) -> MaskCheck:
    """Test the best cell of a map by leaving its seconds out.

    Raises
    ------
    UnsupportedGenerator
        If the generator does not tell losses by token.
    InputError
        If the map has fewer than two columns, or no positive cell.
    """
    row, column = np.unravel_index(int(one.cells.argmax()), one.cells.shape)
    if one.cells.shape[1] < 2 or one.cells[row, column] <= 0:
        raise InputError(
            f"map of {one.item_id}: nothing to leave out; expected a positive cell and two windows"
        )
    item = corpus.item_ids.index(one.item_id)
    size = corpus.segments.latents.shape[1]
    random = np.random.default_rng([(config or TailPatchConfig()).seed, item])
    elsewhere = [other for other in range(one.cells.shape[1]) if other != column]
    trials = []
    for repeat in range(n_pairs):
        other = elsewhere[int(random.integers(len(elsewhere)))]
        trials += [
            Trial(item, repeat, window_range(which, window_tokens, size)) for which in (int(column), other)
        ]
    window = window_range(int(row), window_tokens, size)
    values = tail_patch(generator, corpus, query, trials, run, config, query_windows=(window,))
    claimed, others = values.reshape(-1, 2).T
    tally = Tally(
        int((others > claimed).sum()), int((others < claimed).sum()), int((others == claimed).sum())
    )
    differences = others - claimed
    return MaskCheck(
        tally, float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(max(1, n_pairs)))
    )


def window_range(number: int, window_tokens: int, segment_tokens: int) -> tuple[int, int]:
    """Return the tokens [first, end) of a window, counted over all segments; windows do not cross segments.

    Examples
    --------
    >>> window_range(0, 8, 20), window_range(2, 8, 20), window_range(3, 8, 20)
    ((0, 8), (16, 20), (20, 28))
    """
    per_segment = -(-segment_tokens // window_tokens)
    segment, place = divmod(number, per_segment)
    first = place * window_tokens
    end = min(first + window_tokens, segment_tokens)
    return segment * segment_tokens + first, segment * segment_tokens + end


def _taken(corpus: EncodedCorpus, source: Source, n_tokens: int) -> Tensor:
    if source.item_id not in corpus.item_ids:
        raise InputError(f"splice from '{source.item_id}': not in the corpus")
    rows = np.flatnonzero(corpus.item_of == corpus.item_ids.index(source.item_id)).tolist()
    tokens = corpus.segments.latents[rows].flatten(0, 1)
    if not 0 <= source.first_token <= len(tokens) - n_tokens:
        raise InputError(
            f"splice from '{source.item_id}': tokens {source.first_token} to {source.first_token + n_tokens} "
            f"of {len(tokens)}"
        )
    return tokens[source.first_token : source.first_token + n_tokens]


def _touched(first_token: int, n_tokens: int, n_windows: int) -> set[int]:
    """Return the windows that share at least one token with a stretch, for windows as long as the stretch."""
    return {w for w in (first_token // n_tokens, (first_token + n_tokens - 1) // n_tokens) if w < n_windows}
