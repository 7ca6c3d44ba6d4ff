"""Best pairs without replacement and its relatives, written out in plain Python."""

from __future__ import annotations


def slow_best_pairs(distances, r):
    """Sort all entries, take each whose row and column are still free, until there are *r*."""
    entries = [(value, i, j) for i, row in enumerate(distances) for j, value in enumerate(row)]
    rows, columns, found = set(), set(), []
    for _, i, j in sorted(entries):
        if i not in rows and j not in columns and len(found) < r:
            rows.add(i)
            columns.add(j)
            found.append((i, j))
    return found


def slow_distance(u, v):
    """Squared Euclidean distance over the dimension."""
    return sum((x - y) ** 2 for x, y in zip(u, v, strict=True)) / len(u)


def slow_mean_of_minima(distances):
    """Mean of row minima and mean of column minima, averaged."""
    rows = [min(row) for row in distances]
    columns = [min(row[j] for row in distances) for j in range(len(distances[0]))]
    return (sum(rows) / len(rows) + sum(columns) / len(columns)) / 2
