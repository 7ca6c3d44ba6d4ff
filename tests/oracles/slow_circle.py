"""Convolution round the circle of pitch and folding into registers, written out in plain Python."""

from __future__ import annotations


def slow_circular_conv(x, kernel, stride):
    """``out[o][p][t] = sum over i, k, f of kernel[o][i][k][f] * x[i][(p + k) mod 12][t * stride + f - half]``."""
    n_out, n_in, n_frames = len(kernel), len(x), len(x[0][0])
    width = len(kernel[0][0][0])
    half = width // 2
    positions = range(0, n_frames + 2 * half - width + 1, stride)
    out = [[[0.0 for _ in positions] for _ in range(12)] for _ in range(n_out)]
    for o in range(n_out):
        for p in range(12):
            for at, first in enumerate(positions):
                for i in range(n_in):
                    for k in range(12):
                        for f in range(width):
                            t = first + f - half
                            if 0 <= t < n_frames:
                                out[o][p][at] += kernel[o][i][k][f] * x[i][(p + k) % 12][t]
    return out


def slow_fold(magnitudes, registers):
    """Square root, less the mean of the bins up to six away, cut at 0, over the maximum, summed by windows."""
    n_bins, n_frames = len(magnitudes), len(magnitudes[0])
    root = [[value**0.5 for value in row] for row in magnitudes]
    white = [[0.0] * n_frames for _ in range(n_bins)]
    for b in range(n_bins):
        near = range(max(0, b - 6), min(n_bins, b + 7))
        for t in range(n_frames):
            white[b][t] = max(0.0, root[b][t] - sum(root[n][t] for n in near) / len(near))
    largest = max(map(max, white)) + 1e-6
    step = (n_bins - 18 - 12) / (registers - 1)
    out = [[[0.0] * n_frames for _ in range(12)] for _ in range(registers)]
    for r in range(registers):
        for b in range(n_bins):
            window = max(0.0, 1 - abs(b - (12 + r * step)) / step)
            for t in range(n_frames):
                out[r][b % 12][t] += window * white[b][t] / largest
    return out
