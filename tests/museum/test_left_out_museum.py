"""Damaged and foreign losses beside a generator: each is named, with what to do, and nothing is read from it."""

import io
import json

import numpy as np
import pytest

from linernotes.errors import CorpusError, NewerRevision
from linernotes.evaluation.left_out import LeaveOutConfig, LeftOut
from linernotes.generators.reference.adapter import ReferenceGenerator, Trained
from linernotes.workflows.left_out import FILE, load_left_out, save_left_out

CONFIG = LeaveOutConfig(n_groups=4, n_full=2, n_outputs=8)


def losses():
    random = np.random.default_rng(0)
    return LeftOut(
        tuple("abcd"),
        tuple(f"output-{number}" for number in range(8)),
        tuple("wxyz"),
        np.eye(4, dtype=bool),
        random.random((4, 2, 8)).astype(np.float32),
        random.random((2, 8)).astype(np.float32),
    )


@pytest.fixture
def folder(tmp_path, tiny_generator):
    save_left_out(tmp_path, losses(), tiny_generator, CONFIG, {"one.wav": "ab"})
    return tmp_path


def changed(folder, **tables):
    with np.load(folder / FILE) as stored:
        kept = {name: stored[name] for name in stored.files}
    kept |= tables
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in kept.items() if value is not None})
    (folder / FILE).write_bytes(buffer.getvalue())


def facts(folder):
    with np.load(folder / FILE) as stored:
        return json.loads(str(stored["facts"]))


def with_facts(folder, **fields):
    changed(folder, facts=np.array(json.dumps(facts(folder) | fields)))


def test_what_was_written_is_read(folder, tiny_generator):
    found, config, outputs = load_left_out(folder, tiny_generator)
    assert config == CONFIG
    assert outputs == {"one.wav": "ab"}
    assert found.names == tuple("wxyz")
    assert (found.without == losses().without).all()
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_no_file_is_no_losses(tmp_path, tiny_generator):
    assert load_left_out(tmp_path, tiny_generator) is None


@pytest.mark.parametrize("content", [b"", b"losses", b"PK\x03\x04", b"\x93NUMPY"])
def test_not_such_a_file(tmp_path, tiny_generator, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(CorpusError, match="remove it to retrain"):
        load_left_out(tmp_path, tiny_generator)


def test_half_a_file(folder, tiny_generator):
    raw = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(raw[: len(raw) // 2])
    with pytest.raises(CorpusError, match="remove it to retrain"):
        load_left_out(folder, tiny_generator)


@pytest.mark.parametrize(
    "tables",
    [
        {"without": None},
        {"facts": None},
        {"facts": np.array("{")},
        {"facts": np.array("[]")},
        {"without": np.zeros((4, 8), np.float32)},
        {"without": np.zeros((3, 2, 8), np.float32)},
        {"without": np.full((4, 2, 8), np.nan, np.float32)},
        {"full": np.zeros((2, 7), np.float32)},
        {"full": np.full((2, 8), np.inf, np.float32)},
        {"removed": np.eye(3, dtype=bool)},
        {"names": np.array(["w"])},
        {"item_ids": np.array(["a", object()], dtype=object)},
    ],
)
def test_tables_that_do_not_fit(folder, tiny_generator, tables):
    changed(folder, **tables)
    with pytest.raises(CorpusError, match=r"left_out\.npz: not losses"):
        load_left_out(folder, tiny_generator)


@pytest.mark.parametrize("config", [{}, {"n_groups": 1}, {"recipe": {"speed": 3}}, None, {"wishes": 3}])
def test_sizes_that_nobody_asked_for(folder, tiny_generator, config):
    with_facts(
        folder, config=config if config is None else facts(folder)["config"] | config if config else {}
    )
    with pytest.raises(CorpusError, match=r"left_out\.npz: not losses"):
        load_left_out(folder, tiny_generator)


def test_a_newer_revision(folder, tiny_generator):
    with_facts(folder, revision=2)
    with pytest.raises(NewerRevision, match="revision 2"):
        load_left_out(folder, tiny_generator)


def test_another_generator_and_another_training_set(folder, tiny_generator):
    from linernotes.evaluation.sanity import randomised

    elsewhere = ReferenceGenerator(
        tiny_generator.representation, tiny_generator.network, tiny_generator.vocabulary, tiny_generator.recipe,
        [Trained("item", "ff" * 32)],
    )  # fmt: skip
    for other in (randomised(tiny_generator), elsewhere):
        with pytest.raises(CorpusError, match="remove it to retrain, or put the right file there"):
            load_left_out(folder, other)
