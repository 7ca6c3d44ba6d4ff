"""Shards answer as one index does, on any engine, at the false-match rate of the whole."""

import json
from pathlib import Path

import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError
from linernotes.evidence.identification import Match
from linernotes.evidence.spans import Span
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.fingerprint.landmarks import find_landmarks, find_query
from linernotes.fingerprint.match import identify_query
from linernotes.fingerprint.storage.sharded import SearchShards
from linernotes.fingerprint.store import IndexFolder, ShardedCatalogue, open_index
from linernotes.workflows.catalogue import add_catalogue
from linernotes.workflows.shards import identify_in_shards

MUSIC = Path(__file__).parents[4] / "demo" / "catalog" / "audio"


@pytest.fixture(scope="module")
def pieces() -> list[Audio]:
    return [read_audio(path, 8000).excerpt(0.0, 40.0) for path in sorted(MUSIC.glob("*.ogg"))[3:8]]


@pytest.fixture(scope="module")
def shards(tmp_path_factory, pieces) -> list[Path]:
    """Four pieces over two shards, and all four in one index; the fifth is nowhere."""
    parent = tmp_path_factory.mktemp("shards")
    places = {"first": [0, 1], "second": [2, 3], "whole": [0, 1, 2, 3]}
    for name, numbers in places.items():
        with IndexFolder(parent / name) as writer:
            for k in numbers:
                writer.append(f"piece-{k}", f"{k:064x}", find_landmarks(pieces[k]))
    return [parent / name for name in places]


@pytest.fixture(scope="module")
def queries(pieces) -> list:
    sounds = {
        "zero": pieces[0].excerpt(5, 15),
        "three": pieces[3].excerpt(20, 30),
        "none": pieces[4].excerpt(5, 15),
    }
    # a semitone up and faster: the same samples, said to be more per second
    quick = pieces[2].excerpt(8, 20)
    sounds["two, faster"] = Audio(quick.samples, round(quick.sample_rate * 2 ** (1 / 12)))
    return [(name, find_query(sound, name=name)) for name, sound in sounds.items()]


def test_shards_answer_as_the_whole_does(shards, queries) -> None:
    first, second, whole = shards
    sharded = ShardedCatalogue.open([first, second])
    index = open_index(whole)
    assert (sharded.n_recordings, sharded.duration_s) == (4, pytest.approx(index.duration_s))
    expected = [identify_query(query, index, query_id=name) for name, query in queries]
    assert [tuple(m.recording_id for m in found) for found in expected] == [
        ("piece-0",),
        ("piece-3",),
        (),
        ("piece-2",),
    ]
    assert sharded.identify(queries, SerialRunner(1)) == expected
    assert ShardedCatalogue.open([second, first]).identify(queries[:1], SerialRunner(1)) == expected[:1]


def test_a_change_under_an_exact_match_of_another_shard_is_not_told() -> None:
    def match(name: str, score: float, start_s: float, end_s: float) -> Match:
        span = Span(start_s, end_s)
        return Match(query_id="q", recording_id=name, score=score, false_match_rate=1e-9, query=span,
                     reference=span, time_ratio=1.0, pitch_shift_semitones=0.0, method="m", unit="u")  # fmt: skip

    exact, under, beside = match("exact", 9.0, 0, 10), match("under", 5.0, 2, 8), match("beside", 4.0, 9, 15)
    fold = SearchShards((("q", None),), 100.0, 1e-4)
    answers = [(((exact,), (exact,)), ((), (under, beside)))]
    assert fold.finish(answers) == [(exact, beside)]
    assert fold.finish([answers[0][::-1]]) == [(exact, beside)]


def test_the_rate_is_that_of_all_shards(shards, queries) -> None:
    alone = identify_query(queries[0][1], open_index(shards[0]), query_id="zero", max_false_match_rate=0.5)
    together = ShardedCatalogue.open(shards[:2]).identify(
        queries[:1], SerialRunner(1), max_false_match_rate=0.5
    )[0]
    assert together[0].recording_id == alone[0].recording_id
    assert together[0].false_match_rate > alone[0].false_match_rate


def test_processes_find_the_same(shards, queries) -> None:
    sharded = ShardedCatalogue.open(shards[:2])
    with ProcessRunner(2) as run:
        found = sharded.identify(queries[:2], run, search_shifts=False)
    assert found == sharded.identify(queries[:2], SerialRunner(1), search_shifts=False)


def test_a_shard_that_grows_is_seen(tmp_path, takes) -> None:
    with IndexFolder(tmp_path / "a") as writer:
        writer.append("one", "00", takes[0])
    run = SerialRunner(1)
    sharded = ShardedCatalogue.open([tmp_path / "a"])
    assert sharded.identify([], run) == []
    with IndexFolder(tmp_path / "a") as writer:
        writer.append("two", "01", takes[1])
    assert ShardedCatalogue.open([tmp_path / "a"]).n_recordings == 2


def test_shards_that_do_not_go_together_are_refused(shards, tmp_path, takes) -> None:
    with pytest.raises(CorpusError, match=r"'piece-0': in two shards"):
        ShardedCatalogue.open(shards)
    with pytest.raises(InputError, match="twice"):
        ShardedCatalogue.open([shards[0], shards[0]])
    with pytest.raises(InputError, match="at least one"):
        ShardedCatalogue.open([])
    with pytest.raises(CorpusError, match="no fingerprint index"):
        ShardedCatalogue.open([shards[0], tmp_path])


def test_files_are_identified_over_workspaces(
    tmp_path: Path, pieces, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, k in {"a": 0, "b": 3}.items():
        folder = tmp_path / name
        folder.mkdir()
        write_audio(folder / f"piece-{k}.flac", pieces[k])
        (folder / "catalog.csv").write_text(f"file,title,artist\npiece-{k}.flac,Title {k},Someone\n")
        add_catalogue(folder, folder / "catalog.csv", tmp_path / f"ws-{name}")
    write_audio(tmp_path / "query.flac", pieces[3].excerpt(10, 20))
    [answer] = identify_in_shards([tmp_path / "query.flac"], [tmp_path / "ws-a", tmp_path / "ws-b"])
    assert [(m["recording_id"], m["title"]) for m in answer["matches"]] == [("piece-3", "Title 3")]
    with pytest.raises(InputError, match="at least one audio file"):
        identify_in_shards([], [tmp_path / "ws-a"])
    capsys.readouterr()
    both = ["--workspace", str(tmp_path / "ws-a"), "--workspace", str(tmp_path / "ws-b")]
    assert main(["identify", str(tmp_path / "query.flac"), *both, "--thorough", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [answer]
    assert main(["identify", str(tmp_path / "query.flac"), *both, "--passages"]) != 0
    assert "one --workspace" in capsys.readouterr().err
