"""The interface that every measured way of comparing pieces has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.pool import Piece


class System(Protocol):
    """Scores pieces against a query; what it keeps of a piece is its own affair."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        ...

    def prepare(self, piece: Piece) -> Any:
        """Return what the system compares of a piece, excerpted where the piece is."""
        ...

    def scores(self, query: Any, candidates: Sequence[Any]) -> npt.NDArray[np.float64]:
        """Return a score for each candidate, larger for more alike."""
        ...
