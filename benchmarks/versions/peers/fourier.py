"""Two-dimensional Fourier transform magnitude of chroma: one vector per recording, no alignment.

References
----------
Bertin-Mahieux, Ellis (2012), "Large-scale cover song recognition using the 2D Fourier transform magnitude",
ISMIR.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PATCH = 75


def fourier_vector(chroma: npt.NDArray[np.float32], n_patch: int = PATCH) -> npt.NDArray[np.float32]:
    """Return the median magnitude over patches of *n_patch* frames [shape=(12 * n_patch,)], of length 1."""
    powered = chroma / np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-6)
    if len(powered) < n_patch:
        powered = np.pad(powered, ((0, n_patch - len(powered)), (0, 0)), mode="wrap")
    patches = np.lib.stride_tricks.sliding_window_view(powered, n_patch, axis=0)[::4]
    vector = np.median(np.abs(np.fft.fft2(patches)), axis=0).ravel()
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
