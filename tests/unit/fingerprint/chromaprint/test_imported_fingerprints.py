"""A catalogue without audio, from the rightsholder's export to a match, through workflows and command line."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.chromaprint.codec import encode
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.table import csv_header, csv_line, read_fingerprints
from linernotes.fingerprint.storage.lock import WriterLock
from linernotes.workflows import imported_fingerprints as workflow
from linernotes.workflows.catalogue import add_catalogue
from linernotes.workflows.export_fingerprints import export_fingerprints, fingerprint_files
from linernotes.workflows.identify import identify_files
from linernotes.workflows.imported_fingerprints import (
    FOLDER,
    identify_by_chromaprint,
    import_fingerprints,
    imported_recordings,
    remove_fingerprints,
)
from linernotes.workspace import Workspace

ROOT = Path(__file__).parents[4]
MUSIC = sorted((ROOT / "demo" / "corpus" / "audio").glob("*.ogg"))[::20]
LIMIT = 1e-4


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Fingerprints of some real recordings as a label would send them: the whole of each, no audio."""
    path = tmp_path_factory.mktemp("label") / "label.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["recording_id", "title", "artist", "duration", "fingerprint", "isrc"])
        for i, file in enumerate(MUSIC):
            audio = read_audio(file)
            row = [file.stem, f"Title {i}", "Ada", f"{audio.duration_s:.1f}", encode(extract(audio)), ""]
            writer.writerow(row)
    return path


@pytest.fixture(scope="module")
def workspace(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("imported") / "ws"
    import_fingerprints(table, path)
    return path


def catalogue(tmp_path, names=("one", "two", "three")):
    """Make a workspace whose registry knows recordings with audio, one of them silent."""
    folder = tmp_path / "audio"
    folder.mkdir()
    lines = ["file,title,artist"]
    for name, source in zip(names, MUSIC, strict=False):
        write_audio(folder / f"{name}.wav", read_audio(source).excerpt(0, 6))
        lines.append(f"{name}.wav,{name.title()},Ada")
    (tmp_path / "catalog.csv").write_text("\n".join(lines) + "\n")
    from linernotes.catalog.tables import read_catalogue_table

    rows = read_catalogue_table(tmp_path / "catalog.csv", folder).rows
    with Workspace.open_or_create(tmp_path / "ws") as opened:
        opened.add_recordings([row.recording for row in rows], folder)
    return tmp_path / "ws"


def test_an_excerpt_is_found_by_its_fingerprint_alone(workspace):
    for file in MUSIC:
        audio = read_audio(file).excerpt(5, 17)
        match = identify_by_chromaprint(audio, workspace, "query", LIMIT)[0]
        assert match.recording_id == file.stem
        assert match.reference.start_s - match.query.start_s == pytest.approx(5, abs=0.13)
    assert imported_recordings(workspace)[MUSIC[0].stem].title == "Title 0"


def test_no_match_is_an_answer(workspace, tmp_path):
    other = read_audio(sorted((ROOT / "demo" / "corpus" / "audio").glob("*.ogg"))[7])
    assert identify_by_chromaprint(other, workspace, "query", LIMIT) == ()
    short = Audio(np.ones(100, np.float32), 8000)
    assert identify_by_chromaprint(short, workspace, "query", LIMIT) == ()
    with Workspace.create(tmp_path / "empty") as empty:
        assert identify_by_chromaprint(other, empty, "query", LIMIT) == ()
        assert imported_recordings(empty) == {}
    with pytest.raises(InputError, match="false-match rate"):
        identify_by_chromaprint(other, workspace, "query", 0)


def test_what_was_imported_is_skipped_and_what_changed_is_replaced(table, tmp_path):
    first = import_fingerprints(table, tmp_path / "ws")
    again = import_fingerprints(table, tmp_path / "ws")
    assert (len(first.added), len(again.skipped), again.added) == (len(MUSIC), len(MUSIC), ())
    changed = tmp_path / "changed.csv"
    changed.write_text(table.read_text().replace("Title 1", "Another"))
    third = import_fingerprints(changed, tmp_path / "ws")
    assert third.replaced == (MUSIC[1].stem,)
    assert third.n_recordings == len(MUSIC)
    assert imported_recordings(tmp_path / "ws")[MUSIC[1].stem].title == "Another"


def test_a_bad_row_is_refused_and_the_others_are_imported(table, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_text(table.read_text() + "bad,Bad,Ada,60,???,\n")
    report = import_fingerprints(broken, tmp_path / "ws")
    assert report.n_recordings == len(MUSIC)
    assert report.refused[0][0] == len(MUSIC) + 2
    assert report.as_json()["refused"][0]["line"] == len(MUSIC) + 2


def test_a_long_import_is_saved_on_the_way(table, tmp_path, monkeypatch):
    monkeypatch.setattr(workflow, "_LEAST_BATCH", 1)
    seen = []

    def stop(_name, _done, _all):
        raise KeyboardInterrupt

    long = tmp_path / "long.csv"
    rows = [f'r{i},T,A,9,"{i},{i + 1}"' for i in range(300)]
    long.write_text("recording_id,title,artist,duration,fingerprint\n" + "\n".join(rows) + "\n")
    with pytest.raises(KeyboardInterrupt):
        import_fingerprints(long, tmp_path / "ws", stop)
    kept = len(imported_recordings(tmp_path / "ws"))
    assert 0 < kept < 300
    report = import_fingerprints(long, tmp_path / "ws", lambda *given: seen.append(given))
    assert len(report.skipped) == kept
    assert report.n_recordings == 300
    assert seen[-1][1] == seen[-1][2]


def test_two_writers_do_not_meet(table, workspace):
    lock = WriterLock(workspace / FOLDER)
    try:
        with pytest.raises(CorpusError, match="one writer at a time"):
            import_fingerprints(table, workspace)
    finally:
        lock.close()
    assert import_fingerprints(table, workspace).n_recordings == len(MUSIC)


def test_removing_takes_all_or_none(table, tmp_path):
    import_fingerprints(table, tmp_path / "ws")
    with pytest.raises(CorpusError, match=r"'nobody'.*nothing was removed"):
        remove_fingerprints([MUSIC[0].stem, "nobody"], tmp_path / "ws")
    assert remove_fingerprints([MUSIC[0].stem], tmp_path / "ws")["n_recordings"] == len(MUSIC) - 1
    assert MUSIC[0].stem not in imported_recordings(tmp_path / "ws")


def test_damage_is_named_when_somebody_asks(table, tmp_path):
    import_fingerprints(table, tmp_path / "ws")
    path = next((tmp_path / "ws" / FOLDER).glob("prints-*")) / "values.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CorpusError, match=r"values\.npy: damaged"):
        identify_by_chromaprint(read_audio(MUSIC[0]), tmp_path / "ws", "query", LIMIT)


def test_a_catalogue_is_exported_and_imported_elsewhere(tmp_path, table):
    ws = catalogue(tmp_path)
    import_fingerprints(table, ws)
    for name in ("out.csv", "out.jsonl"):
        report = export_fingerprints(ws, tmp_path / name)
        assert (report.n_computed, report.n_imported, report.refused) == (3, len(MUSIC), ())
        elsewhere = tmp_path / f"elsewhere-{name}"
        assert import_fingerprints(tmp_path / name, elsewhere).n_recordings == 3 + len(MUSIC)
        match = identify_by_chromaprint(read_audio(MUSIC[1]).excerpt(0, 6), elsewhere, "q", LIMIT)
        assert {one.recording_id for one in match} == {"two", MUSIC[1].stem}
    assert not list(tmp_path.glob("*.partial"))


def test_an_interrupted_export_goes_on_where_it_was(tmp_path):
    ws = catalogue(tmp_path)
    out = tmp_path / "out.csv"

    def stop(_name, n_done, _all):
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_fingerprints(ws, out, stop)
    assert not out.exists()
    partial = tmp_path / "out.csv.partial"
    partial.write_text(partial.read_text() + 'two,"Tw')  # killed within a row
    report = export_fingerprints(ws, out)
    assert (report.n_resumed, report.n_computed) == (2, 1)
    assert [row.recording.recording_id for row in read_fingerprints(out)] == ["one", "three", "two"]


def test_an_interrupted_export_of_audio_that_changed_begins_anew(tmp_path):
    ws = catalogue(tmp_path)
    partial = tmp_path / "out.csv.partial"
    with Workspace.open(ws) as opened:
        one = opened.recordings()[0]
    partial.write_text(csv_header() + csv_line(one, 6.0, extract(read_audio(MUSIC[3]))))
    os.utime(partial, (1, 1))
    assert export_fingerprints(ws, tmp_path / "out.csv").n_resumed == 0


def test_recordings_without_usable_audio_are_named(tmp_path):
    ws = catalogue(tmp_path)
    (tmp_path / "audio" / "one.wav").unlink()
    write_audio(tmp_path / "audio" / "two.wav", read_audio(MUSIC[0]).excerpt(0, 1))
    report = export_fingerprints(ws, tmp_path / "out.csv")
    assert report.n_computed == 1
    assert [name for name, _ in report.refused] == ["one", "two"]
    assert "is gone" in report.refused[0][1]
    assert "at least 2.72 s" in report.refused[1][1]


def test_exports_that_cannot_be_are_refused(tmp_path):
    with Workspace.create(tmp_path / "ws"):
        pass
    with pytest.raises(CorpusError, match="no recordings to fingerprint"):
        export_fingerprints(tmp_path / "ws", tmp_path / "out.csv")
    with pytest.raises(InputError, match=r"ends in \.csv"):
        export_fingerprints(tmp_path / "ws", tmp_path / "out.xlsx")
    with pytest.raises(InputError, match="no files"):
        fingerprint_files([])
    with pytest.raises(CorpusError, match="cannot be written"):
        export_fingerprints(catalogue(tmp_path), tmp_path / "no folder" / "out.csv")


# the command line


def test_the_command_prints_what_the_importer_reads(tmp_path, capsys):
    assert main(["fingerprint", str(MUSIC[0]), str(MUSIC[1])]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"FILE={MUSIC[0]}\nDURATION=24\nFINGERPRINT=AQAA")
    (tmp_path / "prints.txt").write_text(text)
    assert main(["fingerprint", str(MUSIC[0]), "--json", "--raw", "--length-s", "0"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held[0]["fingerprint"] == extract(read_audio(MUSIC[0]), None).values.tolist()
    (tmp_path / "prints.json").write_text(json.dumps(held))
    for name in ("prints.txt", "prints.json"):
        ws = str(tmp_path / f"ws-{name}")
        assert main(["catalog", "import-fingerprints", str(tmp_path / name), "--workspace", ws]) == 0
    assert "1 fingerprints imported" in capsys.readouterr().out


def test_the_commands_tell_what_was_refused(table, tmp_path, capsys):
    ws = str(tmp_path / "ws")
    broken = tmp_path / "broken.csv"
    broken.write_text(table.read_text() + "bad,Bad,Ada,60,???,\n")
    assert main(["catalog", "import-fingerprints", str(broken), "--workspace", ws, "--json"]) == 3
    told = capsys.readouterr()
    assert json.loads(told.out)["n_added"] == len(MUSIC)
    assert "refused: line" in told.err
    out = str(tmp_path / "out.csv")
    assert main(["catalog", "export-fingerprints", "--workspace", ws, "--out", out]) == 0
    assert f"{len(MUSIC)} imported ones" in capsys.readouterr().out
    assert main(["catalog", "remove-fingerprints", MUSIC[0].stem, "--workspace", ws, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_removed"] == 1
    assert main(["fingerprint", str(MUSIC[0]), "--length-s", "-1"]) == 3
    assert "length -1.0 s" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_import_stopped_by_the_user_says_how_to_go_on(tmp_path):
    pipe = tmp_path / "rows.csv"
    random = np.random.default_rng(0)
    with pipe.open("w") as stream:
        stream.write("recording_id,title,artist,duration,fingerprint\n")
        for i in range(4000):
            numbers = ",".join(map(str, random.integers(0, 2**32, 300)))
            stream.write(f'r{i},T,A,9,"{numbers}"\n')
    command = [sys.executable, "-m", "linernotes", "catalog", "import-fingerprints", str(pipe)]
    process = subprocess.Popen(
        [*command, "--workspace", str(tmp_path / "ws")], stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not (tmp_path / "ws" / FOLDER).exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 130)  # it may have finished first
    if process.returncode == 130:
        assert "repeat the same command" in errors
    assert import_fingerprints(pipe, tmp_path / "ws").n_recordings == 4000


def test_identify_answers_from_fingerprints_alone(workspace, tmp_path, capsys):
    clip = tmp_path / "clip.flac"
    write_audio(clip, read_audio(MUSIC[1]).excerpt(8.0, 28.0))
    assert main(["identify", str(clip), "--workspace", str(workspace), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    (match,) = answer["matches"]
    assert (match["recording_id"], match["title"]) == (MUSIC[1].stem, "Title 1")
    assert match["reference_start_s"] == pytest.approx(8.0, abs=0.5)


def test_audio_and_imported_fingerprints_answer_together(workspace, table, tmp_path):
    (tmp_path / "catalog.csv").write_text(f"file,title,artist\n{MUSIC[0].name},Heard,Ada\n", encoding="utf-8")
    add_catalogue(MUSIC[0].parent, tmp_path / "catalog.csv", tmp_path / "ws")
    import_fingerprints(table, tmp_path / "ws")
    both = np.concatenate([read_audio(file, 16000).excerpt(5.0, 20.0).samples for file in MUSIC[:2]])
    write_audio(tmp_path / "both.wav", Audio(both, 16000))
    (answer,) = identify_files([tmp_path / "both.wav"], tmp_path / "ws")
    heard, *imported = answer["matches"]
    assert heard["title"] == "Heard"
    assert {match["recording_id"] for match in imported} == {MUSIC[0].stem, MUSIC[1].stem}
    assert all(match["false_match_rate"] <= 5e-5 for match in answer["matches"])
    second = [match["query_start_s"] for match in imported if match["recording_id"] == MUSIC[1].stem]
    assert min(second) == pytest.approx(15.0, abs=1.5)
