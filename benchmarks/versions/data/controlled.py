"""Pieces that take one dimension from a song and nothing else, and strangers that sound alike.

``melody kept``
    The melody of one song over the chords of another, fitted bar by bar.
``harmony kept``
    The chords of one song under the melody of another.
``rhythm kept``
    Every onset and the drums of a song's first version, with new chords and a melody of random chord tones.
``unrelated``
    Another song in the key, at the tempo and with the instruments of a song's first version.

The first three are in another key, at another speed and on other instruments than the versions of the song.
The row of a mixed piece has a ``work`` of its own; ``shares`` says which song each dimension comes from, None
where it comes from none. A kept melody keeps its own onsets: whether two such pieces share a rhythm is not
judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.versions.data.arranged import Rendered, excerpt_for, sound, styles_of
from benchmarks.versions.data.ledger import Row
from benchmarks.versions.render.arrange import BASS, DRUMS, LEAD, Part, arrange, bass_part
from benchmarks.versions.render.drums import drum_part, pattern
from benchmarks.versions.render.excerpt import Excerpt
from benchmarks.versions.render.midi import Note
from benchmarks.versions.render.recipe import Recipe, draw_recipe, seeded
from benchmarks.versions.render.song import Chord, Song

KINDS = ("melody kept", "harmony kept", "rhythm kept", "unrelated")
_MADE_STYLES = ("blocks", "arpeggio", "pad")


def first_version(song: Song, seconds: float, *, is_test: bool) -> tuple[Recipe, Excerpt, list[Part]]:
    """Return recipe, excerpt and arrangement of a song's version 0, which the arranged tier plays."""
    random = seeded(f"{song.work}-v0")
    recipe = draw_recipe(random, styles_of(song.work, 1)[0], is_test=is_test)
    excerpt = excerpt_for(song, recipe, seconds, random)
    return recipe, excerpt, arrange(excerpt, recipe.style, random)


def refit(source: Excerpt, onto: Excerpt) -> Excerpt:
    """Return *source* with its bars, repeated as needed, laid on the bars of *onto*."""
    notes: list[Note] = []
    chords: list[Chord] = []
    n_bars = len(source.bars) - 1
    for i, (start, end) in enumerate(zip(onto.bars[:-1], onto.bars[1:], strict=True)):
        first, last = (float(x) for x in source.bars[i % n_bars : i % n_bars + 2])
        scale = float(end - start) / (last - first)

        def at(beat: float, first: float = first, scale: float = scale, start: float = float(start)) -> float:
            return start + (beat - first) * scale

        notes += [
            replace(note, start=at(note.start), end=at(note.end))
            for note in source.notes
            if first - 0.05 <= note.start < last - 0.05
        ]
        chords += [
            replace(chord, start=at(max(chord.start, first)), end=at(min(chord.end, last)))
            for chord in source.chords
            if chord.start < last and chord.end > first
        ]
    return replace(onto, work=source.work, notes=tuple(notes), chords=tuple(chords))


def best_key(notes: Sequence[Note], chords: Sequence[Chord]) -> int:
    """Return the transposition of *chords*, -6 to 5, under which most of the notes are chord tones."""
    starts = np.array([chord.start for chord in chords])
    weight = np.zeros(12)
    for note in notes:
        i = int(np.searchsorted(starts, note.start + 0.01, "right")) - 1
        if i >= 0 and note.start < chords[i].end:
            for tone in chords[i].tones:
                weight[(note.pitch - tone) % 12] += min(note.end - note.start, 2.0)
    return (int(weight.argmax()) + 6) % 12 - 6


def mixed(melody: Excerpt, harmony: Excerpt, grid: Excerpt) -> Excerpt:
    """Return the melody of one excerpt over the chords of another, on the bars of *grid*, one of the two.

    The one that is not *grid* is transposed to fit.
    """
    tune = melody if melody is grid else refit(melody, grid)
    ground = harmony if harmony is grid else refit(harmony, grid)
    notes = [note for note in tune.notes if note.part == "MELODY"]
    steps = best_key(notes, ground.chords)
    chords = ground.chords
    if melody is grid:
        chords = tuple(chord.moved(steps) for chord in chords)
    else:
        notes = [replace(note, pitch=note.pitch - steps) for note in notes]
    return replace(grid, notes=tuple(notes), chords=chords)


def with_new_pitches(
    parts: Sequence[Part], chords: Sequence[Chord], random: np.random.Generator
) -> list[Part]:
    """Return the same onsets with the tones of *chords*: melody a random walk on them, the rest the nearest."""
    starts = np.array([chord.start for chord in chords])
    height = int(random.integers(66, 74))
    out = []
    for note, channel in sorted(parts, key=lambda part: part[0].start):
        if channel == DRUMS:
            out.append((note, channel))
            continue
        chord = chords[max(int(np.searchsorted(starts, note.start + 0.01, "right")) - 1, 0)]
        if channel == LEAD:
            height = int(np.clip(height + random.integers(-5, 6), 60, 82))
            pitch = _nearest(height, chord.tones)
            height = pitch
        else:
            pitch = _nearest(note.pitch, (chord.bass,) if channel == BASS else chord.tones)
        out.append((replace(note, pitch=pitch), channel))
    return out


def _nearest(pitch: int, tones: tuple[int, ...]) -> int:
    return min((pitch + (tone - pitch + 6) % 12 - 6 for tone in tones), key=lambda p: (abs(p - pitch), p))


def _accompanied(excerpt: Excerpt, style: str, random: np.random.Generator) -> list[Part]:
    parts = arrange(excerpt, style, random)
    channels = {channel for _, channel in parts}
    if BASS not in channels:
        parts += bass_part(excerpt, random)
    if DRUMS not in channels and random.random() < 0.5:
        parts += drum_part(excerpt, pattern(random))
    return parts


def controlled(song: Song, other: Song, kind: str, seconds: float, *, is_test: bool) -> Rendered:
    """Return a piece that keeps one dimension of *song* and takes others from *other*."""
    name = f"{song.work}-{kind.replace(' ', '-')}-{other.work.removeprefix('pop909-')}"
    random = seeded(name)
    drawn = draw_recipe(random, str(random.choice(_MADE_STYLES)), is_test=is_test)
    recipe = replace(drawn, n_edits=0)
    shares: dict[str, str | None]
    mine = excerpt_for(song, recipe, seconds, random)
    theirs = excerpt_for(other, recipe, seconds, random)
    if kind == "rhythm kept":
        _, mine, parts = first_version(song, seconds, is_test=is_test)
        chords = [c.moved(int(random.integers(-5, 7))) for c in refit(theirs, mine).chords]
        parts = with_new_pitches(parts, chords, random)
        shares = {"melody": None, "harmony": other.work, "rhythm": song.work}
    elif kind == "melody kept":
        parts = _accompanied(mixed(mine, theirs, mine), recipe.style, random)
        shares = {"melody": song.work, "harmony": other.work, "rhythm": None}
    else:
        parts = _accompanied(mixed(theirs, mine, mine), recipe.style, random)
        shares = {"melody": other.work, "harmony": song.work, "rhythm": None}
    done = sound(mine, parts, recipe, seconds, random)
    row = {"id": name, "tier": "controlled", "work": f"mix-{name}", "kind": kind, "of": song.work}
    return Rendered(row | {"shares": shares} | done.row, done.samples, done.clock)


def unrelated(song: Song, other: Song, seconds: float, *, is_test: bool) -> Rendered:
    """Return *other* in the key, at the tempo and with the instruments of *song*'s first version."""
    name = f"{song.work}-unrelated-{other.work.removeprefix('pop909-')}"
    random = seeded(name)
    model, _, _ = first_version(song, seconds, is_test=is_test)
    steps = (song.tonic + model.transposition - other.tonic + 6) % 12 - 6
    tempo = other.beat_s / song.beat_s * model.tempo
    while tempo > 1.5:
        tempo /= 2
    while tempo < 0.67:
        tempo *= 2
    recipe = replace(model, transposition=steps, tempo=round(tempo, 4), n_edits=0)
    excerpt = excerpt_for(other, recipe, seconds, random)
    done = sound(excerpt, arrange(excerpt, recipe.style, random), recipe, seconds, random)
    row: Row = {"id": name, "tier": "controlled", "work": other.work, "kind": "unrelated", "of": song.work}
    row |= {
        "shares": dict.fromkeys(("melody", "harmony", "rhythm"), other.work),
        "matched_to": f"{song.work}-v0",
    }
    return Rendered(row | done.row, done.samples, done.clock)
