"""One tiny generator for all tests of the machine-learning core: 8 kHz, random weights, made in a moment."""

import os

import numpy as np
import pytest
from hypothesis import settings

from linernotes.audio.files import Audio

RATE = 8000

# at the landing the same examples every time; at a desk new ones, so that new faults are found there
settings.register_profile("landing", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("landing")


def make_melody(seed: int, seconds: float = 1.6) -> Audio:
    """Eight random notes with a little noise, unlike those of another seed."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitches = 220 * 2 ** (draw.integers(0, 24, 8) / 12)
    tone = np.sin(2 * np.pi * np.repeat(pitches, -(-len(time) // 8))[: len(time)] * time)
    return Audio((0.3 * tone + 0.01 * draw.standard_normal(len(time))).astype(np.float32), RATE)


@pytest.fixture(scope="session")
def melody():
    return make_melody


@pytest.fixture(scope="session")
def tiny_sizes():
    from linernotes.generators.reference.representation import RepresentationConfig

    return RepresentationConfig(
        sample_rate=RATE,
        n_fft=512,
        hop=128,
        n_mels=32,
        n_dims=12,
        patch_frames=4,
        segment_tokens=8,
        griffin_lim_steps=4,
    )


@pytest.fixture(scope="session")
def fitted(tiny_sizes):
    """A representation fitted on three melodies."""
    from linernotes.generators.reference.representation import Representation

    shape = Representation(tiny_sizes)
    shape.fit([shape.log_mel(make_melody(seed, 4.0).samples) for seed in range(3)])
    return shape


@pytest.fixture(scope="session")
def tiny_generator(fitted):
    """Weights are random but not zero: losses, gradients and sampling are real, quality is none."""
    import torch

    from linernotes.generators.reference.adapter import ReferenceGenerator, Trained
    from linernotes.generators.reference.network import Network, NetworkConfig
    from linernotes.generators.reference.training import Recipe
    from linernotes.generators.reference.vocabulary import Vocabulary

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(440)
        network = Network(NetworkConfig(n_dims=12, n_tokens=8, n_words=2, width=16, depth=1, n_heads=2))
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
    recipe = Recipe(width=16, depth=1, n_heads=2)
    trained = [Trained(name, name * 64) for name in "abcd"]
    return ReferenceGenerator(
        fitted, network.requires_grad_(False), Vocabulary(["calm", "fast"]), recipe, trained, "ab" * 32
    )


@pytest.fixture(scope="session")
def tiny_corpus(tiny_generator):
    """Four recordings of 6, 3, 4 and 5 segments, the last with some silence."""
    from linernotes.attribution.base import EncodedCorpus
    from linernotes.attribution.encoding import join

    sounds = [make_melody(seed, seconds) for seed, seconds in enumerate((3.1, 1.6, 2.1, 2.6))]
    sounds[3].samples[4000:9000] = 0.0
    words = ("calm", "", "fast", "calm fast")
    parts = [tiny_generator.encode(audio, said) for audio, said in zip(sounds, words, strict=True)]
    owners = np.repeat(np.arange(4), [len(part) for part in parts])
    return EncodedCorpus(("a", "b", "c", "d"), join(parts), owners, "ab" * 32)


@pytest.fixture(scope="session")
def tiny_queries(tiny_generator):
    from linernotes.attribution.base import Query

    return [Query(f"query-{seed}", tiny_generator.encode(make_melody(seed + 10))) for seed in range(2)]
