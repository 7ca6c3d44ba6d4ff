import numpy as np
import pytest

from linernotes.audio.files import Audio
from linernotes.versions.alignment import best_score, evidence
from linernotes.versions.background import bundled_background, pack, unpack
from linernotes.versions.commonplace import commonplace, shared
from linernotes.versions.features import extract, onset_strength, predominant_line
from linernotes.versions.hypotheses import PITCHED, RHYTHM, rhythm_shift, search, sequence, shifted_lags
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Cohort, Profile

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


@pytest.mark.parametrize("shift", [-5, -1, 0, 4, 6])
def test_the_transposition_is_found(shift):
    a, b = extract(_tune(bass=43)), extract(_tune(bass=43, shift=shift))
    assert search(a, b, "overall", (1.0,)).transposition == shift


def test_the_tempo_ratio_is_found():
    a, b = extract(_tune(TUNE * 2)), extract(_tune(TUNE * 2, beat_s=0.6))
    assert search(a, b, "overall").ratio == 1.2


def test_onsets_stand_where_notes_begin():
    strength = onset_strength(_tune(beat_s=0.5)).sum(axis=1)
    for beat in range(1, len(TUNE)):
        near = strength[50 * beat - 5 : 50 * beat + 6]
        assert near.max() > 5 * strength[50 * beat + 15 : 50 * beat + 40].max()


@pytest.mark.parametrize("faster", [-3, 0, 3])
def test_rhythm_compares_at_any_tempo(faster):
    pattern = [0.25, 0.25, 0.5, 0.25, 0.75] * 6
    scale = 2 ** (faster / 12)
    a = np.concatenate([_note(60, s) for s in pattern])
    b = np.concatenate([_note(67, s / scale) for s in pattern])
    left, right = (extract(Audio((0.2 * x).astype(np.float32), RATE)) for x in (a, b))
    assert abs(rhythm_shift(left, right, 1 / scale) - round(12 * np.log2(1 / scale))) <= 1


def test_the_background_is_small_free_and_credited():
    from importlib import resources

    folder = resources.files("linernotes.versions")
    assert len((folder / "background.npz").read_bytes()) < 1_000_000
    credits = (folder / "background_attribution.txt").read_text(encoding="utf-8").strip().splitlines()[2:]
    background = bundled_background()
    assert len(credits) == len(background.names)
    assert not any("BY-SA" in line or "BY-NC" in line for line in credits)
    again = unpack(pack(background.names, background.pieces))
    np.testing.assert_allclose(again.pieces[3].rhythm, background.pieces[3].rhythm, atol=1e-6)


def test_a_piece_of_the_background_is_commonplace_in_itself_alone():
    piece = bundled_background().pieces[0]
    n = len(bundled_background().pieces)
    frames = sequence(piece, "overall")[20:84]
    fragment = shared(frames, frames, "overall")
    np.testing.assert_allclose(fragment, frames, atol=0.02)  # the background is stored in 8 bits
    rate = commonplace(fragment, "overall", 10.0)
    assert 1 / n <= rate < 0.2
    assert commonplace(fragment, "overall", 0.0) == 1.0
    assert commonplace(fragment, "overall", 10.0, [True] * n) is None
    others = [at == 0 for at in range(n)]
    assert commonplace(fragment, "overall", 15.0, others) < rate + 1 / n


@pytest.mark.parametrize("dimension", ["overall", "melody", "harmony", "rhythm"])
def test_commonplace_agrees_with_one_alignment_per_piece(dimension):
    background = bundled_background()
    fragment = sequence(background.pieces[7], dimension)[10:60]
    config = RHYTHM if dimension == "rhythm" else PITCHED
    pieces = background.pieces[:12]
    small = unpack(pack(background.names[:12], pieces))
    scores = []
    for piece in small.pieces:
        scores.append(
            max(
                best_score(evidence(left, sequence(piece, dimension), config), config.gap)
                for left in _every_way(fragment, dimension)
            )
        )
    limit = float(np.sort(scores)[-3])
    found = commonplace(fragment, dimension, limit - 1e-3, background=small)
    assert 1 / 12 <= found <= 3 / 12  # three keys are tried of twelve, so one may be missed


def _every_way(fragment, dimension):
    if dimension == "rhythm":
        return [shifted_lags(fragment, step) for step in range(-9, 10)]
    keyed = fragment.reshape(len(fragment), -1, 12)
    return [np.ascontiguousarray(np.roll(keyed, s, axis=2).reshape(len(fragment), -1)) for s in range(12)]


def test_a_damaged_profile_is_computed_again(tmp_path):
    path = tmp_path / "x.npz"
    assert load_profile(path) is None
    save_profile(path, Profile(extract(_tune()), Cohort(1.0, 2.0, (False,))))
    assert load_profile(path).cohort.deviation == 2.0
    path.write_bytes(path.read_bytes()[:-200])
    assert load_profile(path) is None
