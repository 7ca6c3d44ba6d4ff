"""A Chromaprint fingerprint as a value: a row of 32-bit numbers, and the number of its algorithm.

Each number (a *sub-fingerprint*) says how the energy of the twelve pitch classes is distributed over
2.4 seconds of audio; numbers follow one another every 0.124 s.

Conventions
-----------
Values are ``[shape=(n,), uint32]``. Number *i* is centred on `centre_s` of *i*; it was computed from
the audio between ``i * ITEM_S`` and ``i * ITEM_S + SUPPORT_S``. Algorithms are numbered as in the
header of the compressed form: 0 is "TEST1", 1 is "TEST2" (the default, the only one that AcoustID keeps),
and so on; ``fpcalc -algorithm`` counts from 1.

References
----------
Lalinský (2011), "How does Chromaprint work?", https://oxygene.sk/2011/01/how-does-chromaprint-work/
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linernotes.errors import InputError

SAMPLE_RATE = 11025
FRAME_LENGTH = 4096
HOP_LENGTH = FRAME_LENGTH // 3  # frames overlap by two thirds
N_SMOOTHED = 5  # frames that the temporal filter spans
N_COLUMNS = 16  # smoothed frames that the widest classifier spans
N_FRAMES = N_SMOOTHED + N_COLUMNS - 1  # frames behind one number

ITEM_S = HOP_LENGTH / SAMPLE_RATE
SUPPORT_S = ((N_FRAMES - 1) * HOP_LENGTH + FRAME_LENGTH) / SAMPLE_RATE

DEFAULT_ALGORITHM = 1
MAX_LENGTH = (1 << 24) - 1  # the header keeps the length in three bytes


@dataclass(frozen=True, slots=True, eq=False)
class Chromaprint:
    """A raw fingerprint.

    Parameters
    ----------
    values : NDArray[np.uint32] [shape=(n,)]
        Sub-fingerprints, one every `ITEM_S` seconds.
    algorithm : int in [0, 255]
        Number of the algorithm, as in the compressed form.

    Raises
    ------
    InputError
        If the algorithm's number does not fit a byte, or the values are not a row of 32-bit numbers.

    Examples
    --------
    >>> fingerprint = Chromaprint.of([19681, 22345, 312312])
    >>> len(fingerprint), round(fingerprint.duration_s, 2)
    (3, 2.97)
    """

    values: NDArray[np.uint32]
    algorithm: int = DEFAULT_ALGORITHM

    def __post_init__(self) -> None:
        if not 0 <= self.algorithm <= 255:
            raise InputError(f"algorithm {self.algorithm}: expected a number from 0 to 255")
        if self.values.dtype != np.uint32 or self.values.ndim != 1:
            raise InputError(
                f"fingerprint of {self.values.dtype} {self.values.shape}: expected a row of uint32"
            )

    @classmethod
    def of(cls, values: ArrayLike, algorithm: int = DEFAULT_ALGORITHM) -> Chromaprint:
        """Make a fingerprint of whole numbers; negative ones are read as signed 32-bit numbers.

        Raises
        ------
        InputError
            If a number does not fit 32 bits, or is no whole number.

        Examples
        --------
        >>> Chromaprint.of([-1, 5]).values
        array([4294967295,          5], dtype=uint32)
        """
        array = np.asarray(values)
        if array.size == 0:
            return cls(np.zeros(0, np.uint32), algorithm)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise InputError(f"fingerprint of {array.dtype} {array.shape}: expected a row of whole numbers")
        lowest, highest = int(array.min()), int(array.max())
        if lowest < -(1 << 31) or highest >= 1 << 32 or (lowest < 0 and highest >= 1 << 31):
            raise InputError(
                f"fingerprint with numbers from {lowest} to {highest}: expected 32-bit numbers, "
                "all unsigned or all signed"
            )
        return cls((array.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32), algorithm)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def duration_s(self) -> float:
        """Seconds of audio behind the fingerprint; 0 when it is empty."""
        return (len(self) - 1) * ITEM_S + SUPPORT_S if len(self) else 0.0


def centre_s(item: float) -> float:
    """Return the middle, in seconds, of the audio behind a sub-fingerprint.

    Examples
    --------
    >>> round(centre_s(0), 3)
    1.362
    """
    return item * ITEM_S + SUPPORT_S / 2


def n_items(n_samples: int) -> int:
    """Return how many sub-fingerprints so many samples at 11,025 Hz give.

    Examples
    --------
    >>> n_items(30_030), n_items(30_031), n_items(120 * SAMPLE_RATE)
    (0, 1, 948)
    """
    n_frames = max(0, (n_samples - FRAME_LENGTH) // HOP_LENGTH + 1) if n_samples >= FRAME_LENGTH else 0
    return max(0, n_frames - N_FRAMES + 1)
