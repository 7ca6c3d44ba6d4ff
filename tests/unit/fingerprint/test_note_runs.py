import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.fingerprint.passages.notes import NoteIndex, NoteLine, false_match_rate
from linernotes.workflows.passage_notes import note_line


def tune(seed, n=80):
    draw = np.random.default_rng(seed)
    return NoteLine(np.cumsum(draw.choice([0.2, 0.4, 0.8], n)), draw.integers(50, 70, n))


@pytest.fixture(scope="module")
def index():
    return NoteIndex({f"t{i}": tune(i) for i in range(20)})


def test_a_run_is_found_in_any_key_and_tempo(index):
    source = tune(7)
    middle = NoteLine(source.onsets_s[20:45] * 0.8 + 3, source.pitches[20:45] - 4)
    (run, rate), *rest = index.find(middle, max_false_rate=1e-3)
    assert not rest
    assert rate < 1e-6
    assert (run.recording_id, run.n_notes, run.pitch_shift) == ("t7", 25, -4.0)
    assert run.time_ratio == pytest.approx(0.8)
    assert run.reference.start_s == pytest.approx(source.onsets_s[20])


def test_unrelated_tunes_share_nothing_rare(index):
    assert all(not index.find(tune(seed), max_false_rate=1e-3) for seed in range(100, 120))


def test_a_trill_is_everybodys():
    trill = NoteLine(np.arange(60) * 0.2, np.tile([60, 62], 30))
    assert NoteIndex({"a": trill}).find(trill, max_false_rate=0.5) == []


def test_a_run_does_not_cross_recordings():
    whole = tune(1)
    parts = {
        "first": NoteLine(whole.onsets_s[:40], whole.pitches[:40]),
        "second": NoteLine(whole.onsets_s[40:], whole.pitches[40:]),
    }
    runs = [run for run, _ in NoteIndex(parts).find(whole, max_false_rate=1e-3)]
    assert {(run.recording_id, run.n_notes) for run in runs} == {("first", 40), ("second", 40)}


def test_chance_grows_with_the_catalogue():
    assert false_match_rate(40.0, 50, 10**6) > 50 * false_match_rate(40.0, 50, 10**4)


def test_rare_notes_are_worth_more(index):
    assert index._rarity.min() >= 0
    common = int(np.argmin(index._rarity))
    assert index._score(np.array([common])) < np.median(index._rarity)


def test_empty_lines():
    empty = NoteLine(np.zeros(0), np.zeros(0, np.int64))
    assert len(empty.tokens()) == 0
    assert NoteIndex({"a": empty}).find(tune(1), max_false_rate=0.1) == []
    assert NoteIndex({"a": tune(1)}).find(empty, max_false_rate=0.1) == []


def test_bad_lines_are_refused():
    with pytest.raises(InputError, match="one pitch per onset"):
        NoteLine(np.zeros(2), np.zeros(3, np.int64))
    with pytest.raises(InputError, match="rise"):
        NoteLine(np.array([0.0, 1.0, 1.0]), np.zeros(3, np.int64))


def test_a_played_scale_is_heard():
    rate = 11025
    pitches = [60, 64, 67, 72, 65, 62]
    time = np.arange(round(0.5 * rate)) / rate
    tones = [np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * time) * np.exp(-3 * time) for p in pitches]
    line = note_line(Audio(np.concatenate(tones).astype(np.float32), rate))
    heard = np.diff(line.pitches[np.abs(line.onsets_s[:, None] - np.arange(6) * 0.5).argmin(axis=0)])
    assert heard.tolist() == np.diff(pitches).tolist()
