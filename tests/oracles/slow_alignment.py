"""The local alignment of `linernotes.versions.alignment`, written out in plain Python."""

from __future__ import annotations


def slow_evidence(a, b, width, threshold, usual):
    """``s[i][j]``: centred mean along the diagonal, cut at the borders, divided by the full width."""
    n, m = len(a), len(b)
    dot = [[sum(x * y for x, y in zip(a[i], b[j], strict=True)) for j in range(m)] for i in range(n)]
    row = [sum(dot[i]) / m for i in range(n)]
    column = [sum(dot[i][j] for i in range(n)) / n for j in range(m)]
    half = width // 2
    s = [[0.0] * m for _ in range(n)]
    for i in range(n):
        for j in range(m):
            total = 0.0
            for k in range(-half, half + 1):
                if 0 <= i + k < n and 0 <= j + k < m:
                    total += dot[i + k][j + k] - usual * (row[i + k] + column[j + k]) / 2
            s[i][j] = total / (2 * half + 1) - threshold
    return s


def slow_best_path(s, gap):
    """Return (score, [(i, j), ...]) of the best path by recursion over end points."""
    n, m = len(s), len(s[0])
    memory = {}

    def ending_at(i, j):
        """Best score and path that ends in (i, j); (0, []) where no path with a positive sum ends there."""
        if i < 0 or j < 0:
            return 0.0, []
        if (i, j) not in memory:
            score, path = 0.0, []
            for (k, m_), cost in (((i - 1, j - 1), 0.0), ((i - 2, j - 1), gap), ((i - 1, j - 2), gap)):
                before, steps = ending_at(k, m_)
                if before - cost > score:
                    score, path = before - cost, steps
            score += s[i][j]
            memory[i, j] = (score, [*path, (i, j)]) if score > 0 else (0.0, [])
        return memory[i, j]

    best = (0.0, [])
    for i in range(n):
        for j in range(m):
            found = ending_at(i, j)
            if found[0] > best[0]:
                best = found
    return best
