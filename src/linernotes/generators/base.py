"""The generator adapter: what a model must offer so that influence on its outputs can be ranked.

A third party attributes their own PyTorch model by writing one class with the members of
`Generator`; ε-, v- and x0-diffusion, flow matching and autoregressive token models all fit, because
attribution asks for only one number: the training loss of one segment under one given noise draw.

Conventions
-----------
A segment is the span that one training example covers. Losses are ``[shape=(n_segments, n_draws),
float32]``, smaller is more likely, in the unit that the adapter names. Bookkeeping of shared noise is
the caller's: the same `NoiseDraws` object goes to every segment and to both models of a comparison.

References
----------
Choi et al. (2025), "Large-scale training data attribution for music generative models via unlearning",
arXiv:2506.18312, for the role of shared noise and masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from linernotes.audio.files import Audio


@dataclass(frozen=True, slots=True)
class Segments:
    """Training examples of one or more recordings.

    Parameters
    ----------
    latents : Tensor [shape=(n_segments, n_tokens, n_dims), float32]
        The generator's training representation.
    audible : Tensor [shape=(n_segments, n_tokens), bool]
        False where a token is padding or silence.
    conditions : Tensor [shape=(n_segments, n_words), float32]
        What the generator was told about each segment; all zeros means nothing.
    start_s : tuple of float
        Start of each segment in its recording, in seconds.
    """

    latents: Tensor
    audible: Tensor
    conditions: Tensor
    start_s: tuple[float, ...]

    def __len__(self) -> int:
        return self.latents.shape[0]

    def pick(self, index: Tensor | list[int]) -> Segments:
        """Return the chosen segments, in the order asked."""
        chosen = [int(i) for i in index]
        return Segments(
            self.latents[chosen],
            self.audible[chosen],
            self.conditions[chosen],
            tuple(self.start_s[i] for i in chosen),
        )


@dataclass(frozen=True, slots=True)
class NoiseDraws:
    """Noise that is shared by all segments and by both models of a comparison.

    Parameters
    ----------
    levels : Tensor [shape=(n_draws,), float32]
        Noise level in (0, 1); 0 is clean.
    noise : Tensor [shape=(n_draws, n_tokens, n_dims), float32]
        Standard normal draws.
    """

    levels: Tensor
    noise: Tensor

    def __len__(self) -> int:
        return self.levels.shape[0]

    def pick(self, index: list[int] | slice) -> NoiseDraws:
        """Return some of the draws."""
        return NoiseDraws(self.levels[index], self.noise[index])


@runtime_checkable
class Generator(Protocol):
    """What attribution, evaluation and the demo need of a generator."""

    paper: str
    licence: str
    weights_licence: str
    trained_on: str
    revision: str
    loss_unit: str

    @property
    def generator_id(self) -> str:
        """Name plus the first digits of the weights' SHA-256."""
        ...

    @property
    def sample_rate(self) -> int:
        """Sample rate of generated audio, in Hz."""
        ...

    @property
    def segment_s(self) -> float:
        """Seconds that one training example covers."""
        ...

    @property
    def network(self) -> nn.Module:
        """The trained network; callers copy it before they change a weight."""
        ...

    def encode(self, audio: Audio, condition: str = "") -> Segments:
        """Cut audio into segments of the training representation."""
        ...

    def noise_draws(self, n_draws: int, seed: int) -> NoiseDraws:
        """Return stratified noise levels with their noise, a function of the seed alone."""
        ...

    def losses(
        self, network: nn.Module, segments: Segments, draws: NoiseDraws, *, audible_only: bool = False
    ) -> Tensor:
        """Return the training loss of every segment under every draw."""
        ...

    def null_losses(self, segments: Segments, draws: NoiseDraws, *, audible_only: bool = False) -> Tensor:
        """Return the loss that an untrained network scores: the bound of unlearning."""
        ...

    def updatable(self, network: nn.Module) -> dict[str, nn.Parameter]:
        """Return the weights that unlearning may change: those of all transformer layers."""
        ...

    def generate(self, seed: int, seconds: float, condition: str = "") -> Audio:
        """Make music from a seed and a description."""
        ...


@runtime_checkable
class OutputGenerator(Generator, Protocol):
    """A generator that also shows what it predicts; D-TRAK and DAS need it."""

    def outputs(self, network: nn.Module, segments: Segments, draws: NoiseDraws) -> Tensor:
        """Return the network's prediction [shape=(n_segments, n_draws, n_tokens, n_dims)], differentiable."""
        ...


@runtime_checkable
class TokenLossGenerator(Generator, Protocol):
    """A generator whose loss is a mean over tokens; telling *where* in a segment influence lies needs it."""

    def token_losses(self, network: nn.Module, segments: Segments, draws: NoiseDraws) -> Tensor:
        """Return the loss of every token [shape=(n_segments, n_draws, n_tokens)], differentiable."""
        ...


@runtime_checkable
class PairedLossGenerator(Generator, Protocol):
    """A generator that scores each segment under a draw of its own, as training does; fine-tuning is better for it."""

    def paired_losses(self, network: nn.Module, segments: Segments, draws: NoiseDraws) -> Tensor:
        """Return the loss of segment i under draw i [shape=(n_segments,)], differentiable."""
        ...


@runtime_checkable
class SoundingGenerator(Generator, Protocol):
    """A generator that makes its training representation audible; likeness by an embedding of sound needs it."""

    def decode(self, segments: Segments) -> Audio:
        """Return the sound of segments, one after the other."""
        ...


@runtime_checkable
class UntrainedGenerator(Generator, Protocol):
    """A generator that shows what its training starts from; retraining it anew, as `unrolled` does, needs it."""

    def untrained(self, seed: int) -> nn.Module:
        """Return a network of the generator's shape with fresh weights, a function of the seed alone."""
        ...
