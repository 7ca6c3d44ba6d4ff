"""One 32-bit number for a whole fingerprint: equal recordings give numbers that differ in few bits.

It tells near-identical files apart from others without reading their fingerprints; it says nothing
about excerpts.

References
----------
Charikar (2002), "Similarity estimation techniques from rounding algorithms", STOC. The threshold (more
than half of the values, rounded down) is that of ``chromaprint_hash_fingerprint``.
"""

from __future__ import annotations

import numpy as np

from linernotes.fingerprint.chromaprint.prints import Chromaprint


def simhash(fingerprint: Chromaprint) -> int:
    """Return the number whose bits are those that most values have; 0 for an empty fingerprint.

    Examples
    --------
    >>> simhash(Chromaprint.of([0b110, 0b100, 0b101]))
    4
    """
    little = np.ascontiguousarray(fingerprint.values, "<u4").view(np.uint8)
    ones = np.unpackbits(little, bitorder="little").reshape(-1, 32).sum(axis=0, dtype=np.int64)
    return int((np.int64(1) << np.flatnonzero(ones > len(fingerprint) // 2)).sum())
