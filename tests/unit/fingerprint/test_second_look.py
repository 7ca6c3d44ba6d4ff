"""What is in doubt is decided by the recording's own audio, where it is at hand."""

import csv
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.cli.main import main
from linernotes.evidence.identification import Match
from linernotes.fingerprint.align import Alignment
from linernotes.fingerprint.candidates import Window
from linernotes.fingerprint.decision import LOOK_CHANCE
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks
from linernotes.fingerprint.match import METHOD, METHOD_HEARD, identify_audio
from linernotes.fingerprint.second_look import in_doubt, most_looks, second_looks
from linernotes.workflows.identify import add_catalogue, identify_files
from linernotes.workflows.recording_audio import RecordingAudio
from linernotes.workflows.seal import seal_corpus
from linernotes.workflows.shards import identify_in_shards

MUSIC = Path(__file__).parents[3] / "demo" / "catalog" / "audio"
RATE = 8000


def _noisy(audio: Audio, ratio_db: float, seed: int) -> Audio:
    noise = np.random.default_rng(seed).standard_normal(len(audio.samples)).astype(np.float32)
    gain = np.sqrt((audio.samples**2).mean()) * 10 ** (-ratio_db / 20)
    return Audio((audio.samples + gain * noise).astype(np.float32), audio.sample_rate)


def test_what_the_index_leaves_in_doubt_the_audio_decides(known, index) -> None:
    def listen(recording_id: str, start_s: float, end_s: float) -> Audio:
        return known[recording_id].excerpt(start_s, end_s)

    alone = heard = by_look = 0
    for number, (name, audio) in enumerate(known.items()):
        query = _noisy(audio.excerpt(20.0, 25.0), -9.0, number)
        alone += [m.recording_id for m in identify_audio(query, index)][:1] == [name]
        matches = identify_audio(query, index, listen=listen)
        assert {m.recording_id for m in matches} <= {name}
        for match in matches:
            assert match.reference.start_s - match.query.start_s == pytest.approx(20.0, abs=0.05)
            assert match.false_match_rate <= 1e-4
            assert (match.second_look_nats is not None) == (match.method == METHOD_HEARD)
            assert match.method in (METHOD, METHOD_HEARD)
        heard += bool(matches)
        by_look += any(m.second_look_nats is not None for m in matches)
    assert heard >= alone + 2
    assert by_look >= 2


def test_the_wrong_audio_decides_nothing(known, index) -> None:
    names = list(known)
    other = {name: known[names[(k + 1) % len(names)]] for k, name in enumerate(names)}
    for number, (name, audio) in enumerate(known.items()):
        query = _noisy(audio.excerpt(20.0, 25.0), -9.0, number)
        alone = identify_audio(query, index)
        heard = identify_audio(query, index, listen=lambda one, a, b: other[one].excerpt(a, b))
        assert heard == alone, name


def test_audio_that_is_not_at_hand_leaves_the_answer_as_it_was(known, index) -> None:
    for number, audio in enumerate(known.values()):
        query = _noisy(audio.excerpt(20.0, 25.0), -6.0, number)
        assert identify_audio(query, index, listen=lambda *_: None) == identify_audio(query, index)


def _line(
    query: tuple[float, float], origin: float, score: float, name: str = "a", ratio: float = 1.0
) -> Alignment:
    reference = (query[0] + origin, query[1] + origin)
    return Alignment(name, score, 0.0, 0.0, 0.0, query, reference, ratio, 0.0, 40)


def test_what_is_worth_a_look() -> None:
    windows = [Window(0, 640)]
    lines = [_line((0, 500), 900.0 * k, 12.0 - 0.01 * k) for k in range(30)]
    chosen = in_doubt([*lines, _line((0, 500), 3.0, 11.0)], windows, 10.0, 3600.0)
    assert chosen == lines[: most_looks(windows)]
    assert in_doubt([_line((0, 500), 0.0, 5.0)], windows, 10.0, 3600.0) == []
    assert in_doubt([_line((700, 900), 0.0, 12.0)], windows, 10.0, 3600.0) == []
    assert most_looks(windows * 100) == most_looks(windows * 50)


def test_changed_tempo_short_queries_and_places_outside_are_not_looked_at() -> None:
    noise = np.random.default_rng(0).standard_normal(80000).astype(np.float32)
    asked: list[tuple[float, float]] = []

    def listen(_name: str, start_s: float, end_s: float) -> Audio:
        asked.append((start_s, end_s))
        return Audio(noise[round(start_s * RATE) : round(end_s * RATE)], RATE)

    assert list(second_looks(noise, [_line((0, 500), 0.0, 12.0, ratio=1.1)], listen)) == []
    assert list(second_looks(noise[: 1 * RATE], [_line((0, 60), 0.0, 12.0)], listen)) == []
    assert list(second_looks(noise, [_line((0, 500), -600.0, 12.0)], listen)) == []
    assert asked == []
    (look,) = second_looks(noise[3 * RATE :], [_line((0, 400), 185.0, 12.0)], listen)
    assert look.score > 1000
    assert sum(look.alignment.reference) / 2 - sum(look.alignment.query) / 2 == pytest.approx(187.5, abs=0.1)
    assert all(0 <= start < end for start, end in asked)


def test_more_looks_need_more_nats() -> None:
    rates = [LOOK_CHANCE.false_match_rate(40.0, n) for n in (1, 12, 60)]
    assert rates == sorted(rates)
    assert LOOK_CHANCE.false_match_rate(-5.0, 12) == 1.0


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return a folder with a catalogue's audio, its table, and a query in doubt."""
    folder = tmp_path / "music"
    folder.mkdir()
    with (tmp_path / "catalog.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "title", "artist"])
        for path in sorted(MUSIC.glob("*.ogg"))[0:40:10]:
            audio = read_audio(path, RATE)
            write_audio(folder / f"{path.stem}.flac", Audio(audio.samples[: 40 * RATE], RATE))
            writer.writerow([f"{path.stem}.flac", path.stem, "Someone"])
    add_catalogue(folder, tmp_path / "catalog.csv", tmp_path / "ws")
    return tmp_path


def _doubtful(shelf: Path) -> tuple[Path, str]:
    """Write a query that only its audio can decide; return it and what it is of."""
    for number, path in enumerate(sorted((shelf / "music").iterdir())):
        audio = read_audio(path).excerpt(15.0, 20.0)
        for ratio_db in (-6.0, -9.0, -12.0):
            query = shelf / "query.wav"
            write_audio(query, Audio(0.2 * _noisy(audio, ratio_db, number).samples, RATE))
            (alone,) = identify_files([query], shelf / "ws", second_look=False)
            (heard,) = identify_files([query], shelf / "ws")
            if not alone["matches"] and heard["matches"]:
                return query, path.stem
    raise AssertionError("no query is in doubt")


def test_through_the_command_line(shelf: Path, capsys) -> None:
    query, name = _doubtful(shelf)
    ws = str(shelf / "ws")
    assert main(["identify", str(query), "--workspace", ws, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    (match,) = answer["matches"]
    assert (match["title"], match["method"]) == (name, METHOD_HEARD)
    assert match["second_look_nats"] > 20
    assert "not_heard" not in answer
    assert main(["identify", str(query), "--workspace", ws]) == 0
    assert "by a second look at its audio" in capsys.readouterr().out
    assert main(["identify", str(query), "--workspace", ws, "--no-second-look", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"query": str(query), "matches": []}]


def test_changed_and_missing_audio_is_said(shelf: Path, capsys) -> None:
    query, name = _doubtful(shelf)
    path = shelf / "music" / f"{name}.flac"
    kept = path.read_bytes()
    write_audio(path, read_audio(path).excerpt(0.5, 39.0))
    (answer,) = identify_files([query], shelf / "ws")
    assert answer["matches"] == []
    reasons = {one["recording_id"]: one["reason"] for one in answer["not_heard"]}
    (reason,) = reasons.values()
    assert "changed since it was indexed" in reason
    path.unlink()
    (answer,) = identify_files([query], shelf / "ws")
    assert "is gone" in answer["not_heard"][0]["reason"]
    assert main(["identify", str(query), "--workspace", str(shelf / "ws")]) == 0
    assert "could not be listened to" in capsys.readouterr().out
    path.write_bytes(kept)
    assert identify_files([query], shelf / "ws")[0]["matches"]


def test_shards_listen_too(shelf: Path) -> None:
    query, name = _doubtful(shelf)
    with (shelf / "other.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["file", "title", "artist"], ["other.flac", "Other", "Someone"]])
    (shelf / "others").mkdir()
    write_audio(shelf / "others" / "other.flac", read_audio(sorted(MUSIC.glob("*.ogg"))[44], RATE))
    add_catalogue(shelf / "others", shelf / "other.csv", shelf / "ws2")
    (answer,) = identify_in_shards([query], [shelf / "ws", shelf / "ws2"])
    assert [match["title"] for match in answer["matches"]] == [name]
    copied = pickle.loads(pickle.dumps(RecordingAudio([shelf / "ws"])))  # noqa: S301  (our own)
    assert copied.workspaces == (str(shelf / "ws"),)
    assert copied("unknown", 0.0, 1.0) is None
    assert "not in the index" in copied.unheard["unknown"]


def test_the_corpus_lends_its_copy(shelf: Path) -> None:
    query, name = _doubtful(shelf)
    (shelf / "corpus").mkdir()
    file = f"{name}.flac"
    (shelf / "music" / file).rename(shelf / "corpus" / file)
    assert identify_files([query], shelf / "ws")[0]["matches"] == []
    columns = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence"
    (shelf / "rights.csv").write_text(f"{columns}\n{file},{name},Someone,Someone,CC0,,,\n", encoding="utf-8")
    seal_corpus(shelf / "corpus", shelf / "rights.csv", shelf / "ws")
    assert identify_files([query], shelf / "ws")[0]["matches"][0]["title"] == name


def test_a_faint_match_is_placed_at_the_right_repetition(known) -> None:
    """Of four bars that differ only in a faint voice, the waveform tells which one was heard."""
    alone = 0
    for audio in list(known.values())[:3]:
        bar = audio.excerpt(20.0, 26.0).samples
        voices = np.random.default_rng(5).standard_normal((4, len(bar))).astype(np.float32)
        song = Audio(np.concatenate([bar + 0.05 * np.abs(bar).max() * voice for voice in voices]), RATE)
        index = FingerprintIndex.empty().add([("loop", "0" * 64, find_landmarks(song))])
        for place in range(4):
            begin = 6.0 * place + 0.5
            query = _noisy(song.excerpt(begin, begin + 5.0), -6.0, place)
            alone += _offset(identify_audio(query, index)) == pytest.approx(begin, abs=0.1)
            heard = identify_audio(query, index, listen=lambda _, a, b: song.excerpt(a, b))  # noqa: B023
            assert _offset(heard) == pytest.approx(begin, abs=0.1)
    assert alone <= 10


def _offset(matches: tuple[Match, ...]) -> float:
    return matches[0].reference.start_s - matches[0].query.start_s if matches else math.inf
