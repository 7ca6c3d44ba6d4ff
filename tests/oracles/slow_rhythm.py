"""Prewhitening and coincidence, written out: one sum per cell, one least-squares problem per recording."""

import itertools
import math

import numpy as np


def slow_without_loops(layers, nearest, farthest, ridge):
    """Solve for the weights of lags by building every predicting cell."""
    n_cells, n_layers = len(layers), len(layers[0])
    lags = [lag for lag in range(-farthest, farthest + 1) if abs(lag) >= nearest]

    def cell(k, layer):
        return float(layers[k][layer]) if 0 <= k < n_cells else 0.0

    # Products of the recording between silence: every lag sees the same energy.
    reach = range(-2 * farthest, n_cells + 2 * farthest)
    energy = sum(cell(k, c) ** 2 for k in reach for c in range(n_layers))
    normal = [
        [sum(cell(k - p, c) * cell(k - q, c) for k in reach for c in range(n_layers)) for q in lags]
        for p in lags
    ]
    for i in range(len(lags)):
        normal[i][i] += ridge * energy
    right = [sum(cell(k - p, c) * cell(k, c) for k in reach for c in range(n_layers)) for p in lags]
    weights = np.linalg.solve(np.array(normal), np.array(right))
    return [
        [
            cell(k, c) - sum(w * cell(k - lag, c) for w, lag in zip(weights, lags, strict=True))
            for c in range(n_layers)
        ]
        for k in range(n_cells)
    ]


def slow_coincidence(a, b, at_a, at_b, cap):
    """Correlate layer by layer, in plain sums."""
    n_layers = len(a[0])
    best = [-math.inf] * n_layers
    for late in (-1, 0, 1):
        pairs = [
            (i, j + late) for i, j in zip(at_a, at_b, strict=True) if i < len(a) and 0 <= j + late < len(b)
        ]
        for c in range(n_layers):
            product = sum(a[i][c] * b[j][c] for i, j in pairs)
            energy = math.sqrt(sum(a[i][c] ** 2 for i, _ in pairs) * sum(b[j][c] ** 2 for _, j in pairs))
            best[c] = max(best[c], product / max(energy, 1e-9))
    deviations = [min(max(value * math.sqrt(len(at_a)), -cap), cap) for value in best]
    return sum(deviations) / n_layers


def slow_flux(samples, rate, per_s, n_fft, edges_hz):
    """Rise of the log magnitude in bands, frame by frame, against the 99th percentile of all magnitudes."""

    padded = np.pad(np.asarray(samples, np.float64), (n_fft // 2, n_fft))
    starts = [round(frame * rate / per_s) for frame in range(int(len(samples) / rate * per_s))]
    magnitudes = [np.abs(np.fft.rfft(padded[at : at + n_fft] * np.hanning(n_fft))) for at in starts]
    loud = float(np.percentile(magnitudes, 99)) or 1.0
    logs = [np.log1p(100 * one / loud) for one in magnitudes]
    edges = [round(hz / rate * n_fft) for hz in edges_hz]
    flux = np.zeros((len(starts), len(edges) - 1))
    for frame in range(2, len(starts)):
        before = np.pad(logs[frame - 2], 1, mode="edge")
        strongest = np.maximum(np.maximum(before[:-2], before[1:-1]), before[2:])
        rise = np.maximum(logs[frame] - strongest, 0)
        flux[frame] = [rise[low:high].mean() for low, high in itertools.pairwise(edges)]
    return flux
