"""The reference generator behind the adapter protocol: encode, losses, generate, save and load.

A generator folder holds ``weights.safetensors`` (network and representation) and ``card.json``: the
recipe with every default resolved, the seed, what it was trained on, the weights' SHA-256, and its
measured quality.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from linernotes.audio.files import Audio
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.generators.base import NoiseDraws, Segments
from linernotes.generators.reference import flow
from linernotes.generators.reference.network import Network, NetworkConfig
from linernotes.generators.reference.representation import Representation, RepresentationConfig
from linernotes.generators.reference.training import Recipe, TrainingItem
from linernotes.generators.reference.vocabulary import Vocabulary

CARD_REVISION = 1
KEEP_LAST = 0.5  # a last segment is kept when at least half of it is there


@dataclass(frozen=True, slots=True)
class Trained:
    """One recording that the generator was trained on: its item id and the SHA-256 of the file."""

    item_id: str
    content_sha256: str


class ReferenceGenerator:
    """A small text-conditional rectified-flow transformer over log-mel tokens.

    Parameters
    ----------
    representation : Representation
        Fitted on the corpus.
    network : Network
        Trained, in eval mode.
    vocabulary : Vocabulary
        The words that prompts may use.
    recipe : Recipe
        How it was trained.
    trained : sequence of Trained
        On what.
    corpus_root : str
        Root of the sealed corpus that it was trained on.
    """

    paper = "Liu, Gong, Liu (2023), Flow straight and fast; Peebles and Xie (2023), Scalable diffusion models"
    licence = "Apache-2.0"
    weights_licence = "as the recordings: CC BY-SA 4.0 for the demo's, with credits in demo/ATTRIBUTION.md"
    trained_on = "the recordings listed in its card, and no others"
    revision = "1"
    loss_unit = "mean squared velocity error (squared token units)"

    def __init__(
        self,
        representation: Representation,
        network: Network,
        vocabulary: Vocabulary,
        recipe: Recipe,
        trained: Sequence[Trained] = (),
        corpus_root: str = "",
        evaluation: dict[str, Any] | None = None,
    ) -> None:
        self.representation = representation
        self._network = network.eval()
        self.vocabulary = vocabulary
        self.recipe = recipe
        self.trained = tuple(trained)
        self.corpus_root = corpus_root
        self.evaluation = evaluation or {}

    # -- what it is -----------------------------------------------------------------------------

    @property
    def generator_id(self) -> str:
        """Name plus the first digits of the weights' SHA-256."""
        return f"reference-{self.weights_sha256[:12]}"

    @property
    def weights_sha256(self) -> str:
        """SHA-256 over names and bytes of all tensors, whatever file holds them."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self._tensors().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def sample_rate(self) -> int:
        """Sample rate of generated audio, in Hz."""
        return self.representation.config.sample_rate

    @property
    def segment_s(self) -> float:
        """Seconds that one training example covers."""
        return self.representation.config.segment_s

    @property
    def network(self) -> Network:
        """The trained network; copy it before changing a weight."""
        return self._network

    # -- what attribution asks ------------------------------------------------------------------

    def untrained(self, seed: int) -> Network:
        """Return a network with fresh weights, as `train_network` starts from under this seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Network(self._network.config).eval().requires_grad_(False)

    def encode(self, audio: Audio, condition: str = "") -> Segments:
        """Cut audio into adjacent segments of tokens.

        A last segment that is less than half full is left out, unless it is the only one.

        Raises
        ------
        InputError
            If the audio is at another sample rate than the generator's.
        """
        tokens, audible = self.tokens_of(audio)
        size = self.representation.config.segment_tokens
        n_whole, rest = divmod(len(tokens), size)
        n_segments = max(1, n_whole + (rest >= size * KEEP_LAST))
        missing = n_segments * size - len(tokens)
        if missing > 0:
            silence = self.representation.tokens(self.representation.log_mel(_silence(missing, self)))
            tokens = torch.cat([tokens, silence])
            audible = torch.cat([audible, torch.zeros(missing, dtype=torch.bool)])
        words = self.vocabulary.vector(condition)
        return Segments(
            tokens[: n_segments * size].reshape(n_segments, size, -1),
            audible[: n_segments * size].reshape(n_segments, size),
            words.expand(n_segments, -1).clone(),
            tuple(number * self.segment_s for number in range(n_segments)),
        )

    def decode(self, segments: Segments) -> Audio:
        """Return the sound of segments, one after the other, as far as tokens tell it."""
        spectrogram = self.representation.spectrogram(segments.latents.flatten(0, 1))
        return Audio(self.representation.samples(spectrogram), self.sample_rate)

    def tokens_of(self, audio: Audio) -> tuple[Tensor, Tensor]:
        """Return tokens [shape=(n_tokens, n_dims)] of whole patches and which of them hold sound."""
        if audio.sample_rate != self.sample_rate:
            raise InputError(
                f"audio at {audio.sample_rate} Hz; the generator works at {self.sample_rate} Hz: "
                "read it with sample_rate=generator.sample_rate"
            )
        spectrogram = self.representation.log_mel(audio.samples)
        return self.representation.tokens(spectrogram), self.representation.audible(spectrogram)

    def noise_draws(self, n_draws: int, seed: int) -> NoiseDraws:
        """Return stratified noise levels with their noise, a function of the seed alone."""
        config = self.representation.config
        return flow.noise_draws(n_draws, config.segment_tokens, config.n_dims, seed)

    def losses(
        self, network: nn.Module, segments: Segments, draws: NoiseDraws, *, audible_only: bool = False
    ) -> Tensor:
        """Return the training loss of every segment under every draw [shape=(n_segments, n_draws)]."""
        return flow.pair_losses(network, segments, draws, audible_only=audible_only)

    def token_losses(self, network: nn.Module, segments: Segments, draws: NoiseDraws) -> Tensor:
        """Return the loss of every token [shape=(n_segments, n_draws, n_tokens)]."""
        return flow.token_losses(network, segments, draws)

    def paired_losses(self, network: nn.Module, segments: Segments, draws: NoiseDraws) -> Tensor:
        """Return the loss of segment i under draw i [shape=(n_segments,)]."""
        return flow.paired_losses(network, segments, draws)

    def outputs(self, network: nn.Module, segments: Segments, draws: NoiseDraws) -> Tensor:
        """Return the predicted velocity [shape=(n_segments, n_draws, n_tokens, n_dims)]."""
        return flow.outputs(network, segments, draws)

    def null_losses(self, segments: Segments, draws: NoiseDraws, *, audible_only: bool = False) -> Tensor:
        """Return the loss of a network that outputs zero, as an untrained one does."""
        return flow.null_losses(segments, draws, audible_only=audible_only)

    def updatable(self, network: nn.Module) -> dict[str, nn.Parameter]:
        """Return the weights of all transformer layers."""
        return {name: weight for name, weight in network.named_parameters() if name.startswith("layers.")}

    def generate(self, seed: int, seconds: float, condition: str = "") -> Audio:
        """Make music from a seed and a description.

        Raises
        ------
        InputError
            If the length is less than one frame or more than ten minutes.
        """
        tokens = self.generate_tokens(seed, seconds, condition)
        samples = self.representation.samples(self.representation.spectrogram(tokens), seed)
        return Audio(samples[: round(seconds * self.sample_rate)], self.sample_rate)

    def generate_tokens(self, seed: int, seconds: float, condition: str = "") -> Tensor:
        """Return the tokens that `generate` turns into sound [shape=(n_tokens, n_dims)]."""
        config = self.representation.config
        shortest = config.hop / config.sample_rate
        if not shortest <= seconds <= 600:
            raise InputError(f"seconds={seconds}: expected at least {shortest:.3f} and at most 600")
        return flow.sample(
            self._network,
            self.vocabulary.vector(condition),
            n_tokens=-(-round(seconds * config.sample_rate) // config.token_samples),
            window=config.segment_tokens,
            n_dims=config.n_dims,
            seed=seed,
        )

    # -- on disk --------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the generator folder whole: beside its place first, then renamed.

        Raises
        ------
        CorpusError
            If the folder exists.
        """
        from safetensors.torch import save_file

        if folder.exists():
            raise CorpusError(f"{folder}: exists; choose another folder for the generator or remove this one")
        partial = folder.with_name(folder.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        save_file(self._tensors(), partial / "weights.safetensors")
        (partial / "card.json").write_text(
            json.dumps(self.card(), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        os.replace(partial, folder)

    def card(self) -> dict[str, Any]:
        """Return what the generator is, how it was made and how good it is, as JSON."""
        return {
            "revision": CARD_REVISION,
            "generator_id": self.generator_id,
            "weights_sha256": self.weights_sha256,
            "paper": self.paper,
            "licence": self.licence,
            "weights_licence": self.weights_licence,
            "representation": asdict(self.representation.config),
            "network": asdict(self._network.config),
            "recipe": asdict(self.recipe),
            "vocabulary": list(self.vocabulary.words),
            "trained_on": {
                "corpus_root": self.corpus_root,
                "items": [asdict(entry) for entry in self.trained],
            },
            "evaluation": self.evaluation,
        }

    @classmethod
    def load(cls, folder: Path) -> ReferenceGenerator:
        """Read a generator folder and check its weights against its card.

        Raises
        ------
        InputError
            If the folder is not a generator's, or its two files do not fit together.
        CorpusError
            If the weights are not those of the card.
        NewerRevision
            If the card is of a newer revision.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
            tensors = load_file(folder / "weights.safetensors")
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(
                f"{folder}: not a generator folder ({error}); expected card.json and weights.safetensors, "
                "as 'linernotes generator train' writes them"
            ) from error
        if (
            isinstance(card, dict)
            and isinstance(card.get("revision"), int)
            and card["revision"] > CARD_REVISION
        ):
            raise NewerRevision(
                f"{folder}: generator card of revision {card['revision']}; "
                f"this Linernotes reads up to {CARD_REVISION}; update it"
            )
        try:
            generator, promised = cls._from_card(card, tensors), str(card["weights_sha256"])
        except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{folder}: card.json and weights.safetensors do not make a generator "
                f"({type(error).__name__}: {error}); obtain both files again"
            ) from error
        if generator.weights_sha256 != promised:
            raise CorpusError(
                f"{folder}: the weights hash to {generator.weights_sha256[:16]}…, the card says "
                f"{promised[:16]}…; obtain both files again"
            )
        return generator

    @classmethod
    def _from_card(cls, card: dict[str, Any], tensors: dict[str, Tensor]) -> ReferenceGenerator:
        return cls(
            Representation(
                RepresentationConfig(**card["representation"]),
                {
                    name.removeprefix("representation."): t
                    for name, t in tensors.items()
                    if name.startswith("repr")
                },
            ),
            _network_from(tensors, NetworkConfig(**card["network"])),
            Vocabulary(card["vocabulary"]),
            Recipe(**card["recipe"]),
            [Trained(**entry) for entry in card["trained_on"]["items"]],
            card["trained_on"]["corpus_root"],
            card["evaluation"],
        )

    def _tensors(self) -> dict[str, Tensor]:
        network = {f"network.{name}": t.contiguous() for name, t in self._network.state_dict().items()}
        return network | {
            f"representation.{name}": t.contiguous() for name, t in self.representation.tensors.items()
        }


def training_items(
    representation: Representation, vocabulary: Vocabulary, recordings: Sequence[tuple[str, Audio, str]]
) -> list[TrainingItem]:
    """Turn (item id, audio, condition) triples into tokens and words."""
    return [
        TrainingItem(
            item_id,
            representation.tokens(representation.log_mel(audio.samples)),
            vocabulary.vector(condition),
        )
        for item_id, audio, condition in recordings
    ]


def _network_from(tensors: dict[str, Tensor], config: NetworkConfig) -> Network:
    network = Network(config)
    network.load_state_dict(
        {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
    )
    return network.requires_grad_(False)


def _silence(n_tokens: int, generator: ReferenceGenerator) -> Any:
    return torch.zeros(n_tokens * generator.representation.config.token_samples).numpy()
