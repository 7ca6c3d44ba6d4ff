"""Near-duplicates: the same recording twice, whatever was done to the file.

Idea
----
Two signatures (`linernotes.corpus.signature`) are slid along each other; at each lag the normalised
correlation over the overlap says how alike they move. The best lag decides. A coarse pass at 2 frames
a second and 10 bands, for all pairs at once through the FFT, leaves few pairs to the fine one, which
also tries lags of a quarter frame. The correlation asked for rises where few frames carry the sound:
0.70 + 0.6 / √n, with n the participation ratio of the frames' energy. Pairs that pass are joined into
clusters.

Assumptions
-----------
A copy keeps the order of events: re-encodes, gain, equaliser, trims, other sample rates and light
noise do; remixes, other takes and speed changes do not.

Conventions
-----------
Correlation is in [-1, 1]. A cluster is named by its first item id in sorted order, and an item
without a twin is its own cluster. Clusters are connected components: a copy of a copy belongs.

Cost
----
About 40 µs of one core per pair of one-minute items: a thousand items take 20 s, ten thousand half an hour,
which is less than their decoding.

Known limits
------------
Overlaps shorter than 3 s, or than half of the shorter item, are not judged, and sound that does not
move is compared by hash only. A mix and its instrumental version from the same session can pass the
threshold where the voice is rare: they are reported as a cluster to look at, not as proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linernotes.corpus.manifest import Item
from linernotes.corpus.signature import FRAMES_PER_SECOND

POOL = 4  # fine frames per coarse frame
SUBFRAMES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateConfig:
    """When two items count as one recording.

    Parameters
    ----------
    threshold : float in (0, 1]
        Least fine correlation over a long overlap.
    short_penalty : float
        What is added to the threshold where few frames carry the sound: `required`.
    coarse_threshold : float in (0, 1]
        Least coarse correlation for a pair to be looked at closely.
    min_overlap_s : float
        Least overlap in seconds.
    min_overlap_share : float in (0, 1]
        Least overlap as a part of the shorter item.
    min_movement : float
        Least root-mean-square of a signature over the overlap, in quarter decibels; below it there is
        nothing to compare.
    block : int
        Items per block of the coarse pass; bounds the memory.
    """

    threshold: float = 0.70
    short_penalty: float = 0.6
    coarse_threshold: float = 0.35
    min_overlap_s: float = 3.0
    min_overlap_share: float = 0.5
    min_movement: float = 2.0
    block: int = 32

    def required(self, n_moving: float) -> float:
        """Return the least correlation where *n_moving* frames carry the sound.

        Examples
        --------
        >>> round(DuplicateConfig().required(9), 2), round(DuplicateConfig().required(400), 2)
        (0.9, 0.73)
        """
        return self.threshold + self.short_penalty / float(np.sqrt(max(n_moving, 1.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Two items that sound like one recording, at the lag that fits best.

    ``lag_s`` is where the second begins in the first, in seconds; ``overlap_s`` is how much was compared.
    """

    first: str
    second: str
    correlation: float
    lag_s: float
    overlap_s: float


def find_twins(
    signatures: Mapping[str, NDArray[np.int8]], config: DuplicateConfig | None = None
) -> tuple[Twin, ...]:
    """Return every pair of signatures that move alike.

    Parameters
    ----------
    signatures : dict of str to NDArray[np.int8] [shape=(n_frames, 20)]
        By item id.
    config : DuplicateConfig, optional
        Thresholds.

    Returns
    -------
    tuple of Twin
        In the order of the ids.

    Examples
    --------
    >>> music = np.random.default_rng(0).integers(-60, 60, (200, 20)).astype(np.int8)
    >>> (twin,) = find_twins({"whole": music, "cut": music[40:], "other": music[::-1].copy()})
    >>> twin.first, twin.second, twin.lag_s, round(twin.correlation, 2)
    ('cut', 'whole', -5.0, 1.0)
    """
    config = config or DuplicateConfig()
    names = sorted(signatures)
    coarse = [_coarse(signatures[name]) for name in names]
    twins = []
    for i, j in _candidates(coarse, config):
        a, b = signatures[names[i]], signatures[names[j]]
        correlation, lag, overlap = align(a, b, config)
        if correlation >= config.threshold and correlation >= config.required(_moving_frames(a, b, lag)):
            twins.append(
                Twin(
                    first=names[i],
                    second=names[j],
                    correlation=correlation,
                    lag_s=lag / FRAMES_PER_SECOND,
                    overlap_s=overlap / FRAMES_PER_SECOND,
                )
            )
    return tuple(sorted(twins, key=lambda twin: (twin.first, twin.second)))


def with_clusters(items: Sequence[Item], twins: Sequence[Twin]) -> tuple[Item, ...]:
    """Return the items with ``cluster_id`` set from twins and from equal hashes.

    Parameters
    ----------
    items : sequence of Item
        Items of one corpus.
    twins : sequence of Twin
        From `find_twins`.
    """
    leader = {item.item_id: item.item_id for item in items}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    pairs = [(twin.first, twin.second) for twin in twins]
    for kind in ("content_sha256", "audio_sha256"):
        seen: dict[str, str] = {}
        pairs += [(seen.setdefault(getattr(item, kind), item.item_id), item.item_id) for item in items]
    for one, other in pairs:
        low, high = sorted((find(one), find(other)))
        leader[high] = low
    return tuple(replace(item, cluster_id=find(item.item_id)) for item in items)


def align(
    a: NDArray[np.int8], b: NDArray[np.int8], config: DuplicateConfig | None = None
) -> tuple[float, float, float]:
    """Return the best correlation of two signatures, its lag and its overlap, both in frames.

    The lag is where *b* begins in *a*; -1 is returned as correlation where no overlap is long enough.
    """
    config = config or DuplicateConfig()
    smooth_a, smooth_b = _smooth(a), _smooth(b)
    best = (-1.0, 0.0, 0.0)
    if min(len(smooth_a), len(smooth_b)) < 2:
        return best
    for part in (0.0, *SUBFRAMES):
        shifted = (1 - part) * smooth_a[:-1] + part * smooth_a[1:] if part else smooth_a
        correlation, lag, overlap = _best_lag(shifted, smooth_b, FRAMES_PER_SECOND, config)
        if correlation > best[0]:
            best = (correlation, lag + part, float(overlap))
    return best


def _moving_frames(a: NDArray[np.int8], b: NDArray[np.int8], lag: float) -> float:
    """Return how many frames of the overlap carry its energy: their participation ratio."""
    start = round(lag)
    loud_a, loud_b = (np.sqrt((_smooth(x) ** 2).sum(axis=1)) for x in (a, b))
    first, last = max(0, start), min(len(loud_a), start + len(loud_b))
    energy = (loud_a[first:last] * loud_b[first - start : last - start]).astype(np.float64)
    return float(energy.sum() ** 2 / max((energy**2).sum(), 1e-9))


def _best_lag(
    a: NDArray[np.float32], b: NDArray[np.float32], rate: float, config: DuplicateConfig
) -> tuple[float, int, int]:
    size = _fft_size(len(a) + len(b))
    spectrum = (np.fft.rfft(a, size, axis=0) * np.fft.rfft(b, size, axis=0).conj()).sum(axis=1)
    lags = np.arange(1 - len(b), len(a))
    products = np.fft.irfft(spectrum, size)[lags % size]
    start, end = np.maximum(lags, 0), np.minimum(len(a), lags + len(b))
    energy_a, energy_b = _energy(a), _energy(b)
    scores = _normalised(
        products,
        energy_a[end] - energy_a[start],
        energy_b[end - lags] - energy_b[start - lags],
        end - start,
        _least_overlap(len(a), len(b), rate, config),
        config.min_movement**2 * a.shape[1],
    )
    best = int(scores.argmax())
    return float(scores[best]), int(lags[best]), int((end - start)[best])


def _normalised(
    products: NDArray[np.floating],
    energy_a: NDArray[np.floating],
    energy_b: NDArray[np.floating],
    overlap: NDArray[np.integer],
    least: NDArray[np.floating] | float,
    least_energy: float,
) -> NDArray[np.floating]:
    enough = (overlap >= least) & (np.minimum(energy_a, energy_b) >= least_energy * overlap)
    scale = np.sqrt(np.maximum(energy_a * energy_b, 1e-9))
    scores: NDArray[np.floating] = np.where(enough, np.minimum(products / scale, 1.0), -1.0)
    return scores


def _candidates(coarse: Sequence[NDArray[np.float32]], config: DuplicateConfig) -> Iterator[tuple[int, int]]:
    """Yield the pairs (i < j) whose coarse correlation passes, block against block, short items first."""
    order = sorted(range(len(coarse)), key=lambda i: len(coarse[i]))
    blocks = [order[first : first + config.block] for first in range(0, len(order), config.block)]
    for nth, rows in enumerate(blocks):
        for columns in blocks[nth:]:
            passed = (
                _block_scores([coarse[i] for i in rows], [coarse[j] for j in columns], config)
                >= config.coarse_threshold
            )
            for row, column in np.argwhere(passed):
                i, j = rows[row], columns[column]
                if i < j or (rows is not columns and i != j):
                    yield min(i, j), max(i, j)


def _block_scores(
    rows: Sequence[NDArray[np.float32]], columns: Sequence[NDArray[np.float32]], config: DuplicateConfig
) -> NDArray[np.floating]:
    """Return the best coarse correlation of each row with each column [shape=(n_rows, n_columns)]."""
    n_a = np.array([len(row) for row in rows])
    n_b = np.array([len(column) for column in columns])
    size = _fft_size(int(n_a.max() + n_b.max()))
    spectra_a = np.stack([np.fft.rfft(row, size, axis=0) for row in rows]).astype(np.complex64)
    spectra_b = np.stack([np.fft.rfft(column, size, axis=0) for column in columns]).astype(np.complex64)
    energy_a = np.stack([np.pad(_energy(row), (0, size - len(row)), mode="edge") for row in rows])
    energy_b = np.stack([np.pad(_energy(column), (0, size - len(column)), mode="edge") for column in columns])
    lags = np.arange(1 - int(n_b.max()), int(n_a.max()))
    rate = FRAMES_PER_SECOND / POOL
    scores = np.empty((len(rows), len(columns)))
    for k in range(len(rows)):  # one row against all columns keeps the work inside the cache
        spectrum = np.einsum("fb,cfb->cf", spectra_a[k], spectra_b.conj())
        products = np.fft.irfft(spectrum, size, axis=1)[:, lags % size]
        start = np.broadcast_to(np.clip(lags, 0, n_a[k]), products.shape)
        end = np.clip(lags + n_b[:, None], start, n_a[k])
        column = np.arange(len(columns))[:, None]
        from_b = (
            energy_b[column, np.clip(end - lags, 0, size)] - energy_b[column, np.clip(start - lags, 0, size)]
        )
        scores[k] = _normalised(
            products,
            energy_a[k][end] - energy_a[k][start],
            from_b,
            end - start,
            _least_overlap(n_a[k], n_b[:, None], rate, config),
            0.0,
        ).max(axis=1)
    return scores


def _least_overlap(
    n_a: int, n_b: NDArray[np.integer] | int, rate: float, config: DuplicateConfig
) -> NDArray[np.floating]:
    # two frames less than asked for: smoothing and pooling shorten each side by as much
    wanted = np.maximum(config.min_overlap_s * rate, config.min_overlap_share * np.minimum(n_a, n_b)) - 2
    least: NDArray[np.floating] = np.maximum(wanted, 2.0)
    return least


def _coarse(fine: NDArray[np.int8]) -> NDArray[np.float32]:
    n_frames = max(1, len(fine) // POOL)
    padded = np.zeros((n_frames * POOL, fine.shape[1]), np.float32)
    padded[: min(len(fine), len(padded))] = fine[: len(padded)]
    pooled = padded.reshape(n_frames, POOL, -1).mean(axis=1)
    halved: NDArray[np.float32] = pooled[:, ::2] + pooled[:, 1::2]
    return halved


def _smooth(fine: NDArray[np.int8]) -> NDArray[np.float32]:
    values = fine.astype(np.float32)
    smooth: NDArray[np.float32] = (values[:-2] + 2 * values[1:-1] + values[2:]) / np.float32(4)
    return smooth


def _energy(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum((values.astype(np.float64) ** 2).sum(axis=1))])


def _fft_size(length: int) -> int:
    return int(1 << max(length - 1, 1).bit_length())
