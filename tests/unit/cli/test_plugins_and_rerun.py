"""Plugins tell where they come from; a run is repeated and compared byte for byte."""

import importlib.metadata
import json
import sys
import types

import pytest

from linernotes.cli import plugins as plugins_module
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError
from linernotes.workflows import rerun as rerun_module
from linernotes.workflows.rerun import REPEATABLE, rerun
from linernotes.workspace import RunFolder


def test_every_installed_plugin_of_ours_says_paper_licence_and_revision(capsys):
    assert main(["plugins", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    ours = [plugin for plugin in json.loads(out) if plugin["package"] == "linernotes"]
    assert "reference" in {plugin["name"] for plugin in ours}
    for plugin in ours:
        assert plugin["paper"], plugin
        assert plugin["revision"], plugin
        assert plugin["licence"], plugin
        assert plugin["weights_licence"] or plugin["kind"] != "generators", plugin


def test_a_broken_plugin_hides_no_other(monkeypatch, capsys):
    def entry_points(*, group):
        points = [
            importlib.metadata.EntryPoint("broken", "no_such_module:Thing", group),
            importlib.metadata.EntryPoint("path", "pathlib:Path", group),
        ]
        return points if group.endswith("matchers") else []

    monkeypatch.setattr(plugins_module, "entry_points", entry_points)
    assert main(["plugins", "--json"]) == 0
    out, err = capsys.readouterr()
    broken, whole = json.loads(out)
    assert "no_such_module" in broken["fault"]
    assert whole["fault"] is None
    assert whole["licence"] is None
    assert "warning: matchers 'broken' cannot be loaded" in err
    assert main(["plugins"]) == 0
    assert "broken" in capsys.readouterr().out


@pytest.fixture
def registry(monkeypatch):
    """A repeatable workflow that squares numbers, honestly or not."""
    module = types.ModuleType("a_workflow_for_tests")
    module.offset = 0

    def repeat(config, parent):
        run = RunFolder.begin(parent, "square", config, {"numbers": str(config["numbers"])})
        run.write_json("squares.json", [n * n + module.offset for n in config["numbers"]])
        run.write_json("count.json", len(config["numbers"]))
        return run.finish()

    module.repeat = repeat
    monkeypatch.setitem(sys.modules, module.__name__, module)
    registry = {"square": "a_workflow_for_tests:repeat"}
    monkeypatch.setattr(rerun_module, "REPEATABLE", registry)
    monkeypatch.setitem(REPEATABLE, "square", registry["square"])
    return registry, module


def test_the_same_bytes_are_identical(registry, tmp_path, capsys):
    first = registry[1].repeat({"numbers": [1, 2], "seed": 3}, tmp_path)
    found = rerun(first, registry=registry[0])
    assert found.identical
    assert found.n_results == 2
    assert found.changed_machine == ()
    kept = rerun(first, tmp_path / "again", registry=registry[0])
    assert kept.identical
    assert [path.name for path in (tmp_path / "again").iterdir()] == [first.name]
    assert main(["rerun", str(first)]) == 0
    assert "identical: all 2 results of 'square'" in capsys.readouterr().out


def test_another_result_is_named_and_exits_1(registry, tmp_path, capsys):
    first = registry[1].repeat({"numbers": [1, 2], "seed": 3}, tmp_path)
    registry[1].offset = 1
    assert main(["rerun", str(first), "--json"]) == 1
    out, _ = capsys.readouterr()
    assert json.loads(out)["differing"] == ["squares.json"]
    assert json.loads(out)["altered"] == []
    assert main(["rerun", str(first)]) == 1
    assert "came out otherwise: squares.json" in capsys.readouterr().out


def test_a_result_changed_on_disk_is_named(registry, tmp_path):
    first = registry[1].repeat({"numbers": [1, 2]}, tmp_path)
    (first / "squares.json").write_text("[1, 5]\n")
    (first / "count.json").unlink()
    found = rerun(first, registry=registry[0])
    assert found.altered == ("count.json", "squares.json")
    assert found.differing == ()
    assert not found.identical


def test_other_inputs_and_libraries_are_named(registry, tmp_path):
    first = registry[1].repeat({"numbers": [1, 2]}, tmp_path)
    facts = json.loads((first / "provenance.json").read_text())
    facts["inputs"]["numbers"] = "[1, 3]"
    facts["libraries"]["numpy"] = "1.0"
    (first / "provenance.json").write_text(json.dumps(facts))
    found = rerun(first, registry=registry[0])
    assert found.changed_inputs == ("numbers",)
    assert len(found.changed_machine) == 1
    assert found.changed_machine[0].startswith("numpy: 1.0 -> ")


def test_what_cannot_be_repeated_is_refused(registry, tmp_path):
    run = RunFolder.begin(tmp_path, "paint", {"seed": 1}, {})
    with pytest.raises(CorpusError, match="was not finished"):
        rerun(run.path)
    path = run.finish()
    with pytest.raises(InputError, match="the command 'paint' cannot be repeated; expected one of"):
        rerun(path)
    first = registry[1].repeat({"numbers": [1]}, tmp_path / "runs")
    with pytest.raises(CorpusError, match="holds the run itself"):
        rerun(first, tmp_path / "runs", registry=registry[0])


def test_every_repeatable_command_names_a_function_that_exists():
    import importlib

    for target in REPEATABLE.values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))
