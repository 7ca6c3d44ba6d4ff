"""What one dimension says beyond the other, written out place by place."""

import math


def log_odds(a, b, i, j, limit=20.0):
    """Return the clipped log-odds of one frame of A and one of B; sides are (vectors, costs)."""
    (left, left_costs), (right, right_costs) = a, b
    product = sum(x * y for x, y in zip(left[i], right[j], strict=True))
    return min(max(product - left_costs[i] - right_costs[j], -limit), limit)


def slow_beyond(one, other, at, apart, softness):
    """Return for every step its own log-odds less the mean of far places, weighted by what the other dimension lacks."""
    found = []
    for t in range(len(at)):
        reference = max(log_odds(*other, t, t), 0.0)
        total, weights = 0.0, 0.0
        for s in range(len(at)):
            if abs(at[t] - at[s]) <= apart:
                continue
            lacking = min(log_odds(*other, t, s) - reference, 0.0)
            weight = max(math.exp(lacking / softness), 1e-9)
            total += weight * log_odds(*one, t, s)
            weights += weight
        found.append(log_odds(*one, t, t) - total / weights if weights else 0.0)
    return found
