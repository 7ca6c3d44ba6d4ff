"""The frame of an encoder that is a network: cut a recording, run its segments in blocks, on one device.

A kind of encoder says what it cuts (`LearntEncoder.frames`) and what of a block its network reads
(`LearntEncoder.magnitudes`); where segments lie, how many run at once and where, is the same for all.

Conventions
-----------
Vectors are ``[shape=(n_segments, dimension), float32]``, on the processor whatever the device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.versions.encoder.segments import cut, segment_starts

if TYPE_CHECKING:
    from torch import Tensor, nn

    from linernotes.versions.encoder.circle import CircleNetwork
    from linernotes.versions.encoder.network import Network

    Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class LearntEncoder(ABC):
    """A network as an encoder.

    Parameters
    ----------
    network : CircleNetwork or Network
        In evaluation mode, on its device.
    name : str
        Kind, and the first digits of the SHA-256 of the weights.
    length_s, hop_s : float
        Segments.
    at_once : int
        Segments in one pass; bounds the memory.
    """

    network: CircleNetwork | Network
    name: str
    length_s: float = field(default=20.0, kw_only=True)
    hop_s: float = field(default=5.0, kw_only=True)
    at_once: int = field(default=32, kw_only=True)

    @property
    def dimension(self) -> int:
        """Values per vector."""
        return self.network.config.dimension

    @abstractmethod
    def frames(self, audio: Audio) -> tuple[NDArray[np.float32], float]:
        """Return what segments are cut from, [shape=(n_frames, n_values)], and its frames per second."""

    @abstractmethod
    def magnitudes(self, segments: Tensor) -> Tensor:
        """Return what the network reads of segments [shape=(n, n_frames, n_values)], on their device."""

    def vectors(self, audio: Audio) -> NDArray[np.float32]:
        """Return one vector per segment.

        Parameters
        ----------
        audio : Audio
            At least 4 s.

        Returns
        -------
        NDArray[np.float32] [shape=(n_segments, dimension)]
            One row per segment.

        Raises
        ------
        TooShort
            If the audio is shorter than 4 s.
        """
        starts = segment_starts(audio.duration_s, self.length_s, self.hop_s)
        frames, frames_per_s = self.frames(audio)
        segments = cut(frames, starts, self.length_s, frames_per_s)
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
