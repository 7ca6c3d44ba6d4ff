"""Segments that occur more than once in a corpus are measured once.

Copies of a recording, loops cut alike and silence give the same training example again and again. What a generator says
about a segment under given noise is a function of the segment, so that one measurement serves all its copies. Which
item a copy belongs to, and how many copies an item has, plays no part in a measurement: scores of items are made after.

Conventions
-----------
Two segments are the same when every bit is that a generator could see: tokens, mask, condition and start time.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.generators.base import Segments


def distinct(segments: Segments) -> tuple[list[int], NDArray[np.int64]]:
    """Find the segments that are unlike all before them.

    Returns
    -------
    numbers : list of int
        The first of each kind, in order.
    place_of : NDArray [shape=(n_segments,), int64]
        For every segment, where its like stands in ``numbers``.

    Examples
    --------
    >>> tokens = torch.tensor([1.0, 2.0, 1.0])[:, None, None]
    >>> numbers, place_of = distinct(Segments(tokens, torch.ones(3, 1, dtype=torch.bool), torch.zeros(3, 1), (0.0,) * 3))
    >>> numbers, place_of.tolist()
    ([0, 1], [0, 1, 0])
    """
    seen: dict[tuple[object, ...], int] = {}
    numbers: list[int] = []
    place_of = np.zeros(len(segments), dtype=np.int64)
    columns = [_bytes(part) for part in (segments.latents, segments.audible, segments.conditions)]
    for number, key in enumerate(zip(*columns, segments.start_s, strict=True)):
        if key not in seen:
            seen[key] = len(numbers)
            numbers.append(number)
        place_of[number] = seen[key]
    return numbers, place_of


def _bytes(values: Tensor) -> list[bytes]:
    whole = values.detach().cpu().contiguous()
    if not whole.numel():
        return [b""] * len(values)
    return [row.numpy().tobytes() for row in whole.reshape(len(whole), -1).view(torch.uint8)]
