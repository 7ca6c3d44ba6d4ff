"""The phrase network written out: one output value at a time, straight from the definition of a convolution."""

import numpy as np


def slow_phrases(frames, weights, dilations):
    """Return vectors [shape=(n_frames, 12 * n_kept)] and costs [shape=(n_frames,)]."""
    x = frames.reshape(len(frames), 3, 12).transpose(0, 2, 1).astype(float)
    plain, spread = (
        slow_circle_convolution(x, weights["linear"]),
        slow_circle_convolution(x, weights["spread"]),
    )
    hidden = np.maximum(slow_circle_convolution(x, weights["first"]) + weights["first.bias"], 0)
    for at, dilation in enumerate(dilations):
        added = slow_circle_convolution(hidden, weights[f"block{at}"], dilation) + weights[f"block{at}.bias"]
        hidden = hidden + np.maximum(added, 0)
    heads = slow_circle_convolution(hidden, weights["head"]) + weights["head.bias"] + plain
    vectors, costs = [], []
    for t in range(len(x)):
        vectors.append([heads[t, p, k] for k in range(heads.shape[2]) for p in range(12)])
        pooled = np.concatenate([hidden[t].max(axis=0), hidden[t].mean(axis=0)])
        inner = np.maximum(pooled @ weights["pool"] + weights["pool.bias"], 0)
        further = float((inner @ weights["cost"])[0] + weights["cost.bias"][0])
        costs.append(sum(v * v for v in spread[t].ravel()) - float(weights["constant"][0]) / 2 + further)
    return np.array(vectors), np.array(costs)


def slow_circle_convolution(x, taps, dilation=1):
    """Convolve [shape=(n_frames, 12, n_in)] around the circle and over time, its ends repeated."""
    n_taps = len(taps)
    out = np.zeros((len(x), 12, taps.shape[3]))
    for t in range(len(x)):
        for q in range(12):
            for i in range(n_taps):
                at = min(max(t + (i - n_taps // 2) * dilation, 0), len(x) - 1)
                for j in range(12):
                    out[t, q] += x[at, (q + j) % 12] @ taps[i, j].astype(float)
    return out
