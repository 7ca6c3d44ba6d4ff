from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError, TooShort
from linernotes.workflows.versions import compare_files, search_versions
from linernotes.workspace import Workspace

CORPUS = Path(__file__).parents[3] / "demo/corpus/audio"
STEMS = ("eric-skiff__arpanauts", "wansti__treeboss", "brock-wilcox__umbrellas")


@pytest.fixture
def workspace(tmp_path):
    audio_dir = tmp_path / "audio"
    for stem in STEMS:
        write_audio(audio_dir / f"{stem}.wav", read_audio(CORPUS / f"{stem}.ogg", 16000).excerpt(5, 25))
    write_audio(audio_dir / "blip.wav", Audio(np.ones(16000, np.float32) / 2, 16000))
    files = {stem: f"{stem}.wav" for stem in (*STEMS, "blip")}
    recordings = [Recording(recording_id=stem, title=stem, artist="someone") for stem in files]
    with Workspace.create(tmp_path / "ws") as opened:
        opened.add_recordings(recordings, audio_dir, files=files)
    return tmp_path / "ws"


def test_an_excerpt_finds_its_recording_first(workspace, tmp_path):
    query = read_audio(CORPUS / f"{STEMS[1]}.ogg", 16000).excerpt(8, 20)
    write_audio(tmp_path / "query.mp3", query)
    (answer,) = search_versions([tmp_path / "query.mp3"], workspace, top=2)
    assert answer["results"][0]["recording_id"] == STEMS[1]
    assert len(answer["results"]) == 2
    first, second = answer["results"]
    assert first["score"] > second["score"]
    segment = first["segments"][0]
    assert segment["b_start_s"] - segment["a_start_s"] == pytest.approx(3, abs=1)
    assert answer["skipped"][0]["recording_id"] == "blip"
    assert "at least 4 s" in answer["skipped"][0]["reason"]
    cached = {path: path.stat().st_mtime_ns for path in (workspace / "versions").iterdir()}
    assert len(cached) == 3
    assert search_versions([tmp_path / "query.mp3"], workspace, top=2)[0]["results"] == answer["results"]
    assert {path: path.stat().st_mtime_ns for path in (workspace / "versions").iterdir()} == cached


def test_an_empty_workspace_says_what_to_do(tmp_path):
    Workspace.create(tmp_path / "ws").close()
    write_audio(tmp_path / "q.wav", read_audio(CORPUS / f"{STEMS[0]}.ogg", 16000).excerpt(0, 5))
    with pytest.raises(CorpusError, match="neither a corpus nor a catalogue"):
        search_versions([tmp_path / "q.wav"], tmp_path / "ws")


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(InputError, match="top 0"):
        search_versions([tmp_path / "q.wav"], tmp_path, top=0)
    write_audio(tmp_path / "short.wav", Audio(np.ones(8000, np.float32) / 2, 16000))
    with pytest.raises(TooShort, match=r"short\.wav"):
        compare_files(tmp_path / "short.wav", tmp_path / "short.wav")
    write_audio(tmp_path / "silent.wav", Audio(np.zeros(80000, np.float32), 16000))
    with pytest.raises(InputError, match="silent"):
        compare_files(tmp_path / "silent.wav", tmp_path / "silent.wav")
