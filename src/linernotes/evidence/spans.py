"""A stretch of audio in seconds: what every aligned claim is made of."""

from __future__ import annotations

from dataclasses import dataclass

from linernotes.errors import InputError


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of audio, in seconds.

    Examples
    --------
    >>> Span(1.0, 3.5).duration_s
    2.5
    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.end_s:
            raise InputError(f"span {self.start_s}–{self.end_s} s: expected 0 <= start <= end")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s
