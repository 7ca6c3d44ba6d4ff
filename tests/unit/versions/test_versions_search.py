import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.catalog.recording import Recording
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError, TooShort
from linernotes.execution import ProcessRunner
from linernotes.workflows import version_listening, version_profiles, versions
from linernotes.workflows.version_index import add_to_index, index_stats
from linernotes.workflows.versions import SearchConfig, compare_files, search_versions
from linernotes.workspace import Workspace

CORPUS = Path(__file__).parents[3] / "demo/corpus/audio"
STEMS = ("eric-skiff__arpanauts", "wansti__treeboss", "brock-wilcox__umbrellas")
BY_INDEX = SearchConfig(encoder="chroma2d", n_candidates=2, exhaustive_up_to=0)


def _workspace(place, stems, *, blip=False):
    audio_dir = place.with_name(f"{place.name}-audio")
    for stem in stems:
        write_audio(audio_dir / f"{stem}.wav", read_audio(CORPUS / f"{stem}.ogg", 16000).excerpt(5, 25))
    if blip:
        write_audio(audio_dir / "blip.wav", Audio(np.ones(16000, np.float32) / 2, 16000))
    files = {stem: f"{stem}.wav" for stem in (*stems, *(("blip",) if blip else ()))}
    recordings = [Recording(recording_id=stem, title=stem, artist="someone") for stem in files]
    with Workspace.create(place) as opened:
        opened.add_recordings(recordings, audio_dir, files=files)
    return place


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    path = tmp_path_factory.mktemp("query") / "query.mp3"
    write_audio(path, read_audio(CORPUS / f"{STEMS[1]}.ogg", 16000).excerpt(8, 20))
    return path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return _workspace(tmp_path_factory.mktemp("all") / "ws", STEMS, blip=True)


def test_an_excerpt_finds_its_recording_first(workspace, query):
    (answer,) = search_versions([query], workspace, top=2)
    assert answer["results"][0]["recording_id"] == STEMS[1]
    assert len(answer["results"]) == 2
    first, second = answer["results"]
    assert first["score"] > second["score"]
    segment = first["segments"][0]
    assert segment["b_start_s"] - segment["a_start_s"] == pytest.approx(3, abs=1)
    assert answer["skipped"][0]["recording_id"] == "blip"
    assert "at least 4 s" in answer["skipped"][0]["reason"]
    assert answer["searched"] == {"by": "everything", "n_recordings": 4, "n_aligned": 3}
    cached = {path: path.stat().st_mtime_ns for path in (workspace / "versions").glob("*.*")}
    assert len([path for path in cached if path.suffix == ".npz"]) == 3
    assert search_versions([query], workspace, top=2)[0]["results"] == answer["results"]
    assert {path: path.stat().st_mtime_ns for path in (workspace / "versions").glob("*.*")} == cached


def test_the_index_gives_what_aligning_everything_gives(workspace, query, monkeypatch):
    (wanted,) = search_versions([query], workspace, top=2)
    seen = []
    (answer,) = search_versions(
        [query], workspace, top=2, config=BY_INDEX, progress=lambda *step: seen.append(step)
    )
    assert answer["results"][0] == wanted["results"][0]
    facts = answer["searched"]
    assert (facts["by"], facts["n_recordings"], facts["n_segments"], facts["n_aligned"]) == ("index", 4, 3, 2)
    assert facts["encoder"].startswith("chroma2d")
    assert [skipped["recording_id"] for skipped in answer["skipped"]] == ["blip"]
    assert ("listening to recordings", 4, 4) in seen
    monkeypatch.setattr(version_listening, "embed", None)  # nothing is listened to again
    assert search_versions([query], workspace, top=2, config=BY_INDEX)[0] == answer


def test_the_best_at_a_glance_are_aligned(workspace, query):
    (wanted,) = search_versions([query], workspace, top=1)
    config = replace(BY_INDEX, n_candidates=3, n_aligned=1)
    seen, run = [], ProcessRunner(2)
    one = search_versions(
        [query], workspace, top=1, config=config, progress=lambda name, *_: seen.append(name)
    )
    assert one == search_versions([query], workspace, top=1, config=config, run=run)
    run.close()
    assert one[0]["results"] == wanted["results"]
    assert (one[0]["searched"]["n_candidates"], one[0]["searched"]["n_aligned"]) == (3, 1)
    assert [skipped["recording_id"] for skipped in one[0]["skipped"]] == ["blip"]
    assert list(dict.fromkeys(seen))[-2:] == ["glancing at candidates", "aligning recordings"]
    (answer,) = search_versions([query], workspace, top=2, config=config)  # as many as are shown
    assert (len(answer["results"]), answer["searched"]["n_aligned"]) == (2, 2)
    with pytest.raises(InputError, match="1 of them aligned"):
        SearchConfig(n_aligned=0)


def test_candidates_that_left_the_workspace_take_no_place(tmp_path, query):
    place = _workspace(tmp_path / "ws", STEMS[:2])
    add_to_index(place, encoder="chroma2d")
    (tmp_path / "ws-audio" / f"{STEMS[1]}.wav").unlink()
    (answer,) = search_versions([query], place, top=1, config=replace(BY_INDEX, n_candidates=1))
    assert answer["results"][0]["recording_id"] != STEMS[1]
    assert answer["searched"]["n_aligned"] == 1


def test_seconds_of_a_span_count_from_the_beginning_of_the_file(workspace, query):
    span = SearchConfig(span_s=(3.0, 11.0))
    (answer,) = search_versions([query], workspace, top=1, config=span)
    best = answer["results"][0]
    assert best["recording_id"] == STEMS[1]
    segment = best["segments"][0]
    assert segment["a_start_s"] >= 3
    assert segment["b_start_s"] - segment["a_start_s"] == pytest.approx(3, abs=1)
    for start_s, end_s in ((11.0, 3.0), (-1.0, 5.0), (0.0, 99.0)):
        with pytest.raises(InputError, match="it has 0 to 12"):
            search_versions([query], workspace, config=SearchConfig(span_s=(start_s, end_s)))
    with pytest.raises(TooShort, match=r"query\.mp3"):
        search_versions([query], workspace, config=SearchConfig(span_s=(1.0, 2.0)))


def test_several_workspaces_are_one_collection(tmp_path, workspace, query):
    places = [_workspace(tmp_path / "a", STEMS[:1]), _workspace(tmp_path / "b", STEMS[1:])]
    for config in (SearchConfig(), BY_INDEX):
        (answer,) = search_versions([query], places, top=1, config=config)
        (wanted,) = search_versions([query], workspace, top=1, config=config)
        assert answer["results"][0].pop("workspace") == str(places[1])
        wanted["results"][0].pop("workspace")
        assert answer["results"] == wanted["results"]
    with pytest.raises(InputError, match="given twice"):
        search_versions([query], [workspace, workspace])


def test_an_interrupted_index_goes_on_where_it_stopped(tmp_path, monkeypatch):
    place = _workspace(tmp_path / "ws", STEMS)
    listened = []
    real = version_listening.embed

    def interrupted(audio, encoder):
        listened.append(audio)
        if len(listened) == 2:
            raise KeyboardInterrupt
        return real(audio, encoder)

    monkeypatch.setattr(version_listening, "embed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        add_to_index(place, encoder="chroma2d")
    assert index_stats(place)[0]["n_recordings"] == 1
    done = add_to_index(place, encoder="chroma2d")
    assert (done["n_added"], done["n_recordings"], done["n_removed"], len(listened)) == (2, 3, 0, 4)
    assert done["skipped"] == []
    (profile, *_) = sorted((place / "versions").glob("*.npz"))
    profile.unlink()
    assert add_to_index(place, encoder="chroma2d")["n_added"] == 0
    assert profile.exists()


def test_what_the_workspace_no_longer_has_leaves_the_index(tmp_path, query):
    place = _workspace(tmp_path / "ws", STEMS[:2])
    add_to_index(place, encoder="chroma2d")
    gone = tmp_path / "ws-audio" / f"{STEMS[1]}.wav"
    gone.unlink()
    (answer,) = search_versions([query], place, config=BY_INDEX)
    assert [one["recording_id"] for one in answer["results"]] == [STEMS[0]]
    assert answer["skipped"][0]["recording_id"] == STEMS[1]
    done = add_to_index(place, encoder="chroma2d")
    assert (done["n_removed"], done["n_recordings"]) == (1, 1)
    assert done["skipped"][0]["recording_id"] == STEMS[1]


def test_damage_is_named_and_repaired_from_the_command_line(tmp_path, capsys):
    place = _workspace(tmp_path / "ws", STEMS[:2])
    common = ["--workspace", str(place), "--encoder", "chroma2d", "--json"]
    assert main(["versions", "index", "check", *common]) == 3
    assert "versions index add" in capsys.readouterr().err
    assert main(["versions", "index", "add", *common]) == 0
    assert json.loads(capsys.readouterr().out)["n_segments"] == 2
    assert main(["versions", "index", "check", *common]) == 0
    (codes,) = (place / "versions").rglob("codes-*.i8")
    codes.write_bytes(bytes(codes.stat().st_size))
    capsys.readouterr()
    assert main(["versions", "index", "check", *common]) == 1
    assert len(json.loads(capsys.readouterr().out)["damaged"]) == 2
    assert main(["versions", "index", "check", "--drop-damaged", *common]) == 0
    assert json.loads(capsys.readouterr().out)["n_dropped"] == 2
    assert main(["versions", "index", "add", "--workspace", str(place), "--encoder", "chroma2d"]) == 0
    assert "added 2, removed 0" in capsys.readouterr().out
    assert main(["versions", "index", "stats", "--workspace", str(place), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["n_recordings"] == 2
    assert main(["versions", "index", "add", *common, "--store", "qdrant:somewhere"]) == 3
    assert "leave --store out" in capsys.readouterr().err


def test_the_command_line_says_how_it_searched(workspace, query, capsys):
    asked = ["versions", "search", str(query), "--workspace", str(workspace), "--top", "1"]
    assert main([*asked, "--from", "2"]) == 0
    out = capsys.readouterr().out
    assert STEMS[1] in out
    assert "searched: all 4 recordings" in out
    assert main([*asked, "--exhaustive", "--workers", "2", "--candidates", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["searched"]["by"] == "everything"
    assert main([*asked, "--from", "2", "--html", "pages"]) == 3
    assert main([*asked, "--candidates", "0"]) == 3


def test_an_empty_workspace_says_what_to_do(tmp_path, query):
    Workspace.create(tmp_path / "ws").close()
    with pytest.raises(CorpusError, match="neither a corpus nor a catalogue"):
        search_versions([query], tmp_path / "ws")


def test_more_than_an_hour_is_refused_by_name_but_may_be_searched_by_span(
    tmp_path, workspace, query, monkeypatch
):
    search_versions([query], workspace)  # its recordings are known from here on
    monkeypatch.setattr(version_profiles, "LONGEST_S", 10.0)
    with pytest.raises(InputError, match=r"query\.mp3: 0\.2 min of audio.*--from and --to"):
        compare_files(query, query)
    (answer,) = search_versions([query], workspace, top=1, config=SearchConfig(span_s=(1.0, 9.0)))
    assert answer["results"][0]["recording_id"] == STEMS[1]
    place = _workspace(tmp_path / "ws", STEMS[:1])
    assert "at most" in add_to_index(place, encoder="chroma2d")["skipped"][0]["reason"]


def test_what_compare_prints(tmp_path, query, capsys, monkeypatch):
    assert main(["versions", "compare", str(query), str(query)]) == 0
    out, err = capsys.readouterr()
    assert "B is in the same key and tempo" in out
    assert "in 1000 unrelated recordings of 180 s" in out
    assert "the same file, byte for byte" in err
    match = replace(compare_files(query, query), segments=(), probability=0.001)
    monkeypatch.setattr(versions, "compare_files", lambda a, b, progress: match)
    other = tmp_path / "other.mp3"
    other.write_bytes(query.read_bytes() + b"\0")
    assert main(["versions", "compare", str(query), str(other)]) == 0
    out, err = capsys.readouterr()
    assert "No sign" in out
    assert "no span stands out" in out
    assert "B is" not in out, "where nothing is aligned, B is in no key and tempo of A's"
    assert err == ""
    monkeypatch.undo()
    assert main(["versions", "compare", str(tmp_path), str(query)]) == 3
    assert "a folder; give the path of an audio file" in capsys.readouterr().err


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(InputError, match="top 0"):
        search_versions([tmp_path / "q.wav"], tmp_path, top=0)
    with pytest.raises(InputError, match="no files"):
        search_versions([], tmp_path)
    with pytest.raises(InputError, match="0 workers"):
        add_to_index(tmp_path, n_workers=0)
    with pytest.raises(InputError, match="at least 1 candidate"):
        SearchConfig(n_candidates=0)
    write_audio(tmp_path / "short.wav", Audio(np.ones(8000, np.float32) / 2, 16000))
    with pytest.raises(TooShort, match=r"short\.wav"):
        compare_files(tmp_path / "short.wav", tmp_path / "short.wav")
    write_audio(tmp_path / "silent.wav", Audio(np.zeros(80000, np.float32), 16000))
    with pytest.raises(InputError, match="silent"):
        compare_files(tmp_path / "silent.wav", tmp_path / "silent.wav")
