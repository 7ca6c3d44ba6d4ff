"""The frame of an encoder that cuts a recording: where its segments lie is the same for all.

A kind of encoder says what it cuts (`FramedEncoder.frames`) and what it makes of the pieces (`FramedEncoder.summaries`).

Conventions
-----------
Vectors are ``[shape=(n_segments, dimension), float32]``, one row for each start that `segment_starts` gives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from numpy import float32
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.versions.encoder.segments import cut, segment_starts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FramedEncoder(ABC):
    """From audio to frames, to segments, to vectors.

    Parameters
    ----------
    length_s, hop_s : float
        Segments.
    """

    length_s: float = 20.0
    hop_s: float = 5.0

    @abstractmethod
    def frames(self, audio: Audio) -> tuple[NDArray[float32], float]:
        """Return what segments are cut from, [shape=(n_frames, n_values)], and its frames per second."""

    @abstractmethod
    def summaries(self, segments: NDArray[float32]) -> NDArray[float32]:
        """Return one vector for each segment of [shape=(n_segments, n_frames, n_values)]."""

    def vectors(self, audio: Audio) -> NDArray[float32]:
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
        return self.summaries(cut(frames, starts, self.length_s, frames_per_s))
