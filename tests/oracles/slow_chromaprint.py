"""Chromaprint written out in plain Python, bit by bit and frame by frame."""

from __future__ import annotations

import cmath
import math


def slow_bytes(values, algorithm):
    """Return the compressed form, one bit after the other."""
    normal, beyond = [], []
    previous = 0
    for value in values:
        change, last = value ^ previous, 0
        previous = value
        for bit in range(1, 33):
            if change >> (bit - 1) & 1:
                gap = bit - last
                last = bit
                normal.append(min(gap, 7))
                if gap >= 7:
                    beyond.append(gap - 7)
        normal.append(0)
    out = [algorithm, len(values) >> 16 & 255, len(values) >> 8 & 255, len(values) & 255]
    for numbers, width in ((normal, 3), (beyond, 5)):
        bits = [number >> k & 1 for number in numbers for k in range(width)]
        bits += [0] * (-len(bits) % 8)
        out += [sum(bits[i + k] << k for k in range(8)) for i in range(0, len(bits), 8)]
    return bytes(out)


def slow_values(samples, classifiers):
    """Return the sub-fingerprints of 16-bit samples at 11,025 Hz, by the definition and with no tables."""
    rows = [slow_chroma(samples[i : i + 4096]) for i in range(0, len(samples) - 4095, 1365)]
    weights = (0.25, 0.75, 1.0, 0.75, 0.25)
    image = []
    for t in range(len(rows) - 4):
        row = [sum(w * rows[t + k][pitch] for k, w in enumerate(weights)) for pitch in range(12)]
        norm = math.sqrt(sum(x * x for x in row))
        image.append([x / norm if norm >= 0.01 else 0.0 for x in row])
    values = []
    for t in range(len(image) - 15):
        value = 0
        for classifier in classifiers:
            answer = slow_answer(image[t:], classifier)
            level = sum(answer >= limit for limit in classifier.thresholds)
            value = value << 2 | (0, 1, 3, 2)[level]
        values.append(value)
    return values


def slow_chroma(frame):
    n = len(frame)
    x = [s / 32767 * (0.54 - 0.46 * math.cos(2 * math.pi * i / (n - 1))) for i, s in enumerate(frame)]
    spectrum = fourier([complex(v) for v in x])
    row = [0.0] * 12
    for k in range(round(n * 28 / 11025), round(n * 3520 / 11025)):
        octave = math.log2(k * 11025 / n / 27.5)
        row[int(12 * (octave - math.floor(octave)))] += abs(spectrum[k]) ** 2
    return row


def fourier(x):
    if len(x) == 1:
        return x
    even, odd = fourier(x[::2]), fourier(x[1::2])
    turned = [cmath.exp(-2j * math.pi * k / len(x)) * odd[k] for k in range(len(odd))]
    return [e + o for e, o in zip(even, turned, strict=True)] + [
        e - o for e, o in zip(even, turned, strict=True)
    ]


def slow_answer(image, c):
    """Compare the cells of a rectangle, one by one."""
    inner = outer = 0.0
    for y in range(c.n_rows):
        for x in range(c.n_columns):
            upper_column, upper_row = x >= c.n_columns // 2, y >= c.n_rows // 2
            chosen = {
                "whole": True,
                "columns": upper_column,
                "rows": upper_row,
                "diagonal": upper_column != upper_row,
                "middle_columns": c.n_columns // 3 <= x < 2 * (c.n_columns // 3),
                "middle_rows": c.n_rows // 3 <= y < 2 * (c.n_rows // 3),
            }[c.shape]
            if chosen:
                inner += image[y][c.first + x]
            else:
                outer += image[y][c.first + x]
    return math.log((1 + inner) / (1 + outer))


def slow_best(query, reference, allowed, full_novelty):
    """Return (score, query item, reference item, length) of the best stretch, the longest of equals."""
    best = (0.0, 0, 0, 0)
    for offset in range(-len(query) + 1, len(reference)):
        for start in range(len(query)):
            total = 0.0
            for i in range(start, len(query)):
                j = i + offset
                if not 0 <= j < len(reference):
                    break
                gain = allowed - bin(query[i] ^ reference[j]).count("1")
                if gain > 0:
                    turns = [s[k] ^ s[k - 1] if k else 0 for s, k in ((query, i), (reference, j))]
                    gain *= min(1.0, bin(turns[0] & turns[1]).count("1") / full_novelty)
                total += gain
                longer = total > best[0] - 1e-9 and i - start + 1 > best[3]
                if total > best[0] + 1e-9 or (total > 0 and longer):
                    best = (total, start, start + offset, i - start + 1)
    return best
