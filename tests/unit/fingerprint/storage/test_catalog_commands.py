"""The catalog commands as a user meets them: one story through the command line, and its faults."""

import json
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, write_audio
from linernotes.cli.main import main
from linernotes.fingerprint.store import check_index, open_index
from linernotes.workspace import Workspace


def _music(folder: Path, seeds: dict[str, int]) -> Path:
    folder.mkdir()
    lines = ["file,title,artist"]
    for name, seed in seeds.items():
        sound = np.random.default_rng(seed).normal(0, 0.1, 2 * 8000).astype(np.float32)
        write_audio(folder / f"{name}.wav", Audio(sound, 8000))
        lines.append(f"{name}.wav,Title of {name},Someone")
    (folder / "catalog.csv").write_text("\n".join(lines) + "\n")
    return folder


def _run(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict:
    assert main(["catalog", *map(str, words), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out) if code in (0, 1) else {"error": captured.err}


def _add(capsys, folder: Path, ws: Path) -> dict:
    return _run(capsys, "add", folder, "--metadata", folder / "catalog.csv", "--workspace", ws)


def test_a_catalogue_is_filled_thinned_joined_and_compacted(tmp_path: Path, capsys) -> None:
    ws, other = tmp_path / "ws", tmp_path / "other"
    _add(capsys, _music(tmp_path / "music", {"one": 1, "two": 2, "three": 3}), ws)
    _add(capsys, _music(tmp_path / "more", {"two": 7, "four": 4, "one": 1}), other)
    assert _run(capsys, "remove", "three", "--workspace", ws) == {"n_recordings": 2, "removed": ["three"]}
    refused = _run(capsys, "merge", other, "--workspace", ws, code=3)["error"]
    assert "recording 'two'" in refused
    assert "--on-conflict keep or replace" in refused
    merged = _run(capsys, "merge", other, "--workspace", ws, "--on-conflict", "replace")
    assert merged == {"n_added": 2, "n_left_out": 1, "n_recordings": 3}
    with Workspace.open(ws) as opened:
        assert opened.recording_audio("four") == (tmp_path / "more" / "four.wav").absolute()
    before = _run(capsys, "stats", "--workspace", ws)
    assert (before["n_recordings"], before["n_removed"]) == (3, 0), "what was all removed is swept"
    compacted = _run(capsys, "compact", "--workspace", ws)
    assert (compacted["n_segments"], compacted["n_recordings"]) == (1, 3)
    after = _run(capsys, "stats", "--workspace", ws, "--recordings")
    assert after["n_removed"] == 0
    assert [r["recording_id"] for r in after["recordings"]] == ["one", "two", "four"]
    assert after["n_bytes"] < before["n_bytes"]
    assert _run(capsys, "check", "--workspace", ws)["ok"]


def test_two_workers_index_what_one_does(tmp_path: Path, capsys, content) -> None:
    music = _music(tmp_path / "music", {f"piece-{k}": k for k in range(5)})
    (music / "piece-3.wav").write_bytes(b"no audio")
    words = ["add", music, "--metadata", music / "catalog.csv", "--json", "--workspace"]
    for n_workers in (1, 2):
        assert (
            main(
                ["catalog", *map(str, words), str(tmp_path / f"ws-{n_workers}"), "--workers", str(n_workers)]
            )
            == 3
        )
        report = json.loads(capsys.readouterr().out)
        assert (report["n_added"], [one["file"] for one in report["refused"]]) == (4, ["piece-3.wav"])
    one, two = (open_index(tmp_path / f"ws-{n}" / "fingerprints").as_one() for n in (1, 2))
    assert content(one) == content(two)
    assert (
        "expected at least 1"
        in _run(capsys, *words[:-2], "--workspace", tmp_path / "no", "--workers", 0, code=3)["error"]
    )


def test_damage_is_named_taken_out_and_added_again(tmp_path: Path, capsys) -> None:
    ws = tmp_path / "ws"
    music = _music(tmp_path / "music", {"one": 1, "two": 2})
    _add(capsys, music, ws)
    path = next((ws / "fingerprints").glob("segment-*/pair_places.npy"))
    data = bytearray(path.read_bytes())
    data[200] ^= 4
    path.write_bytes(data)
    found = _run(capsys, "check", "--workspace", ws, code=1)
    assert [fault["page"] for fault in found["faults"]] == [0]
    assert main(["catalog", "check", "--workspace", str(ws)]) == 1
    assert "pair_places.npy: page 0, bytes 0–" in capsys.readouterr().out
    assert "pair_places.npy" in _run(capsys, "stats", "--workspace", ws, code=3)["error"]
    dropped = _run(capsys, "check", "--workspace", ws, "--drop-damaged", code=1)
    assert sorted(dropped["dropped"]) == ["one", "two"]
    again = _add(capsys, music, ws)
    assert (again["n_added"], again["n_recordings"]) == (2, 2)
    assert check_index(ws / "fingerprints").faults == ()


def test_people_get_words(tmp_path: Path, capsys) -> None:
    ws = str(tmp_path / "ws")
    _add(capsys, _music(tmp_path / "music", {"one": 1, "two": 2}), Path(ws))
    for words, expected in [
        (["stats"], "2 recordings"),
        (["check"], "sound"),
        (["compact"], "became 1"),
        (["remove", "two"], "1 recordings removed"),
        (["stats", "--recordings"], "one"),
    ]:
        assert main(["catalog", *words, "--workspace", ws]) == 0
        assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["remove", "nobody"], "recording 'nobody': not in the catalogue, nothing was removed"),
        (["merge", "WS"], "an index cannot be merged into itself"),
        (["merge", "absent"], "absent: no such workspace"),
    ],
)
def test_faults_are_one_line(tmp_path: Path, capsys, words: list[str], said: str) -> None:
    ws = tmp_path / "ws"
    _add(capsys, _music(tmp_path / "music", {"one": 1}), ws)
    assert main(["catalog", *(str(ws) if w == "WS" else w for w in words), "--workspace", str(ws)]) == 3
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["compact", "check", "stats", "remove"])
def test_a_workspace_without_catalogue_says_what_to_do(tmp_path: Path, capsys, command: str) -> None:
    Workspace.create(tmp_path / "ws").close()
    words = ["catalog", command, *(["x"] if command == "remove" else []), "--workspace", str(tmp_path / "ws")]
    assert main(words) == 3
    assert "linernotes catalog add" in capsys.readouterr().err
    assert not any((tmp_path / "ws" / "fingerprints").iterdir()), "and makes none"
