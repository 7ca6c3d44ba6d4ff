from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from linernotes.audio.files import Audio
from linernotes.errors import InputError, VerificationError
from linernotes.evidence.reliability import CalibrationNote
from linernotes.reports.dossier import DossierInputs, audio_files, build_dossier
from linernotes.reports.html import write_dossier
from linernotes.reports.pictures import corpus_record, mel_ink
from linernotes.workflows.audit import verify

SECTIONS = ("scope", "corpus", "identified", "generator", "outputs", "reliability", "statement", "receipt")
FORBIDDEN = ("copied", "stolen", "proves", "detected")


class Reader(HTMLParser):
    """Gathers the text, the ids, the pictures' alternatives and every address that would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.ids, self.loaded, self.alts = "", [], [], []
        self.headings: list[int] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        self._hidden += tag in ("style", "script")
        self.ids += [found["id"]] if "id" in found else []
        if tag in ("img", "audio", "script", "iframe", "source", "link") or "srcset" in found:
            self.loaded += [found[name] for name in ("src", "href", "srcset") if found.get(name)]
        if tag == "img":
            self.alts.append(found.get("alt"))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data


def short(inputs: DossierInputs, versions: Any = ()) -> DossierInputs:
    """Return the inputs with one output and little to hear, which is quick to write."""
    return replace(inputs, outputs=(replace(inputs.outputs[0], versions=versions),))


@pytest.fixture(scope="module")
def folder(scene: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "dossier"
    examples = {"generator:held_out": audio_files(scene.inputs)["march"]}
    page = write_dossier(build_dossier(scene.inputs), folder, audio_files(scene.inputs) | examples)
    assert page == folder / "index.html"
    return folder


@pytest.fixture(scope="module")
def reader(folder: Path) -> Reader:
    reader = Reader()
    reader.feed((folder / "index.html").read_text(encoding="utf-8"))
    return reader


def test_needs_nothing_but_itself(reader: Reader) -> None:
    assert reader.loaded
    assert all(address.startswith("data:") for address in reader.loaded)


def test_has_every_section_each_id_once_and_alternatives(reader: Reader) -> None:
    assert set(SECTIONS) <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert all(reader.alts)
    assert reader.headings[0] == 1
    steps = zip(reader.headings, reader.headings[1:], strict=False)
    assert all(after <= before + 2 for before, after in steps)


def test_never_uses_a_forbidden_word(reader: Reader, folder: Path) -> None:
    for word in FORBIDDEN:
        assert word not in reader.text.lower()


def test_prints_limits_and_reliability_beside_the_figures(reader: Reader) -> None:
    text = " ".join(reader.text.split())
    assert "It cannot find recordings nobody disclosed." in text
    assert "LDS 0.34 (95 % interval 0.25 to 0.42); ceiling 0.62" in text
    rows = re.findall(r"share, 95 % interval[^;]*;[^;–]{0,40}", text)
    assert len(rows) >= 30
    assert all("LDS" in row for row in rows)
    assert "Nobody in particular" in text
    assert "Not in this catalogue:" in text


def test_facts_beside_the_page_are_those_given(folder: Path, scene: Any) -> None:
    assert json.loads((folder / "dossier.json").read_text("utf-8")) == build_dossier(scene.inputs)
    assert sorted(path.name for path in folder.iterdir()) == [
        "dossier.json",
        "index.html",
        "receipt.json",
        "statement.json",
    ]


def test_seconds_tests_and_groups_are_on_the_page_or_name_their_option(reader: Reader) -> None:
    text = " ".join(reader.text.split())
    for number in (1, 2, 3):
        assert {f"where-{number}", f"retested-{number}", f"groups-{number}"} <= set(reader.ids)
    for said in (
        "Strongest: 0:02.0–0:03.0 of the output with 0:03.0–0:04.0 of the recording",
        "Borne out by leaving them out.",
        "✓ confirmed",
        "✗ not confirmed",
        "? undecided",
        "14 of 14",
        "Groups do not overlap",
        "measured for recordings, not for groups",
        "That is about the ranking, not about maps.",
    ):
        assert said in text
    for option in ("--where", "--verify K", "--group-by artist"):
        assert text.count(f"Not asked for. 'linernotes attribute FILE … {option}' gives") == 2


def test_every_new_table_has_a_caption_and_every_map_says_itself_in_words(folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")
    start, end = page.index('id="where-1"'), page.index("What it shares musically")
    section = page[start:end]
    assert section.count("<table") == section.count("<caption") == 4
    maps = re.findall(r'<svg class="map"[^>]*>', section)
    assert len(maps) == 2
    assert all('role="img"' in one and "Strongest:" in one for one in maps)
    assert re.findall(r"<th(?![^>]*scope)[^>]*>", section.replace("<thead>", "")) == []


def test_a_calibrated_ranking_prints_chance_effect_interval_and_cluster(scene: Any, tmp_path: Path) -> None:
    note = CalibrationNote(
        confidence=0.9,
        coverage=0.91,
        effect_unit="rise of the loss",
        noise=0.012,
        matters=0.02,
        n_queries=24,
        n_removals=20,
        n_seeds=3,
    )
    inputs = short(scene.inputs)
    ranking = inputs.outputs[0].rankings["tracin"]
    stated = tuple(
        replace(one, probability=0.25, effect=0.01, effect_interval=(-0.01, 0.03), cluster_id="pair-7")
        for one in ranking.influences
    )
    stated = (replace(stated[0], effect=None, effect_interval=None), *stated[1:])
    ranking = replace(ranking, influences=stated, calibration=note, cluster_rule="members share")
    nobody = replace(
        inputs.outputs[0].rankings["similarity"],
        influences=tuple(replace(one, share=0.0, interval=(0.0, 0.0)) for one in stated),
        unattributed_share=1.0,
        nobody_because="it looks like music from outside",
        calibration=note,
    )
    output = replace(inputs.outputs[0], rankings={"tracin": ranking, "similarity": nobody}, further={})
    dossier = build_dossier(replace(inputs, outputs=(output,)))
    page = write_dossier(dossier, tmp_path / "d", audio_files(inputs)).read_text("utf-8")
    text = page.replace("\N{NO-BREAK SPACE}", " ")
    assert "25 % chance that it mattered; effect 0.01, 90 % interval -0.01 to 0.03" in text
    assert "Nobody in particular: it looks like music from outside." in text
    assert "pair-7" in text
    assert "Chances and effects are calibrated" in text


def test_receipt_verifies_with_the_command_on_the_page(folder: Path, scene: Any, tmp_path: Path) -> None:
    key = scene.workspace / "keys" / "log.pub"
    found = verify(folder / "receipt.json", key, folder / "statement.json")
    assert found["subject_checked"]
    changed = tmp_path / "statement.json"
    changed.write_bytes((folder / "statement.json").read_bytes().replace(b"1000.00", b"1000.01"))
    with pytest.raises(VerificationError):
        verify(folder / "receipt.json", key, changed)


def test_a_hostile_title_stays_text(scene: Any, tmp_path: Path) -> None:
    dossier = build_dossier(short(scene.inputs))
    dossier["title"] = "<script>alert(1)</script>"
    dossier["corpus"]["items"][0]["licence_url"] = "javascript:alert(1)"
    mapped = dossier["outputs"][0]["rankings"][0]["where"]["maps"][0]["item_id"]
    for item in dossier["corpus"]["items"]:
        item["title"] = '"><script>alert(2)</script>' if item["item_id"] == mapped else item["title"]
    dossier["outputs"][0]["rankings"][0]["groups"][0]["rows"][0]["name"] = "<img src=x onerror=alert(3)>"
    page = write_dossier(dossier, tmp_path / "d", audio_files(scene.inputs)).read_text("utf-8")
    assert "<script>alert" not in page
    assert "javascript:alert" not in page
    assert "<img src=x" not in page


def test_writes_into_a_folder_in_use_and_leaves_the_rest(scene: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_dossier(build_dossier(short(scene.inputs)), tmp_path, audio_files(scene.inputs))
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "index.html").exists()
    assert not tmp_path.with_name(tmp_path.name + ".partial").exists()


def test_missing_audio_of_an_output_is_named_and_nothing_written(scene: Any, tmp_path: Path) -> None:
    audio = audio_files(scene.inputs)
    del audio["night"]
    with pytest.raises(InputError, match="'night'"):
        write_dossier(build_dossier(scene.inputs), tmp_path / "d", audio)
    assert not (tmp_path / "d").exists()


def test_missing_audio_of_a_recording_is_said_on_the_page(scene: Any, tmp_path: Path) -> None:
    audio = {output.query_id: output.audio_path for output in scene.inputs.outputs}
    inputs = short(scene.inputs, scene.inputs.outputs[0].versions[:1])
    page = write_dossier(build_dossier(inputs), tmp_path / "d", audio).read_text("utf-8")
    assert "Its audio is not part of this page." in page
    assert "The recording’s audio is not part of this page." in page


def test_embedded_audio_is_the_output(folder: Path, scene: Any) -> None:
    import base64
    import io

    page = (folder / "index.html").read_text("utf-8")
    first = re.search(r'id="sound-1".*?src="data:audio/ogg;base64,([^"]+)"', page, re.DOTALL)
    assert first
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(first[1])))
    assert rate == 24000
    assert abs(len(samples) / rate - scene.inputs.outputs[0].duration_s) < 0.1
    original, at = soundfile.read(scene.inputs.outputs[0].audio_path)
    envelopes = [np.array([part.std() for part in np.array_split(one, 50)]) for one in (samples, original)]
    assert at == 16000
    assert np.corrcoef(*envelopes)[0, 1] > 0.95


def test_a_rising_tone_rises_in_the_picture() -> None:
    time = np.arange(32000) / 16000
    sweep = np.sin(2 * np.pi * (200 * time + 700 * time**2)).astype(np.float32)
    rows = mel_ink(Audio(sweep, 16000)).argmax(axis=0)
    assert rows[10] > rows[len(rows) // 2] > rows[-10]


def test_the_record_has_a_tick_for_each_recording_and_marks_the_credited(scene: Any) -> None:
    ticks = corpus_record(build_dossier(scene.inputs))
    assert len(ticks) == 8
    assert 5 <= sum(tick["share"] > 0 for tick in ticks) <= 8
    assert max(tick["share"] for tick in ticks) == 0.22
