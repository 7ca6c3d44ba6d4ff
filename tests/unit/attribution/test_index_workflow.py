"""Build, ask, fall back and estimate, through the program, on four small recordings."""

import copy
import json
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import soundfile

from linernotes.attribution.by_group.group_unlearning import GroupUnlearningConfig
from linernotes.attribution.by_group.groups import Groups
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
from linernotes.attribution.likeness.embedded import EmbeddedLikeness
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
from linernotes.audio.files import file_sha256
from linernotes.cli.main import main
from linernotes.errors import InputError
from linernotes.execution import SerialRunner
from linernotes.generators.reference.adapter import ReferenceGenerator, Trained
from linernotes.workflows.attribute import AttributeRequest
from linernotes.workflows.cost import estimate, estimate_for, passes_of

RIGHTS = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,tags"


@pytest.fixture(scope="module")
def place(tmp_path_factory, melody, tiny_generator):
    """A folder with a sealed corpus ``ws``, a generator ``g`` that names its files, and an output."""
    home = tmp_path_factory.mktemp("index")
    (home / "music").mkdir()
    rows = [RIGHTS]
    for seed, name in enumerate("abcd"):
        soundfile.write(home / "music" / f"{name}.wav", melody(seed, 2.1).samples, 8000)
        rows.append(f"{name}.wav,Title {name},Ada,Ada Ltd,contract,yes,2025-01-01,no. {seed},calm")
    (home / "rights.csv").write_text("\n".join(rows) + "\n", "utf-8")
    assert (
        main(
            [
                "corpus",
                "seal",
                str(home / "music"),
                "--rights",
                str(home / "rights.csv"),
                "--out",
                str(home / "ws"),
            ]
        )
        == 0
    )
    trained = [Trained(name, file_sha256(home / "music" / f"{name}.wav")) for name in "abcd"]
    made = ReferenceGenerator(
        tiny_generator.representation, copy.deepcopy(tiny_generator.network), tiny_generator.vocabulary,
        tiny_generator.recipe, trained, "ab" * 32,
    )  # fmt: skip
    made.save(home / "g")
    soundfile.write(home / "out.wav", melody(11, 1.1).samples, 8000)
    silence = np.zeros(8000, np.float32)
    silence[::97] = 1.0
    soundfile.write(home / "clicks.wav", silence, 8000)
    return home


def call(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def where(place):
    return ("--workspace", place / "ws", "--generator", place / "g")


@pytest.fixture
def built(place, where, capsys):
    code, out, err = call(
        capsys, "index", "build", *where, "--queries", 9, "--segments", 4, "--workers", 1, "--json"
    )
    assert code == 0, err
    return json.loads(out)


def test_asking_before_building_says_what_to_do(place, where, tmp_path, capsys):
    import shutil

    shutil.copytree(place / "ws", tmp_path / "ws")
    shutil.rmtree(tmp_path / "ws" / "index", ignore_errors=True)
    code, _, err = call(
        capsys,
        "index",
        "query",
        place / "out.wav",
        "--workspace",
        tmp_path / "ws",
        "--generator",
        place / "g",
    )
    assert code == 3
    assert "linernotes index build" in err


def test_a_built_index_answers_in_the_fields_of_attribute(place, where, built, capsys):
    assert built["n_items"] == 4
    assert built["student"]["n_queries"] == 9
    assert not list(place.glob("ws/index/**/*.shard"))
    code, out, err = call(capsys, "index", "query", place / "out.wav", *where, "--no-exact", "--json")
    assert code == 0, err
    answer = json.loads(out)[0]
    assert answer["answered_by"] == "fast"
    assert answer["fallback"] is False
    assert 0 < answer["p_value"] <= 1
    assert sorted(line["item_id"] for line in answer["influences"]) == list("abcd")
    assert "scope" in answer
    again = call(capsys, "index", "query", place / "out.wav", *where, "--no-exact", "--json")[1]
    assert again == out


def test_an_index_that_is_there_is_kept(place, where, built, capsys):
    header = place.glob("ws/index/*/index.json")
    before = next(header).read_bytes()
    code, out, err = call(capsys, "index", "build", *where, "--queries", 9, "--segments", 4, "--json")
    assert code == 0, err
    assert json.loads(out)["student"] == built["student"]
    assert next(place.glob("ws/index/*/index.json")).read_bytes() == before


def test_other_sizes_are_refused_not_mixed(where, built, capsys):
    code, _, err = call(capsys, "index", "build", *where, "--queries", 12, "--segments", 4)
    assert code == 3
    assert "settings" in err


def test_what_the_index_does_not_know_is_answered_exactly_and_said_so(
    place, where, built, capsys, monkeypatch
):
    from linernotes.attribution.fast.student import Student

    monkeypatch.setattr(Student, "familiarity", lambda self, features, rows: 0.001)
    code, out, err = call(capsys, "index", "query", place / "out.wav", *where, "--workers", 1, "--json")
    assert code == 0, err
    answer = json.loads(out)[0]
    assert answer["fallback"] is True
    assert answer["answered_by"] == answer["method"] == "ekfac"
    assert "unlike what the index learnt from" in answer["why"]
    assert "answered by 'ekfac'" in err
    code, out, err = call(capsys, "index", "query", place / "out.wav", *where, "--no-exact", "--json")
    answer = json.loads(out)[0]
    assert answer["answered_by"] == "fast"
    assert "not to be trusted" in answer["why"]


# -- cost -------------------------------------------------------------------------------------------


class Counting:
    """A generator that counts its passes."""

    def __init__(self, inner):
        self._inner, self.forwards, self.backwards = inner, 0, 0

    def __getattr__(self, name):
        if name.startswith("__") or name in ("_inner", "forwards", "backwards"):
            raise AttributeError(name)
        return getattr(self._inner, name)

    def losses(self, network, segments, draws, *, audible_only=False):
        losses = self._inner.losses(network, segments, draws, audible_only=audible_only)
        self.forwards += losses.numel()
        self.backwards += losses.numel() if losses.requires_grad else 0
        return losses

    def outputs(self, network, segments, draws):
        outputs = self._inner.outputs(network, segments, draws)
        n_passes = outputs.shape[0] * outputs.shape[1]
        self.forwards += n_passes
        self.backwards += n_passes if outputs.requires_grad else 0
        return outputs

    def paired_losses(self, network, segments, draws):
        losses = self._inner.paired_losses(network, segments, draws)
        self.forwards += losses.numel()
        self.backwards += losses.numel() if losses.requires_grad else 0
        return losses


DESCENT = DescentConfig(FineTuneConfig(n_steps=10, batch_size=8, learning_rate=2e-3, average=0.9, seed=5))
GRADIENTS = {"n_draws": 3, "n_query_draws": 8, "n_replicates": 2}
STEP = {"n_query_draws": 8, "n_scoring_draws": 4}
TEACHER = UnlearningConfig(n_query_draws=8, n_scoring_draws=4)
FAST = IndexConfig(n_teaching_queries=12, n_taught_segments=6, n_item_draws=2, n_query_draws=2, n_buckets=64)
METHODS = {
    "unlearning": lambda: FisherUnlearning(TEACHER),
    "partial": lambda: PartialUnlearning(TEACHER),
    "mucs": lambda: Mucs(MucsConfig(n_steps=1, batch_size=8, n_scoring_draws=4)),
    "similarity": Similarity,
    "random": Chance,
    "grad-dot": lambda: GradDot(GradientConfig(**GRADIENTS)),
    "grad-cos": lambda: GradCos(GradientConfig(**GRADIENTS)),
    "trak": lambda: Trak(TrakConfig(**GRADIENTS)),
    "d-trak": lambda: DTrak(TrakConfig(**GRADIENTS)),
    "das": lambda: Das(DasConfig(**GRADIENTS, n_directions=3)),
    "activations": lambda: Activations(ActivationsConfig(n_bands=3, n_replicates=2)),
    "forward": lambda: ForwardInfluence(ForwardConfig(**STEP, query_levels=0.5)),
    "unlearning-skew": lambda: SkewUnlearning(SkewUnlearningConfig(**STEP)),
    "unlearning-ekfac": lambda: EkfacUnlearning(EkfacUnlearningConfig(**STEP, two_sided=True)),
    "ensemble": lambda: Ensemble(members=[METHODS[name]() for name in ("ekfac", "unlearning-ekfac", "das")]),
    "ekfac": lambda: EkfacInfluence(EkfacConfig(n_query_draws=8, n_scoring_draws=4)),
    "fast": lambda: FastIndex(FAST, teacher=PartialUnlearning(TEACHER)),
    "fast by ekfac": lambda: FastIndex(
        FAST, teacher=EkfacInfluence(EkfacConfig(n_query_draws=8, n_scoring_draws=4))
    ),
    "prefiltered": lambda: Prefiltered(
        PrefilterConfig(1, 2, RaceConfig(2)), exact=PartialUnlearning(TEACHER), shortlister=Similarity()
    ),
    "siblings": lambda: Siblings(
        SiblingConfig(4, 6, 8, n_query_draws=8, n_replicates=2, kernel=KernelConfig(3, 64, 1, 6, 8))
    ),
    "guda": lambda: Guda(GudaConfig(GroupUnlearningConfig(n_steps=3, n_segments=2), 4)),
    "guda by redirection": lambda: Guda(
        GudaConfig(GroupUnlearningConfig("redirect", preserve="loss", n_steps=3, n_segments=2), 4)
    ),
    "guda by groups": lambda: Guda(
        GudaConfig(GroupUnlearningConfig(n_steps=3, n_segments=2), 4),
        groups=Groups.of(tuple("abcd"), {"a": "Ada", "b": "Ada", "c": "Bo"}),
    ),
    "guda by one step": lambda: Guda(GudaConfig(GroupUnlearningConfig("fisher"), 4)),
    "unrolled": lambda: Unrolled(
        UnrolledConfig(1, 1, DESCENT, replace(DESCENT, anew=True, swept=0.5), 2, 4, 2, 8)
    ),
}
EXACT = ("unlearning", "partial", "mucs", "similarity", "random", "grad-dot", "grad-cos", "trak", "d-trak", "das",
         "activations", "forward", "unlearning-skew", "guda", "guda by groups")  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_passes_are_counted_beforehand(name, tiny_generator, tiny_corpus, tiny_queries):
    counting = Counting(tiny_generator)
    method, run = METHODS[name](), SerialRunner(8)
    method.fit(counting, tiny_corpus, run)
    method.attribute(tiny_queries, run)
    sizes = [len(query.segments) for query in tiny_queries]
    told = passes_of(METHODS[name](), len(tiny_corpus.item_ids), len(tiny_corpus.segments), sizes)
    if name in EXACT:
        assert (told.forwards, told.backwards) == (counting.forwards, counting.backwards)
    for said, counted in ((told.forwards, counting.forwards), (told.backwards, counting.backwards)):
        assert counted / 2 <= said <= 2 * counted


def test_an_ensemble_of_a_silent_member_names_it():
    with pytest.raises(InputError, match="ensemble: its member 'similarity' does not tell its cost"):
        passes_of(Ensemble(members=[Similarity(), Trak()]), 4, 15, [2])


class TellsItsCost:
    name = "theirs"

    def cost(self, n_segments, n_query_segments):
        return 10 * n_segments + n_query_segments, n_query_segments


def test_a_method_of_a_third_party_tells_its_own_cost():
    told = passes_of(TellsItsCost(), 5, 20, [2, 3])
    assert (told.forwards, told.backwards) == (205, 5)
    with pytest.raises(InputError, match="does not tell its cost"):
        passes_of(object.__new__(type("Nobody", (), {"name": "nobody"})), 5, 20, [2])


@dataclass(frozen=True)
class SlowEmbedding:
    """Takes four milliseconds for a stretch of two segments."""

    length_s: float
    name: str = "slow-1"

    def vector(self, audio):
        time.sleep(0.004)
        return np.zeros(2)

    def distances(self, left, right):
        return np.zeros((len(left), len(right)))


def test_a_method_that_listens_is_timed_at_listening(tiny_generator):
    method = EmbeddedLikeness(SlowEmbedding(2 * tiny_generator.segment_s))
    told = estimate_for(method, tiny_generator, 10, 40, [2], n_workers=1)
    assert (told.forward_passes, told.backward_passes) == (0, 0)
    assert told.seconds[1] >= told.seconds[0] >= 42 * 0.004 / 2

    class Deaf(Counting):
        def __getattr__(self, name):
            if name == "decode":
                raise AttributeError(name)
            return super().__getattr__(name)

    with pytest.raises(InputError, match="no decode"):
        estimate_for(method, Deaf(tiny_generator), 10, 40, [2])


def test_an_estimate_grows_with_the_question_and_shrinks_with_workers(tiny_generator):
    small = estimate_for(FisherUnlearning(TEACHER), tiny_generator, 10, 40, [2], n_workers=1)
    large = estimate_for(FisherUnlearning(TEACHER), tiny_generator, 1000, 40000, [2], n_workers=1)
    assert 0 < small.seconds[0] <= small.seconds[1] < large.seconds[1]
    assert small.forward_passes < large.forward_passes
    assert small.peak_memory_mib > 10
    assert small.as_json()["seconds"].keys() == {"low", "high"}


def test_the_estimate_of_a_request_reads_corpus_and_outputs(place):
    request = AttributeRequest((str(place / "out.wav"),), str(place / "ws"), str(place / "g"))
    told = estimate(request, n_workers=2)
    assert (told.method, told.n_items, told.n_queries, told.n_workers) == ("unlearning", 4, 1, 2)
    segment_s = ReferenceGenerator.load(place / "g").segment_s
    assert told.n_segments == 4 * max(1, int(2.1 / segment_s + 0.5))
    assert json.dumps(told.as_json())
