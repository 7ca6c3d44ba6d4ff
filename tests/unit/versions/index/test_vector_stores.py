"""What every vector store must do, asked of all of them."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from linernotes.errors import CorpusError, InputError, MissingExtra
from linernotes.versions.index.embedded import EmbeddedStore
from linernotes.versions.index.qdrant import QdrantStore
from linernotes.versions.index.store import END_OF_IDS, NOTHING, Hits, merged

DIMENSION = 16
HAS_QDRANT = importlib.util.find_spec("qdrant_client") is not None
KINDS = [
    "embedded",
    pytest.param("qdrant", marks=pytest.mark.skipif(not HAS_QDRANT, reason="extra 'vectors'")),
]


@pytest.fixture(params=KINDS)
def opened(request, tmp_path):
    """Return a function that opens the same store again and again."""
    last = []

    def open_again():
        if last:
            last.pop().close()
        folder = tmp_path / "vectors"
        if request.param == "qdrant":
            store = QdrantStore.open(f"toy@{folder}", DIMENSION)
        elif folder.exists():
            store = EmbeddedStore.open(folder, write=True)
        else:
            store = EmbeddedStore.create(folder, DIMENSION)
        last.append(store)
        return store

    yield open_again
    last.pop().close()


def _vectors(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, DIMENSION)).astype(np.float32)


def _brute(ids, vectors, queries, k):
    squares = ((queries[:, None].astype(float) - vectors[None]) ** 2).mean(axis=2)
    order = np.argsort(squares, axis=1)[:, :k]
    return np.asarray(ids)[order], np.take_along_axis(squares, order, axis=1)


def test_the_nearest_come_first(opened):
    store, vectors = opened(), _vectors(300)
    ids = np.arange(300) * 7 + (5 << 16)
    for part in np.array_split(np.arange(300), 4):
        store.add(ids[part], vectors[part])
    queries = vectors[::50] + 0.01
    found = opened().search(queries, 10)
    wanted, squares = _brute(ids, vectors, queries, 10)
    assert found.ids.shape == found.distances.shape == (6, 10)
    assert np.allclose(found.distances, squares, atol=0.02)
    assert np.mean([np.isin(w, f).mean() for w, f in zip(wanted, found.ids, strict=True)]) > 0.9
    assert (found.ids[:, 0] == wanted[:, 0]).all()
    assert (np.diff(found.distances, axis=1) >= 0).all()


def test_an_empty_store_and_too_many_wanted(opened):
    store = opened()
    assert len(store) == 0
    assert (store.search(_vectors(2), 3).ids == NOTHING).all()
    store.add(np.array([4, 9]), _vectors(2))
    found = store.search(_vectors(1), 5)
    assert found.ids[0].tolist() == [4, 9, -1, -1, -1]
    assert np.isinf(found.distances[0, 2:]).all()
    assert found.distances[0, 0] == pytest.approx(0, abs=1e-3)
    assert store.search(_vectors(0), 5).ids.shape == (0, 5)


def test_removed_is_gone_for_good(opened):
    store, vectors = opened(), _vectors(40)
    ids = np.concatenate([(number << 16) + np.arange(10) for number in range(4)])
    store.add(ids, vectors)
    assert store.remove(1 << 16, 2 << 16) == 10
    assert store.remove(1 << 16, 2 << 16) == 0
    assert store.remove((2 << 16) + 3, (2 << 16) + 5) == 2
    assert store.remove((2 << 16) + 8, (3 << 16) + 2) == 4
    store = opened()
    assert len(store) == 24
    left = set(ids.tolist()) - set(range(1 << 16, 2 << 16))
    left -= {(2 << 16) + 3, (2 << 16) + 4, (2 << 16) + 8, (2 << 16) + 9, 3 << 16, (3 << 16) + 1}
    assert set(store.search(vectors[:1], 40).ids[0].tolist()) == left | {NOTHING}
    assert store.remove(2 << 16, END_OF_IDS) == 14
    assert len(store) == 10
    assert store.faults() == ()


def test_what_is_not_vectors_is_refused(opened):
    store = opened()
    store.add(np.array([3]), _vectors(1))
    bad = _vectors(1)
    bad[0, 0] = np.nan
    for ids, vectors, words in [
        ([4], bad, "not finite"),
        ([4], _vectors(1)[:, :3], "rows of 16 values"),
        ([3], _vectors(1), "from 4 on"),
        ([9, 8], _vectors(2), "rising"),
        ([4, 5], _vectors(1), "one each"),
        ([END_OF_IDS], _vectors(1), "below 2"),
    ]:
        with pytest.raises(InputError, match=words):
            store.add(np.array(ids), vectors)
    with pytest.raises(InputError, match="0 nearest"):
        store.search(_vectors(1), 0)
    with pytest.raises(InputError, match="not finite"):
        store.search(bad, 1)
    assert len(store) == 1


def test_merging_answers_is_one_answer():
    random = np.random.default_rng(3)
    distances = np.sort(random.integers(0, 9, (5, 30)).astype(np.float32), axis=1)
    ids = random.permuted(np.tile(np.arange(30), (5, 1)), axis=1)
    parts = [Hits(ids[:, part], distances[:, part]) for part in np.array_split(np.arange(30), 3)]
    whole = merged([Hits(ids, distances)], 7)
    assert (merged(parts, 7).ids == whole.ids).all()
    assert (merged(parts[::-1], 7).ids == whole.ids).all()
    assert merged(parts, 40).ids.shape == (5, 40)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the client leaks its lock file
def test_a_store_on_a_server_says_what_is_wrong(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="COLLECTION@ADDRESS"):
        QdrantStore.open("nowhere", DIMENSION)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "qdrant_client", None)
        with pytest.raises(MissingExtra, match="qdrant-client"):
            QdrantStore.open(f"toy@{tmp_path}/q", DIMENSION)
    if HAS_QDRANT:
        with pytest.raises(CorpusError, match="see that the server runs"):
            QdrantStore.open("toy@http://127.0.0.1:9", DIMENSION)
        first = QdrantStore.open(f"toy@{tmp_path}/q", DIMENSION)
        with pytest.raises(CorpusError, match="other programs"):
            QdrantStore.open(f"toy@{tmp_path}/q", DIMENSION)
        first.close()
        with pytest.raises(CorpusError, match="expected 3"):
            QdrantStore.open(f"toy@{tmp_path}/q", 3)
    assert not list(Path(tmp_path).glob("*.partial"))
