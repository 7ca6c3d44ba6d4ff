"""Identification of real music: damaged excerpts are found, in place; other music is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError, TooShort
from linernotes.fingerprint import candidates
from linernotes.fingerprint.align import Alignment, without_overlaps
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks, find_query
from linernotes.fingerprint.match import identify_audio, identify_query

MUSIC = Path(__file__).parents[3] / "demo" / "catalog" / "audio"
RATE = 8000
KNOWN, UNKNOWN = slice(0, 40, 5), slice(42, 72, 4)


@pytest.fixture(scope="module")
def known() -> dict[str, Audio]:
    return {path.stem: read_audio(path, RATE) for path in sorted(MUSIC.glob("*.ogg"))[KNOWN]}


@pytest.fixture(scope="module")
def index(known: dict[str, Audio]) -> FingerprintIndex:
    entries = [(name, "0" * 64, find_landmarks(audio, name=name)) for name, audio in known.items()]
    return FingerprintIndex.empty().add(entries)


def _noisy(samples: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    return samples + noise * np.sqrt((samples**2).mean())  # 0 dB


def _faster(samples: np.ndarray) -> np.ndarray:
    return soxr.resample(samples, RATE * 1.06, RATE).astype(np.float32)


@pytest.mark.parametrize(
    ("seconds", "damage"),
    [
        (10.0, lambda x: x),
        (5.0, lambda x: 0.05 * x),
        (10.0, _noisy),
        (10.0, lambda x: np.clip(4 * x, -0.3, 0.3)),
        (10.0, lambda x: np.diff(x, prepend=np.float32(0))),
    ],
    ids=["clean", "5 s, quiet", "noise 0 dB", "clipped", "6 dB per octave"],
)
def test_damaged_excerpts_are_found_in_place(
    known: dict[str, Audio], index: FingerprintIndex, seconds: float, damage: Callable
) -> None:
    n_found = 0
    for name, audio in known.items():
        samples = damage(audio.excerpt(20.0, 20.0 + seconds).samples).astype(np.float32)
        matches = identify_audio(Audio(samples, RATE), index, search_shifts=False)
        assert {match.recording_id for match in matches} <= {name}
        if matches:
            best = matches[0]
            n_found += 1
            assert best.reference.start_s - best.query.start_s == pytest.approx(20.0, abs=0.1)
            assert best.time_ratio == pytest.approx(1.0, abs=0.01)
            assert best.pitch_shift_semitones == pytest.approx(0.0, abs=0.3)
            assert best.false_match_rate <= 1e-4
    assert n_found >= len(known) - 1


def test_speed_is_told(known: dict[str, Audio], index: FingerprintIndex) -> None:
    told = 0
    for name, audio in list(known.items())[:4]:
        matches = identify_audio(Audio(_faster(audio.excerpt(15.0, 26.0).samples), RATE), index)
        if matches and matches[0].recording_id == name:
            told += 1
            assert matches[0].time_ratio == pytest.approx(1 / 1.06, rel=0.01)
            assert matches[0].pitch_shift_semitones == pytest.approx(12 * np.log2(1.06), abs=0.35)
    assert told >= 3


def test_other_music_has_no_match(index: FingerprintIndex) -> None:
    for path in sorted(MUSIC.glob("*.ogg"))[UNKNOWN]:
        excerpt = read_audio(path, RATE).excerpt(10.0, 20.0)
        assert identify_audio(excerpt, index, search_shifts=False) == (), path.stem


def test_a_passage_inside_other_sound_gives_its_span(
    known: dict[str, Audio], index: FingerprintIndex
) -> None:
    name, audio = next(iter(known.items()))
    rng = np.random.default_rng(4)
    samples = rng.normal(0, 0.05, RATE * 20).astype(np.float32)
    samples[RATE * 8 : RATE * 14] = audio.excerpt(25.0, 31.0).samples
    best = identify_audio(Audio(samples, RATE), index)[0]
    assert best.recording_id == name
    assert best.query.start_s == pytest.approx(8.0, abs=1.0)
    assert best.query.end_s == pytest.approx(14.0, abs=1.0)
    assert best.reference.start_s - best.query.start_s == pytest.approx(17.0, abs=0.1)


def test_two_passages_give_two_matches(known: dict[str, Audio], index: FingerprintIndex) -> None:
    (one, first), (two, second) = list(known.items())[1:3]
    joined = np.concatenate([first.excerpt(12.0, 20.0).samples, second.excerpt(20.0, 28.0).samples])
    matches = identify_audio(Audio(joined, RATE), index)
    assert {match.recording_id for match in matches} == {one, two}
    assert [match.score for match in matches] == sorted((match.score for match in matches), reverse=True)


def test_a_stricter_limit_finds_less(known: dict[str, Audio], index: FingerprintIndex) -> None:
    query = find_query(next(iter(known.values())).excerpt(20.0, 23.0))
    loose = identify_query(query, index, max_false_match_rate=0.5)
    strict = identify_query(query, index, max_false_match_rate=1e-60)
    assert len(strict) <= len(loose)
    assert loose


@pytest.mark.parametrize("limit", [0.0, 1.0, -1.0, float("nan")])
def test_a_limit_that_is_no_rate_is_refused(index: FingerprintIndex, limit: float) -> None:
    with pytest.raises(InputError, match="false-match rate"):
        identify_audio(Audio(np.ones(16000, np.float32), RATE), index, max_false_match_rate=limit)


def test_too_short_is_an_error_not_a_no_match(index: FingerprintIndex) -> None:
    with pytest.raises(TooShort, match=r"jingle: 0\.50 s"):
        identify_audio(Audio(np.ones(4000, np.float32), RATE), index, query_id="jingle")


def test_nothing_is_in_an_empty_catalogue(known: dict[str, Audio]) -> None:
    assert identify_audio(next(iter(known.values())), FingerprintIndex.empty()) == ()


def test_one_recording_under_another_gives_both(known: dict[str, Audio], index: FingerprintIndex) -> None:
    (one, first), (two, second) = list(known.items())[2:4]
    above, under = first.excerpt(10.0, 22.0).samples, second.excerpt(15.0, 27.0).samples
    level = np.sqrt((above**2).mean() / (under**2).mean())
    matches = identify_audio(Audio(above + level * 0.7 * under, RATE), index)
    assert {match.recording_id for match in matches} == {one, two}


def test_a_changed_passage_beside_an_exact_one(known: dict[str, Audio], index: FingerprintIndex) -> None:
    (one, first), (two, second) = list(known.items())[4:6]
    faster = _faster(second.excerpt(20.0, 33.0).samples)
    joined = np.concatenate([first.excerpt(8.0, 20.0).samples, faster])
    matches = {match.recording_id: match for match in identify_audio(Audio(joined, RATE), index)}
    assert set(matches) == {one, two}
    assert matches[one].time_ratio == pytest.approx(1.0, abs=0.005)
    assert matches[two].time_ratio == pytest.approx(1 / 1.06, rel=0.01)
    assert matches[two].query.start_s == pytest.approx(12.0, abs=0.8)


def test_a_removed_recording_is_not_answered(known: dict[str, Audio], index: FingerprintIndex) -> None:
    name, audio = next(iter(known.items()))

    class Without:
        segments = (index,)
        removed = frozenset({name})

    assert identify_audio(audio.excerpt(10.0, 20.0), Without()) == ()


def test_the_rate_of_a_shard_is_that_of_the_whole(known: dict[str, Audio], index: FingerprintIndex) -> None:
    query = find_query(next(iter(known.values())).excerpt(10.0, 16.0))
    alone, shard = (identify_query(query, index, catalogue_s=size)[0] for size in (None, 1e6))
    assert shard.score == alone.score
    assert shard.false_match_rate > alone.false_match_rate


@pytest.mark.parametrize("thorough", [False, True])
def test_a_catalogue_too_large_for_pairs_is_searched_by_quads(
    known: dict[str, Audio], index: FingerprintIndex, thorough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "_MAX_CELLS", 1 << 10)  # as if there were so much music
    name, audio = list(known.items())[2]
    for samples in (audio.excerpt(20.0, 30.0).samples, _faster(audio.excerpt(15.0, 26.0).samples)):
        best = identify_audio(Audio(samples, RATE), index, thorough=thorough)[0]
        assert best.recording_id == name


def _repetition(start: float, *, nats: float, agreement: float) -> Alignment:
    return Alignment("loop", 9.0, 9.0, nats, agreement, (0.0, 180.0), (start, start + 180.0), 1.0, 0.0, 75)


def test_of_repetitions_the_one_that_agrees_is_kept() -> None:
    other, true = _repetition(900.0, nats=99.0, agreement=0.4), _repetition(400.0, nats=97.0, agreement=0.7)
    assert without_overlaps([other, true]) == [true]
    assert without_overlaps([other, _repetition(400.0, nats=80.0, agreement=0.7)]) == [other]
    assert without_overlaps([other, _repetition(400.0, nats=97.0, agreement=0.42)]) == [other]


def test_surplus_counts_as_far_as_it_is_borne_out() -> None:
    def score(deviations: float, surplus: float, nats: float, n_peaks: int) -> float:
        return Alignment("x", deviations, surplus, nats, 0.1, (0.0, 9.0), (0.0, 9.0), 1.0, 0.0, n_peaks).score

    assert score(6.0, 4.0, 30.0, 200) == pytest.approx(6 + 4 + 3)
    assert score(6.0, 11.0, 40.0, 500) == pytest.approx(6 + 6 + 4)  # a busy beat in common: thin evidence
    assert score(3.0, 20.0, 100.0, 75) == pytest.approx(3 + 20 + 10)  # a loop, clearly heard
    assert score(6.0, -2.0, 10.0, 200) == pytest.approx(6 + 1)
