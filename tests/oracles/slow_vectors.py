"""The nearest rounded vectors, one pair at a time."""

import numpy as np


def slow_rounded(vector):
    """Return whole numbers and a scale."""
    largest = np.float32(max((abs(x) for x in vector), default=0.0))
    scale = np.float32(largest / 127)
    if scale == 0:
        return [0] * len(vector), scale
    return [int(np.clip(np.rint(np.float32(x) / scale), -127, 127)) for x in vector], scale


def slow_nearest(vectors, queries, k, removed=frozenset()):
    """Return rows and distances [lists of lists], nearest first, equal ones by row."""
    stored = [slow_rounded(vector) for vector in vectors]
    found = []
    for query in queries:
        code, scale = slow_rounded(query)
        own = np.float32(np.float32(scale * scale) * np.float32(sum(c * c for c in code)))
        told = []
        for row, (other, its_scale) in enumerate(stored):
            if row in removed:
                continue
            product = sum(a * b for a, b in zip(code, other, strict=True))
            square = np.float32(np.float32(its_scale * its_scale) * np.float32(sum(c * c for c in other)))
            factor = np.float32(-2 * scale)
            value = np.float32(square + np.float32(np.float32(factor * its_scale) * np.float32(product)))
            told.append((value, row))
        told.sort()
        found.append(
            [
                (row, max(np.float32(value + own), np.float32(0)) / np.float32(len(query)))
                for value, row in told[:k]
            ]
        )
    return found
