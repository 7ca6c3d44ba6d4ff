"""A corpus sealed from facts: the same root as in memory, interruptions, and lines that are not usable."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.corpus import sealing
from linernotes.corpus.facts import index_facts, parse_facts
from linernotes.corpus.presence import verify_presence
from linernotes.corpus.seal import seal_items
from linernotes.errors import CorpusError, InputError
from linernotes.execution.serial import SerialRunner
from linernotes.workflows import seal_facts as workflow
from linernotes.workflows.presence import prove
from linernotes.workflows.seal_facts import seal_facts
from linernotes.workflows.snapshots import alone, list_snapshots
from linernotes.workspace import Workspace


def _row(n, **changes):
    row = {
        "item_id": f"item-{n:04}",
        "file": f"{n}.flac",
        "content_sha256": f"{n:064x}",
        "audio_sha256": f"{n + 2**99:064x}",
        "duration_s": 61.25,
        "title": f"Title {n}",
        "artist": "Ada",
        "isrc": [f"GBAYE69{n:05}", f"GBAYE70{n:05}"],
        "consent": "yes",
        "consent_date": "2025-01-01",
        "consent_evidence": "contract",
        "source_class": "licensed",
        "sketch": [f"{n:08x}{i:08x}" for i in range(4)],
    }
    return row | changes


def _manifest(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def in_process(monkeypatch):
    """Run shards in this process and make them small: no start-up of workers in every test."""

    class Serial(SerialRunner):
        def __init__(self, _n_workers, shard_size, store, progress):
            super().__init__(shard_size, store, progress)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(workflow, "ProcessRunner", Serial)
    for module in (workflow, sealing):
        monkeypatch.setattr(module, "ITEMS_PER_SHARD", 4)


def test_the_root_is_that_of_a_seal_in_memory(tmp_path, in_process):
    rows = [_row(n) for n in range(11)]
    secret = tmp_path / "secret.txt"
    secret.write_text("07" * 32)
    path = _manifest(tmp_path / "m.jsonl", rows[::-1])
    result = seal_facts(path, tmp_path / "ws", secret_file=secret, training_date="2999-01-01")
    items = [parse_facts(json.dumps(row)) for row in rows]
    import datetime as dt

    expected = seal_items(items, audio_dir="", secret=b"\x07" * 32, training_date=dt.date(2999, 1, 1))
    assert result.snapshot.header == expected.header
    result.snapshot.check()
    found = result.as_json()
    assert (found["root"], found["n_items"], found["n_without_consent"]) == (expected.root, 11, 0)
    assert found["gap_counts"]["missing-iswc"] == 11
    assert found["n_gaps"] == len(found["gaps"])
    with Workspace.open(tmp_path / "ws") as workspace:
        assert workspace.corpus().verify() == expected.header
    assert not (tmp_path / "ws.sealing").exists()


def test_proofs_and_the_next_snapshot(tmp_path, in_process):
    ws = tmp_path / "ws"
    first = seal_facts(_manifest(tmp_path / "m.jsonl", [_row(n) for n in range(9)]), ws)
    out = tmp_path / "song.proof"
    for key, present in (("GB-AYE-70-00004", True), ("GB-AYE-70-99999", False)):
        answer = prove([key], ws, out)
        assert answer.present is present
        assert verify_presence(out.read_bytes(), first.snapshot.facts.root) == answer
    with pytest.raises(CorpusError, match="corpus snapshot --manifest"):
        seal_facts(tmp_path / "m.jsonl", ws)
    with pytest.raises(CorpusError, match="nothing changed"):
        seal_facts(tmp_path / "m.jsonl", ws, as_snapshot=True)
    later = [_row(n, title="New") if n == 3 else _row(n) for n in (*range(1, 9), 20)]
    second = seal_facts(_manifest(tmp_path / "m2.jsonl", later), ws, as_snapshot=True)
    with Workspace.open(ws) as workspace:
        assert workspace.corpus().verify() == second.snapshot.header
    rows = list_snapshots(ws)
    assert [row["root"] for row in rows] == [first.snapshot.facts.root, second.snapshot.facts.root]
    assert rows[1]["previous_root"] == rows[0]["root"]
    assert (rows[1]["added"], rows[1]["removed"], rows[1]["changed"]) == (
        ["item-0020"], ["item-0000"], ["item-0003"],
    )  # fmt: skip
    assert not prove(["GB-AYE-70-00000"], ws, out).present
    assert prove(["GB-AYE-70-00000"], ws, out, snapshot=rows[0]["root"][:10]).present
    with pytest.raises(CorpusError, match="no such workspace"):
        seal_facts(tmp_path / "m.jsonl", tmp_path / "none", as_snapshot=True)


def test_csv_gives_the_same_items(tmp_path, in_process):
    rows = [
        _row(n, isrc=f"GBAYE69{n:05};GBAYE70{n:05}", sketch=";".join(_row(n)["sketch"])) for n in range(3)
    ]
    lines = [",".join(rows[0])] + [",".join(str(cell) for cell in row.values()) for row in rows]
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n", "utf-8")
    secret = tmp_path / "secret.txt"
    secret.write_text("07" * 32)
    of_csv = seal_facts(tmp_path / "m.csv", tmp_path / "a", secret_file=secret)
    path = _manifest(tmp_path / "m.jsonl", [_row(n) for n in range(3)])
    of_json = seal_facts(path, tmp_path / "b", secret_file=secret)
    assert of_csv.snapshot.facts.root == of_json.snapshot.facts.root


def test_an_interrupted_seal_goes_on(tmp_path, in_process, monkeypatch):
    path = _manifest(tmp_path / "m.jsonl", [_row(n) for n in range(14)])
    computed = []
    whole = sealing.SealShards._seal

    def counted(self, number, first, items):
        computed.append(number)
        if computed == [0, 1, 2]:
            raise KeyboardInterrupt
        return whole(self, number, first, items)

    monkeypatch.setattr(sealing.SealShards, "_seal", counted)
    with pytest.raises(KeyboardInterrupt):
        seal_facts(path, tmp_path / "ws")
    assert not (tmp_path / "ws").exists()
    result = seal_facts(path, tmp_path / "ws")
    assert computed == [0, 1, 2, 2, 3]
    result.snapshot.check()


@pytest.mark.parametrize("n_steps", [1, 3, 5, 7])
def test_killed_between_any_two_steps_no_seal_is_half_there(tmp_path, n_steps):
    """SIGKILL at the n-th rename, link or log entry: afterwards the same command finishes the work."""
    path = _manifest(tmp_path / "m.jsonl", [_row(n) for n in range(6)])
    code = (
        "import os, signal, sys\n"
        "from linernotes.corpus import sealing\n"
        "from linernotes.workflows import seal_facts as w, snapshots\n"
        "from linernotes.execution.serial import SerialRunner\n"
        "class Serial(SerialRunner):\n"
        "    def __init__(self, n, size, store, progress): super().__init__(size, store, progress)\n"
        "    __enter__ = lambda self: self\n"
        "    __exit__ = lambda self, *a: None\n"
        "w.ProcessRunner = Serial\n"
        "left = [int(sys.argv[3])]\n"
        "def counted(function):\n"
        "    def call(*a, **k):\n"
        "        if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        left[0] -= 1\n"
        "        return function(*a, **k)\n"
        "    return call\n"
        "w._assemble = counted(w._assemble); w._header = counted(w._header)\n"
        "w.write_seal = counted(w.write_seal); w._into_workspace = counted(w._into_workspace)\n"
        "w.take_place = counted(w.take_place); w.log_snapshot = counted(w.log_snapshot)\n"
        "snapshots.record = counted(snapshots.record); w.os.replace = w.os.replace\n"
        "w.shutil.rmtree = counted(w.shutil.rmtree)\n"
        "w.seal_facts(sys.argv[1], sys.argv[2])\n"
    )
    ws = tmp_path / "ws"
    killed = subprocess.run([sys.executable, "-c", code, str(path), str(ws), str(n_steps)], check=False)
    assert killed.returncode == -signal.SIGKILL
    if not ws.exists():
        again = subprocess.run([sys.executable, "-c", code, str(path), str(ws), "-1"], check=False)
        assert again.returncode == 0
    rows = list_snapshots(ws)
    assert len(rows) == 1
    assert (ws / "receipts" / "corpus-seal.json").exists()
    with Workspace.open(ws) as workspace:
        assert workspace.corpus().verify().root == rows[0]["root"]
    assert prove(["GB-AYE-69-00004"], ws, tmp_path / "p.proof").present


def test_a_worker_process_seals_the_same(tmp_path):
    """Once with real processes, killed while they work, then finished by the same command."""
    path = _manifest(tmp_path / "m.jsonl", [_row(n) for n in range(3000)])
    code = (
        "import sys\n"
        "from linernotes.workflows.seal_facts import seal_facts\n"
        "if __name__ == '__main__':\n"
        "    print(seal_facts(sys.argv[1], sys.argv[2], n_workers=2).snapshot.facts.root)\n"
    )
    script = tmp_path / "seal.py"
    script.write_text(code)
    command = [sys.executable, str(script), str(path), str(tmp_path / "ws")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "ws.sealing" / "places.npy").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "ws").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert list_snapshots(tmp_path / "ws")[0]["root"] == done.stdout.strip()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"content_sha256": ""}, "content_sha256 is empty"),
        ({"content_sha256": "xyz"}, "content hash 'xyz'"),
        ({"item_id": ""}, "item_id"),
        ({"isrcs": "x"}, "unknown fields isrcs"),
        ({"duration_s": -1}, "duration_s '-1'"),
        ({"duration_s": "long"}, "duration_s 'long'"),
        ({"duration_s": True}, "duration_s: bool"),
        ({"sketch": ["short"]}, "sketch key 'short'"),
        ({"sketch": [f"{n:016x}" for n in range(65)]}, "65 sketch keys"),
        ({"title": ["a", "b"]}, "title: list"),
        ({"consent": "maybe"}, "consent 'maybe'"),
        ({"consent_date": "soon"}, "date 'soon'"),
        ({"source_class": "stolen"}, "source class"),
        ({"iscc": "ISCC:?"}, "ISCC"),
        ({"is_multitrack": "perhaps"}, "is_multitrack"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path, in_process, change, message):
    path = _manifest(tmp_path / "m.jsonl", [_row(0), _row(1) | change])
    with pytest.raises(InputError, match=message) as caught:
        seal_facts(path, tmp_path / "ws")
    assert "line 2" in str(caught.value)
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no item"),
        ("[1]\n", "item_id None"),
        ('{"item_id": 3}\n', "item_id 3"),
        ('{"item_id": "a"}\n{"item_id": "a"}\n', "lines 1 and 2: both are item 'a'"),
        ("nonsense\n", "line 1"),
        ("\xff\n", "line 1"),
    ],
)
def test_a_manifest_that_cannot_be_indexed(tmp_path, text, message):
    path = tmp_path / "m.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        index_facts(path)


def test_two_programs_do_not_seal_into_one_place(tmp_path, in_process):
    path = _manifest(tmp_path / "m.jsonl", [_row(0)])
    work = tmp_path / "ws.sealing"
    work.mkdir()
    with alone(work), pytest.raises(CorpusError, match="another program is sealing"):
        seal_facts(path, tmp_path / "ws")
    assert seal_facts(path, tmp_path / "ws").snapshot.header.n_items == 1


def test_work_for_another_secret_is_thrown_away(tmp_path, in_process, monkeypatch):
    path = _manifest(tmp_path / "m.jsonl", [_row(n) for n in range(9)])
    secret = tmp_path / "secret.txt"

    def stop(*_):
        raise KeyboardInterrupt

    for digits in ("07", "08"):  # both interrupted when their shards are there
        secret.write_text(digits * 32)
        with monkeypatch.context() as patch:
            patch.setattr(workflow, "_header", stop)
            with pytest.raises(KeyboardInterrupt):
                seal_facts(path, tmp_path / "ws", secret_file=secret)
    secret.write_text("07" * 32)
    result = seal_facts(path, tmp_path / "ws", secret_file=secret)
    result.snapshot.check()
    items = [parse_facts(json.dumps(_row(n))) for n in range(9)]
    assert result.snapshot.facts.root == seal_items(items, audio_dir="", secret=b"\x07" * 32).root


def test_places_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        seal_facts(tmp_path / "none.jsonl", tmp_path / "ws")
    path = _manifest(tmp_path / "m.jsonl", [_row(0)])
    (tmp_path / "file").write_text("x")
    with pytest.raises(CorpusError):
        seal_facts(path, tmp_path / "file")


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_any_line_is_read_or_refused(line):
    with pytest.raises(InputError):
        parse_facts(line)


any_cell = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.lists(st.text(max_size=3))
)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(_row(0))), cell=any_cell)
def test_any_cell_is_read_or_refused(name, cell):
    try:
        parse_facts(json.dumps(_row(1) | {name: cell})).lookup_keys()
    except InputError:
        return


def test_the_documentation_names_every_field():
    from linernotes.corpus.facts import COLUMNS

    text = (Path(__file__).parents[3] / "docs" / "methods" / "seal.md").read_text("utf-8")
    assert not [name for name in COLUMNS if f"`{name}`" not in text]
