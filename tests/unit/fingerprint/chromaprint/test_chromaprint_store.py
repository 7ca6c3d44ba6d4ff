"""On disk: what was saved is opened, damage is named, and a half-written index is never seen."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, NewerRevision
from linernotes.fingerprint.chromaprint import store
from linernotes.fingerprint.chromaprint.index import ARRAYS, PrintIndex
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.fingerprint.chromaprint.store import ENTRIES, HEADER, has_index, open_prints, save_prints


def made(n, seed=0):
    random = np.random.default_rng(seed)
    return PrintIndex.empty().add(
        [
            (
                Recording(
                    recording_id=f"r{i}", title=f"Ünïcode {i}", artist="Ada\u2028Lovelace", tags=("a",)
                ),
                100.5 + i,
                Chromaprint(random.integers(0, 2**32, 50 + i, np.uint32), 1 if i % 2 else 3),
            )
            for i in range(n)
        ]
    )


def same(a, b):
    return a.entries == b.entries and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS
    )


def inner(folder):
    return folder / json.loads((folder / HEADER).read_text())["folder"]


@pytest.mark.parametrize("n", [0, 1, 5])
def test_what_was_saved_is_opened(tmp_path, n):
    index = made(n)
    assert not has_index(tmp_path)
    save_prints(index, tmp_path)
    assert same(open_prints(tmp_path), index)


def test_saving_anew_leaves_one_folder_and_saving_the_same_leaves_it_alone(tmp_path):
    save_prints(made(2), tmp_path)
    save_prints(made(4), tmp_path)
    before = inner(tmp_path).stat().st_ino
    save_prints(made(4), tmp_path)
    assert inner(tmp_path).stat().st_ino == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([HEADER, inner(tmp_path).name])


def test_facts_alone_may_change(tmp_path):
    index = made(2)
    save_prints(index, tmp_path)
    entry = index.entries[0]
    renamed = Recording(recording_id="r0", title="Other", artist="Ada")
    save_prints(index.add([(renamed, entry.duration_s, index.fingerprint_of(entry))]), tmp_path)
    assert {e.recording.title for e in open_prints(tmp_path).entries} == {"Other", "Ünïcode 1"}


@pytest.mark.parametrize("name", [*(f"{name}.npy" for name in ARRAYS), ENTRIES])
def test_a_changed_byte_is_named(tmp_path, name):
    save_prints(made(3), tmp_path)
    path = inner(tmp_path) / name
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=rf"{name}: damaged: its SHA-256"):
        open_prints(tmp_path)


@pytest.mark.parametrize("name", [*(f"{name}.npy" for name in ARRAYS), ENTRIES])
def test_a_missing_file_is_named(tmp_path, name):
    save_prints(made(3), tmp_path)
    (inner(tmp_path) / name).unlink()
    with pytest.raises(CorpusError, match=f"{name}: missing"):
        open_prints(tmp_path)


@pytest.mark.parametrize("name", [*(f"{name}.npy" for name in ARRAYS), ENTRIES])
@pytest.mark.parametrize("kept", [0, 40, 140])
def test_a_cut_file_is_refused_even_where_checksums_are_not_read(tmp_path, name, kept):
    save_prints(made(3), tmp_path)
    path = inner(tmp_path) / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CorpusError):
        open_prints(tmp_path, verify=False)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "other"}, "format 'other'"),
        ({"revision": "x"}, "damaged"),
        ({"folder": "../elsewhere"}, "other files"),
        ({"files": {}}, "other files"),
        ({"files": 3}, "damaged"),
    ],
)
def test_a_damaged_header_is_named(tmp_path, change, word):
    save_prints(made(1), tmp_path)
    header = json.loads((tmp_path / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps(header | change))
    with pytest.raises(CorpusError, match=word):
        open_prints(tmp_path)


def test_a_newer_revision_is_named(tmp_path):
    save_prints(made(1), tmp_path)
    header = json.loads((tmp_path / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps(header | {"revision": 99}))
    with pytest.raises(NewerRevision, match="revision 99"):
        open_prints(tmp_path)


def test_nothing_imported_says_what_to_do(tmp_path):
    with pytest.raises(CorpusError, match="import-fingerprints"):
        open_prints(tmp_path)


@pytest.mark.parametrize("step", ["save", "write_bytes", "replace-0", "write_text", "replace-1"])
def test_a_process_killed_while_saving_leaves_the_old_index_or_the_new(tmp_path, step):
    save_prints(made(2), tmp_path)
    code = f"""
import os, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_chromaprint_store import made
from linernotes.fingerprint.chromaprint import store
index = made(4, seed=1)
step, _, turn = {step!r}.partition("-")
left = int(turn or 0)
holder = {{"save": np, "write_bytes": Path, "write_text": Path, "replace": os}}[step]
real = getattr(holder, step)
def stop(*given, **named):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    return real(*given, **named)
setattr(holder, step, stop)
store.save_prints(index, Path({str(tmp_path)!r}))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert same(open_prints(tmp_path), made(2))
    save_prints(made(4, seed=1), tmp_path)
    assert same(open_prints(tmp_path), made(4, seed=1))
    assert not list(tmp_path.glob("*.partial"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.np, "save", full)
    with pytest.raises(CorpusError, match="No space left"):
        save_prints(made(1), tmp_path / "prints")
    assert not has_index(tmp_path / "prints")
