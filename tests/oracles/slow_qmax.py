"""Qmax cell by cell, as the paper writes it: mutual neighbours by sorting, the cumulative matrix by its formula."""

import numpy as np


def recurrence(a, b, n_stack, kappa):
    """Return the cross-recurrence plot of two chroma sequences."""

    def embed(x):
        scaled = [frame / max(frame.max(), 1e-6) for frame in x]
        return [np.concatenate(scaled[i : i + n_stack]) for i in range(len(x) - n_stack + 1)]

    a, b = embed(a), embed(b)
    distances = np.array([[np.sum((x - y) ** 2) for y in b] for x in a])
    plot = np.zeros(distances.shape, bool)
    for i in range(len(a)):
        for j in range(len(b)):
            row_limit = sorted(distances[i])[max(1, round(kappa * len(b))) - 1]
            column_limit = sorted(distances[:, j])[max(1, round(kappa * len(a))) - 1]
            plot[i, j] = distances[i, j] <= row_limit and distances[i, j] <= column_limit
    return plot


def longest_path(plot, onset, extension):
    """Return the largest value of the cumulative matrix Q."""
    q = np.zeros(plot.shape)

    def gap(i, j):
        return onset if plot[i, j] else extension

    for i in range(2, plot.shape[0]):
        for j in range(2, plot.shape[1]):
            steps = ((i - 1, j - 1), (i - 2, j - 1), (i - 1, j - 2))
            if plot[i, j]:
                q[i, j] = max(q[step] for step in steps) + 1
            else:
                q[i, j] = max(0, *(q[step] - gap(*step) for step in steps))
    return q.max()
