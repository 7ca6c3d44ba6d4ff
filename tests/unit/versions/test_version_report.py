"""From two files to a page, and from a search to its pages, through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soxr

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.evidence.spans import Span
from linernotes.versions.features import Features
from linernotes.workflows.version_report import struck_out

SONG = Path(__file__).parents[3] / "demo/corpus/audio/eric-skiff__a-night-of-dizzy-spells.ogg"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    song = read_audio(SONG, 22050).excerpt(4, 16)
    write_audio(folder / "first.wav", song)
    faster = soxr.resample(song.samples, 22050 * 2 ** (2 / 12), 22050)
    (folder / "music").mkdir()
    write_audio(folder / "music" / "second.wav", Audio(faster.astype(np.float32), 22050))
    return folder


def test_two_files_become_a_page(files, capsys):
    first, second = str(files / "first.wav"), str(files / "music" / "second.wav")
    assert main(["versions", "compare", first, second, "--html", str(files / "page"), "--json"]) == 0
    match = json.loads(capsys.readouterr().out)
    facts = json.loads((files / "page" / "index.json").read_text("utf-8"))
    text = (files / "page" / "index.html").read_text("utf-8")
    assert facts["relation"]["transposition_semitones"] == match["transposition_semitones"] == 2
    assert [one["score"] for one in facts["relation"]["segments"]] == [
        one["score"] for one in match["segments"]
    ]
    assert facts["a"]["windows"] == [[0.0, pytest.approx(12.0, abs=0.01)]]
    assert facts["removals"], "a comparison of 12 s is cheap enough to be asked again"
    assert facts["removals"][0]["probability"] < match["probability"]
    assert text.count("data:audio/ogg") >= 2


def test_a_search_lists_and_shows_but_plays_only_what_may_be_heard(files, capsys):
    with (files / "catalog.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "title", "artist", "licence"])
        rows.writerow(["second.wav", "Second", "Ada", "all rights reserved"])
    workspace = str(files / "ws")
    table = ["--metadata", str(files / "catalog.csv"), "--workspace", workspace]
    assert main(["catalog", "add", str(files / "music"), *table]) == 0
    found = files / "found"
    asked = ["versions", "search", str(files / "first.wav"), "--workspace", workspace, "--html", str(found)]
    assert main(asked) == 0
    assert "page:" in capsys.readouterr().err
    listed = json.loads((found / "index.json").read_text("utf-8"))["queries"][0]
    assert [one["title"] for one in listed["results"]] == ["Second"]
    page = found / listed["results"][0]["page"]
    assert f'href="{page.name}"' in (found / "index.html").read_text("utf-8")
    text = page.read_text("utf-8")
    assert 'id="sound-a"' in text
    assert 'id="sound-b"' not in text
    assert json.loads(page.with_suffix(".json").read_text("utf-8"))["b"]["artist"] == "Ada"


def test_striking_out_silences_every_dimension():
    x = np.ones((8, 12), np.float32)
    without = struck_out(Features(x, x, x, 0.25, 2.0, x), [Span(0.3, 0.6), Span(1.75, 2.0)])
    for values in (without.harmony, without.melody, without.rhythm, without.bass):
        assert values[:, 0].tolist() == [1, 0, 0, 1, 1, 1, 1, 0]
