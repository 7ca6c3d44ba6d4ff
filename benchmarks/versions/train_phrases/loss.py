"""Losses of the phrase network: log-odds of frames, and scores of alignments as the package makes them.

- *frames*: logistic regression with pairs of frames that sound the same moment against frames of all other works.
- *paths*: every side is aligned with every other in its best key; the logarithms of the scores are to tell the other
  version of a work from all the rest. The gradient goes through the gains along the best path (a subgradient of the
  alignment).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from linernotes.versions.alignment import AlignmentConfig, best_path, variant_scores
from linernotes.versions.projection import in_every_key

OFFSET = 5.0  # nats where the logistic regression looks closest
LEAK = 0.05  # what is left of the gradient of a clipped gain


def frame_loss(
    vectors: Tensor, costs: Tensor, moments: list[tuple[np.ndarray, np.ndarray]], random: np.random.Generator
) -> Tensor:
    """Return the logistic loss of frames; side A of work *k* is row *2 k*, side B row *2 k + 1*."""
    n_works, per_work = len(moments), 24
    at_a, at_b = np.zeros((n_works, per_work), np.int64), np.zeros((n_works, per_work), np.int64)
    for k, (a, b) in enumerate(moments):
        drawn = random.integers(len(a), size=per_work)
        at_a[k], at_b[k] = a[drawn], b[drawn]
    rows = torch.arange(n_works)[:, None]
    left, left_costs = vectors[0::2][rows, at_a], costs[0::2][rows, at_a]
    right, right_costs = vectors[1::2][rows, at_b], costs[1::2][rows, at_b]
    same = (left * right).sum(2) - left_costs - right_costs
    turns = random.choice(12, 3, replace=False)
    turned = torch.cat([right.unflatten(2, (-1, 12)).roll(int(t), 3).flatten(2) for t in turns], 1)
    other = torch.einsum("ind,jmd->ijnm", left, turned)
    other = other - left_costs[:, None, :, None] - right_costs.repeat(1, 3)[None, :, None, :]
    apart = ~torch.eye(n_works, dtype=torch.bool)
    odds = float(np.exp(OFFSET))
    return F.softplus(OFFSET - same).mean() + odds * F.softplus(other[apart] - OFFSET).mean()


def path_scores(vectors: Tensor, costs: Tensor, limits: AlignmentConfig) -> Tensor:
    """Return the alignment scores of all pairs of sides [shape=(n, n)]; a side with itself scores 0.

    Other works are tried in all keys, versions of a work in their own.
    """
    n = len(vectors)
    plain, prices = vectors.detach().numpy(), costs.detach().numpy()
    keyed = [in_every_key(one) for one in plain]
    n_frames = plain.shape[1]
    rows: list[tuple[int, int, int, np.ndarray, np.ndarray]] = []
    constant = np.zeros((n, n), np.float32)
    for i in range(n):
        for j in range(i):
            if i // 2 == j // 2:
                turn = 0
            else:
                x = plain[i] @ keyed[j].T
                turn = int(variant_scores(x, prices[i], prices[j], limits).argmax())
            x = plain[i] @ keyed[j][turn * n_frames : (turn + 1) * n_frames].T
            s = np.clip(x - prices[i][:, None] - prices[j][None, :], limits.floor, limits.ceiling)
            path = best_path(np.ascontiguousarray(s, np.float32), limits.gap)
            if len(path.a):
                rows.append((i, j, turn, path.a, path.b))
                constant[i, j] = path.score - float(path.gains.sum())
    first = torch.from_numpy(np.concatenate([np.full(len(r[3]), r[0]) for r in rows]))
    second = torch.from_numpy(np.concatenate([np.full(len(r[3]), r[1]) for r in rows]))
    turns = torch.from_numpy(np.concatenate([np.full(len(r[3]), r[2]) for r in rows]))
    at_a = torch.from_numpy(np.concatenate([r[3] for r in rows]))
    at_b = torch.from_numpy(np.concatenate([r[4] for r in rows]))
    right = vectors[second, at_b].unflatten(1, (-1, 12))
    at = (torch.arange(12)[None, :] + turns[:, None]) % 12
    right = right.gather(2, at[:, None, :].expand_as(right)).flatten(1)
    gains = (vectors[first, at_a] * right).sum(1) - costs[first, at_a] - costs[second, at_b]
    clipped = gains.clamp(limits.floor, limits.ceiling)
    gains = clipped + LEAK * (gains - gains.detach()) * (gains != clipped)
    total = torch.zeros(n * n).index_add(0, first * n + second, gains).view(n, n) + torch.from_numpy(constant)
    return total + total.T


def path_loss(scores: Tensor, sharpness: Tensor, limit: Tensor) -> tuple[Tensor, float]:
    """Return how badly log scores tell versions from other works, and the share of sides whose version comes first."""
    n = len(scores)
    z = torch.log1p(scores.clamp_min(0))
    mates = torch.arange(n) ^ 1
    own = torch.eye(n, dtype=torch.bool)
    logits = (sharpness * z).masked_fill(own, -1e9)
    ranking = F.cross_entropy(logits, mates)
    same = torch.zeros(n, n, dtype=torch.bool)
    same[torch.arange(n), mates] = True
    margin = sharpness * (z - limit)
    decision = F.softplus(-margin[same]).mean() + n * F.softplus(margin[~same & ~own]).mean() / 4
    first = float((logits.argmax(1) == mates).float().mean())
    return ranking + 0.3 * decision, first
