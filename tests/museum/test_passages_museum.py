"""Bad inputs for passages, probe and corpus report: one clear error, nothing half-written."""

import json
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError, TooShort
from linernotes.reports.corpus_identity_page import write_corpus_page
from linernotes.reports.passage_page import write_passage_page
from linernotes.workflows.identify_passages import identify_passages
from linernotes.workflows.known_music import open_known_music
from linernotes.workflows.passages import PassageConfig, find_passages
from linernotes.workflows.probe_prompts import read_prompts
from linernotes.workspace import Workspace

PIECE = Path(__file__).parents[2] / "demo/catalog/audio/eric-skiff__jumpshot.ogg"


@pytest.fixture
def workspace(tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    write_audio(music / "one.wav", read_audio(PIECE, 8000).excerpt(5, 12))
    (tmp_path / "c.csv").write_text("file,title,artist\none.wav,One,Ada\n", "utf-8")
    assert (
        main(
            [
                "catalog",
                "add",
                str(music),
                "--metadata",
                str(tmp_path / "c.csv"),
                "--workspace",
                str(tmp_path / "ws"),
            ]
        )
        == 0
    )
    return tmp_path / "ws"


def test_no_files(workspace):
    with pytest.raises(InputError, match="no files"):
        identify_passages([], workspace)


def test_neither_corpus_nor_catalogue(tmp_path):
    with (
        Workspace.create(tmp_path / "ws") as opened,
        pytest.raises(CorpusError, match="neither a corpus nor"),
    ):
        open_known_music(opened)


def test_half_a_second(tmp_path):
    with pytest.raises(TooShort, match=r"0\.50 s"):
        find_passages(Audio(np.ones(4000, np.float32), 8000))


@pytest.mark.parametrize(
    "wrong",
    [{"max_false_rate": 0.0}, {"max_false_rate": float("nan")}, {"detectors": ("ears",)}, {"window_s": 1.0}],
)
def test_settings(wrong):
    with pytest.raises(InputError, match="expected"):
        PassageConfig(**wrong)


def test_text_that_calls_itself_audio(workspace, tmp_path, capsys):
    (tmp_path / "song.wav").write_text("la la la")
    assert (
        main(["identify", str(tmp_path / "song.wav"), "--workspace", str(workspace), "--passages", "--json"])
        == 3
    )
    said = capsys.readouterr()
    assert "song.wav" in said.err
    assert said.out == ""


def test_a_page_that_is_no_page(tmp_path):
    with pytest.raises(InputError, match=r"\.html"):
        write_passage_page({"outputs": []}, tmp_path / "a.txt", {})
    with pytest.raises(InputError, match=r"\.html"):
        write_corpus_page({}, tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_cache_is_made_anew(workspace):
    with Workspace.open(workspace) as opened:
        first = open_known_music(opened)
        (cached,) = (workspace / "passages").glob("*.npz")
        whole = cached.read_bytes()
        for damaged in (b"", whole[: len(whole) // 2], b"no zip file"):
            cached.write_bytes(damaged)
            again = open_known_music(opened)
            assert (again.features["one"].frames == first.features["one"].frames).all()
        assert cached.read_bytes() == whole


def test_a_silent_output_holds_nothing(workspace, tmp_path):
    with Workspace.open(workspace) as opened:
        known = open_known_music(opened)
    quiet = Audio(np.zeros(5 * 8000, np.float32), 8000)
    assert find_passages(quiet, (), known.features, known.note_index) == ()


def test_prompts(tmp_path):
    file = tmp_path / "p.txt"
    with pytest.raises(InputError, match="UTF-8"):
        read_prompts(file)
    file.write_text("\n\n", "utf-8")
    with pytest.raises(InputError, match="no prompt"):
        read_prompts(file)
    file.write_text("calm\n fast \ncalm\n", "utf-8")
    assert read_prompts(file) == ("calm", "fast")
    with pytest.raises(InputError, match="one of"):
        read_prompts(file, tmp_path)


def test_corpus_report_without_a_corpus(workspace, capsys):
    assert main(["corpus", "identify", "--workspace", str(workspace), "--json"]) == 3
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert error["kind"] == "CorpusError"
    assert "corpus seal" in error["message"]
