"""Passages through the program: a planted one is found, clean outputs hold none, a copying generator is caught."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError
from linernotes.workflows.passages import PassageConfig
from linernotes.workflows.probe import REPORT, ProbeConfig, probe
from linernotes.workspace import Workspace

DEMO = Path(__file__).parents[2] / "demo" / "catalog" / "audio"
CORPUS = (
    *("eric-skiff__jumpshot", "josh-woodward__dead-code", "tad-tad-miller__florist"),
    *("foxsynergy__lunar-joyride", "wansti__theme"),
)
OUTSIDE = (
    *("eric-skiff__chibi-ninja", "tad-tad-miller__cue", "wansti__treeboss"),
    *("yubatake__jrpg-tavern", "kevin-macleod__vibe-ace"),
)
HOST, OTHER_HOST = "dizzy-crow__pirates-orchestra", "tim-beek__pink-blue"
RATE = 16000


def piece(name):
    return read_audio(DEMO / f"{name}.ogg", RATE).excerpt(8, 28)


def plant(host, source, at_s, start_s, seconds):
    samples = host.samples.copy()
    part = source.excerpt(start_s, start_s + seconds).samples
    part = part * float(np.std(host.samples) / np.std(part))
    samples[round(at_s * RATE) : round(at_s * RATE) + len(part)] = part
    return Audio(samples.astype(np.float32), RATE)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("passages")
    (home / "music").mkdir()
    (home / "others").mkdir()
    rights = ["file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence,isrc,tags"]
    for number, name in enumerate(CORPUS):
        write_audio(home / "music" / f"{name}.flac", piece(name))
        code = f"USS1Z990000{number % 4}"  # the first and the last share one
        rights.append(
            f"{name}.flac,T{number},{name.split('__')[0]},A Ltd,CC0-1.0,yes,2025-01-01,no. 1,{code},calm"
        )
    (home / "rights.csv").write_text("\n".join(rights) + "\n", "utf-8")
    table = ["file,title,artist,isrc,tags"]
    for name in (*OUTSIDE, CORPUS[0]):  # one catalogue recording is in the corpus too, as another file
        write_audio(home / "others" / f"{name}.wav", piece(name).excerpt(1, 19))
        title, code = ("Another title", "GBAYE6900001") if name == CORPUS[0] else (name.split("__")[1], "")
        table.append(f"{name}.wav,{title},{name.split('__')[0]},{code},calm")
    (home / "catalog.csv").write_text("\n".join(table) + "\n", "utf-8")
    write_audio(home / "planted.wav", plant(piece(HOST).excerpt(2, 14), piece(CORPUS[1]), 4.0, 6.0, 5.0))
    write_audio(home / "clean.wav", piece(OTHER_HOST).excerpt(2, 14))
    before = Path.cwd()
    os.chdir(home)
    try:
        assert main(["corpus", "seal", "music", "--rights", "rights.csv", "--out", "ws"]) == 0
        assert main(["catalog", "add", "others", "--metadata", "catalog.csv", "--workspace", "ws"]) == 0
    finally:
        os.chdir(before)
    return home


@pytest.fixture
def run(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    capsys.readouterr()

    def call(*words, code=0):
        assert main([str(word) for word in words]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if "--json" in words else said.out + said.err

    return call


def test_a_planted_passage_is_found_and_clean_music_is_not_flagged(run, home):
    found = run(
        "identify",
        "planted.wav",
        "clean.wav",
        "--workspace",
        "ws",
        "--passages",
        "--html",
        "p.html",
        "--json",
    )
    planted, clean = found["outputs"]
    assert clean["passages"] == []
    assert clean["finding"] is None
    (one,) = planted["passages"]
    assert one["recording_id"] == "josh-woodward-dead-code"
    assert one["known_as"] == "corpus"
    assert one["query_start_s"] == pytest.approx(4.0, abs=0.5)
    assert one["query_end_s"] == pytest.approx(9.0, abs=0.5)
    assert one["reference_start_s"] == pytest.approx(6.0, abs=0.5)
    assert one["false_match_rate"] < 1e-3
    finding = planted["finding"]
    assert finding["kind"] == "memorisation"
    assert finding["severity"] in ("low", "medium")
    assert finding["base_rate"]["n_trials"] > 0
    assert finding["contrast"]["n_pairs"] >= 3
    assert any("--controls" in words for words in finding["missing"])
    page = (home / "p.html").read_text("utf-8")
    assert "Holds a passage of" in page
    assert "data:audio/ogg" in page
    assert 'class="band"' in page
    assert json.loads((home / "p.json").read_text("utf-8")) == found
    for word in ("copied", "stolen", "proves"):
        assert word not in page.lower()


def test_controls_measure_the_base_rate_here(run):
    found = run("identify", "planted.wav", "--workspace", "ws", "--passages", "--controls", 4, "--json")
    assert found["base_rate"]["n_trials"] == 4
    assert "this collection" in found["base_rate"]["measured_on"]
    assert not any("--controls" in words for words in found["outputs"][0]["finding"]["missing"])


def test_plain_words(run):
    said = run("identify", "planted.wav", "--workspace", "ws", "--passages")
    assert "holds a passage of josh-woodward-dead-code" in said
    assert "base rate" in said


def test_page_options_need_passages(run):
    assert "--passages" in run("identify", "clean.wav", "--workspace", "ws", "--html", "x.html", code=3)


def test_the_corpus_is_identified_with_its_conflicts(run, home):
    report = run(
        "corpus", "identify", "--workspace", "ws", "--exact", "--workers", 1, "--csv", "c.csv", "--json"
    )
    rows = {row["item_id"]: row for row in report["items"]}
    first = rows["eric-skiff-jumpshot"]
    assert first["status"] == "identified"
    assert first["covered_share"] > 0.8
    codes = {one["code"] for one in first["conflicts"]}
    assert {"isrc-differs", "title-differs", "isrc-on-two-recordings"} <= codes
    assert rows["josh-woodward-dead-code"]["status"] == "unmatched"
    assert report["summary"]["n_identified"] == 1
    assert len((home / "c.csv").read_text("utf-8").splitlines()) == len(CORPUS) + 1
    again = run("corpus", "identify", "--workspace", "ws", "--exact", "--workers", 1, "--html", "c.html")
    assert "1 of 5 identified" in again
    assert "isrc differs" in (home / "c.html").read_text("utf-8")


class Parrot:
    """A generator that gives back a corpus recording now and then."""

    generator_id = "parrot-1"

    def __init__(self, chance):
        self.chance, self.asked = chance, []

    def generate(self, seed, seconds, condition=""):
        self.asked.append(seed)
        draw = np.random.default_rng(seed)
        host = piece((HOST, OTHER_HOST)[seed % 2])
        start = float(draw.uniform(0, host.duration_s - seconds))
        host = host.excerpt(start, start + seconds)
        if draw.random() < self.chance:
            host = plant(host, piece(CORPUS[seed % 5]), 1.0, 5.0, seconds - 2.0)
        return host


def config(**changes):
    given = {"n_outputs": 5, "seconds": 8.0, "n_planted": 3, "prompts": ("calm", "fast")} | changes
    return ProbeConfig(**given, passages=PassageConfig(detectors=("segments",)))


def test_a_copying_generator_is_caught(home):
    report = probe(Parrot(1.0), home / "ws", config())
    assert report["n_holding"] == 5
    assert report["upper_bound"] == 1.0
    assert report["recall"]["n_hits"] == 3
    assert all(one["file"].endswith(".wav") for one in report["outputs"])
    assert (Path(report["folder"]) / report["outputs"][0]["file"]).is_file()


def test_an_honest_generator_gets_a_bound_and_a_probe_resumes(home):
    class Stopping(Parrot):
        def generate(self, seed, seconds, condition=""):
            if len(self.asked) == 3:
                raise KeyboardInterrupt
            return super().generate(seed, seconds, condition)

    with pytest.raises(KeyboardInterrupt):
        probe(Stopping(0.0), home / "ws", config(seed=10))
    honest = Parrot(0.0)
    report = probe(honest, home / "ws", config(seed=10))
    assert [seed for seed in honest.asked if seed >= 13][:2] == [13, 14], "the first three are kept"
    assert report["n_holding"] == 0
    assert report["rule_of_three"] == pytest.approx(0.6)
    assert report["upper_bound"] == pytest.approx(0.451, abs=0.001)
    assert report["upper_bound_with_misses"] > report["upper_bound"]
    assert report["clusters"]["effective_outputs"] == 2
    again = Parrot(0.0)
    assert probe(again, home / "ws", config(seed=10)) == report
    assert again.asked == []
    assert json.loads((Path(report["folder"]) / REPORT).read_text("utf-8"))["words"] == report["words"]


def test_a_probe_needs_a_corpus(tmp_path):
    Workspace.create(tmp_path / "ws").close()
    with pytest.raises(CorpusError, match="no corpus is sealed"):
        probe(Parrot(0.0), tmp_path / "ws", config())


@pytest.mark.parametrize(
    "wrong", [{"n_outputs": 0}, {"prompts": ()}, {"seconds": 1.0}, {"planted_s": 30.0}, {"confidence": 1.0}]
)
def test_a_probe_checks_what_it_is_asked(wrong):
    with pytest.raises(InputError, match=r"expected|give"):
        config(**wrong)
