"""Alignment and uniformity, decoupled: versions near each other, everything else spread out.

    L = weighted mean of D+  +  log(eps + mean exp(-gamma * D-))

*D+* between two versions of a work is the mean over segments that correspond one by one where the truth is known
(``aligned``), or over the best pairs without replacement (``bpwr``). *D-* between pieces of different works is their
smallest segment distance (``min``), or every segment distance for itself (``all``).

References
----------
Wang, Isola (2020), "Understanding contrastive representation learning through alignment and uniformity on the
hypersphere", ICML.
Serra, Araz, Bogdanov, Mitsufuji (2025), CLEWS, ICML.
Wang, Zhang, Huang, Scott (2020), "Cross-batch memory for embedding learning", CVPR.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Memory:
    """Vectors of the last steps: segments of other works to tell from, at no cost (Wang et al. 2020).

    Parameters
    ----------
    vectors : Tensor [shape=(n, dimension)]
        Newest last, without gradients.
    theirs : Tensor [shape=(n,), int64]
        Keys of their works.
    ours : Tensor [shape=(n_works,), int64]
        Keys of the works of this step; a segment of the same work is no negative.
    """

    vectors: Tensor
    theirs: Tensor
    ours: Tensor

    def logits(self, anchors: Tensor, gamma: float) -> Tensor:
        """Return ``-gamma * D``, [shape=(n_works, 2, n_segments, n)], for anchors of that shape."""
        lengths = anchors.square().sum(-1, keepdim=True) + self.vectors.square().sum(1)
        distances = (lengths - 2 * anchors @ self.vectors.T).clamp(min=0) / self.vectors.shape[1]
        same = (self.ours[:, None] == self.theirs[None])[:, None, None]
        return (-gamma * distances).masked_fill(same, -torch.inf)


@dataclass(frozen=True)
class LossConfig:
    """Reductions and constants."""

    kind: str = "anchor"
    positives: str = "aligned"
    best_pairs: int = 3
    negatives: str = "min"
    gamma: float = 5.0
    eps: float = 1e-6


def version_loss(
    vectors: Tensor, weights: Tensor, aligned: Tensor, config: LossConfig, memory: Memory | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss and its two terms.

    Parameters
    ----------
    vectors : Tensor [shape=(n_works, 2, n_segments, dimension)]
        Two versions of each work.
    weights : Tensor [shape=(n_works,)]
        Of positives.
    aligned : Tensor [shape=(n_works,), bool]
        Where segments correspond one by one.
    config : LossConfig
        Settings.
    memory : Memory, optional
        More negatives, for the kind ``anchor``.
    """
    n_works, _, n_segments, dimension = vectors.shape
    flat = vectors.reshape(n_works * 2 * n_segments, dimension)
    length = flat.square().sum(1)
    distances = (length[:, None] + length[None] - 2 * flat @ flat.T).clamp(min=0) / dimension
    squares = distances.view(n_works, 2, n_segments, n_works, 2, n_segments)
    own = torch.arange(n_works)
    if config.kind == "anchor":
        past = None if memory is None else memory.logits(vectors, config.gamma)
        return anchor_loss(squares, weights, aligned, config.gamma, past)
    positive = squares[own, 0, :, own, 1]  # [n_works, n_segments, n_segments]
    near = best_pairs_mean(positive, config.best_pairs)
    if config.positives == "aligned":
        near = torch.where(aligned, positive.diagonal(dim1=1, dim2=2).mean(1), near)
    alignment = (weights * near).sum() / weights.sum()
    if config.negatives == "min":
        far = squares.amin((2, 5))  # [n_works, 2, n_works, 2]
        far = far.permute(0, 2, 1, 3)[~torch.eye(n_works, dtype=torch.bool)]
    else:
        far = squares.permute(0, 3, 1, 2, 4, 5)[~torch.eye(n_works, dtype=torch.bool)]
    uniformity = torch.log(config.eps + torch.exp(-config.gamma * far).mean())
    return alignment + uniformity, alignment, uniformity


def anchor_loss(
    squares: Tensor, weights: Tensor, aligned: Tensor, gamma: float, past: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss in which every segment has its own negatives: all segments of other works.

    Parameters
    ----------
    squares : Tensor [shape=(n_works, 2, n_segments, n_works, 2, n_segments)]
        Distances of all segments.
    weights, aligned : Tensor [shape=(n_works,)]
        As for `version_loss`.
    gamma : float
        Inverse temperature.
    past : Tensor [shape=(n_works, 2, n_segments, n_past)], optional
        Logits of more negatives.
    """
    n_works = squares.shape[0]
    own = torch.arange(n_works)
    across = squares[own, 0, :, own, 1]  # [n_works, n_segments, n_segments]
    there = torch.where(aligned[:, None], across.diagonal(dim1=1, dim2=2), across.amin(2))
    back = torch.where(aligned[:, None], across.diagonal(dim1=1, dim2=2), across.amin(1))
    near = torch.stack([there, back], 1)  # [n_works, 2, n_segments]
    same = torch.eye(n_works, dtype=torch.bool)[:, None, None, :, None, None]
    logits = (-gamma * squares).masked_fill(same, -torch.inf).flatten(3)
    logits = logits if past is None else torch.cat([logits, past], 3)
    far = torch.logsumexp(logits, 3)
    both = torch.nn.functional.softplus(far + gamma * near)  # -log of the share of the positive
    weight = weights[:, None, None].expand_as(both)
    loss = (weight * both).sum() / weight.sum()
    return loss, (weight * near).sum().detach() / weight.sum(), far.detach().mean()


def best_pairs_mean(distances: Tensor, r: int) -> Tensor:
    """Return bpwr-r of each matrix, [shape=(n, n_a, n_b)] to [shape=(n,)]."""
    n, rows, columns = distances.shape
    left = distances.detach().clone()
    total = distances.new_zeros(n)
    for _ in range(min(r, rows, columns)):
        best = left.flatten(1).argmin(1)
        row, column = best // columns, best % columns
        total = total + distances[torch.arange(n), row, column]
        left[torch.arange(n), row] = torch.inf
        left[torch.arange(n), :, column] = torch.inf
    return total / min(r, rows, columns)
