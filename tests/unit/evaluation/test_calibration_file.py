"""A calibration is handed out only to the generator, training set and method that it was made for."""

import json

import pytest
import torch

from linernotes.attribution.likeness.similarity import Similarity
from linernotes.attribution.statements.calibration import Calibration, EffectMaps, Monotone
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.evidence.reliability import CalibrationNote
from linernotes.generators.reference.adapter import ReferenceGenerator, Trained
from linernotes.workflows.calibration import FILE, calibration_of, store_calibration

NOTE = CalibrationNote(
    confidence=0.9,
    coverage=0.9,
    effect_unit="parts",
    noise=0.01,
    matters=0.02,
    n_queries=4,
    n_removals=5,
    n_seeds=2,
)


def calibration(method="unlearning", top=1.0):
    line = Monotone((0.0, 1.0), (0.0, top))
    return Calibration(method, "sum", EffectMaps(line, line, (-1.0, 1.0), Monotone((0.0,), (0.5,))), NOTE)


def trained_on(generator, *hashes):
    items = [Trained(f"item-{number}", value) for number, value in enumerate(hashes)]
    return ReferenceGenerator(
        generator.representation, generator.network, generator.vocabulary, generator.recipe, items, "ab"
    )


def test_what_was_stored_is_read(tmp_path, tiny_generator):
    assert calibration_of(tmp_path, FisherUnlearning(), tiny_generator, "cd") is None
    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration())
    assert calibration_of(tmp_path, FisherUnlearning(), tiny_generator, "cd") == calibration()
    assert calibration_of(tmp_path, FisherUnlearning(seed=7), tiny_generator, "cd") == calibration(), (
        "only the seed may differ"
    )
    assert [path.name for path in tmp_path.iterdir()] == [FILE], "nothing half-written is left"


def test_a_calibration_never_travels(tmp_path, tiny_generator):
    from linernotes.evaluation.sanity import randomised

    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration())
    assert calibration_of(tmp_path, Similarity(), tiny_generator, "cd") is None
    other = FisherUnlearning(UnlearningConfig(damping=0.2))
    assert calibration_of(tmp_path, other, tiny_generator, "cd") is None
    assert calibration_of(tmp_path, FisherUnlearning(), randomised(tiny_generator), "cd") is None
    elsewhere = trained_on(tiny_generator, "ff" * 32)
    assert calibration_of(tmp_path, FisherUnlearning(), elsewhere, "cd") is None
    with pytest.raises(InputError, match="calibration of 'unlearning', method 'similarity'"):
        store_calibration(tmp_path, Similarity(), tiny_generator, calibration())


def test_methods_stand_side_by_side_and_replace_themselves(tmp_path, tiny_generator):
    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration())
    store_calibration(tmp_path, Similarity(), tiny_generator, calibration("similarity"))
    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration(top=2.0))
    assert calibration_of(tmp_path, FisherUnlearning(), tiny_generator, "cd") == calibration(top=2.0)
    assert calibration_of(tmp_path, Similarity(), tiny_generator, "cd") == calibration("similarity")


def test_another_generators_file_is_begun_anew(tmp_path, tiny_generator):
    store_calibration(
        tmp_path, Similarity(), trained_on(tiny_generator, "ff" * 32), calibration("similarity")
    )
    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration())
    assert list(json.loads((tmp_path / FILE).read_text())["methods"]) == ["unlearning"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"methods": 3, "revision": 1}', '{"methods": {}, "revision": "x"}', "\udcff"],
)
def test_a_damaged_file_is_named(tmp_path, tiny_generator, text):
    (tmp_path / FILE).write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(CorpusError, match=r"calibration\.json: not a calibration file"):
        calibration_of(tmp_path, FisherUnlearning(), tiny_generator, "cd")


@pytest.mark.parametrize("part", ["settings", "calibration", "effect", "note", "method"])
def test_a_damaged_entry_is_named(tmp_path, tiny_generator, part):
    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration())
    stored = json.loads((tmp_path / FILE).read_text())
    entry = stored["methods"]["unlearning"]
    if part == "method":
        entry["calibration"]["method"] = "similarity"
    elif part in entry:
        del entry[part]
    else:
        del entry["calibration"][part]
    (tmp_path / FILE).write_text(json.dumps(stored))
    with pytest.raises(CorpusError, match=r"calibration\.json: damaged"):
        calibration_of(tmp_path, FisherUnlearning(), tiny_generator, "cd")


def test_a_newer_file_is_named(tmp_path, tiny_generator):
    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration())
    stored = json.loads((tmp_path / FILE).read_text()) | {"revision": 2}
    (tmp_path / FILE).write_text(json.dumps(stored))
    with pytest.raises(NewerRevision, match="revision 2"):
        calibration_of(tmp_path, FisherUnlearning(), tiny_generator, "cd")


def test_the_weights_decide_which_generator_it_is(tmp_path, tiny_generator):
    import copy

    store_calibration(tmp_path, FisherUnlearning(), tiny_generator, calibration())
    network = copy.deepcopy(tiny_generator.network)
    with torch.no_grad():
        next(network.parameters()).add_(1e-3)
    moved = ReferenceGenerator(
        tiny_generator.representation, network, tiny_generator.vocabulary, tiny_generator.recipe,
        tiny_generator.trained, tiny_generator.corpus_root,
    )  # fmt: skip
    assert calibration_of(tmp_path, FisherUnlearning(), moved, "cd") is None
