import numpy as np

from linernotes.audio.files import Audio
from linernotes.versions.features import extract
from linernotes.versions.rhythm import onset_strength
from linernotes.versions.salience import predominant_line

RATE = 16000
TUNE = [60, 64, 67, 72, 71, 67, 65, 62, 64, 69, 67, 60, 62, 65, 64, 60]


def _note(midi, seconds, partials=5):
    time_s = np.arange(int(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((midi - 69) / 12)
    wave = sum(np.sin(2 * np.pi * hz * h * time_s) / h for h in range(1, partials + 1))
    return wave * np.minimum(1, (time_s[-1] - time_s) / 0.05) * np.exp(-2 * time_s)


def _tune(midi=TUNE, beat_s=0.5, shift=0, bass=None):
    lead = np.concatenate([_note(m + 12 + shift, beat_s) for m in midi])
    if bass is not None:
        lead = lead + 0.5 * np.concatenate([_note(bass + shift, beat_s) for _ in midi])
    return Audio((0.2 * lead).astype(np.float32), RATE)


def test_the_predominant_line_is_the_tune_over_a_bass():
    features = extract(_tune(bass=43))
    heard = features.melody[[2 * beat for beat in range(1, len(TUNE) - 1)]].argmax(axis=1)
    played = np.array([m % 12 for m in TUNE[1:-1]])
    assert np.mean(heard == played) > 0.8


def test_a_leap_is_made_only_when_it_pays():
    strength = np.zeros((9, 20), np.float32)
    strength[:, 3] = 1.0
    strength[4, 15] = 1.5
    assert set(predominant_line(strength, leap_cost=0.1).tolist()) == {3}
    strength[3:7, 15] = 3.0
    assert predominant_line(strength, leap_cost=0.1)[5] == 15


def test_onsets_stand_where_notes_begin():
    strength = onset_strength(_tune(beat_s=0.5), 8 * len(TUNE)).sum(axis=1)
    for beat in range(1, len(TUNE)):
        near = strength[8 * beat - 1 : 8 * beat + 1]
        assert near.max() > 5 * strength[8 * beat + 2 : 8 * beat + 6].max()
