"""What a probe asks of a generator: how many outputs, how long, with which prompts, and how they are searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.workflows.memorisation import LEAST_S
from linernotes.workflows.passages import PassageConfig

LEAST_SECONDS = 2.0


class Sounding(Protocol):
    """What a probe needs of a generator."""

    @property
    def generator_id(self) -> str:
        """Name plus the first digits of the weights' SHA-256."""
        ...

    def generate(self, seed: int, seconds: float, condition: str = "") -> Audio:
        """Make music from a seed and a description."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeConfig:
    """What is asked of the generator.

    Parameters
    ----------
    n_outputs : int > 0
        Outputs to make.
    prompts : tuple of str
        Descriptions, used in turn; one empty prompt when none is given.
    seconds : float
        Length of each output.
    n_planted : int >= 0
        Outputs that also get an excerpt planted, to measure the recall.
    planted_s : float
        Length of those excerpts.
    seed : int
        Of the first output.
    confidence : float in (0, 1)
        Of the bounds.
    passages : PassageConfig
        How each output is searched.
    """

    n_outputs: int
    prompts: tuple[str, ...] = ("",)
    seconds: float = 12.288
    n_planted: int = 20
    planted_s: float = 5.0
    seed: int = 0
    confidence: float = 0.95
    passages: PassageConfig = field(default_factory=PassageConfig)

    def __post_init__(self) -> None:
        if self.n_outputs < 1 or self.n_planted < 0:
            raise InputError(
                f"{self.n_outputs} outputs, {self.n_planted} planted: expected at least 1 and at least 0"
            )
        if not self.prompts:
            raise InputError("no prompts; give at least one, or an empty one for none")
        if not LEAST_SECONDS <= self.seconds <= 3600:
            raise InputError(
                f"{self.seconds} s per output: expected {LEAST_SECONDS:g} to 3600; shorter ones hold no passage to report"
            )
        if self.n_planted and not LEAST_S <= self.planted_s <= self.seconds:
            raise InputError(
                f"planted excerpts of {self.planted_s} s: expected {LEAST_S:g} to {self.seconds:g} (one output)"
            )
        if not 0 < self.confidence < 1:
            raise InputError(f"confidence {self.confidence}: expected a number above 0 and below 1")
