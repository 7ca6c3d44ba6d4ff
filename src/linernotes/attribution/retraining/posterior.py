"""The posterior over item effects: an influence function as the mean, a gradient kernel as the covariance.

    y = X w + e,   w ~ N(a τ, s² A C Aᵀ),   e ~ N(0, σ²),   C = K + κ
    w | y = a τ + A C Aᵀ Xᵀ (X A C Aᵀ Xᵀ + ρ)⁻¹ (y − a X τ)

Conventions
-----------
``K`` [shape=(n_segments, n_segments)] is a kernel of corpus segments; A averages the segments of an item; X is who
was shown, less column means [shape=(n_outcomes, n_items)]. ``own`` is κ over the mean diagonal of K: what of an effect no
likeness foretells. ``noise`` is σ² over the mean prior variance of an
outcome. Everything is computed for segments; the mean over an item's segments is the item's.

References
----------
Rasmussen and Williams (2006), "Gaussian processes for machine learning", sections 2.2 and 2.7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

TINY = 1e-30


@dataclass(frozen=True)
class Posterior:
    """What does not depend on the query.

    Parameters
    ----------
    inverse : NDArray [shape=(n_segments, n_segments)]
        (K + λ)⁻¹.
    shown : NDArray [shape=(n_outcomes, n_segments)]
        X A: membership of each segment's item, centred, over the item's number of segments.
    spread : NDArray [shape=(n_segments, n_outcomes)]
        C Aᵀ Xᵀ over the mean prior variance of an outcome.
    gain : NDArray [shape=(n_outcomes, n_outcomes)]
        (X A C Aᵀ Xᵀ / variance + ρ)⁻¹.
    """

    inverse: NDArray[np.float64]
    shown: NDArray[np.float64]
    spread: NDArray[np.float64]
    gain: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        kernel: NDArray[np.float64],
        item_of: NDArray[np.int64],
        shown: NDArray[np.bool_],
        *,
        ridge: float,
        own: float,
        noise: float,
    ) -> Posterior:
        """Prepare the posterior of a kernel and a design."""
        n_segments = len(kernel)
        scale = max(float(np.trace(kernel)) / n_segments, TINY)
        damped = cho_factor(kernel / scale + ridge * np.eye(n_segments))
        inverse = cho_solve(damped, np.eye(n_segments)) / scale
        centred = shown - shown.mean(axis=0)
        by_segment = centred[:, item_of] / np.bincount(item_of)[item_of]
        spread = kernel @ by_segment.T + own * scale * by_segment.T
        covariance = by_segment @ spread
        variance = max(float(np.trace(covariance)) / len(covariance), TINY)
        gain = cho_solve(
            cho_factor(covariance / variance + noise * np.eye(len(covariance))), np.eye(len(covariance))
        )
        return cls(inverse, by_segment, spread / variance, gain)

    def segment_scores(
        self, likeness: NDArray[np.float64], outcomes: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the posterior mean effect of every segment's item.

        Parameters
        ----------
        likeness : NDArray [shape=(n_segments, n_replicates)]
            Kernel of corpus segments and query.
        outcomes : NDArray [shape=(n_outcomes, n_replicates)]
            Minus the query's loss under each sibling.

        Returns
        -------
        NDArray [shape=(n_segments, n_replicates), float64]
        """
        influence = self.inverse @ likeness
        predicted = self.shown @ influence
        observed = outcomes - outcomes.mean(axis=0)
        slope = (predicted * observed).sum(axis=0) / np.maximum((predicted**2).sum(axis=0), TINY)
        slope = np.maximum(slope, 0.0)
        scores: NDArray[np.float64] = slope * influence + self.spread @ (
            self.gain @ (observed - slope * predicted)
        )
        return scores
