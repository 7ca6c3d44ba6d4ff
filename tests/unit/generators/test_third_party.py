"""A generator folder is read by the adapter that its card names, or the error says what is missing."""

import importlib.metadata
import json
import sys
import types

import pytest

from linernotes.errors import InputError, UnsupportedGenerator
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows import generators as module
from linernotes.workflows.generators import adapter_name, load_generator, load_reference

MEMBERS = (
    "paper", "licence", "weights_licence", "trained_on", "revision", "loss_unit", "generator_id", "sample_rate",
    "segment_s", "network", "encode", "noise_draws", "losses", "null_losses", "updatable", "generate", "trained",
    "weights_sha256",
)  # fmt: skip


@pytest.fixture
def theirs(monkeypatch, tiny_generator):
    """A package that offers an adapter called "theirs", one without `load`, and one that is not installed whole."""

    class Theirs:
        """All members of a generator, and no inheritance from ours."""

        def __init__(self, members):
            for name in members:
                setattr(self, name, getattr(tiny_generator, name))

        @classmethod
        def load(cls, folder):
            card = json.loads((folder / "card.json").read_text())
            return cls([name for name in MEMBERS if name not in card.get("without", [])])

    package = types.ModuleType("a_package_for_tests")
    package.Theirs, package.Unreadable = Theirs, type("Unreadable", (), {})
    monkeypatch.setitem(sys.modules, "a_package_for_tests", package)
    offered = {
        "theirs": "a_package_for_tests:Theirs",
        "unreadable": "a_package_for_tests:Unreadable",
        "broken": "no_such_package:Thing",
        "reference": "linernotes.generators.reference.adapter:ReferenceGenerator",
    }

    def entry_points(*, group):
        return [importlib.metadata.EntryPoint(name, value, group) for name, value in offered.items()]

    monkeypatch.setattr(module, "entry_points", entry_points)
    return Theirs


@pytest.fixture
def folder(tmp_path):
    def written(**card):
        (tmp_path / "card.json").write_text(json.dumps(card))
        return tmp_path

    return written


def test_the_card_names_the_adapter(theirs, folder):
    assert isinstance(load_generator(folder(name="theirs")), theirs)


def test_without_a_name_it_is_the_reference(theirs, tiny_generator, tmp_path):
    tiny_generator.save(tmp_path / "g")
    assert isinstance(load_generator(tmp_path / "g"), ReferenceGenerator)
    assert isinstance(load_reference(tmp_path / "g", "this"), ReferenceGenerator)
    assert load_generator(str(tmp_path / "g")).generator_id == tiny_generator.generator_id


def test_a_missing_plugin_is_named(theirs, folder):
    with pytest.raises(UnsupportedGenerator) as caught:
        load_generator(folder(name="stranger"))
    for word in ("'stranger'", "linernotes.generators", "installed: broken, reference, theirs, unreadable"):
        assert word in str(caught.value)
    with pytest.raises(UnsupportedGenerator, match=r"'broken'.*cannot be imported.*no_such_package"):
        load_generator(folder(name="broken"))
    with pytest.raises(UnsupportedGenerator, match=r"'unreadable'.*no class method load"):
        load_generator(folder(name="unreadable"))


def test_a_missing_member_is_named(theirs, folder):
    with pytest.raises(UnsupportedGenerator, match=r"'theirs' \(Theirs\) lacks null_losses, trained"):
        load_generator(folder(name="theirs", without=["trained", "null_losses"]))


def test_only_the_reference_has_a_recipe(theirs, folder):
    with pytest.raises(UnsupportedGenerator, match="adapter 'theirs'; retraining works with the reference"):
        load_reference(folder(name="theirs"), "retraining")


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(InputError, match="not a generator folder"):
        load_generator(tmp_path)
    (tmp_path / "card.json").write_text("not json")
    with pytest.raises(InputError, match="not a generator folder"):
        load_generator(tmp_path)
    for name in (3, "", None):
        (tmp_path / "card.json").write_text(json.dumps({"name": name}))
        with pytest.raises(InputError, match="expected the name of an installed adapter"):
            adapter_name(tmp_path)
