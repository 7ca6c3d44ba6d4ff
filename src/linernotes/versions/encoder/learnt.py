"""The frame of an encoder that is a network: segments run through it in blocks, on one device.

A kind of encoder says what it cuts (`LearntEncoder.frames`) and what of a block its network reads
(`LearntEncoder.magnitudes`); how many run at once and where is the same for all.

Conventions
-----------
Vectors are ``[shape=(n_segments, dimension), float32]``, on the processor whatever the device.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError
from linernotes.versions.encoder.framed import FramedEncoder

if TYPE_CHECKING:
    from torch import Tensor, nn

    from linernotes.versions.encoder.circle import CircleNetwork
    from linernotes.versions.encoder.network import Network

    Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class LearntEncoder(FramedEncoder):
    """A network as an encoder; see `FramedEncoder` for segments.

    Parameters
    ----------
    network : CircleNetwork or Network
        In evaluation mode, on its device.
    name : str
        Kind, and the first digits of the SHA-256 of the weights.
    at_once : int
        Segments in one pass; bounds the memory.
    """

    network: CircleNetwork | Network
    name: str
    at_once: int = field(default=32, kw_only=True)

    @property
    def dimension(self) -> int:
        """Values per vector."""
        return self.network.config.dimension

    @abstractmethod
    def magnitudes(self, segments: Tensor) -> Tensor:
        """Return what the network reads of segments [shape=(n, n_frames, n_values)], on their device."""

    def summaries(self, segments: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one vector per segment, `at_once` segments in one pass."""
        blocks = (segments[at : at + self.at_once] for at in range(0, len(segments), self.at_once))
        return np.concatenate([self._vectors(block) for block in blocks])

    def _vectors(self, segments: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        device = next(self.network.parameters()).device
        with torch.no_grad():
            magnitudes = self.magnitudes(torch.from_numpy(segments).to(device))
            found: NDArray[np.float32] = self.network(magnitudes).float().cpu().numpy()
        return found


def placed(network: Module, device: str) -> Module:
    """Return a network on its device, in evaluation mode.

    Parameters
    ----------
    network : Module
        Any network of PyTorch.
    device : str
        As torch names it.

    Raises
    ------
    InputError
        If the device is not there.

    Examples
    --------
    >>> from torch import nn
    >>> placed(nn.Linear(2, 1), "cpu").training
    False
    """
    try:
        return network.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {device!r}: {error}; expected cpu or an accelerator that is there"
        ) from error
