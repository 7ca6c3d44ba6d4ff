"""Our own generator and methods pass what third parties' must pass; broken ones are caught."""

import copy
from dataclasses import replace
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.by_group.group_unlearning import GroupUnlearningConfig
from linernotes.attribution.by_group.guda import Guda, GudaConfig
from linernotes.attribution.chance import Chance
from linernotes.attribution.curvature.ekfac import EkfacConfig, EkfacInfluence
from linernotes.attribution.ensemble import Ensemble
from linernotes.attribution.fast.index import FastIndex, IndexConfig
from linernotes.attribution.fast.prefilter import PrefilterConfig, Prefiltered
from linernotes.attribution.fast.racing import RaceConfig
from linernotes.attribution.gradients.das import Das, DasConfig
from linernotes.attribution.gradients.dtrak import DTrak
from linernotes.attribution.gradients.per_item import GradientConfig
from linernotes.attribution.gradients.tracin import GradCos, GradDot
from linernotes.attribution.gradients.trak import Trak, TrakConfig
from linernotes.attribution.likeness.activations import Activations, ActivationsConfig
from linernotes.attribution.likeness.similarity import Similarity
from linernotes.attribution.retraining.descent import DescentConfig
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig
from linernotes.attribution.retraining.gradient_kernel import KernelConfig
from linernotes.attribution.retraining.siblings import SiblingConfig, Siblings
from linernotes.attribution.retraining.unrolled import Unrolled, UnrolledConfig
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig
from linernotes.attribution.unlearning.forward import ForwardConfig, ForwardInfluence
from linernotes.attribution.unlearning.kronecker import EkfacUnlearning, EkfacUnlearningConfig
from linernotes.attribution.unlearning.mucs import Mucs, MucsConfig
from linernotes.attribution.unlearning.partial import PartialUnlearning
from linernotes.attribution.unlearning.skew import SkewUnlearning, SkewUnlearningConfig
from linernotes.audio.files import Audio
from linernotes.execution import SerialRunner
from linernotes.generators.base import Segments
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.network import Network, NetworkConfig
from linernotes.generators.reference.representation import Representation, RepresentationConfig
from linernotes.generators.reference.training import Recipe
from linernotes.generators.reference.vocabulary import Vocabulary
from linernotes.testing import BrokenPromise, check_attributor, check_generator
from linernotes.workflows.version_likeness import VersionLikeness

SIZES = RepresentationConfig(
    sample_rate=8000,
    n_fft=512,
    hop=128,
    n_mels=32,
    n_dims=12,
    patch_frames=4,
    segment_tokens=8,
    griffin_lim_steps=4,
)


def melody(seed, seconds=1.6):
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * SIZES.sample_rate)) / SIZES.sample_rate
    pitches = 220 * 2 ** (draw.integers(0, 24, 8) / 12)
    tone = np.sin(2 * np.pi * np.repeat(pitches, -(-len(time) // 8))[: len(time)] * time)
    return Audio((0.3 * tone + 0.01 * draw.standard_normal(len(time))).astype(np.float32), SIZES.sample_rate)


@pytest.fixture(scope="module")
def generator():
    """The reference generator, small and with random weights: the contract is not about quality."""
    torch.manual_seed(440)
    representation = Representation(SIZES)
    representation.fit([representation.log_mel(melody(seed, 4.0).samples) for seed in range(3)])
    vocabulary = Vocabulary(["calm", "fast"])
    network = Network(NetworkConfig(n_dims=12, n_tokens=8, n_words=2, width=16, depth=1, n_heads=2))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return ReferenceGenerator(representation, network, vocabulary, Recipe(width=16, depth=1, n_heads=2))


@pytest.fixture(scope="module")
def corpus(generator):
    parts = [generator.encode(melody(seed)) for seed in range(4)]
    owners = np.repeat(np.arange(4), [len(part) for part in parts])
    joined = Segments(
        torch.cat([part.latents for part in parts]),
        torch.cat([part.audible for part in parts]),
        torch.cat([part.conditions for part in parts]),
        tuple(start for part in parts for start in part.start_s),
    )
    return EncodedCorpus(("a", "b", "c", "d"), joined, owners, "00" * 32)


@pytest.fixture(scope="module")
def queries(generator):
    return [Query(f"query-{seed}", generator.encode(melody(seed + 10))) for seed in range(2)]


def test_the_reference_generator_keeps_the_contract(generator):
    check_generator(generator, melody(1), "calm")


SHORT = {"n_draws": 2, "n_query_draws": 4, "n_replicates": 2, "n_slots": 512}
KERNEL = KernelConfig(n_draws=4, n_slots=64, n_loosened=1, loosening_steps=2, loosening_batch=4)
STEP = {"n_query_draws": 8, "n_scoring_draws": 4}
DESCENT = DescentConfig(FineTuneConfig(n_steps=4, batch_size=4, learning_rate=2e-3, average=0.9, seed=5))
METHODS = {
    "activations": lambda: Activations(ActivationsConfig(n_bands=2, n_replicates=2)),
    "d-trak": lambda: DTrak(TrakConfig(**SHORT)),
    "das": lambda: Das(DasConfig(**SHORT)),
    "ekfac": lambda: EkfacInfluence(EkfacConfig(**STEP)),
    "ensemble": lambda: Ensemble(members=[EkfacInfluence(EkfacConfig(**STEP)), Similarity()]),
    "fast": lambda: FastIndex(
        IndexConfig(
            n_teaching_queries=12, n_taught_segments=12, n_item_draws=8, n_query_draws=8, n_directions=12
        ),
        teacher=Similarity(),
    ),
    "forward": lambda: ForwardInfluence(ForwardConfig(**STEP)),
    "grad-cos": lambda: GradCos(GradientConfig(**SHORT)),
    "grad-dot": lambda: GradDot(GradientConfig(**SHORT)),
    "guda": lambda: Guda(GudaConfig(GroupUnlearningConfig(n_steps=2, n_segments=2, n_draws=2), 4)),
    "prefiltered": lambda: Prefiltered(
        PrefilterConfig(1, 3, RaceConfig(draws_per_round=2)),
        exact=PartialUnlearning(UnlearningConfig(**STEP)),
        shortlister=Similarity(),
    ),
    "siblings": lambda: Siblings(
        SiblingConfig(n_siblings=4, n_steps=3, batch_size=4, n_query_draws=8, n_replicates=2, kernel=KERNEL)
    ),
    "trak": lambda: Trak(TrakConfig(**SHORT)),
    "unrolled": lambda: Unrolled(
        UnrolledConfig(
            fine_tuning=DESCENT,
            anew=replace(DESCENT, anew=True),
            n_waypoints=2,
            n_draws=2,
            n_groups=1,
            n_query_draws=4,
        )
    ),
    "unlearning-ekfac": lambda: EkfacUnlearning(EkfacUnlearningConfig(**STEP)),
    "unlearning-skew": lambda: SkewUnlearning(SkewUnlearningConfig(**STEP)),
    "random": Chance,
    "similarity": Similarity,
    "version-likeness": VersionLikeness,
    "unlearning": lambda: FisherUnlearning(UnlearningConfig(n_query_draws=8, n_scoring_draws=4)),
    "mucs": lambda: Mucs(MucsConfig(n_steps=2, batch_size=4, learning_rate=1e-3, n_scoring_draws=4)),
}


def test_every_installed_method_of_ours_is_checked():
    points = entry_points(group="linernotes.attributors")
    assert {point.name for point in points if point.value.startswith("linernotes.")} == METHODS.keys()


@pytest.mark.parametrize("name", METHODS)
def test_our_methods_keep_the_contract(name, generator, corpus, queries):
    check_attributor(METHODS[name], generator, corpus, queries, SerialRunner)


class Wrapped:
    """A generator that is the reference one but for what a subclass spoils."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        if name.startswith("__") or name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)


class DrawsItsOwnNoise(Wrapped):
    def losses(self, network, segments, draws, *, audible_only=False):
        losses = self._inner.losses(network, segments, draws, audible_only=audible_only)
        return losses + 0.01 * torch.rand_like(losses)


class NormalisesOverTheBatch(Wrapped):
    def losses(self, network, segments, draws, *, audible_only=False):
        losses = self._inner.losses(network, segments, draws, audible_only=audible_only)
        return losses - losses.mean()


class ForgetsTheLicence(Wrapped):
    weights_licence = ""


class IgnoresTheSeed(Wrapped):
    def generate(self, seed, seconds, condition=""):
        return self._inner.generate(0, seconds, condition)


class GivesItsOwnWeights(Wrapped):
    def updatable(self, network):
        return self._inner.updatable(self._inner.network)


class TrainsWhenAsked(Wrapped):
    def encode(self, audio, condition=""):
        with torch.no_grad():
            next(iter(self._inner.network.parameters())).add_(1e-3)
        return self._inner.encode(audio, condition)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (DrawsItsOwnNoise, "draw noise of their own"),
        (NormalisesOverTheBatch, "away from its loss in a batch"),
        (ForgetsTheLicence, r"ForgetsTheLicence\.weights_licence is ''"),
        (IgnoresTheSeed, "generate ignores the seed"),
        (GivesItsOwnWeights, "weights of another network"),
        (TrainsWhenAsked, "changed the generator's own weights"),
    ],
)
def test_a_broken_generator_is_caught(kind, reason, generator):
    with pytest.raises(BrokenPromise, match=reason):
        check_generator(kind(copy.deepcopy(generator)), melody(1))


class AnswersWithoutFitting(Chance):
    def attribute(self, queries, run):
        return []


class ShufflesItems(Chance):
    def attribute(self, queries, run):
        found = super().attribute(queries, run)
        return [
            ItemScores(
                one.query_id, one.method, one.unit, one.item_ids[::-1], one.replicates, one.segment_scores
            )
            for one in found
        ]


class DependsOnTheCompany(Chance):
    def attribute(self, queries, run):
        found = super().attribute(queries, run)
        for i, one in enumerate(found):
            one.replicates[0] += i
        return found


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (AnswersWithoutFitting, "answered before it was fitted"),
        (ShufflesItems, "item ids are not the corpus's"),
        (DependsOnTheCompany, "with the queries in another order"),
    ],
)
def test_a_broken_method_is_caught(kind, reason, generator, corpus, queries):
    with pytest.raises(BrokenPromise, match=reason):
        check_attributor(kind, generator, corpus, queries, SerialRunner)
