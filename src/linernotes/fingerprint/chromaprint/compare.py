"""Two fingerprints side by side: how much they agree, and where.

References
----------
Haitsma, Kalker (2002), "A highly robust audio fingerprinting system", ISMIR.
"""

from __future__ import annotations

from linernotes.catalog.recording import Recording
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.fingerprint.chromaprint.search import Alignment, search


def compare(query: Chromaprint, reference: Chromaprint) -> Alignment | None:
    """Return the best alignment of two fingerprints, or None when they share no half of a number.

    The score says how much they agree; `linernotes.fingerprint.chromaprint.chance.false_match_rate` says
    how often unrelated music agrees as much.

    Raises
    ------
    InputError
        If the reference is empty or of an algorithm that cannot be compared.

    Examples
    --------
    >>> import numpy as np
    >>> numbers = np.random.default_rng(0).integers(0, 2**32, 60, np.uint32)
    >>> best = compare(Chromaprint(numbers[20:]), Chromaprint(numbers))
    >>> best.reference_first - best.query_first, best.bit_error_rate
    (20, 0.0)
    """
    nameless = Recording(recording_id="reference", title="", artist="")
    index = PrintIndex.empty().add([(nameless, reference.duration_s, reference)])
    found = search(query, index)
    return found[0] if found else None
