"""An index folder does what a dictionary would do, whatever the order of changes, and readers never wait."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.store import (
    MANIFEST,
    IndexFolder,
    check_index,
    drop_damaged,
    index_statistics,
    open_index,
)

SHA = [f"{k:064x}" for k in range(12)]


def _fill(folder: Path, takes, numbers, **options) -> None:
    with IndexFolder(folder, **options) as writer:
        for k in numbers:
            writer.append(f"rec-{k}", SHA[k], takes[k])


def _expected(takes, content, numbers) -> dict:
    return content(FingerprintIndex.empty().add([(f"rec-{k}", SHA[k], takes[k]) for k in numbers]))


def test_written_and_opened_is_the_same(tmp_path, takes, content) -> None:
    _fill(tmp_path, takes, range(4))
    opened = open_index(tmp_path)
    assert content(opened.as_one()) == _expected(takes, content, range(4))
    assert opened.content_hashes == {f"rec-{k}": SHA[k] for k in range(4)}
    assert len(opened) == len(opened.recordings) == 4


def test_what_is_only_in_the_journal_is_found_too(tmp_path, takes, content) -> None:
    writer = IndexFolder(tmp_path)
    writer.append("rec-0", SHA[0], takes[0])
    assert content(open_index(tmp_path).as_one()) == _expected(takes, content, [0])
    writer.close()
    assert not list(tmp_path.glob("segment-*"))
    with IndexFolder(tmp_path) as again:
        assert again.content_hash("rec-0") == SHA[0]
    assert len(list(tmp_path.glob("segment-*"))) == 1


def test_a_full_journal_becomes_a_segment(tmp_path, takes) -> None:
    with IndexFolder(tmp_path, flush_bytes=1, auto_compact=False) as writer:
        for k in range(3):
            writer.append(f"rec-{k}", SHA[k], takes[k])
        assert len(writer.manifest.segments) == 3


def test_replacing_hides_the_older_copy_at_once_and_for_good(tmp_path, takes, content) -> None:
    _fill(tmp_path, takes, [0, 1])
    writer = IndexFolder(tmp_path)
    writer.append("rec-1", SHA[5], takes[5])
    writer.append("rec-1", SHA[6], takes[6])
    during = open_index(tmp_path)
    writer.close()
    expected = content(
        FingerprintIndex.empty().add([("rec-0", SHA[0], takes[0]), ("rec-1", SHA[6], takes[6])])
    )
    assert content(during.as_one()) == expected
    with IndexFolder(tmp_path):
        pass
    after = open_index(tmp_path)
    assert content(after.as_one()) == expected
    living = [
        r.recording_id for s in after.segments for r in s.recordings if r.recording_id not in after.removed
    ]
    assert sorted(living) == ["rec-0", "rec-1"], "the dead copy has a name of its own"
    with IndexFolder(tmp_path) as writer:
        writer.compact()
    assert content(open_index(tmp_path).as_one()) == expected
    assert not open_index(tmp_path).removed


def test_removing_what_is_not_there_changes_nothing(tmp_path, takes) -> None:
    _fill(tmp_path, takes, [0, 1])
    with pytest.raises(CorpusError, match=r"'rec-9'.*nothing was removed"), IndexFolder(tmp_path) as writer:
        writer.remove({"rec-0", "rec-9"})
    assert len(open_index(tmp_path)) == 2


def test_a_reader_keeps_its_generation(tmp_path, takes, content) -> None:
    _fill(tmp_path, takes, [0, 1])
    reader = open_index(tmp_path)
    before = content(reader.as_one())
    with IndexFolder(tmp_path) as writer:
        writer.append("rec-2", SHA[2], takes[2])
        writer.remove({"rec-0"})
        writer.compact()
    assert content(reader.as_one()) == before
    assert open_index(tmp_path).generation > reader.generation


def test_a_reader_that_meets_a_switch_begins_again(tmp_path, takes, monkeypatch) -> None:
    from linernotes.fingerprint.storage import catalogue

    _fill(tmp_path, takes, [0, 1])
    real, switched = catalogue.read_journal, []

    def read(path):
        if not switched:  # the writer finishes between our look at the manifest and our look at the journal
            switched.append(True)
            _fill(tmp_path, takes, [2])
        return real(path)

    monkeypatch.setattr(catalogue, "read_journal", read)
    assert len(open_index(tmp_path)) == 3


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path, takes) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from linernotes.fingerprint.store import IndexFolder\n"
        "w = IndexFolder(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(CorpusError, match=rf"process {other.pid} on .* is writing this index"):
            IndexFolder(tmp_path)
        assert len(open_index(tmp_path)) == 0, "readers are not held up"
        other.kill()
    _fill(tmp_path, takes, [0])
    assert len(open_index(tmp_path)) == 1


@pytest.mark.parametrize(("rule", "kept"), [("keep", 1), ("replace", 5)])
def test_merging_follows_the_declared_rule(tmp_path, takes, content, rule: str, kept: int) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    _fill(here, takes, [0, 1])
    _fill(there, takes, [0, 2])
    with IndexFolder(there) as writer:
        writer.append("rec-1", SHA[5], takes[5])
        writer.append("rec-3", SHA[3], takes[3])
        writer.remove({"rec-3"})
    with pytest.raises(CorpusError, match=r"'rec-1'.*nothing was merged"), IndexFolder(here) as writer:
        writer.merge(open_index(there))
    assert len(open_index(here)) == 2
    with IndexFolder(here) as writer:
        assert writer.merge(open_index(there), on_conflict=rule) == ((1, 2) if rule == "keep" else (2, 1))
    numbers = {"rec-0": 0, "rec-1": kept, "rec-2": 2}
    expected = FingerprintIndex.empty().add([(name, SHA[k], takes[k]) for name, k in numbers.items()])
    assert content(open_index(here).as_one()) == content(expected)
    assert check_index(here).faults == ()


def test_an_index_is_not_merged_into_itself(tmp_path, takes) -> None:
    _fill(tmp_path, takes, [0])
    with pytest.raises(InputError, match="itself"), IndexFolder(tmp_path) as writer:
        writer.merge(open_index(tmp_path))
    with pytest.raises(InputError, match="expected refuse, keep or replace"), IndexFolder(tmp_path) as writer:
        writer.merge(open_index(tmp_path), on_conflict="guess")


def test_compacting_leaves_one_segment_and_frees_the_room(tmp_path, takes, content) -> None:
    _fill(tmp_path, takes, range(6), flush_bytes=1, auto_compact=False)
    with IndexFolder(tmp_path, auto_compact=False) as writer:
        writer.remove({"rec-0", "rec-4"})
        writer.compact()
        assert [entry.n_recordings for entry in writer.manifest.segments] == [4]
        before = writer.manifest
        writer.compact()
        assert writer.manifest == before, "nothing to do is nothing done"
    assert content(open_index(tmp_path).as_one()) == _expected(takes, content, [1, 2, 3, 5])


def test_removing_everything_leaves_an_empty_index(tmp_path, takes) -> None:
    _fill(tmp_path, takes, [0, 1])
    with IndexFolder(tmp_path) as writer:
        writer.remove({"rec-0", "rec-1"})
        writer.compact()
    assert len(open_index(tmp_path)) == 0
    assert open_index(tmp_path).as_one().recordings == ()
    assert not list(tmp_path.glob("segment-*"))


def test_eight_equal_segments_become_one(tmp_path, takes) -> None:
    _fill(tmp_path, takes, range(8), flush_bytes=1)
    assert [len(s.recordings) for s in open_index(tmp_path).segments] == [8]


def test_statistics_add_up(tmp_path, takes) -> None:
    _fill(tmp_path, takes, range(3), flush_bytes=1, auto_compact=False)
    found = index_statistics(tmp_path, with_recordings=True)
    on_disk = sum(path.stat().st_size for path in tmp_path.rglob("*.npy"))
    assert found["n_bytes"] == on_disk == sum(a["n_bytes"] for a in found["arrays"].values())
    assert [r["recording_id"] for r in found["recordings"]] == ["rec-0", "rec-1", "rec-2"]
    assert len(found["segments"]) == 3
    assert found["journal"]["n_recordings"] == 0
    json.dumps(found)


def test_no_index_says_what_to_do(tmp_path) -> None:
    with pytest.raises(CorpusError, match="linernotes catalog add"):
        open_index(tmp_path)


def test_an_index_of_an_earlier_revision_says_what_to_do(tmp_path) -> None:
    old = {"format": "linernotes-fingerprints", "revision": 1, "files": {}, "recordings": []}
    (tmp_path / MANIFEST).write_text(json.dumps(old))
    for opening in (open_index, IndexFolder, check_index):
        with pytest.raises(CorpusError, match=r"revision 1.*delete the folder.*catalog add"):
            opening(tmp_path)


def test_a_newer_index_and_other_settings_are_refused(tmp_path, takes, monkeypatch) -> None:
    from linernotes.fingerprint.storage import manifest

    _fill(tmp_path, takes, [0])
    body = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / MANIFEST).write_text(json.dumps(body | {"revision": 99}))
    with pytest.raises(NewerRevision, match="revision 99"):
        open_index(tmp_path / "newer")
    monkeypatch.setattr(manifest, "index_settings", lambda: {"landmarks": "others"})
    with pytest.raises(CorpusError, match="other landmark settings"):
        open_index(tmp_path)


def test_a_lost_manifest_does_not_cost_the_segments(tmp_path, takes) -> None:
    _fill(tmp_path, takes, [0])
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(CorpusError, match=f"no {MANIFEST}"):
        IndexFolder(tmp_path)
    assert list(tmp_path.glob("segment-*"))


class IndexMachine(RuleBasedStateMachine):
    """Any sequence of changes against a dictionary of recording id to number of the take."""

    takes: list
    content = None

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.model: dict[str, int] = {}
        self.writer = IndexFolder(self.folder / "index")
        self.n_others = 0

    @rule(name=st.integers(0, 5), take=st.integers(0, 11))
    def append(self, name: int, take: int) -> None:
        self.writer.append(f"rec-{name}", SHA[take], self.takes[take])
        self.model[f"rec-{name}"] = take

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data) -> None:
        gone = data.draw(st.sets(st.sampled_from(sorted(self.model)), min_size=1))
        self.writer.remove(gone)
        for name in gone:
            del self.model[name]

    @rule()
    def flush(self) -> None:
        self.writer.flush()

    @rule()
    def compact(self) -> None:
        self.writer.compact()

    @rule(
        others=st.dictionaries(st.integers(3, 7), st.integers(0, 11), min_size=1),
        rule_name=st.sampled_from(["keep", "replace"]),
    )
    def merge(self, others: dict[int, int], rule_name: str) -> None:
        self.n_others += 1
        place = self.folder / f"other-{self.n_others}"
        with IndexFolder(place) as other:
            for name, take in others.items():
                other.append(f"rec-{name}", SHA[take], self.takes[take])
        self.writer.merge(open_index(place), on_conflict=rule_name)
        for name, take in others.items():
            if rule_name == "replace" or f"rec-{name}" not in self.model:
                self.model[f"rec-{name}"] = take

    @rule(orderly=st.booleans())
    def reopen(self, orderly: bool) -> None:
        if orderly:
            self.writer.flush()
        self.writer.close()
        self.writer = IndexFolder(self.folder / "index")

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        found = self.content(open_index(self.folder / "index").as_one())
        entries = [(name, SHA[take], self.takes[take]) for name, take in self.model.items()]
        assert found == self.content(FingerprintIndex.empty().add(entries))
        assert check_index(self.folder / "index").faults == ()
        assert len(self.writer) == len(self.model)

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            self.writer.close()
            shutil.rmtree(self.folder)


def test_any_sequence_of_changes_equals_a_dictionary(takes, content) -> None:
    IndexMachine.takes = takes
    IndexMachine.content = staticmethod(content)
    run_state_machine_as_test(
        IndexMachine,
        settings=settings(
            max_examples=8, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_dropping_nothing_changes_nothing(tmp_path, takes) -> None:
    _fill(tmp_path, takes, [0])
    before = (tmp_path / MANIFEST).read_bytes()
    assert drop_damaged(tmp_path) == ()
    assert (tmp_path / MANIFEST).read_bytes() == before
