"""Bad inputs for the page of a comparison: one clear error, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.errors import InputError, TooShort
from linernotes.workflows.version_report import listen, write_comparison
from linernotes.workflows.version_search_report import write_search_pages

PIECE = Path(__file__).parents[2] / "demo/corpus/audio/eric-skiff__jumpshot.ogg"


@pytest.fixture
def short(tmp_path):
    write_audio(tmp_path / "short.wav", read_audio(PIECE, 8000).excerpt(2, 5))
    return tmp_path / "short.wav"


def test_three_seconds(short):
    with pytest.raises(TooShort, match=r"short\.wav"):
        listen(short)


def test_silence(tmp_path):
    write_audio(tmp_path / "silent.wav", Audio(np.zeros(48000, np.float32), 8000))
    with pytest.raises(InputError, match=r"silent\.wav"):
        listen(tmp_path / "silent.wav")


def test_no_such_file_leaves_no_page(tmp_path, capsys):
    out = tmp_path / "page"
    assert main(["versions", "compare", str(tmp_path / "no.wav"), str(PIECE), "--html", str(out)]) == 3
    assert "no.wav" in capsys.readouterr().err
    assert not out.exists()


def test_a_place_that_is_a_file_is_refused_before_listening(tmp_path):
    (tmp_path / "taken").write_text("not a folder", "utf-8")
    with pytest.raises(InputError, match=r"taken: expected a folder or a name that ends in \.html"):
        write_comparison(PIECE, PIECE, tmp_path / "taken")
    assert (tmp_path / "taken").read_text("utf-8") == "not a folder"


@pytest.mark.parametrize("name", ["list.html", "taken"])
def test_a_search_needs_a_folder(tmp_path, name):
    (tmp_path / "taken").write_text("not a folder", "utf-8")
    with pytest.raises(InputError, match="expected a folder"):
        write_search_pages([], tmp_path, tmp_path / name)


def test_fewer_than_no_pages(tmp_path):
    with pytest.raises(InputError, match="pages -1"):
        write_search_pages([], tmp_path, tmp_path / "folder", pages=-1)
