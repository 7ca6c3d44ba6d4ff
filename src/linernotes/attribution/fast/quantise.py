"""Embeddings as bytes: eight bits per number and one scale per row.

    code_ij = round(127 e_ij / max_j |e_ij|),     e_ij ≈ scale_i code_ij.

A query is rounded to sixteen bits. Inner products of codes are whole numbers below 2³¹ for up to 500
dimensions, so that they are the same on every machine, in any order, with any vector instructions.

References
----------
Jacob et al. (2018), "Quantization and training of neural networks for efficient integer-arithmetic-only
inference".

Known limits
------------
Rounding adds an error of at most ``scale_i / 2`` per dimension: about 0.2 % of a row's largest number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError

ITEM_LEVELS = 127
QUERY_LEVELS = 32767
MOST_DIMS = 500  # 127 * 32767 * 500 < 2**31


def quantise_items(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return codes [shape=(n, d), int8] and scales [shape=(n,), float32].

    Raises
    ------
    InputError
        If a number is not finite or there are more dimensions than whole numbers can add up.

    Examples
    --------
    >>> codes, scales = quantise_items(np.float32([[1.0, -2.0], [0.0, 0.0]]))
    >>> codes.tolist(), (codes[0] * scales[0]).round(2)
    ([[64, -127], [0, 0]], array([ 1.01, -2.  ], dtype=float32))
    """
    if rows.shape[1] > MOST_DIMS:
        raise InputError(f"{rows.shape[1]} dimensions; expected at most {MOST_DIMS}")
    if not np.isfinite(rows).all():
        raise InputError("embeddings hold values that are not numbers; fit the student again")
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scales = np.asarray(largest / ITEM_LEVELS, dtype=np.float32)
    codes = np.rint(rows / np.where(scales > 0, scales, 1)[:, None])
    return np.clip(codes, -ITEM_LEVELS, ITEM_LEVELS).astype(np.int8), scales


def quantise_query(row: NDArray[np.float64]) -> tuple[NDArray[np.int16], float]:
    """Return codes [shape=(d,), int16] and their scale.

    Examples
    --------
    >>> quantise_query(np.array([0.5, -1.0]))[0].tolist()
    [16384, -32767]
    """
    scale = float(np.abs(row).max(initial=0.0)) / QUERY_LEVELS
    return np.rint(row / (scale or 1.0)).astype(np.int16), scale
