import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError, VerificationError
from linernotes.versions.notes import transcription
from linernotes.versions.notes.events import NoteConfig, notes
from linernotes.versions.notes.transcription import (
    FRAME_SAMPLES,
    LOWEST_PITCH,
    SAMPLE_RATE,
    WINDOW_FRAMES,
    TranscriptionConfig,
    cut,
    join,
    transcribe,
)

MUSIC = Path(__file__).parents[3] / "demo/corpus/audio/eric-skiff__jumpshot.ogg"


def _tone(midi, seconds, rate=SAMPLE_RATE):
    time_s = np.arange(int(seconds * rate)) / rate
    hz = 440 * 2 ** ((midi - 69) / 12)
    wave = sum(np.sin(2 * np.pi * hz * h * time_s) / h**1.5 for h in range(1, 6))
    return 0.3 * wave * np.minimum(1, (time_s[-1] - time_s) / 0.03) * np.exp(-1.5 * time_s)


def _tune(pitches, beat_s=0.5, rate=SAMPLE_RATE):
    return Audio(np.concatenate([_tone(m, beat_s, rate) for m in pitches]).astype(np.float32), rate)


TUNE = [60, 64, 67, 72, 71, 67, 65, 62]


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_the_notes_of_a_tune_are_heard_where_they_are_played(rate):
    found = [note for note in notes(transcribe(_tune(TUNE, rate=rate))) if note.amplitude > 0.4]
    for at, pitch in enumerate(TUNE):
        near = [n for n in found if n.pitch == pitch and abs(n.onset_s - 0.5 * at) < 0.06]
        assert len(near) == 1
    assert sum(note.pitch in TUNE for note in found) >= 0.8 * len(found)


@pytest.mark.parametrize("tuning", [-0.45, 0.3, 0.5])
def test_a_mistuned_recording_is_heard_in_tune_and_on_its_own_clock(tuning):
    played = _tune([m + tuning for m in TUNE])
    heard = transcribe(played, tuning)
    assert len(heard) * heard.hop_s == pytest.approx(played.duration_s, abs=2 * heard.hop_s)
    for at, pitch in enumerate(TUNE):
        frame = round((0.5 * at + 0.2) / heard.hop_s)
        assert LOWEST_PITCH + int(heard.sounding[frame].argmax()) == pitch


def test_the_batch_does_not_change_the_result_and_a_second_run_is_equal():
    audio = _tune(TUNE)
    one, many = (transcribe(audio, config=TranscriptionConfig(batch=size)) for size in (1, 8))
    np.testing.assert_allclose(one.sounding, many.sounding, atol=1e-5)
    np.testing.assert_array_equal(many.onsets, transcribe(audio).onsets)


def test_real_music_gives_real_notes():
    audio = read_audio(MUSIC)
    excerpt = Audio(audio.samples[: 8 * audio.sample_rate], audio.sample_rate)
    found = notes(transcribe(excerpt))
    assert 15 < len(found) < 300
    assert all(0 <= n.onset_s < n.offset_s <= 8.05 and 0.1 < n.amplitude <= 1 for n in found)
    assert list(found) == sorted(found, key=lambda n: (n.onset_s, n.pitch))


def test_silence_holds_no_notes():
    assert notes(transcribe(Audio(np.zeros(SAMPLE_RATE * 3, np.float32), SAMPLE_RATE))) == ()


@settings(max_examples=30, deadline=None)
@given(n_samples=st.integers(1, 200_000), trim=st.integers(0, 80))
def test_every_frame_stands_in_exactly_one_window(n_samples, trim):
    config = TranscriptionConfig(trim_frames=trim)
    samples = np.arange(1, n_samples + 1, dtype=np.float32)
    windows = cut(samples, config)
    # Let every frame of a window be the sample it starts with: joined, they must be every 256th sample in turn.
    starts = np.arange(WINDOW_FRAMES) * FRAME_SAMPLES
    framed = np.stack([np.append(w, 0)[np.minimum(starts, len(w))] for w in windows])[:, :, None]
    joined = join(framed, trim)[:, 0]
    expected = samples[::FRAME_SAMPLES]
    seen = min(len(expected), len(joined))
    assert len(joined) >= len(expected)
    inside = np.tile(np.arange(trim, WINDOW_FRAMES - trim) * FRAME_SAMPLES < len(windows[0]), len(windows))
    np.testing.assert_array_equal(joined[:seen][inside[:seen]], expected[:seen][inside[:seen]])


def test_numbers_that_are_not_are_refused():
    samples = np.zeros(30_000, np.float32)
    samples[77] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        transcribe(Audio(samples, SAMPLE_RATE))


@pytest.mark.parametrize(
    "settings", [{"trim_frames": -1}, {"trim_frames": 86}, {"batch": 0}, {"n_threads": 0}]
)
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        TranscriptionConfig(**settings)


def test_another_network_is_refused(monkeypatch):
    monkeypatch.setattr(transcription, "MODEL_SHA256", "0" * 64)
    transcription._session.cache_clear()
    with pytest.raises(VerificationError, match="install the package again"):
        transcribe(_tune(TUNE[:2]))


def test_the_network_ships_with_its_licence():
    folder = resources.files("linernotes.versions.notes")
    data = (folder / transcription.MODEL_FILE).read_bytes()
    assert hashlib.sha256(data).hexdigest() == transcription.MODEL_SHA256
    assert "Apache License" in (folder / "basic_pitch_LICENSE.txt").read_text(encoding="utf-8")
    notice = (folder / "basic_pitch_NOTICE.txt").read_text(encoding="utf-8")
    assert "Copyright 2022 Spotify AB" in notice
    assert "unchanged" in notice


def test_a_note_struck_twice_is_two_and_a_dip_is_bridged():
    sounding, onsets = np.zeros((200, 88), np.float32), np.zeros((200, 88), np.float32)
    sounding[20:120, 40] = 0.7
    sounding[60:64, 40] = 0.1
    onsets[[20, 90], 40] = 0.8
    sounding[20:120, 41] = 0.5  # the skirt of the note below
    sounding[150:155, 50] = 0.9  # too short
    heard = transcription.Transcription(sounding, onsets, 0.01)
    assert [(round(n.onset_s, 2), round(n.offset_s, 2), n.pitch) for n in notes(heard)] == [
        (0.2, 0.9, 61),
        (0.9, 1.2, 61),
    ]
    assert len(notes(heard, NoteConfig(longest_dip_s=0.0))) == 3
