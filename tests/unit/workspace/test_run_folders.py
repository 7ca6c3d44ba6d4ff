"""Run folders: named by their question, resumed, finished whole, readable by a person."""

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.errors import CorpusError, InputError
from linernotes.workspace import run_lock
from linernotes.workspace.runs import RunFolder, result_hashes
from linernotes.workspace.toml import dumps, plain


@dataclass(frozen=True)
class Settings:
    draws: int = 16
    rate: float = 1e-4
    note: str | None = None
    sizes: tuple[int, ...] = (1, 2)


def begin(parent, **changes):
    config = {"settings": Settings(), "seed": 7, "queries": [Path("a b.wav")], **changes}
    return RunFolder.begin(parent, "attribute", config, {"corpus": "ab" * 32})


def test_the_same_question_has_the_same_folder(tmp_path):
    assert begin(tmp_path).path == begin(tmp_path).path
    assert begin(tmp_path).path != begin(tmp_path, seed=8).path
    assert begin(tmp_path, note=None).path == begin(tmp_path).path
    assert begin(tmp_path).path.name.startswith("attribute-")
    assert begin(tmp_path).path.name.endswith(".partial")


def test_an_unfinished_run_is_resumed_and_a_finished_one_found(tmp_path):
    run = begin(tmp_path)
    run.write_json("scores.json", {"b": 1, "a": [0.1]})
    run.shards.mkdir()
    (run.shards / "x.shard").write_bytes(b"x")
    resumed = begin(tmp_path)
    assert not resumed.finished
    assert resumed.read_json("scores.json") == {"a": [0.1], "b": 1}
    resumed.write_text("tables/shares.csv", "item,share\n")
    path = resumed.finish()
    assert {one.name for one in tmp_path.iterdir()} == {path.name}
    found = begin(tmp_path)
    assert found.finished
    assert found.path == path == RunFolder.open(path).path
    assert found.finish() == path
    with pytest.raises(CorpusError, match="this run is finished and is not changed"):
        found.write_json("scores.json", {})
    names = {one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file()}
    assert names == {"run.toml", "scores.json", "tables/shares.csv", "provenance.json"}


def test_a_folder_says_what_it_did(tmp_path):
    run = begin(tmp_path)
    run.write_json("scores.json", {"é": 1})
    path = run.finish()
    assert (path / "scores.json").read_text(encoding="utf-8") == '{\n  "é": 1\n}\n'
    question = tomllib.loads((path / "run.toml").read_text())
    assert question["config"]["settings"] == {"draws": 16, "rate": 1e-4, "sizes": [1, 2]}
    assert question == run.question()
    facts = json.loads((path / "provenance.json").read_text())
    assert facts["seed"] == 7
    assert facts["command"] == "attribute"
    assert facts["inputs"] == {"corpus": "ab" * 32}
    assert facts["results"] == result_hashes(path)
    assert set(facts["results"]) == {"scores.json"}
    assert {"torch", "numpy", "sqlalchemy"} <= facts["libraries"].keys()
    assert facts["started_at"] <= facts["finished_at"]


def test_two_processes_may_finish_the_same_run(tmp_path):
    slow, fast = begin(tmp_path), begin(tmp_path)
    slow.write_json("scores.json", 1)
    fast.write_json("scores.json", 1)
    path = fast.finish()
    slow.path.mkdir()
    (slow.path / "run.toml").write_text((path / "run.toml").read_text())
    slow.write_json("scores.json", 1)
    assert slow.finish() == path

    rival = begin(tmp_path, seed=9)
    rival.write_json("scores.json", 1)
    (tmp_path / rival.path.name.removesuffix(".partial")).mkdir()
    (tmp_path / rival.path.name.removesuffix(".partial") / "other").write_text("")
    with pytest.raises(CorpusError, match="something else lies there"):
        rival.finish()


def test_what_is_no_finished_run_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"not a run folder: it holds no run\.toml"):
        RunFolder.open(tmp_path)
    with pytest.raises(CorpusError, match="was not finished; repeat its command"):
        RunFolder.open(begin(tmp_path).path)
    run = begin(tmp_path)
    (run.path / "run.toml").write_text("= nonsense")
    with pytest.raises(CorpusError, match="cannot be read"):
        run.question()
    with pytest.raises(CorpusError, match=r"absent\.json: cannot be read"):
        run.read_json("absent.json")
    with pytest.raises(InputError, match="cannot be written as JSON"):
        run.write_json("scores.json", float("nan"))
    assert not (run.path / "scores.json").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="cannot be written"):
        begin(tmp_path / "file")


@pytest.mark.parametrize("value", [float("inf"), float("nan"), {1, 2}, object(), b"x"])
def test_a_setting_without_a_form_in_toml_is_named(tmp_path, value):
    with pytest.raises(InputError, match=r"config\.bad: .* cannot be kept in run\.toml"):
        begin(tmp_path, bad=value)


scalars = st.one_of(
    st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
)  # fmt: skip
names = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
tables = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(names, tables, max_size=4))
def test_toml_reads_back_what_was_written(table):
    assert tomllib.loads(dumps(table)) == plain(table)


def test_one_process_at_a_time_works_on_a_run(tmp_path):
    run = begin(tmp_path)
    script = (
        "import sys\nfrom linernotes.errors import CorpusError\nfrom linernotes.workspace import run_lock\n"
        "from pathlib import Path\n"
        "try:\n    run_lock.take(Path(sys.argv[1]))\nexcept CorpusError as error:\n    print(error)\n"
        "else:\n    print('free')\n"
    )

    def ask(folder):
        command = [sys.executable, "-c", script, str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "another program is working on this very run" in ask(run.path)
    assert begin(tmp_path).path == run.path  # this process goes on
    run_lock.release(run.path)
    assert ask(run.path).strip() == "free"
