from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError, NotFitted, TooShort
from linernotes.evidence.spans import Span
from linernotes.fingerprint.passages.background import bundled_background
from linernotes.fingerprint.passages.boundaries import Line, refined
from linernotes.fingerprint.passages.chance import MINUTE, SearchChance
from linernotes.fingerprint.passages.features import (
    HOP_S,
    PackedFeatures,
    SegmentFeatures,
    moved,
    segment_features,
    stretched,
)
from linernotes.fingerprint.passages.segments import SegmentSearch, find_runs, without_span

MUSIC = sorted((Path(__file__).parents[3] / "demo/catalog/audio").glob("*.ogg"))


@pytest.fixture(scope="module")
def pieces():
    return [read_audio(path, 8000).excerpt(2, 20) for path in MUSIC[2::9][:6]]


@pytest.fixture(scope="module")
def known(pieces):
    return {f"r{i}": segment_features(piece) for i, piece in enumerate(pieces[1:])}


def planted(host, source, at_s, start_s, seconds):
    samples = host.samples.copy()
    part = source.excerpt(start_s, start_s + seconds).samples
    first = round(at_s * 8000)
    samples[first : first + len(part)] = part * (np.std(host.samples) / max(np.std(part), 1e-6))
    return Audio(samples, 8000)


def test_a_fixed_gain_and_a_steady_tone_change_nothing(pieces):
    audio = pieces[0]
    time = np.arange(len(audio.samples)) / 8000
    louder = Audio(0.3 * audio.samples, 8000)
    same = (segment_features(audio).frames * segment_features(louder).frames).sum(axis=1)
    assert same[np.abs(segment_features(audio).frames).sum(axis=1) > 0].min() > 0.99
    tone = segment_features(Audio(np.sin(2 * np.pi * 440 * time).astype(np.float32), 8000))
    middle = tone.frames[20:-20]
    assert (np.abs(middle).sum(axis=1) > 0).mean() < 1  # nothing but rounding moves


def test_rate_of_the_file_does_not_matter(pieces):
    import soxr

    fine = Audio(soxr.resample(pieces[0].samples, 8000, 22050).astype(np.float32), 22050)
    a, b = segment_features(pieces[0]).frames, segment_features(fine).frames
    assert abs(len(a) - len(b)) <= 1
    assert np.median((a[: len(b)] * b[: len(a)]).sum(axis=1)) > 0.97


def test_packing_keeps_a_correlation(pieces):
    features = segment_features(pieces[0])
    again = SegmentFeatures.unpacked(features.packed())
    assert again.frames.dtype == np.float32
    assert (
        np.abs((again.frames * features.frames).sum(axis=1) - (features.frames**2).sum(axis=1)).max() < 0.02
    )


def test_moving_and_stretching_undo_each_other():
    frames = np.random.default_rng(0).normal(0, 1, (40, 96)).astype(np.float32)
    assert np.allclose(moved(moved(frames, 3), -3)[:, :93], frames[:, :93])
    assert len(stretched(frames, 1.06)) == 37


def test_too_short_is_named():
    with pytest.raises(TooShort, match=r"clip\.wav.*0\.50 s"):
        segment_features(Audio(np.ones(4000, np.float32), 8000), name="clip.wav")


def test_a_copy_is_found_where_it_is(pieces, known):
    output = planted(pieces[0], pieces[3], 6.0, 9.0, 5.0)
    found = find_runs(segment_features(output), known, bundled_background(), max_false_rate=1e-3)
    run, rate = found[0]
    assert (run.recording_id, len(found)) == ("r2", 1)
    assert rate < 1e-3
    line = Line.through(run.query, run.reference, run.ratio, run.shift)
    _, query, reference, alike = refined(segment_features(output), known["r2"], line, run.query)
    assert query.start_s == pytest.approx(6.0, abs=0.5)
    assert query.end_s == pytest.approx(11.0, abs=0.5)
    assert reference.start_s == pytest.approx(9.0, abs=0.5)
    assert alike > 0.7


def test_a_copy_a_semitone_higher_and_faster_is_found(pieces, known):
    import soxr

    factor = 2 ** (1 / 12)
    fast = Audio(soxr.resample(pieces[2].samples, 8000 * factor, 8000).astype(np.float32), 8000)
    output = planted(pieces[0], fast, 4.0, 3.0, 5.0)
    run, _ = find_runs(segment_features(output), known, bundled_background(), max_false_rate=1e-3)[0]
    assert (run.recording_id, run.shift) == ("r1", 2)
    assert run.ratio == pytest.approx(1 / factor, abs=0.02)


def test_two_passages_of_one_recording(pieces, known):
    output = planted(planted(pieces[0], pieces[4], 1.0, 11.0, 4.0), pieces[4], 10.0, 2.0, 4.0)
    runs = [
        run
        for run, _ in find_runs(segment_features(output), known, bundled_background(), max_false_rate=1e-3)
    ]
    assert {run.recording_id for run in runs} == {"r3"}
    assert sorted(round(run.query.start_s) for run in runs) == [1, 10]


def test_the_order_of_ratios_does_not_matter(pieces, known):
    output = planted(planted(pieces[0], pieces[4], 1.0, 11.0, 4.0), pieces[2], 10.0, 2.0, 4.0)
    answers = [
        {
            (run.recording_id, round(run.query.start_s))
            for run, _ in find_runs(
                segment_features(output),
                known,
                bundled_background(),
                max_false_rate=1e-3,
                search=SegmentSearch(max_shift_semitones=0, ratios=ratios),
            )
        }
        for ratios in ((1.0, 1.06), (1.06, 1.0))
    ]
    assert answers[0] == answers[1] == {("r3", 1), ("r1", 10)}


def test_packed_features_are_the_features(known):
    packed = PackedFeatures({name: one.packed() for name, one in known.items()})
    assert packed.n_frames == sum(len(one) for one in known.values())
    assert sorted(packed.without({"r1"})) == sorted(set(known) - {"r1"})
    assert "r1" in packed
    assert packed.duration_of("r1") == known["r1"].duration_s


def test_unrelated_music_holds_nothing(pieces, known):
    for piece in (pieces[0], bundled_background()[0]):
        query = segment_features(piece) if isinstance(piece, Audio) else piece
        assert find_runs(query, known, bundled_background()[1:], max_false_rate=1e-3) == []


def test_the_score_needed_grows_with_the_catalogue():
    law = SearchChance(2.0, 0.5)
    assert law.needed(0.01, 1000 * MINUTE) - law.needed(0.01, MINUTE) == pytest.approx(0.5 * np.log(1000))


def test_related_recordings_do_not_spoil_the_null():
    draw = np.random.default_rng(0)
    scores = draw.gumbel(2, 0.4, 60)
    clean = SearchChance.fit(scores.tolist(), [MINUTE] * 60)
    spoilt = SearchChance.fit([*scores[:54], *[40.0] * 6], [MINUTE] * 60)
    assert spoilt.scale < 1.3 * clean.scale
    assert abs(spoilt.location - clean.location) < 0.3


def test_a_null_needs_recordings():
    with pytest.raises(NotFitted, match="at least 8"):
        SearchChance.fit([1.0] * 7, [600] * 7)


def test_silence_in_the_middle_stops_no_one(pieces, known):
    samples = planted(pieces[0], pieces[3], 6.0, 9.0, 5.0).samples.copy()
    samples[: 3 * 8000] = 0
    found = find_runs(
        segment_features(Audio(samples, 8000)), known, bundled_background(), max_false_rate=1e-3
    )
    assert found[0][0].recording_id == "r2"


def test_a_silenced_span_is_gone():
    query = SegmentFeatures(np.ones((30, 96), np.float32))
    left = without_span(query, Span(1.0, 2.0))
    assert not left.frames[10:20].any()
    assert left.frames[:10].all()
    assert len(left) * HOP_S == 3.0


@pytest.mark.parametrize("wrong", [{"max_shift_semitones": 13.0}, {"ratios": ()}, {"ratios": (0.4,)}])
def test_settings_are_checked(wrong):
    with pytest.raises(InputError, match="expected"):
        SegmentSearch(**wrong)
