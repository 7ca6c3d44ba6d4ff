"""`catalog add` and `identify` as a user meets them: through the command line, on real files."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.errors import InputError
from linernotes.workflows import catalogue as workflow
from linernotes.workflows.identify import add_catalogue, identify_files, open_catalogue
from linernotes.workspace import Workspace

MUSIC = Path(__file__).parents[3] / "demo" / "catalog" / "audio"
CONTRACT = {
    *("recording_id", "score", "false_match_rate", "query_start_s", "query_end_s"),
    *("reference_start_s", "reference_end_s", "time_ratio", "pitch_shift_semitones"),
}


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return sorted(MUSIC.glob("*.ogg"))[3:7]


@pytest.fixture
def audio_dir(tmp_path: Path, files: list[Path]) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for path in files[:3]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def table(tmp_path: Path, audio_dir: Path) -> Path:
    return _write_table(tmp_path, audio_dir)


def _write_table(tmp_path: Path, audio_dir: Path) -> Path:
    path = tmp_path / "catalog.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "title", "artist"])
        for file in sorted(audio_dir.iterdir()):
            writer.writerow([file.name, f"Title of {file.stem}", "Someone"])
    return path


def test_what_was_added_is_identified_and_other_music_is_not(
    tmp_path: Path, audio_dir: Path, table: Path, files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    ws = str(tmp_path / "ws")
    assert (
        main(["catalog", "add", str(audio_dir), "--metadata", str(table), "--workspace", ws, "--json"]) == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert (report["n_added"], report["refused"]) == (3, [])
    clip = tmp_path / "clip.mp3"
    write_audio(clip, read_audio(files[1]).excerpt(12.0, 20.0))
    other = tmp_path / "other.flac"
    write_audio(other, read_audio(files[3]).excerpt(5.0, 15.0))
    assert main(["identify", str(clip), str(other), "--workspace", ws, "--json"]) == 0
    found, nothing = json.loads(capsys.readouterr().out)
    assert found["query"] == str(clip)
    assert found["matches"][0].keys() >= CONTRACT
    assert found["matches"][0]["recording_id"] == report["added"][1]
    assert found["matches"][0]["title"] == f"Title of {files[1].stem}"
    assert found["matches"][0]["reference_start_s"] == pytest.approx(12.0, abs=0.5)
    assert nothing == {"query": str(other), "matches": []}


def test_people_get_words(tmp_path: Path, audio_dir: Path, table: Path, files, capsys) -> None:
    ws = str(tmp_path / "ws")
    assert main(["catalog", "add", str(audio_dir), "--metadata", str(table), "--workspace", ws]) == 0
    assert "3 recordings indexed" in capsys.readouterr().out
    assert main(["identify", str(files[0]), str(files[3]), "--workspace", ws]) == 0
    out = capsys.readouterr().out
    assert f"Title of {files[0].stem}" in out
    assert "false-match rate" in out
    assert "no match in this catalogue" in out


def test_a_second_time_only_what_is_new_is_indexed(
    tmp_path: Path, audio_dir: Path, table: Path, files
) -> None:
    first = add_catalogue(audio_dir, table, tmp_path / "ws")
    again = add_catalogue(audio_dir, table, tmp_path / "ws")
    assert (len(first.added), len(again.added), len(again.skipped)) == (3, 0, 3)
    shutil.copy(files[3], audio_dir)
    more = add_catalogue(audio_dir, _write_table(tmp_path, audio_dir), tmp_path / "ws")
    assert (len(more.added), len(more.skipped), more.n_recordings) == (1, 3, 4)


def test_a_changed_file_is_indexed_anew(tmp_path: Path, audio_dir: Path, table: Path, files) -> None:
    add_catalogue(audio_dir, table, tmp_path / "ws")
    shutil.copy(files[3], audio_dir / files[0].name)
    changed = add_catalogue(audio_dir, table, tmp_path / "ws")
    assert (len(changed.added), changed.n_recordings) == (1, 3)
    assert identify_files([files[0]], tmp_path / "ws")[0]["matches"] == []
    assert identify_files([files[3]], tmp_path / "ws")[0]["matches"]


def test_an_interruption_keeps_the_finished_batches(
    tmp_path: Path, audio_dir: Path, table: Path, monkeypatch
) -> None:
    monkeypatch.setattr(workflow, "_BATCH", 1)

    def stop(_name: str, n_done: int, _n_all: int) -> None:
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_catalogue(audio_dir, table, tmp_path / "ws", stop)
    with Workspace.open(tmp_path / "ws") as opened:
        assert len(open_catalogue(opened).recordings) == len(opened.recordings()) == 2
    rest = add_catalogue(audio_dir, table, tmp_path / "ws")
    assert (len(rest.added), len(rest.skipped)) == (1, 2)


def test_an_unusable_file_is_named_and_the_others_are_indexed(
    tmp_path: Path, audio_dir: Path, capsys
) -> None:
    write_audio(audio_dir / "blip.wav", Audio(np.full(4000, 0.1, np.float32), 8000))
    (audio_dir / "letter.wav").write_text("not music")
    table = _write_table(tmp_path, audio_dir)
    code = main(
        [
            "catalog",
            "add",
            str(audio_dir),
            "--metadata",
            str(table),
            "--workspace",
            str(tmp_path / "ws"),
            "--json",
        ]
    )
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert code == 3
    assert report["n_added"] == 3
    assert {entry["file"] for entry in report["refused"]} == {"blip.wav", "letter.wav"}
    assert "blip.wav: 0.50 s" in captured.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["identify", "absent.wav", "--workspace", "WS"], 3, "absent.wav: no such file"),
        (["identify", "MUSIC", "--workspace", "nowhere"], 3, "no such workspace"),
        (
            ["identify", "MUSIC", "--workspace", "WS", "--max-false-match-rate", "2"],
            3,
            "false-match rate 2.0",
        ),
        (
            ["catalog", "add", "absent", "--metadata", "TABLE", "--workspace", "WS"],
            3,
            "absent: no such folder",
        ),
        (["catalog", "add", ".", "--metadata", "absent.csv", "--workspace", "WS"], 3, "absent.csv"),
    ],
)
def test_faults_are_one_line(
    tmp_path: Path, audio_dir: Path, table: Path, files, capsys, arguments: list[str], code: int, words: str
) -> None:
    add_catalogue(audio_dir, table, tmp_path / "ws")
    places = {"WS": str(tmp_path / "ws"), "MUSIC": str(files[0]), "TABLE": str(table)}
    assert main([places.get(word, word) for word in arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert len(captured.err.strip().splitlines()) == 1


def test_a_workspace_without_catalogue_says_what_to_do(tmp_path: Path, files, capsys) -> None:
    Workspace.create(tmp_path / "ws").close()
    assert main(["identify", str(files[0]), "--workspace", str(tmp_path / "ws")]) == 3
    assert "linernotes catalog add" in capsys.readouterr().err


def test_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one"):
        identify_files([], tmp_path / "ws")
