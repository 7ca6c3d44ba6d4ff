"""The shard store: keys follow content, damage is named."""

import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from linernotes.errors import CorpusError, InputError
from linernotes.execution.digest import content_digest
from linernotes.execution.resume import ShardStore
from linernotes.testing.folds import FloatSum


def test_keys_follow_the_content(tmp_path):
    store = ShardStore(tmp_path)
    shards = [[1.0, 2.0], [3.0]]
    keys = store.keys(FloatSum(), shards, "losses")
    assert len(set(keys)) == 2
    assert keys == store.keys(FloatSum(), [list(shard) for shard in shards], "losses")
    assert set(keys).isdisjoint(store.keys(FloatSum(0.5), shards, "losses"))
    assert store.keys(FloatSum(), [[1.0, 2.0], [3.5]], "losses")[0] == keys[0]
    assert store.keys(FloatSum(), [[1.0, 2.0], [3.5]], "losses")[1] != keys[1]


def test_a_state_comes_back_exactly(tmp_path):
    store = ShardStore(tmp_path)
    state = {"sum": np.array([0.1, np.pi], np.float32), "n": 3}
    store.save("a.shard", state)
    loaded = store.load("a.shard")
    assert loaded["n"] == 3
    assert loaded["sum"].tobytes() == state["sum"].tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.shard"]


def test_damage_is_named(tmp_path):
    store = ShardStore(tmp_path)
    store.save("a.shard", [1, 2, 3])
    whole = (tmp_path / "a.shard").read_bytes()
    (tmp_path / "a.shard").write_bytes(whole[:-1])
    with pytest.raises(CorpusError, match="damaged: its header promises SHA-256"):
        store.load("a.shard")
    (tmp_path / "a.shard").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorpusError, match="only this shard is computed anew"):
        store.load("a.shard")
    (tmp_path / "a.shard").write_bytes(b"\x80\x05K\x01.")
    with pytest.raises(CorpusError, match="not a shard file"):
        store.load("a.shard")


@dataclass
class Settings:
    names: set[str] = field(default_factory=lambda: {"trak", "tracin", "ekfac", "random"})
    weights: np.ndarray = field(default_factory=lambda: np.arange(6.0).reshape(2, 3))


def test_digests_are_the_same_in_another_process():
    program = (
        "from linernotes.execution.digest import content_digest as d; import numpy as np;"
        "print(d([{'b', 'a', 'c'}, {'x': 1, 'y': (2.5, None)}, np.arange(4), d]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_digests_tell_values_apart():
    values = [
        None, False, 0, 0.0, -0.0, "0", b"0", [], [[]], (0, 1), (1, 0), {"a": 1}, {"a": 2}, {1, 2}, {1, 3},
        np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), np.float64(0), Settings(),
        Settings(names={"trak"}),
        Settings(weights=np.ones((2, 3))), FloatSum(), FloatSum(2.0), FloatSum, np.zeros(0), np.array(1.0),
    ]  # fmt: skip
    digests = [content_digest(value) for value in values]
    assert len(set(digests)) == len(values)
    assert content_digest(Settings()) == content_digest(Settings())


def test_a_digest_follows_tensors_and_strided_arrays():
    torch = pytest.importorskip("torch")
    a = torch.arange(6.0).reshape(2, 3)
    assert content_digest(a.T.contiguous().T) == content_digest(a)
    assert content_digest(a.bfloat16()) != content_digest(a)
    assert content_digest(torch.nn.Linear(2, 2)) != content_digest(torch.nn.Linear(2, 2))
    b = np.arange(6.0).reshape(2, 3)
    assert content_digest(np.asfortranarray(b)) == content_digest(b)


def test_a_cycle_ends_and_a_lambda_is_refused():
    loop = []
    loop.append(loop)
    assert content_digest(loop) == content_digest(loop)
    with pytest.raises(InputError, match="only functions and classes defined at module level"):
        content_digest(lambda: 1)
    with pytest.raises(InputError, match="no content to hash"):
        content_digest(one for one in "abc")
