"""A student of a counterfactual method: embeddings whose inner product predicts the teacher's scores.

With x_q a query's row of features (unit gradient in the corpus's principal directions, hidden states, 1) and y_i an
item segment's (gradient, hidden states, size, loss, 1; see `features`),

    score(q, i) ≈ s_q x_qᵀ M y_i,       log s_q = w · (1, log loss_q, log |u_q|²).

M, of low rank, is kept as two maps, one for queries and one for items; `distillation` learns it. The standard
deviation of a prediction is a part of the query (its leverage) times a part of the segment (its size). Whether a
query is like what the student learnt from is asked by its Mahalanobis distance, as a conformal p-value.

References
----------
Vovk, Gammerman, Shafer (2005), "Algorithmic learning in a random world" (conformal p-values); and see `distillation`.

Known limits
------------
The student inherits the teacher's errors. Coverage holds for queries and recordings exchangeable with those it
learnt from, not for each one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.fast.features import Features

Array = NDArray[np.float64]

TINY = 1e-12


@dataclass(frozen=True)
class Student:
    """What was learnt; made by `distillation.fit_student`, kept as plain arrays.

    Parameters
    ----------
    arrays : dict of NDArray
        Projections, maps, and the figures of uncertainty and familiarity.
    report : dict
        How well it predicted what was left out, and the penalty chosen.
    """

    arrays: dict[str, Array]
    report: dict[str, Any]

    @property
    def n_dims(self) -> int:
        """Length of an embedding."""
        return int(self.arrays["query_map"].shape[1])

    @property
    def smallest_p_value(self) -> float:
        """The p-value of a query that lies farther out than all teaching queries."""
        return 1.0 / (1 + len(self.arrays["known_distances"]))

    def embed_items(self, features: Features) -> NDArray[np.float32]:
        """Return the embeddings of item segments [shape=(n, n_dims), float32]."""
        return np.asarray(self.item_rows(features) @ self.arrays["item_map"].T, dtype=np.float32)

    def item_spread(self, features: Features) -> NDArray[np.float32]:
        """Return each segment's part of the predicted standard deviation [shape=(n,)]."""
        _, on_size, _ = self.arrays["variance"]
        size = log_size(features, self.arrays["size"][0])
        return np.asarray(np.exp(0.5 * on_size * size), dtype=np.float32)

    def embed_query(self, features: Features, rows: Array | None = None) -> NDArray[np.float64]:
        """Return the embedding of one query [shape=(n_dims,)]; its inner product with an item's is the score.

        *rows* are `query_rows` of the features, for who needs them more than once: they are most of the work.
        """
        rows = self.query_rows(features) if rows is None else rows
        embedding: Array = self.scale(features)[0] * (rows[0] @ self.arrays["query_map"])
        return embedding

    def query_spread(self, features: Features, rows: Array | None = None) -> float:
        """Return the query's part of the predicted standard deviation; times `item_spread` it is the whole."""
        constant, _, on_leverage = self.arrays["variance"]
        rows = self.query_rows(features) if rows is None else rows
        leverage = leverage_of(rows, self.arrays["precision"])[0]
        log_variance = constant + on_leverage * np.log(leverage)
        return float(self.scale(features)[0] * self.arrays["coverage"][0] * np.exp(0.5 * log_variance))

    def familiarity(self, features: Features, rows: Array | None = None) -> float:
        """Return the chance that a query like the teaching ones lies as far out: a conformal p-value in (0, 1]."""
        known = self.arrays["known_distances"]
        distance = distance_of(
            self.place(features, rows), self.arrays["place_mean"], self.arrays["place_precision"]
        )
        return float((1 + (known >= distance[0]).sum()) / (1 + len(known)))

    # -- rows of features -----------------------------------------------------------------------

    def _gradients(self, features: Features) -> Array:
        return np.asarray(features.sketch, dtype=np.float64) @ self.arrays["directions"].T

    def _hidden(self, features: Features) -> Array:
        centred = np.asarray(features.hidden, dtype=np.float64) - self.arrays["hidden_mean"]
        rows: Array = np.clip(centred @ self.arrays["hidden_map"].T, -4, 4)
        scaled: Array = rows / np.sqrt(max(1, rows.shape[1]))
        return scaled

    def query_rows(self, features: Features) -> Array:
        """Return x: unit gradients, hidden states, 1 [shape=(n, n_x)]."""
        length = np.sqrt(np.maximum(features.strength.astype(np.float64), TINY))[:, None]
        return np.hstack([self._gradients(features) / length, self._hidden(features), np.ones_like(length)])

    def item_rows(self, features: Features) -> Array:
        """Return y: gradients, hidden states, size, loss, 1 [shape=(n, n_y)]."""
        size, loss_mean, loss_std = self.arrays["size"]
        relative = features.strength.astype(np.float64)[:, None] / size
        loss = np.clip((features.loss.astype(np.float64)[:, None] - loss_mean) / loss_std, -4, 4)
        gradients = self._gradients(features) / np.sqrt(size)
        return np.hstack([gradients, self._hidden(features), relative, loss, np.ones_like(loss)])

    def scale(self, features: Features) -> Array:
        """Return how large a query's scores are at all [shape=(n,)]."""
        scale: Array = np.exp(np.clip(scale_facts(features) @ self.arrays["scale"], -60, 60))
        return scale

    def place(self, features: Features, rows: Array | None = None) -> Array:
        """Return where queries lie, in the few figures by which unfamiliar ones are known [shape=(n, n_figures)]."""
        rows = self.query_rows(features) if rows is None else rows
        n_gradient = len(self.arrays["directions"])
        caught = np.square(rows[:, :n_gradient]).sum(axis=1, keepdims=True)
        few = rows[:, : min(16, n_gradient)]
        return np.hstack([few, rows[:, n_gradient:-1], caught, scale_facts(features)[:, 1:]])


def scale_facts(features: Features) -> Array:
    """Return what a query's scale is read from: 1, log loss, log squared length [shape=(n, 3)]."""
    loss = np.log(np.maximum(features.loss.astype(np.float64), TINY))
    strength = np.log(np.maximum(features.strength.astype(np.float64), TINY))
    return np.stack([np.ones_like(loss), loss, strength], axis=1)


def leverage_of(rows: Array, precision: Array) -> Array:
    """Return by how much more than the noise predictions for these rows vary, at least 1 [shape=(n,)]."""
    leverage: Array = 1.0 + np.einsum("ij,jk,ik->i", rows, precision, rows)
    return leverage


def log_size(features: Features, mean_strength: float) -> Array:
    """Return the logarithm of squared gradients' lengths in units of their mean, within ±8 [shape=(n,)]."""
    return np.clip(np.log(np.maximum(features.strength.astype(np.float64), TINY) / mean_strength), -8, 8)


def distance_of(places: Array, mean: Array, precision: Array) -> Array:
    """Return squared Mahalanobis distances [shape=(n,)]."""
    centred = places - mean
    distance: Array = np.einsum("ij,jk,ik->i", centred, precision, centred)
    return distance
