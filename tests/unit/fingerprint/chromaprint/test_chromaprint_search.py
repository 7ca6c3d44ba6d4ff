"""Excerpts of real music are found where they lie; other music is not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.audio.files import Audio, read_audio
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.chromaprint.chance import false_match_rate, score_needed
from linernotes.fingerprint.chromaprint.compare import compare
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.match import METHOD, match_print
from linernotes.fingerprint.chromaprint.prints import ITEM_S, Chromaprint
from linernotes.fingerprint.chromaprint.search import search
from linernotes.fingerprint.chromaprint.simhash import simhash

MUSIC = Path(__file__).parents[4] / "demo" / "corpus" / "audio"
FILES = sorted(MUSIC.glob("*.ogg"))[::9]
LIMIT = 1e-4


def named(name):
    return Recording(recording_id=name, title=name, artist="")


@pytest.fixture(scope="module")
def music():
    return {path.stem: read_audio(path) for path in FILES}


@pytest.fixture(scope="module")
def index(music):
    return PrintIndex.empty().add(
        [(named(name), audio.duration_s, extract(audio, None)) for name, audio in music.items()]
    )


def noisy(samples, seed):
    noise = np.random.default_rng(seed).standard_normal(len(samples)).astype(np.float32)
    return samples + noise * float(np.sqrt(np.mean(np.square(samples)))) * 0.3


def test_noisy_excerpts_are_found_where_they_lie(music, index):
    for i, (name, audio) in enumerate(music.items()):
        excerpt = Audio(noisy(audio.excerpt(7.3, 17.3).samples, i), audio.sample_rate)
        match = match_print(extract(excerpt, None), index, "query", LIMIT)[0]
        assert match.recording_id == name
        assert match.method == METHOD
        assert match.false_match_rate < LIMIT
        assert match.reference.start_s - match.query.start_s == pytest.approx(7.3, abs=ITEM_S)
        assert match.query.start_s < 1.0
        assert match.query.end_s > 9.0
        assert match.query.duration_s == pytest.approx(match.reference.duration_s)


def test_music_that_was_not_imported_has_no_match(music, index):
    for name, audio in music.items():
        rest = index.without([name])
        same_artist = [n for n in music if n.split("__")[0] == name.split("__")[0]]
        assert not match_print(extract(audio, None), rest.without(same_artist), "query", LIMIT)


def test_a_query_that_holds_two_recordings_has_two_matches(music, index):
    (a, one), (b, two) = list(music.items())[:2]
    both = Audio(np.concatenate([one.excerpt(3, 13).samples, two.excerpt(5, 15).samples]), one.sample_rate)
    matches = {match.recording_id: match for match in match_print(extract(both, None), index, "q", LIMIT)}
    assert {a, b} <= matches.keys()
    assert matches[a].query.start_s < 1
    assert matches[a].query.end_s == pytest.approx(10, abs=1)
    assert matches[b].query.start_s == pytest.approx(10, abs=1)
    assert matches[b].query.end_s == pytest.approx(20, abs=0.5)


def test_a_long_mix_shows_all_that_it_holds_in_its_place(music, index):
    samples = np.concatenate([audio.excerpt(2, 22).samples for audio in music.values()])
    mix = extract(Audio(noisy(samples, 5), 32000), None)
    assert len(mix) > 1000
    matches = {match.recording_id: match for match in match_print(mix, index, "mix", LIMIT)}
    for i, name in enumerate(music):
        assert matches[name].query.start_s == pytest.approx(20 * i, abs=1.6)
        assert matches[name].reference.start_s == pytest.approx(2, abs=1.6)
        assert matches[name].query.duration_s > 15


def test_a_recording_inside_a_longer_query_is_spanned_from_its_beginning(music, index):
    (_, one), (name, two) = list(music.items())[:2]
    both = Audio(np.concatenate([one.excerpt(0, 8).samples, two.samples]), one.sample_rate)
    match = next(m for m in match_print(extract(both, None), index, "q", LIMIT) if m.recording_id == name)
    assert match.reference.start_s < 1.5
    assert match.query.start_s - match.reference.start_s == pytest.approx(8, abs=ITEM_S)


def test_repeated_silence_and_drones_are_no_evidence():
    drone = Chromaprint(np.full(300, 627964279, np.uint32))
    index = PrintIndex.empty().add([(named("silence"), 60.0, drone)])
    assert not match_print(drone, index, "silent", LIMIT)


def test_compare_gives_offset_and_bit_errors(music):
    audio = next(iter(music.values()))
    whole, part = extract(audio, None), extract(audio.excerpt(4, 16), None)
    best = compare(part, whole)
    assert best.reference_first - best.query_first == pytest.approx(4 / ITEM_S, abs=1)
    assert best.bit_error_rate < 0.1
    assert best.n_items > 60
    assert compare(whole, whole).bit_error_rate == 0


def test_compare_of_strangers_scores_little():
    random = np.random.default_rng(0)
    a, b = (Chromaprint(random.integers(0, 2**32, 200, np.uint32)) for _ in range(2))
    best = compare(a, b)
    assert best is None or best.score < 20


def test_an_empty_index_or_query_has_no_match(index):
    query = Chromaprint.of([1, 2, 3])
    assert search(query, PrintIndex.empty()) == []
    assert search(Chromaprint.of([]), index) == []
    assert match_print(query, PrintIndex.empty(), "q", LIMIT) == ()


def test_replacing_removing_and_asking(index):
    name = index.entries[2].recording.recording_id
    other = Chromaprint.of([1, 2, 3])
    changed = index.add([(named(name), 5.0, other)])
    assert len(changed.entries) == len(index.entries)
    assert changed.fingerprint(name).values.tolist() == [1, 2, 3]
    assert changed.without(["nobody"]) is changed
    with pytest.raises(CorpusError, match="no imported fingerprint"):
        changed.without([name]).fingerprint(name)
    for entry in changed.entries:
        start, n = entry.first, entry.n
        assert (changed.fingerprint_of(entry).values == changed.values[start : start + n]).all()


def test_what_cannot_be_searched_is_refused(index):
    with pytest.raises(InputError, match="empty"):
        index.add([(named("none"), 1.0, Chromaprint.of([]))])
    with pytest.raises(InputError, match="algorithm 0"):
        index.add([(named("old"), 1.0, Chromaprint.of([1], 0))])
    with pytest.raises(InputError, match="'x': given twice"):
        index.add([(named("x"), 1.0, Chromaprint.of([1]))] * 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(40, 120), st.integers(0, 60), st.integers(30, 60))
def test_a_clean_excerpt_of_any_numbers_is_found_at_its_place(seed, n, first, length):
    values = np.random.default_rng(seed).integers(0, 2**32, n + 60, np.uint32)
    index = PrintIndex.empty().add(
        [(named("noise"), 9.0, Chromaprint(values[::-1].copy())), (named("a"), 9.0, Chromaprint(values))]
    )
    best = search(Chromaprint(values[first : first + length]), index)[0]
    assert index.entries[best.entry].recording.recording_id == "a"
    assert best.reference_first - best.query_first == first
    assert best.bit_error_rate == 0


@settings(deadline=None)
@given(st.floats(0, 500), st.integers(1, 10_000), st.integers(1, 10**12))
def test_rate_and_score_are_inverse_and_monotonous(score, n_query, n_catalogue):
    rate = false_match_rate(score, n_query, n_catalogue)
    assert 0 <= rate <= 1
    assert false_match_rate(score + 1, n_query, n_catalogue) <= rate
    assert false_match_rate(score, n_query, 10 * n_catalogue) >= rate
    if 1e-12 < rate < 0.9:
        assert score_needed(rate, n_query, n_catalogue) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("limit", [0, 1, -1, float("nan")])
def test_a_limit_that_is_no_rate_is_refused(index, limit):
    with pytest.raises(InputError, match="false-match rate"):
        match_print(Chromaprint.of([1]), index, "q", limit)


def test_the_simhash_of_a_re_encoding_is_near_and_that_of_other_music_far(music):
    audio = next(iter(music.values()))
    one = simhash(extract(audio, None))
    again = simhash(extract(Audio(noisy(audio.samples, 3), audio.sample_rate), None))
    assert (one ^ again).bit_count() <= 4
    others = [simhash(extract(other, None)) for other in list(music.values())[1:]]
    assert np.mean([(one ^ other).bit_count() for other in others]) > 6
