"""The damage that the identification benchmark does to queries: as much as it says, where it says."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
RATE = 16000


@pytest.fixture(scope="module")
def distort():
    """The module under test; the benchmarks lie beside the package, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks.identify import distort

        yield distort


@pytest.fixture(scope="module")
def music():
    """Four seconds of plucked notes."""
    rng = np.random.default_rng(3)
    time = np.arange(4 * RATE) / RATE
    out = np.zeros(len(time))
    for start in np.arange(0, 4, 0.25):
        since = np.maximum(0, time - start)
        tone = np.sin(2 * np.pi * 220 * 2 ** (rng.integers(0, 24) / 12) * since)
        out += tone * np.exp(-8 * since) * (time >= start)
    return (0.2 * out).astype(np.float32)


@pytest.fixture(scope="module")
def other():
    return np.random.default_rng(4).normal(0, 0.1, 20 * RATE).astype(np.float32)


def tone(seconds, hertz=440.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def loudest_hz(samples):
    middle = samples[RATE // 2 : RATE // 2 + 2 * RATE]
    return float(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax()) * RATE / len(middle)


def ratio_db(wanted, added):
    return 10 * np.log10((wanted.astype(float) ** 2).mean() / (added.astype(float) ** 2).mean())


@pytest.mark.parametrize("kind", ["white", "pink", "crowd"])
@pytest.mark.parametrize("wanted", [10, 0, -6])
def test_noise_is_as_loud_as_said(distort, music, other, kind, wanted):
    noise = distort.noise(kind, len(music), np.random.default_rng(1), other)
    assert len(noise) == len(music)
    assert ratio_db(music, distort.mixed(music, noise, wanted) - music) == pytest.approx(wanted, abs=0.05)


def test_pink_noise_falls_by_three_decibels_an_octave(distort, other):
    noise = distort.noise("pink", 1 << 17, np.random.default_rng(1), other)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    bands = [power[(hertz >= low) & (hertz < 2 * low)].mean() for low in (125, 250, 500, 1000, 2000)]
    falls = -np.diff(10 * np.log10(bands))
    assert falls == pytest.approx([3] * 4, abs=0.6)


@pytest.mark.parametrize("wanted", [0, -6])
def test_under_another_recording(distort, music, other, wanted):
    mixed = distort.under(music, np.random.default_rng(1), other, wanted)
    assert ratio_db(music, mixed - music) == pytest.approx(wanted, abs=0.05)


def test_embedded_lies_in_the_middle(distort, music, other):
    query = distort.CONDITIONS["embedded"](music, np.random.default_rng(1), other)
    assert len(query) == 3 * len(music)
    middle = query[len(music) : 2 * len(music)]
    inner = slice(RATE // 10, len(music) - RATE // 10)
    assert np.corrcoef(middle[inner], music[inner])[0, 1] > 0.999
    assert ratio_db(music, query[: len(music)]) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("kind", ["vocoder", "overlap"])
@pytest.mark.parametrize("semitones", [-3, -1, 1, 3])
def test_pitch_moves_as_far_as_said(distort, kind, semitones):
    moved = distort.pitch(tone(3.2), semitones, kind, RATE)
    assert len(moved) == pytest.approx(3.2 * RATE, rel=0.01)
    assert 12 * np.log2(loudest_hz(moved) / 440) == pytest.approx(semitones, abs=0.03)


@pytest.mark.parametrize("kind", ["vocoder", "overlap"])
@pytest.mark.parametrize("factor", [0.8, 0.95, 1.1, 1.2])
def test_tempo_changes_the_length_and_not_the_pitch(distort, kind, factor):
    played = distort.tempo(tone(4), factor, kind, RATE)
    assert len(played) == pytest.approx(4 * RATE / factor, rel=0.01)
    assert 12 * np.log2(loudest_hz(played) / 440) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("kind", ["vocoder", "overlap"])
@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_stretching_keeps_every_moment_in_its_place(distort, kind, factor):
    bursts = np.zeros(4 * RATE, np.float32)
    for second in (1, 2, 3):
        bursts[second * RATE : second * RATE + 1600] = tone(0.1)
    played = np.abs(distort.tempo(bursts, factor, kind, RATE))
    for second in (1, 2, 3):
        around = slice(round((second - 0.3) / factor * RATE), round((second + 0.4) / factor * RATE))
        weights = played[around] ** 2
        middle = (np.arange(around.start, around.stop) * weights).sum() / weights.sum() / RATE
        assert middle == pytest.approx((second + 0.05) / factor, abs=0.04)


def test_speed_moves_both(distort):
    played = distort.speed(tone(4), 1.1, RATE)
    assert len(played) == pytest.approx(4 * RATE / 1.1, rel=1e-3)
    assert loudest_hz(played) == pytest.approx(484, abs=1)


@pytest.mark.parametrize("name", ["MP3 64k", "MP3 32k", "Opus 24k"])
def test_coding_keeps_length_and_place(distort, music, name):
    back = distort.CONDITIONS[name](music, np.random.default_rng(1), music)
    assert len(back) == len(music)
    assert np.corrcoef(back, music)[0, 1] > 0.9
    assert not np.array_equal(back, music)


def test_a_room_rings_as_long_as_said(distort):
    response = distort.room(np.random.default_rng(2), 0.8, 0.0)
    assert response[0] == 1
    assert (response[1:] ** 2).sum() == pytest.approx(1, rel=1e-6)  # direct and wet alike at 0 dB
    left = np.cumsum(response[::-1] ** 2)[::-1]
    early, late = left[round(0.1 * RATE)], left[round(0.5 * RATE)]
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.4 / 0.8, abs=4)


def test_the_telephone_lets_little_else_through(distort):
    def level(hertz):
        speech = tone(2, 1000) + tone(2, hertz)
        out = distort.telephone(speech, np.random.default_rng(1), speech)
        spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
        return 20 * np.log10(spectrum[2 * hertz - 4 : 2 * hertz + 5].max() / spectrum[1996:2005].max())

    assert level(120) < -20
    assert level(2000) > -3


def test_the_same_seed_gives_the_same_query(distort, music, other):
    for name, condition in distort.CONDITIONS.items():
        one, two = (condition(music, np.random.default_rng([5, 1]), other) for _ in range(2))
        assert np.array_equal(one, two), name
        assert one.dtype == np.float32
        assert np.abs(one).max() <= 1


def test_conditions_know_their_own_length_and_pitch(distort, music, other):
    for name, condition in distort.CONDITIONS.items():
        out = condition(music, np.random.default_rng(1), other)
        expected = len(music) / condition.consumes * (3 if condition.begins else 1)
        assert len(out) == pytest.approx(expected, rel=0.02), name


def test_unknown_kinds_are_named(distort, music, other):
    with pytest.raises(ValueError, match="brown"):
        distort.noise("brown", 10, np.random.default_rng(1), other)
    with pytest.raises(ValueError, match="granular"):
        distort.tempo(music, 1.1, "granular", RATE)
