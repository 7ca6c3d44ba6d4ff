"""Products of matrices in single precision, through oneDNN where torch comes with it.

Most of a method's time goes into the products ``x Wᵀ`` of Linear layers and, going back, ``g W`` and ``gᵀ x``. Torch
leaves them to MKL, which on processors that are not Intel's reaches half of what they can do. oneDNN, which comes with
torch as well, reaches more. The terms are the same and so is the precision: only the order of addition may differ.

Conventions
-----------
What oneDNN does not take or would not speed up (other devices and precisions, few rows) goes the plain way, and so does
everything where torch comes without oneDNN or oneDNN fails a trial.

References
----------
Goodfellow, Bengio, Courville (2016), "Deep learning", section 6.5 (the gradients of a product).
``python -m benchmarks.counterfactual.products`` times both ways.

Known limits
------------
The product is called by the name that torch's own compiler uses for it, which is no promise; hence the trial.
Forward-mode derivatives are not offered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

FEWEST_ROWS = 32  # below, oneDNN takes as long as MKL
FEWEST_ROWS_TO_DIFFERENTIATE = 128  # below, our share of the way back costs what oneDNN saves


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x Wᵀ + b`` as ``torch.nn.functional.linear`` does, differentiable as often as asked.

    Parameters
    ----------
    x : Tensor [shape=(…, n_in)]
    weight : Tensor [shape=(n_out, n_in)]
    bias : Tensor [shape=(n_out,)], optional

    Returns
    -------
    Tensor [shape=(…, n_out)]

    Examples
    --------
    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([0.5]))
    tensor([[11.5000]])
    """
    given = [tensor for tensor in (x, weight, bias) if tensor is not None]
    differentiate = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    n_rows = x.numel() // max(1, x.shape[-1]) if x.dim() > 1 else 0
    if (
        n_rows < (FEWEST_ROWS_TO_DIFFERENTIATE if differentiate else FEWEST_ROWS)
        or not all(_taken(tensor) for tensor in given)
        or not has_onednn()
    ):
        return nn.functional.linear(x, weight, bias)
    if not differentiate:
        return _multiply(x, weight, bias)
    product: Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return product


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Return ``left right`` [shape=(…, n_columns)] of ``left`` [shape=(…, n)] and ``right`` [shape=(n, n_columns)].

    Examples
    --------
    >>> matmul(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    return linear(left, right.T)


def over_rows(left: Tensor, right: Tensor) -> Tensor:
    """Return ``leftᵀ right``, summed over the rows of both.

    Examples
    --------
    >>> over_rows(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    # oneDNN is quicker with the narrower of the two first
    return matmul(left.T, right) if left.shape[1] <= right.shape[1] else matmul(right.T, left).T


@lru_cache(maxsize=1)
def has_onednn() -> bool:
    """Whether torch comes with oneDNN's product and it passes a trial."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x, weight, bias = torch.ones(2, 3), torch.arange(12.0).reshape(4, 3), torch.arange(4.0)
    try:
        with torch.no_grad():
            found = _multiply(x, weight, bias)
    except (AttributeError, RuntimeError):
        return False
    return torch.equal(found, x @ weight.T + bias)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiply(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (x, weight), (slope,) = ctx.saved_tensors, slopes
        of_x, of_weight, of_bias = ctx.needs_input_grad
        rows = slope.reshape(-1, slope.shape[-1])
        return (
            linear(slope, weight.T) if of_x else None,
            over_rows(rows, x.reshape(-1, x.shape[-1])) if of_weight else None,
            rows.sum(dim=0) if of_bias else None,
        )


def _taken(tensor: Tensor) -> bool:
    return tensor.dtype == torch.float32 and tensor.device.type == "cpu" and tensor.layout == torch.strided


def _multiply(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product
