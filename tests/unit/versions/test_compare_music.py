"""Real recordings of the demonstration corpus, changed in known ways."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soxr

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.errors import TooShort
from linernotes.versions.compare import compare, compare_profiles
from linernotes.versions.features import extract
from linernotes.versions.hypotheses import SPEEDS
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import PRIOR, bundled_calibration, profile

CORPUS = Path(__file__).parents[3] / "demo/corpus/audio"
SONG = "eric-skiff__a-night-of-dizzy-spells"
OTHERS = ("foxsynergy__lunar-joyride", "wansti__theme", "josh-woodward__dead-code")


@lru_cache
def _music(stem):
    return read_audio(CORPUS / f"{stem}.ogg", 16000)  # 24.6 s


@lru_cache
def _profile(stem):
    return profile(extract(_music(stem)))


def _played_faster(audio, semitones):
    """A tape played faster: pitch and tempo change together."""
    speed = 2 ** (semitones / 12)
    return Audio(
        soxr.resample(audio.samples, audio.sample_rate * speed, audio.sample_rate), audio.sample_rate
    )


@pytest.mark.parametrize("other", OTHERS)
def test_unrelated_music_stays_low(other):
    match = compare_profiles(_profile(SONG), _profile(other))
    assert match.probability < 0.2


@pytest.mark.parametrize("semitones", [-2, 2])
def test_another_key_and_tempo_stay_high(semitones):
    changed = profile(extract(_played_faster(_music(SONG), semitones)))
    match = compare_profiles(_profile(SONG), changed)
    assert match.probability > 0.8
    assert match.transposition_semitones == semitones
    overall = next(s for s in match.segments if s.dimension == "overall")
    assert overall.a.duration_s > 20
    assert overall.a.duration_s > 0.95 * _music(SONG).duration_s
    assert overall.b.duration_s > 0.95 * changed.features.duration_s
    assert overall.commonplace < 0.05
    ratio = overall.b.duration_s / overall.a.duration_s
    assert ratio == pytest.approx(2 ** (-semitones / 12), rel=0.08)


def test_a_lossy_copy_stays_high_in_every_dimension(tmp_path):
    write_audio(tmp_path / "copy.mp3", _music(SONG))
    match = compare_profiles(_profile(SONG), profile(extract(read_audio(tmp_path / "copy.mp3"))))
    assert match.probability > 0.8
    assert {s.dimension for s in match.segments} >= {"overall", "melody", "harmony"}


def test_a_quotation_is_placed_in_seconds():
    host, quote = _music(OTHERS[0]), _music(SONG).excerpt(8, 22)
    spliced = np.concatenate([host.samples[: 10 * 16000], quote.samples, host.samples[10 * 16000 :]])
    match = compare_profiles(_profile(SONG), profile(extract(Audio(spliced, 16000))))
    overall = next(s for s in match.segments if s.dimension == "overall")
    assert overall.a.start_s == pytest.approx(8, abs=2.5)
    assert overall.a.end_s == pytest.approx(22, abs=2.5)
    assert overall.b.start_s == pytest.approx(10, abs=2.5)
    assert overall.b.end_s == pytest.approx(24, abs=2.5)


def test_the_order_of_the_sides_does_not_change_the_verdict():
    slower = profile(extract(_played_faster(_music(SONG), -2)))
    for other in (_profile(OTHERS[1]), slower):
        there, back = compare_profiles(_profile(SONG), other), compare_profiles(other, _profile(SONG))
        assert there.score == pytest.approx(back.score, abs=1e-3)
        assert there.transposition_semitones == -back.transposition_semitones
        assert [s.dimension for s in there.segments] == [s.dimension for s in back.segments]
        for one, twin in zip(there.segments, back.segments, strict=True):
            assert (one.a.start_s, one.a.end_s) == pytest.approx((twin.b.start_s, twin.b.end_s), abs=1e-6)
            assert (one.b.start_s, one.b.end_s) == pytest.approx((twin.a.start_s, twin.a.end_s), abs=1e-6)
            assert one.commonplace == pytest.approx(twin.commonplace, abs=0.05)
        for dimension, its_twin in zip(there.dimensions, back.dimensions, strict=True):
            assert dimension.probability == pytest.approx(its_twin.probability, abs=0.02)


def test_what_is_kept_of_a_query_does_not_grow_with_odd_tempi():
    query = profile(extract(_music(SONG)))
    for semitones in (-0.3, 0.4):
        assert compare_profiles(query, profile(extract(_played_faster(_music(SONG), semitones)))).segments
    speeds = {speed for name, speed, _ in query.piece.kept if not name.startswith("rhythm")}
    assert speeds <= set(SPEEDS)


def test_a_telephone_copy_stays_high():
    telephone = Audio(soxr.resample(_music(SONG).samples, 16000, 8000), 8000)
    match = compare_profiles(_profile(SONG), profile(extract(telephone)))
    assert match.probability > 0.9
    assert match.segments[0].a.duration_s > 20


def test_dimensions_say_what_they_add(tmp_path):
    write_audio(tmp_path / "copy.ogg", _music(SONG))
    match = compare_profiles(_profile(SONG), profile(extract(read_audio(tmp_path / "copy.ogg"))))
    assert [one.dimension for one in match.dimensions] == ["overall", "melody", "harmony", "rhythm"]
    assert {"melody", "harmony"} & set(match.shares)
    assert match.tempo_ratio == pytest.approx(1, abs=0.02)
    assert "1000 unrelated recordings" in match.reference
    weights = bundled_calibration().substance
    total = weights["intercept"] + sum(one.log_odds for one in match.dimensions) + np.log(PRIOR / (1 - PRIOR))
    assert match.score == pytest.approx(np.logaddexp(0, total), abs=1e-6)
    stranger = compare_profiles(_profile(SONG), _profile(OTHERS[0]))
    for mine, theirs in zip(match.dimensions[:3], stranger.dimensions[:3], strict=True):
        assert mine.e_value < 0.5 < theirs.e_value
        assert not theirs.shared
        assert mine.score > theirs.score


def test_paths_rise_and_join_the_ends_of_their_spans():
    match = compare_profiles(_profile(SONG), profile(extract(_played_faster(_music(SONG), 2))))
    for segment in match.segments:
        at_a, at_b = (np.array(side) for side in zip(*segment.path, strict=True))
        assert np.all(np.diff(at_a) >= 0)
        assert np.all(np.diff(at_b) >= 0)
        assert (at_a[0], at_a[-1]) == pytest.approx((segment.a.start_s, segment.a.end_s), abs=0.01)
        assert (at_b[0], at_b[-1]) == pytest.approx((segment.b.start_s, segment.b.end_s), abs=0.01)
        assert segment.tempo_ratio == pytest.approx(segment.b.duration_s / segment.a.duration_s)
        assert segment.figure is None or 0 < segment.figure.share <= 1


def test_profiles_come_back_from_disk_with_the_same_verdict(tmp_path):
    save_profile(tmp_path / "one.npz", _profile(SONG))
    there, back = (
        compare_profiles(one, _profile(OTHERS[2]))
        for one in (_profile(SONG), load_profile(tmp_path / "one.npz"))
    )
    assert there.score == pytest.approx(back.score, abs=0.02)


def test_spans_lie_inside_both_recordings():
    for other in OTHERS:
        match = compare_profiles(_profile(SONG), _profile(other))
        for segment in match.segments:
            assert 0 <= segment.a.start_s < segment.a.end_s <= _music(SONG).duration_s + 1e-6
            assert 0 <= segment.b.start_s < segment.b.end_s <= _music(other).duration_s + 1e-6
            assert 0 <= segment.commonplace <= 1


def test_too_short_audio_says_how_long_it_must_be():
    short = Audio(_music(SONG).samples[: 3 * 16000], 16000)
    with pytest.raises(TooShort, match=r"3\.00 s.*at least 4 s"):
        compare(short, short)
