"""Human performances of ASAP, transposed, at another speed, on another instrument."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.versions.data.arranged import recipe_row
from benchmarks.versions.data.ledger import Row
from benchmarks.versions.render.finish import finish
from benchmarks.versions.render.fluid import Channel, Sound, play
from benchmarks.versions.render.midi import read_midi
from benchmarks.versions.render.recipe import draw_recipe, seeded

_JITTER_BEATS = 8


def beat_times(path: Path) -> np.ndarray:
    """Return the seconds of every beat of a performance [shape=(n_beats,), float64]."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return np.array([float(line.split()[0]) for line in lines if line.strip()])


def slug(work: str) -> str:
    return "asap-" + "".join(c if c.isalnum() else "-" for c in work.lower())


def choose(rows: list[dict[str, str]], work: str, n_wanted: int) -> list[dict[str, str]]:
    """Draw the performances of a work that are rendered."""
    order = seeded("performances", work).permutation(len(rows))[:n_wanted]
    return [rows[i] for i in sorted(order)]


def performance(
    folder: Path, rows: list[dict[str, str]], at: int, seconds: float, *, is_test: bool
) -> tuple[Row, np.ndarray]:
    """Return the row and samples of performance *at* of those in *rows*, all of one work.

    All start near one beat, drawn for the work so that every performance still has a piece's length of music.
    """
    work = rows[0]["work"]
    name = f"{slug(work)}-p{at}"
    random = seeded(name)
    recipe = draw_recipe(random, "performance", is_test=is_test, is_piano=True)
    beats = [beat_times(folder / row["beats"]) for row in rows]
    # At most 1.35 times as fast: that much of the recording fills the piece.
    last = min(int(np.searchsorted(times, times[-1] - seconds * 1.4)) for times in beats)
    base = int(seeded("start", work).integers(0, max(1, last)))
    first = int(np.clip(base + random.integers(-_JITTER_BEATS, _JITTER_BEATS + 1), 0, max(0, last)))
    times = beats[at]
    start = float(times[first])
    inside = np.flatnonzero((times >= start - 1e-9) & (times < start + seconds * recipe.tempo))
    notes = read_midi(folder / rows[at]["performance"])
    sounds = [
        Sound(
            (note.start - start) / recipe.tempo,
            (note.end - start) / recipe.tempo,
            note.pitch + recipe.transposition,
            note.velocity,
            0,
        )
        for note in notes
        if note.start >= start - 0.02
    ]
    sounds = [Sound(max(s.start_s, 0.0), s.end_s, s.pitch, s.velocity, 0) for s in sounds]
    length = min(seconds, (float(times[-1]) - start) / recipe.tempo + 2.0)
    dry = play(recipe.font, sounds, {0: Channel(recipe.programs[0])}, length, recipe.room)
    anchors = [[round(float((times[i] - start) / recipe.tempo), 4), float(i)] for i in inside]
    shares = dict.fromkeys(("melody", "harmony", "rhythm"), slug(work))
    row = {"id": name, "tier": "performed", "work": slug(work), "kind": "performance", "shares": shares}
    row |= recipe_row(recipe) | {"map": anchors, "source": rows[at]["performance"]}
    return row, finish(dry, recipe, random)
