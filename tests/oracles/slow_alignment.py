"""The local alignment of `linernotes.versions.alignment`, written out in plain Python."""

from __future__ import annotations


def slow_gains(x, rows, columns, floor, ceiling):
    """``s[i][j]``: likeness less the costs of both frames, clipped."""
    return [
        [min(max(value - row - column, floor), ceiling) for value, column in zip(line, columns, strict=True)]
        for line, row in zip(x, rows, strict=True)
    ]


def slow_log_odds(a, b, rho):
    """Log-odds that two Gaussian figures of unit variance are correlated by *rho* rather than independent."""
    import math

    joint = (a * a - 2 * rho * a * b + b * b) / (1 - rho * rho)
    return -0.5 * math.log(1 - rho * rho) - 0.5 * joint + 0.5 * (a * a + b * b)


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


def slow_growth(s, limit, gap, drop):
    """Return the cells from (0, 0) to the best sum of clipped gains; cells *drop* below the best before them are dead.

    "Before" is row by row, in a row from left to right.
    """
    alive, best, end = {}, float("-inf"), (0, 0)
    for i in range(len(s)):
        for j in range(len(s[0])):
            steps = [((i - 1, j - 1), 0.0), ((i - 2, j - 1), gap), ((i - 1, j - 2), gap)]
            reached = [(alive[cell][0] - cost, cell) for cell, cost in steps if cell in alive]
            if (i, j) != (0, 0) and not reached:
                continue
            before, cell = max(reached, key=lambda one: one[0]) if reached else (0.0, None)
            value = before + min(max(s[i][j], -limit), limit)
            if value < best - drop:
                continue
            alive[i, j] = (value, cell)
            if value > best:
                best, end = value, (i, j)
    path = []
    while end is not None:
        path.append(end)
        end = alive[end][1]
    return path[::-1]


def slow_regrowth(s, path, settings):
    """Return a path with both ends grown anew over the whole matrix, from a little inside of it."""
    limit, gap, drop, inwards = settings
    inwards = min(inwards, len(path) // 3)
    first, last = path[inwards], path[len(path) - 1 - inwards]
    before = [row[first[1] :: -1] for row in s[first[0] :: -1]]
    after = [row[last[1] :] for row in s[last[0] :]]
    begin = [(first[0] - i, first[1] - j) for i, j in slow_growth(before, limit, gap, drop)]
    end = [(last[0] + i, last[1] + j) for i, j in slow_growth(after, limit, gap, drop)]
    middle = path[inwards + 1 : len(path) - 1 - inwards]
    return [*begin[::-1], *middle, *(end[1:] if first == last else end)]
