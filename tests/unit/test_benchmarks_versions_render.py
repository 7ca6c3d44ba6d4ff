"""The renderer of the version benchmark: notation in, pieces with their truth out."""

import ctypes.util
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def bench():
    """The benchmarks lie beside the package, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        patch.delenv("LINERNOTES_BENCH_CACHE", raising=False)
        yield


def variable(value):
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))


def track(*events):
    body = b"".join(variable(delta) + message for delta, message in events) + b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + body


def midi(path, *tracks, division=480):
    path.write_bytes(b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), division) + b"".join(tracks))
    return path


def test_midi_with_tempo_change_running_status_and_pedal(tmp_path):
    from benchmarks.versions.render.midi import read_midi

    tempi = track((0, b"\xff\x51\x03" + (500_000).to_bytes(3, "big")), (480, b"\xff\x51\x03\x0f\x42\x40"))
    notes = track(
        (0, b"\xff\x03\x06MELODY"),
        (0, b"\x90\x3c\x64"),
        (480, b"\x3c\x00"),  # running status, a note-on of velocity 0
        (48, b"\xb0\x40\x7f"),
        (0, b"\x90\x40\x50"),
        (240, b"\x80\x40\x00"),
        (240, b"\xb0\x40\x00"),
    )
    first, second = read_midi(midi(tmp_path / "a.mid", tempi, notes))
    assert (first.start, first.end, first.pitch, first.velocity, first.part) == (0, 0.5, 60, 100, "MELODY")
    assert (second.start, second.pitch) == (pytest.approx(0.6), 64)
    assert second.end == pytest.approx(1.6)  # let go at 1.1, held by the pedal


@pytest.mark.parametrize("data", [b"", b"RIFF" + bytes(20), b"MThd\0\0\0\x06\0\x01\0\x01\xe7\x28"])
def test_what_is_not_midi_is_refused_by_name(tmp_path, data):
    from benchmarks.versions.render.midi import read_midi

    (tmp_path / "b.mid").write_bytes(data)
    with pytest.raises(ValueError, match=r"b\.mid: not a Standard MIDI File"):
        read_midi(tmp_path / "b.mid")


def song(n_bars=40, phrase=8, work="pop909-001"):
    from benchmarks.versions.render.midi import Note
    from benchmarks.versions.render.song import Chord, Song

    pitches = np.random.default_rng(3).integers(60, 80, 4 * n_bars)
    notes = [Note(i, i + 0.9, int(p), 80, "MELODY") for i, p in enumerate(pitches)]
    notes += [Note(i + 0.5, i + 1, 50, 60, "PIANO") for i in range(4 * n_bars)]
    tones = ((0, 4, 7), (5, 9, 0), (7, 11, 2), (9, 0, 4))
    chords = tuple(Chord(4 * i, 4 * i + 4, tones[i % 4], tones[i % 4][0]) for i in range(n_bars))
    bars = np.arange(0, 4 * n_bars + 1, 4, dtype=float)
    return Song(work, tuple(notes), chords, bars, tuple(range(0, n_bars, phrase)), 0.5, 0, "maj")


def test_a_cut_keeps_what_sounds_and_says_where_it_is_from():
    from benchmarks.versions.render.excerpt import cut

    piece = cut(song(), [(8, 16), (8, 16), (24, 32)])
    assert piece.n_beats == 96
    assert [(s.start, s.source_start) for s in piece.sections] == [(0, 32), (32, 32), (64, 96)]
    once = [n.pitch for n in piece.notes if n.part == "MELODY" and n.start < 32]
    again = [n.pitch for n in piece.notes if n.part == "MELODY" and 32 <= n.start < 64]
    assert once == again == [n.pitch for n in song().notes if n.part == "MELODY" and 32 <= n.start < 64]


@given(st.integers(0, 10_000), st.integers(0, 2), st.floats(20, 150))
@settings(max_examples=50, deadline=None)
def test_sections_are_phrases_and_fill_what_the_song_can_fill(seed, n_edits, n_beats):
    from benchmarks.versions.render.excerpt import choose_spans

    whole = song()
    base, version = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    spans = choose_spans(whole, n_beats, base, version, n_edits)
    assert all(first % 8 == 0 and last == first + 8 for first, last in spans)
    starts = [first for first, _ in spans]
    assert starts == sorted(starts)  # repeated or dropped, never turned round
    assert 32 * len(spans) >= min(0.7 * n_beats, 64)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20, unique=True), st.floats(0, 0.3))
def test_swing_keeps_order_and_beats(beats, swing):
    from benchmarks.versions.render.perform import swung

    moved = swung(np.sort(np.array(beats)), swing)
    assert (np.diff(moved) >= 0).all()
    assert swung(np.arange(5.0), swing).tolist() == [0, 1, 2, 3, 4]


def test_anchors_rise_and_skip_what_is_played_again():
    from benchmarks.versions.render.excerpt import cut
    from benchmarks.versions.render.perform import Clock, alignment

    piece = cut(song(), [(0, 8), (0, 8), (16, 24)])
    clock = Clock(piece.n_beats, 0.5, np.random.default_rng(5))
    anchors, passes = alignment(piece.sections, clock, 44.0)
    seconds, beats = np.array(anchors).T
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(beats) >= 0).all()
    assert not ((seconds > float(clock(33))) & (seconds < float(clock(63)))).any()
    assert [row[2] for row in passes] == [0, 0, 64]
    assert passes[-1][1] == pytest.approx(44.0)
    inside = beats < 32
    assert np.abs(np.array([clock.beat(s) for s in seconds[inside]]) - beats[inside]).max() < 0.05


def test_chords_are_read_with_their_bass():
    from benchmarks.versions.render.song import parse_chord

    assert parse_chord("Bb:sus4(b7)", 0, 2).tones == (10, 3, 5, 8)
    assert parse_chord("F:maj/3", 0, 2).bass == 9
    assert parse_chord("N", 0, 2) is None


def test_every_style_plays_only_chord_tones_in_its_own_accompaniment():
    from benchmarks.versions.render.arrange import BASS, COMP, STYLES, arrange
    from benchmarks.versions.render.excerpt import cut

    piece = cut(song(), [(0, 16)])
    for style in STYLES:
        parts = arrange(piece, style, np.random.default_rng(2))
        assert sum(channel == 0 for _, channel in parts) == 64
        if style in ("blocks", "arpeggio", "pad"):
            for note, channel in parts:
                tones = piece.chords[int(note.start // 4)].tones
                assert channel != COMP or note.pitch % 12 in tones
                assert channel != BASS or (note.pitch - tones[0]) % 12 in (0, 7)
        assert ({channel for _, channel in parts} == {0}) == (style == "melody")


def test_a_recipe_follows_its_seed_and_keeps_the_unseen_for_testing():
    from benchmarks.versions.render.recipe import UNSEEN_FAMILY, UNSEEN_FONT, draw_recipe, seeded

    assert draw_recipe(seeded("a", 1)) == draw_recipe(seeded("a", 1)) != draw_recipe(seeded("a", 2))
    train = [draw_recipe(seeded("x", i)) for i in range(300)]
    assert all(r.font != UNSEEN_FONT and not set(r.programs) & set(UNSEEN_FAMILY) for r in train)
    assert all(-5 <= r.transposition <= 6 and 0.75 <= r.tempo <= 1.35 for r in train)
    tested = [draw_recipe(seeded("x", i), is_test=True) for i in range(300)]
    assert {r.font for r in tested} > {r.font for r in train}
    assert any(r.programs[0] in UNSEEN_FAMILY for r in tested)


def test_the_finish_keeps_length_and_level_and_adds_the_noise_asked_for():
    from dataclasses import replace

    from benchmarks.versions.render.finish import finish
    from benchmarks.versions.render.recipe import draw_recipe, seeded

    plain = replace(draw_recipe(seeded("f")), tilt_db=0, low_pass_hz=None, noise_db=None, level=0.5)
    tone = np.sin(np.arange(22050) * 2 * np.pi * 441 / 22050).astype(np.float32)
    out = finish(tone, plain, np.random.default_rng(1))
    assert len(out) == len(tone)
    assert np.abs(out).max() == pytest.approx(0.5, abs=1e-4)
    noisy = finish(tone, replace(plain, noise_db=20), np.random.default_rng(1))
    rest = noisy / noisy[:20000].std() - out / out[:20000].std()
    assert 20 * np.log10(rest[:20000].std()) == pytest.approx(-20, abs=1)


@pytest.mark.skipif(
    ctypes.util.find_library("fluidsynth") is None
    or not Path("/usr/share/sounds/sf2/TimGM6mb.sf2").is_file(),
    reason="needs libfluidsynth and the sound font TimGM6mb",
)
def test_the_synthesiser_plays_the_pitch_the_same_every_time():
    from benchmarks.versions.render.fluid import RATE, Channel, Sound, play

    font = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
    sounds = [Sound(0.5, 1.5, 69, 100, 0)]
    first = play(font, sounds, {0: Channel(73)}, 2.0)  # a flute
    assert len(first) == 2 * RATE
    assert np.array_equal(first, play(font, sounds, {0: Channel(73)}, 2.0))
    assert np.abs(first[: int(0.49 * RATE)]).max() < 1e-4
    spectrum = np.abs(np.fft.rfft(first[RATE // 2 : RATE * 3 // 2]))
    assert abs(int(spectrum[300:600].argmax()) + 300 - 440) <= 6  # cents of vibrato


def test_a_missing_font_is_named(tmp_path):
    if ctypes.util.find_library("fluidsynth") is None:
        pytest.skip("needs libfluidsynth")
    from benchmarks.versions.render.fluid import play

    with pytest.raises(OSError, match=r"none\.sf2: no readable sound font"):
        play(tmp_path / "none.sf2", [], {}, 1.0)
