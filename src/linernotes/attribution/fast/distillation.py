"""Teaching a student: the bilinear form that predicts a teacher's scores, and how far to trust it.

The student (`student`) starts from theory and learns what theory misses. To first order an unlearning score is
bilinear in preconditioned gradients (see `features`). With rows X of queries and Y of item segments,

    M = argmin ‖T / s − X M Yᵀ‖² + λ ‖M − m M₀‖²,

where T holds the teacher's scores, M₀ is the first-order theory and λ is chosen on queries *and* recordings
that were left out; λ = ∞ is theory alone. The solution is exact, by two singular value decompositions. A last
one cuts M to the embeddings' length. Being a regression on scores and not on ranks, the student keeps magnitudes.

Uncertainty comes from the residuals of what was left out: their variance is a log-linear function of the
segment's gradient and the query's leverage, scaled so that 90 % intervals of whole recordings cover 90 % of them.

Cost
----
Linear algebra on the samples: seconds. Everything is a function of its inputs; nothing is random.

References
----------
Wang et al. (2025), "Fast data attribution for text-to-image models", arXiv:2511.10721 (distilling an unlearning
teacher; ranks only); Hoerl and Kennard (1970), "Ridge regression"; Izenman (1975), "Reduced-rank regression";
Vovk, Gammerman, Shafer (2005), "Algorithmic learning in a random world" (conformal intervals).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.fast.features import Features
from linernotes.attribution.fast.student import (
    TINY,
    Array,
    Student,
    distance_of,
    leverage_of,
    log_size,
    scale_facts,
)
from linernotes.errors import InputError

N_FOLDS = 4
PENALTIES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, np.inf)
LOG_CHI2 = -1.27  # mean of the logarithm of a squared standard normal
COVERAGE = 0.90
NORMAL_90 = 1.645


@dataclass(frozen=True, slots=True)
class StudentConfig:
    """Sizes of the student."""

    n_directions: int = 384
    n_hidden: int = 16
    n_dims: int = 256

    def __post_init__(self) -> None:
        if min(self.n_directions, self.n_dims) < 1 or self.n_hidden < 0:
            raise InputError(f"{self}: expected positive sizes")


def fit_student(
    items: Features,
    taught_items: NDArray[np.int64],
    owners: NDArray[np.int64],
    queries: Features,
    scores: Array,
    config: StudentConfig,
) -> Student:
    """Learn from a teacher's scores.

    Parameters
    ----------
    items : Features
        Segments of the corpus (or a large sample), from which principal directions are taken.
    taught_items : NDArray [shape=(n_taught,), int64]
        Rows of *items* that the teacher scored.
    owners : NDArray [shape=(n_taught,), int64]
        The recording of each of them; whole recordings are left out together.
    queries : Features
        The teaching queries.
    scores : NDArray [shape=(n_queries, n_taught), float64]
        The teacher's.

    Raises
    ------
    InputError
        If there are too few queries or recordings to leave some out.
    """
    if len(queries) < 2 * N_FOLDS or len(np.unique(owners)) < 2:
        raise InputError(
            f"{len(queries)} teaching queries, {len(np.unique(owners))} recordings: "
            f"expected at least {2 * N_FOLDS} and 2"
        )
    arrays = _projections(items, queries, config)
    rms = np.sqrt(np.square(scores).mean(axis=1))
    arrays["scale"] = np.linalg.lstsq(scale_facts(queries), np.log(np.maximum(rms, 1e-30)), rcond=None)[0]
    student = Student(arrays, {})
    x, y = student.query_rows(queries), student.item_rows(items.pick(taught_items))
    target = scores / student.scale(queries)[:, None]
    theory = _theory(len(arrays["directions"]), x.shape[1], y.shape[1])
    folds = _query_folds(len(queries)), _owner_folds(owners)
    penalty, left_out = _choose_penalty(x, y, target, theory, folds)
    form = _solve(x, y, target, theory, penalty)
    arrays["query_map"], arrays["item_map"] = _cut(form, student.item_rows(items), config.n_dims)
    arrays["precision"] = np.asarray(np.linalg.inv(x.T @ x + np.eye(x.shape[1])), dtype=np.float64)
    student_report = _fit_uncertainty(arrays, items.pick(taught_items), owners, x, target, left_out, folds)
    _fit_familiarity(arrays, student.place(queries), folds[0])
    report = student_report | {
        "penalty": None if np.isinf(penalty) else penalty,
        "n_queries": len(queries),
        "n_segments": len(taught_items),
        "config": asdict(config),
    }
    return Student(arrays, report)


# -- projections ------------------------------------------------------------------------------------


def _projections(items: Features, queries: Features, config: StudentConfig) -> dict[str, Array]:
    size = max(float(np.mean(items.strength, dtype=np.float64)), TINY)
    item_rows = items.sketch.astype(np.float64) / np.sqrt(size)
    query_rows = queries.sketch / np.sqrt(np.maximum(queries.strength.astype(np.float64), TINY))[:, None]
    hidden_mean, hidden_map = _whitening(items.hidden.astype(np.float64), config.n_hidden)
    loss = items.loss.astype(np.float64)
    return {
        "directions": _directions(np.vstack([item_rows, query_rows]), config.n_directions),
        "hidden_mean": hidden_mean,
        "hidden_map": hidden_map,
        "size": np.array([size, loss.mean(), loss.std() + 1e-9]),
    }


def _directions(rows: Array, n_directions: int) -> Array:
    """Return the leading right singular vectors [shape=(<= n_directions, n_buckets)], by the smaller Gram matrix."""
    values, vectors = np.linalg.eigh(rows @ rows.T)
    keep = np.flatnonzero(values > 1e-9 * max(values[-1], TINY))[::-1][:n_directions]
    if len(keep) == 0:  # a generator that has learnt nothing has no gradients
        return np.zeros((1, rows.shape[1]))
    found: Array = (vectors[:, keep] / np.sqrt(values[keep])).T @ rows
    return _same_signs(found)


def _whitening(rows: Array, n_kept: int) -> tuple[Array, Array]:
    mean = rows.mean(axis=0)
    deviation = rows.std(axis=0) + 1e-9
    standard = (rows - mean) / deviation
    values, vectors = np.linalg.eigh(standard.T @ standard / len(rows))
    order = np.argsort(-values)[: min(n_kept, len(rows) - 1)]
    order = order[values[order] > 1e-6]
    return mean, _same_signs((vectors[:, order] / np.sqrt(values[order])).T) / deviation


def _same_signs(vectors: Array) -> Array:
    """Turn each vector so that its largest entry is positive: singular vectors come with either sign."""
    if not len(vectors):
        return vectors
    largest = vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)]
    return vectors * np.where(largest < 0, -1.0, 1.0)[:, None]


# -- the bilinear form ------------------------------------------------------------------------------


def _theory(n_directions: int, n_x: int, n_y: int) -> Array:
    form = np.zeros((n_x, n_y))
    form[np.arange(n_directions), np.arange(n_directions)] = 1.0
    return form


def _solve(x: Array, y: Array, target: Array, theory: Array, penalty: float) -> Array:
    """Return the form nearest to a multiple of theory that fits the scores, by ridge regression on all entries."""
    predicted = x @ theory @ y.T
    energy = float(np.square(predicted).sum())
    multiple = float((predicted * target).sum()) / energy if energy > 0 else 0.0
    start = multiple * theory
    if np.isinf(penalty):
        return start
    ux, sx, vx = np.linalg.svd(x, full_matrices=False)
    uy, sy, vy = np.linalg.svd(y, full_matrices=False)
    residual = ux.T @ (target - multiple * predicted) @ uy
    weight = np.outer(sx, sy)
    scaled_penalty = penalty * float(np.square(weight).mean())
    form: Array = start + vx.T @ (residual * weight / (np.square(weight) + scaled_penalty)) @ vy
    return form


def _query_folds(n_queries: int) -> NDArray[np.int64]:
    # kinds of queries come in turn, so blocks of neighbours hold some of each
    return np.arange(n_queries) * N_FOLDS // n_queries


def _owner_folds(owners: NDArray[np.int64]) -> NDArray[np.int64]:
    _, place = np.unique(owners, return_inverse=True)
    return np.asarray(place % min(N_FOLDS, place.max() + 1), dtype=np.int64)


def _choose_penalty(
    x: Array, y: Array, target: Array, theory: Array, folds: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> tuple[float, Array]:
    """Return the penalty that predicts left-out queries on left-out recordings best, and those predictions."""
    best, best_error, best_predictions = np.inf, np.inf, np.zeros_like(target)
    for penalty in reversed(PENALTIES):
        predictions = np.zeros_like(target)
        for q in range(N_FOLDS):
            rows = folds[0] == q
            for i in np.unique(folds[1]):
                columns = folds[1] == i
                form = _solve(x[~rows], y[~columns], target[np.ix_(~rows, ~columns)], theory, penalty)
                predictions[np.ix_(rows, columns)] = x[rows] @ form @ y[columns].T
        error = float(np.square(target - predictions).mean())
        if error < best_error * (1 - 1e-3):
            best, best_error, best_predictions = penalty, error, predictions
    return best, best_predictions


def _cut(form: Array, item_rows: Array, n_dims: int) -> tuple[Array, Array]:
    """Return maps of queries [shape=(n_x, d)] and items [shape=(d, n_y)] whose product is the form, cut to rank d."""
    covariance = item_rows.T @ item_rows / len(item_rows)
    values, vectors = np.linalg.eigh(form @ covariance @ form.T)
    keep = np.argsort(-values)[:n_dims]
    query_map = _same_signs(vectors[:, keep].T).T
    return query_map, query_map.T @ form


# -- uncertainty and familiarity --------------------------------------------------------------------


def _fit_uncertainty(
    arrays: dict[str, Array],
    taught: Features,
    owners: NDArray[np.int64],
    x: Array,
    target: Array,
    predicted: Array,
    folds: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> dict[str, Any]:
    residual = target - predicted
    leverage = np.empty(len(x))
    for q in range(N_FOLDS):
        rows = folds[0] == q
        leverage[rows] = leverage_of(x[rows], np.linalg.inv(x[~rows].T @ x[~rows] + np.eye(x.shape[1])))
    size = log_size(taught, arrays["size"][0])
    floor = 1e-6 * max(float(np.square(residual).mean()), TINY)
    logs = np.log(np.square(residual) + floor) - LOG_CHI2
    on_size = _slope(size, logs.mean(axis=0))
    on_leverage = max(0.0, _slope(np.log(leverage), logs.mean(axis=1)))
    constant = float(np.mean(logs) - on_size * size.mean() - on_leverage * np.log(leverage).mean())
    spread = np.exp(0.5 * (constant + on_size * size[None] + on_leverage * np.log(leverage)[:, None]))
    _, place = np.unique(owners, return_inverse=True)
    ratio = np.abs(_means(residual, place)) / np.maximum(_means(spread, place), TINY)
    arrays["variance"] = np.array([constant, on_size, on_leverage])
    arrays["coverage"] = np.array([max(float(np.quantile(ratio, COVERAGE)) / NORMAL_90, 1e-6)])
    item_target, item_predicted = _means(target, place), _means(predicted, place)
    return {
        "explained": 1 - float(np.square(residual).sum() / max(np.square(target).sum(), TINY)),
        "rank_correlation": _mean_rank_correlation(item_target, item_predicted),
    }


def _slope(x: Array, y: Array) -> float:
    centred = x - x.mean()
    energy = float(centred @ centred)
    return float(centred @ y) / energy if energy > 1e-9 else 0.0


def _means(values: Array, place: NDArray[np.int64]) -> Array:
    """Average columns to recordings [shape=(n_queries, n_recordings)]."""
    total = np.zeros((values.shape[0], place.max() + 1))
    np.add.at(total.T, place, values.T)
    return total / np.bincount(place)


def _mean_rank_correlation(a: Array, b: Array) -> float:
    from scipy.stats import rankdata

    ranks = [rankdata(rows, axis=1) for rows in (a, b)]
    left, right = (rows - rows.mean(axis=1, keepdims=True) for rows in ranks)
    length = np.sqrt(np.square(left).sum(axis=1) * np.square(right).sum(axis=1))
    return float(np.mean((left * right).sum(axis=1) / np.maximum(length, TINY)))


def _fit_familiarity(arrays: dict[str, Array], places: Array, folds: NDArray[np.int64]) -> None:
    distances = np.empty(len(places))
    for q in range(N_FOLDS):
        rows = folds == q
        distances[rows] = distance_of(places[rows], *_shape_of(places[~rows]))
    arrays["known_distances"] = np.sort(distances)
    arrays["place_mean"], arrays["place_precision"] = _shape_of(places)


def _shape_of(places: Array) -> tuple[Array, Array]:
    mean = places.mean(axis=0)
    centred = places - mean
    covariance = centred.T @ centred / len(places)
    spread = np.diag(covariance)
    # shrunk towards independent places: there are hardly more queries than figures per query
    shrunk = 0.7 * covariance + np.diag(0.3 * spread + 1e-3 * float(spread.mean()) + 1e-9)
    return mean, np.linalg.inv(shrunk)
