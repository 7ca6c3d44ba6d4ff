"""The line reader written out: one output value at a time, straight from the definition of a convolution."""

import numpy as np


def slow_lines(grid, weights, lowest_pitch=28):
    """Return probabilities of melody, bass, root and tones."""
    x = np.maximum(_conv(grid.transpose(1, 2, 0), weights, "first"), 0)
    x = x + np.maximum(_conv(x, weights, "near"), 0)
    x = x + np.maximum(_conv(x, weights, "octaves", 1, 12), 0)
    x = x + _dense(x, weights, "whole")[:, None]
    x = x + np.maximum(_conv(x, weights, "before", 3, 1), 0)
    x = x + np.maximum(_conv(x, weights, "around"), 0)
    x = x + np.maximum(_conv(x, weights, "phrase", 8, 1), 0)
    line, none = _conv(x, weights, "pitches"), _dense(x, weights, "none")
    folded = np.maximum(_conv(x, weights, "fold"), 0)
    classes = _circle(folded, weights, lowest_pitch)
    classes = classes + np.maximum(_conv(classes, weights, "bars", 3, 1), 0)
    chord = _conv(classes, weights, "chord")
    return {
        "melody": _softmax(np.column_stack([line[:, :, 0], none[:, 0]])),
        "bass": _softmax(np.column_stack([line[:, :, 1], none[:, 1]])),
        "root": _softmax(np.column_stack([chord[:, :, 0], none[:, 2]])),
        "tones": 1 / (1 + np.exp(-chord[:, :, 1])),
    }


def _conv(x, weights, name, step_t=1, step_p=1):
    taps, bias = weights[f"{name}.weight"].astype(float), weights[f"{name}.bias"].astype(float)
    n_t, n_p = taps.shape[:2]
    out = np.zeros((x.shape[0], x.shape[1], taps.shape[3]))
    for t in range(x.shape[0]):
        for p in range(x.shape[1]):
            total = bias.copy()
            for i in range(n_t):
                for j in range(n_p):
                    at, pitch = t + (i - n_t // 2) * step_t, p + (j - n_p // 2) * step_p
                    if 0 <= at < x.shape[0] and 0 <= pitch < x.shape[1]:
                        total = total + x[at, pitch] @ taps[i, j]
            out[t, p] = total
    return out


def _dense(x, weights, name):
    pooled = np.array([np.concatenate([frame.max(axis=0), frame.mean(axis=0)]) for frame in x])
    return pooled @ weights[f"{name}.weight"].astype(float) + weights[f"{name}.bias"]


def _circle(x, weights, lowest_pitch):
    n_octaves = -(-(lowest_pitch % 12 + x.shape[1]) // 12)
    octaves = np.zeros((x.shape[0], n_octaves, 12, x.shape[2]))
    for p in range(x.shape[1]):
        octaves[:, *divmod(lowest_pitch % 12 + p, 12)] = x[:, p]
    y = np.concatenate([octaves.max(axis=1), octaves.mean(axis=1)], axis=2)
    taps, bias = weights["circle.weight"].astype(float), weights["circle.bias"].astype(float)
    out = np.zeros((x.shape[0], 12, taps.shape[3]))
    for t in range(x.shape[0]):
        for q in range(12):
            out[t, q] = bias
            for i in (-1, 0, 1):
                if 0 <= t + i < x.shape[0]:
                    out[t, q] += sum(y[t + i, (q + j) % 12] @ taps[i + 1, j] for j in range(12))
    return np.maximum(out, 0)


def _softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
