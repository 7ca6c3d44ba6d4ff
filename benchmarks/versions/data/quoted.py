"""Four, eight or sixteen bars of one song inside another, and the same hosts without.

The host stops at a bar line, the quotation plays, the host goes on; both seams are cross-faded. Half the
quotations come in a key, speed and sound of their own, half take those of the host. The quoted bars are among
those that the quoted song's version 0 plays, so that there is something to find them in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.versions.data.arranged import Rendered, excerpt_for, sound
from benchmarks.versions.data.controlled import first_version
from benchmarks.versions.data.ledger import Row
from benchmarks.versions.render.arrange import arrange
from benchmarks.versions.render.excerpt import cut
from benchmarks.versions.render.fluid import RATE
from benchmarks.versions.render.recipe import Recipe, draw_recipe, seeded
from benchmarks.versions.render.song import Song

BARS = (4, 8, 16)
_HOST_S, _SHORTEST_S, _LONGEST_S = 45.0, 60.0, 90.0
_CROSSFADE_S = 0.04
_STYLES = ("full", "full", "blocks", "arpeggio", "pad")


def quoted(
    quote: Song, host: Song, n_bars: int, version_s: float, *, is_test: bool
) -> tuple[Row, np.ndarray]:
    """Return a piece of *host* that quotes *n_bars* of *quote*; *version_s* is the length of a version 0."""
    name = f"{host.work}-quotes-{quote.work.removeprefix('pop909-')}-{n_bars}"
    random = seeded(name)
    around = draw_recipe(random, str(random.choice(_STYLES)), is_test=is_test)
    keeps_host_sound = bool(random.random() < 0.5)
    own = draw_recipe(random, str(random.choice(_STYLES)), is_test=is_test)
    if keeps_host_sound:
        beat_s = host.beat_s / around.tempo
        steps = (host.tonic + around.transposition - quote.tonic + 6) % 12 - 6
        tempo = round(float(np.clip(quote.beat_s / beat_s, 0.7, 1.45)), 4)
        own = replace(around, tempo=tempo, transposition=steps)
    inner, source = _quotation(quote, n_bars, version_s, own, random, is_test=is_test)
    inner_s = len(inner.samples) / RATE
    host_s = min(max(_HOST_S, _SHORTEST_S - inner_s), _LONGEST_S - inner_s)
    outer = _host(host, around, host_s, random)
    starts = np.array([row[0] for row in outer.row["map"]])
    seams = starts[(starts > 10) & (starts < host_s - 10)]
    middle = starts[np.abs(starts - host_s / 2).argmin()]
    at = float(random.choice(seams if len(seams) else [middle]))
    samples = spliced(outer.samples, inner.samples, at)
    row: Row = {"id": name, "tier": "quoted", "work": host.work, "kind": f"{n_bars} bars quoted"}
    row |= outer.row | {"shares": dict.fromkeys(("melody", "harmony", "rhythm"), host.work)}
    row["map"] = _opened(outer.row["map"], at, inner_s - _CROSSFADE_S)
    row["sections"] = []
    row["quotes"] = [
        {
            "of": quote.work,
            "start_s": round(at, 3),
            "end_s": round(at + inner_s, 3),
            "source_start": source[0],
            "source_end": source[1],
            "bars": n_bars,
            "sound": "the host's" if keeps_host_sound else "its own",
            "transposition": own.transposition,
            "tempo": own.tempo,
        }
    ]
    return row, samples


def host_alone(host: Song, *, is_test: bool) -> tuple[Row, np.ndarray]:
    """Return a piece of a host without a quotation."""
    name = f"{host.work}-no-quote"
    random = seeded(name)
    recipe = draw_recipe(random, str(random.choice(_STYLES)), is_test=is_test)
    done = _host(host, recipe, 70.0, random)
    shares = dict.fromkeys(("melody", "harmony", "rhythm"), host.work)
    row = {"id": name, "tier": "quoted", "work": host.work, "kind": "no quotation", "shares": shares}
    return row | done.row, done.samples


def _host(host: Song, recipe: Recipe, seconds: float, random: np.random.Generator) -> Rendered:
    recipe = replace(recipe, n_edits=0)
    excerpt = excerpt_for(host, recipe, seconds, random)
    return sound(excerpt, arrange(excerpt, recipe.style, random), recipe, seconds, random)


def _quotation(
    song: Song, n_bars: int, version_s: float, recipe: Recipe, random: np.random.Generator, *, is_test: bool
) -> tuple[Rendered, tuple[float, float]]:
    """Return the sound of *n_bars* that version 0 plays, and their beats in the notation."""
    model, excerpt, _ = first_version(song, version_s, is_test=is_test)
    played = version_s * model.tempo / song.beat_s
    bars = song.bars
    melody = np.array([note.start for note in song.notes if note.part == "MELODY"])
    places = []
    for section in excerpt.sections:
        end = min(section.source_end, section.source_start + played - section.start)
        for i in range(len(bars) - n_bars):
            if section.source_start <= bars[i] and bars[i + n_bars] <= end:
                count = int(((melody >= bars[i]) & (melody < bars[i + n_bars])).sum())
                places.append((count, i))
    if not places:  # no section is that long: let the quotation run over a seam of version 0
        first = int(np.searchsorted(bars, excerpt.sections[0].source_start))
        places = [(1, min(first, len(bars) - n_bars - 1))]
    most = max(count for count, _ in places)
    rich = [i for count, i in places if count >= 0.7 * most]
    first = int(random.choice(rich))
    piece = cut(song, [(first, first + n_bars)])
    seconds = piece.n_beats * song.beat_s / recipe.tempo + 0.5
    done = sound(piece, arrange(piece, recipe.style, random), recipe, seconds, random)
    samples = done.samples[: round(float(done.clock(piece.n_beats)) * RATE)]
    return Rendered(done.row, samples, done.clock), (float(bars[first]), float(bars[first + n_bars]))


def spliced(host: np.ndarray, quote: np.ndarray, at_s: float) -> np.ndarray:
    """Insert *quote* at a second of *host*, at the host's loudness, both seams cross-faded."""
    at, n_fade = round(at_s * RATE), round(_CROSSFADE_S * RATE)
    ramp = np.linspace(0, 1, n_fade, dtype=np.float32)
    inner = quote * (float(host.std()) / max(float(quote.std()), 1e-6))
    inner[:n_fade] = inner[:n_fade] * ramp + host[at : at + n_fade] * (1 - ramp)
    rest = host[at:].copy()
    rest[:n_fade] = rest[:n_fade] * ramp + inner[-n_fade:] * (1 - ramp)
    inner[-n_fade:] = rest[:n_fade]  # the seam is played once
    out = np.concatenate([host[:at], inner, rest[n_fade:], np.zeros(n_fade, np.float32)])
    return (out * min(1.0, 0.95 / max(float(np.abs(out).max()), 1e-6))).astype(np.float32)


def _opened(anchors: list[list[float]], at_s: float, length_s: float) -> list[list[float]]:
    """Move the anchors from *at_s* on by the length of the quotation."""
    before = [row for row in anchors if row[0] < at_s - 0.02]
    beat = float(np.interp(at_s, *np.array(anchors).T))
    after = [[round(row[0] + length_s, 4), row[1]] for row in anchors if row[0] > at_s + 0.02]
    seam = [[round(at_s - 0.01, 4), round(beat, 4)], [round(at_s + length_s, 4), round(beat + 0.01, 4)]]
    return before + seam + after
