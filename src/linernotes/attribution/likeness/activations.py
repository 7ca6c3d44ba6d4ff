"""Likeness as the generator hears it: cosine of hidden activations, averaged over layers and noise levels.

A segment is noised to several levels and shown to the network. What comes out of each transformer layer is
averaged over time and over draws of one band of levels, and set to length one; the likeness of two segments is
the mean over layers and bands of their cosines. A recording's score for one query segment is its best segment's
likeness; the score is the mean over query segments. Nothing is differentiated: this tells what the network hears
as alike, not what moved it.

    likeness(z_i, ẑ) = mean over layers l and bands b of cos(a_lb(z_i), a_lb(ẑ))

That cosines are neither centred nor standardised, and that the best segment counts, was chosen on the dev
queries of our own benchmark.

Conventions
-----------
Scores are in [-1, 1], larger is more alike. The layers are the members of every ``ModuleList`` of the network,
or its linear layers where it has none, unless ``layers`` names others as ``network.named_modules`` does. What a
layer returns, or the first of several tensors that it returns, has one row per draw; all but the first and the
last of its dimensions are averaged.

Cost
----
One forward pass per segment and draw, then one matrix product per query.

References
----------
Zhang et al. (2018), "The unreasonable effectiveness of deep features as a perceptual metric" (normalise per
layer, then average); Choi et al. (2025), arXiv:2506.18312 (a generator's own activations for attribution).

Known limits
------------
Averaging over time forgets order: the same notes in another rhythm look alike. Silence in a query is heard too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.encoding import join
from linernotes.attribution.working_copy import working_copy
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws, Segments


@dataclass(frozen=True, slots=True)
class ActivationsConfig:
    """Settings: every band of noise levels holds ``n_replicates`` draws, one per repeated measurement."""

    n_bands: int = 4
    n_replicates: int = 4
    layers: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_bands, self.n_replicates) < 1:
            raise InputError(f"{self}: expected at least 1 band and 1 replicate")


@dataclass(frozen=True)
class ActivationPass:
    """A fold over segment numbers: mean activations of each [shape=(n_replicates, n_layers, n_bands, width)]."""

    generator: Generator
    segments: Segments
    draws: NoiseDraws
    config: ActivationsConfig

    def start(self) -> list[NDArray[np.float32]]:
        """Return no activations."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[int]) -> list[NDArray[np.float32]]:
        """Listen in on one shard of segments."""
        network = working_copy(self.generator.network)
        rows = [self._one(network, self.segments.pick([number])) for number in items]
        return [*state, np.stack(rows)]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return all activations [shape=(n_segments, n_replicates, n_layers, n_bands, width), float32]."""
        return np.concatenate(state)

    def _one(self, network: nn.Module, segment: Segments) -> NDArray[np.float32]:
        names = layers_of(network, self.config.layers)
        with listening(network, names) as heard, torch.no_grad():
            self.generator.losses(network, segment, self.draws)
        layers = [self._by_band(name, heard[name]) for name in names]
        widest = max(layer.shape[-1] for layer in layers)  # zeros change no cosine
        return np.stack([np.pad(a, ((0, 0), (0, 0), (0, widest - a.shape[-1]))) for a in layers], axis=1)

    def _by_band(self, name: str, parts: list[Tensor]) -> NDArray[np.float32]:
        rows = [part.flatten(1, -2).mean(dim=1) if part.ndim > 2 else part for part in parts]
        n_rows = sum(len(part) for part in rows)
        if n_rows != len(self.draws):
            raise InputError(
                f"layer '{name}' of generator {self.generator.generator_id}: {n_rows} rows for {len(self.draws)} "
                "noise draws of one segment; expected one each: name other layers"
            )
        # draws are sorted by level: neighbours make a band, and the r-th of every band a replicate
        whole = torch.cat(rows).float().cpu().numpy()
        by_band: NDArray[np.float32] = whole.reshape(self.config.n_bands, self.config.n_replicates, -1)
        return by_band.swapaxes(0, 1)


@contextmanager
def listening(network: nn.Module, names: Sequence[str]) -> Iterator[dict[str, list[Tensor]]]:
    """Collect what the named layers return while the block runs."""
    heard: dict[str, list[Tensor]] = {name: [] for name in names}

    def collector(name: str) -> Any:
        def collect(module: nn.Module, inputs: Any, output: Any) -> None:
            heard[name].append((output if isinstance(output, Tensor) else output[0]).detach())

        return collect

    modules = dict(network.named_modules())
    handles = [modules[name].register_forward_hook(collector(name)) for name in names]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def layers_of(network: nn.Module, wanted: Sequence[str] = ()) -> list[str]:
    """Return the names of the layers to listen to.

    Raises
    ------
    InputError
        If a wanted layer is not there, or there is none to choose.

    Examples
    --------
    >>> layers_of(nn.Sequential(nn.Linear(2, 2), nn.GELU()))
    ['0']
    """
    modules = dict(network.named_modules())
    missing = [name for name in wanted if name not in modules]
    if missing:
        raise InputError(
            f"layer '{missing[0]}': not in the network; expected one of {', '.join(sorted(filter(None, modules)))}"
        )
    listed = [
        f"{name}.{number}" if name else str(number)
        for name, module in modules.items() if isinstance(module, nn.ModuleList)
        for number in range(len(module))
    ]  # fmt: skip
    linear = [name for name, module in modules.items() if isinstance(module, nn.Linear)]
    found = list(wanted) or listed or linear
    if not found:
        raise InputError(
            "network without a ModuleList or a linear layer: name the layers to listen to, as in "
            "ActivationsConfig(layers=('encoder',))"
        )
    return found


class Activations:
    """Cosine of mean activations over layers and noise levels."""

    name = "activations"
    revision = "1"
    paper = "baseline; after Zhang et al. (2018), arXiv:1801.03924, and Choi et al. (2025), arXiv:2506.18312"
    licence = "Apache-2.0"
    unit = "cosine of activations"

    def __init__(self, config: ActivationsConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or ActivationsConfig(seed=seed)
        self._fitted: tuple[Generator, EncodedCorpus, NDArray[np.float32]] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query."""
        return (n_segments + n_query_segments) * self.config.n_bands * self.config.n_replicates, 0

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Listen to the whole corpus.

        Raises
        ------
        InputError
            If the layers cannot be listened to.
        """
        heard = self._listen(generator, corpus.segments, run).mean(axis=1)
        self._fitted = generator, corpus, (heard / _length(heard)).astype(np.float32)

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        if not queries:
            return []
        generator, corpus, known = self._fitted
        heard = self._listen(generator, join([query.segments for query in queries]), run)
        # the length of the mean, so that the mean over replicates is the cosine itself
        directions = heard / _length(heard.mean(axis=1, keepdims=True))
        ends = np.cumsum([len(query.segments) for query in queries])
        n_cells = known.shape[1] * known.shape[2]
        results = []
        for query, end in zip(queries, ends, strict=True):
            asked = directions[end - len(query.segments) : end]
            likeness = np.einsum("nlbw,srlbw->nsr", known, asked, optimize=True) / n_cells
            results.append(
                ItemScores(
                    query.query_id, self.name, self.unit, corpus.item_ids,
                    best_segments(likeness, corpus.item_of).mean(axis=1), likeness.mean(axis=(1, 2)),
                )
            )  # fmt: skip
        return results

    def _listen(self, generator: Generator, segments: Segments, run: Runner) -> NDArray[np.float64]:
        draws = generator.noise_draws(self.config.n_bands * self.config.n_replicates, self.config.seed + 1)
        in_order = draws.pick(draws.levels.argsort().tolist())
        fold = ActivationPass(generator, segments, in_order, self.config)
        return run(fold, range(len(segments)), name="activations").astype(np.float64)


def best_segments(likeness: NDArray[np.float64], item_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, for each item and query segment, the replicates of the item's likest segment.

    Parameters
    ----------
    likeness : NDArray [shape=(n_segments, n_query_segments, n_replicates), float64]
        Of every corpus segment to every query segment.
    item_of : NDArray [shape=(n_segments,), int64]
        Which item a segment belongs to.

    Returns
    -------
    NDArray [shape=(n_items, n_query_segments, n_replicates), float64]

    Examples
    --------
    >>> likeness = np.array([[[0.1, 0.3]], [[0.5, 0.0]], [[0.9, 0.7]]])
    >>> best_segments(likeness, np.array([0, 0, 1])).tolist()
    [[[0.5, 0.0]], [[0.9, 0.7]]]
    """
    columns = np.arange(likeness.shape[1])
    best = np.zeros((int(item_of.max()) + 1, likeness.shape[1]), dtype=np.int64)
    for order in np.argsort(likeness.mean(axis=2), axis=0, kind="stable"):  # the likest are written last
        best[item_of[order], columns] = order
    chosen: NDArray[np.float64] = likeness[best, columns]
    return chosen


def _length(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length: NDArray[np.float64] = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.where(length > 0, length, 1.0)
