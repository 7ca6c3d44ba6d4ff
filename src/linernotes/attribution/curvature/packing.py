"""A fitted curvature as plain arrays and names, and back: what an index keeps of it on disk.

Conventions
-----------
Arrays are named ``out_basis_0``, ``in_basis_0``, ``eigenvalues_0`` … by block and ``diagonal_0`` … by weight outside
Linear layers; facts are JSON values: which weights these are, and the damping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.curvature.kronecker import Curvature, LayerCurvature
from linernotes.attribution.curvature.linear import LinearLayer

_PARTS = ("out_basis", "in_basis", "eigenvalues")


def packed(curvature: Curvature) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """Return arrays and facts.

    Examples
    --------
    >>> block = LayerCurvature(LinearLayer("", "weight", ""), torch.eye(2), torch.eye(1), torch.ones(2, 1))
    >>> arrays, facts = packed(Curvature((block,), {"gain": torch.ones(3)}, damping=0.5, scope="layer"))
    >>> sorted(arrays), facts["layers"], facts["diagonal"]
    (['diagonal_0', 'eigenvalues_0', 'in_basis_0', 'out_basis_0'], [['', 'weight', '']], ['gain'])
    """
    arrays = {
        f"{part}_{number}": _array(getattr(block, part))
        for number, block in enumerate(curvature.blocks)
        for part in _PARTS
    }
    arrays |= {f"diagonal_{number}": _array(row) for number, row in enumerate(curvature.diagonal.values())}
    facts = {
        "layers": [list(astuple(block.layer)) for block in curvature.blocks],
        "diagonal": list(curvature.diagonal),
        "damping": curvature.damping,
        "scope": curvature.scope,
    }
    return arrays, facts


def unpacked(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Curvature:
    """Return the curvature that `packed` took apart.

    Raises
    ------
    KeyError
        If a part is missing.

    Examples
    --------
    >>> diagonal = Curvature((), {"gain": torch.ones(3)}, damping=0.5, scope="network")
    >>> unpacked(*packed(diagonal)).diagonal
    {'gain': tensor([1., 1., 1.])}
    """
    blocks = tuple(
        LayerCurvature(LinearLayer(*names), *(_tensor(arrays[f"{part}_{number}"]) for part in _PARTS))
        for number, names in enumerate(facts["layers"])
    )
    diagonal = {
        str(name): _tensor(arrays[f"diagonal_{number}"]) for number, name in enumerate(facts["diagonal"])
    }
    return Curvature(blocks, diagonal, float(facts["damping"]), str(facts["scope"]))


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.detach().cpu().float().numpy()


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
