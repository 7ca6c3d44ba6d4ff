"""Versions of POP909 songs: arranged, transposed, at another speed, with sections dropped or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.ledger import Row
from benchmarks.versions.render.arrange import STYLES, Part, arrange
from benchmarks.versions.render.excerpt import Excerpt, choose_spans, cut
from benchmarks.versions.render.finish import finish
from benchmarks.versions.render.fluid import Channel, play
from benchmarks.versions.render.perform import Clock, alignment, perform
from benchmarks.versions.render.recipe import Recipe, draw_recipe, seeded
from benchmarks.versions.render.song import Song

_VOLUMES = {0: 108, 1: 80, 2: 82, 3: 96, 9: 84}


@dataclass(frozen=True)
class Rendered:
    """Audio of a piece and what is known about it."""

    row: Row
    samples: npt.NDArray[np.float32]
    clock: Clock


def song_folder(root: Path, number: int) -> Path:
    return root / "symbolic/pop909" / f"{number:03d}"


def styles_of(work: str, n_versions: int) -> list[str]:
    """Return the styles of a song's versions: one ``full``, the others without repetition while they last."""
    random = seeded("styles", work)
    others = [str(style) for style in random.permutation(STYLES[1:])]
    if random.random() < 0.25:
        others.insert(0, "full")
    return ["full", *(others * n_versions)[: n_versions - 1]]


def excerpt_for(song: Song, recipe: Recipe, seconds: float, random: np.random.Generator) -> Excerpt:
    """Return the sections of a song that fill *seconds* at the tempo of a recipe."""
    n_beats = seconds * recipe.tempo / song.beat_s * 1.03
    return cut(song, choose_spans(song, n_beats, seeded("start", song.work), random, recipe.n_edits))


def sound(
    excerpt: Excerpt, parts: Sequence[Part], recipe: Recipe, seconds: float, random: np.random.Generator
) -> Rendered:
    """Play an arrangement; the row holds what follows from recipe and excerpt."""
    clock = Clock(excerpt.n_beats, excerpt.beat_s / recipe.tempo, random)
    seconds = min(seconds, float(clock(excerpt.n_beats)) + 1.0)
    lead, second, comp, bass = recipe.programs
    channels = {
        number: Channel(program, _VOLUMES[number])
        for number, program in ((0, lead), (1, second), (2, comp), (3, bass))
    }
    sounds = perform(parts, clock, random, recipe.transposition, recipe.swing)
    dry = play(recipe.font, sounds, channels, seconds, recipe.room)
    anchors, passes = alignment(excerpt.sections, clock, seconds)
    row = recipe_row(recipe) | {"map": anchors, "sections": passes, "beat_s": round(excerpt.beat_s, 5)}
    return Rendered(row, finish(dry, recipe, random), clock)


def recipe_row(recipe: Recipe) -> Row:
    """Return the fields of a row that come from the recipe."""
    return {
        "transposition": recipe.transposition,
        "tempo": recipe.tempo,
        "font": recipe.font.stem,
        "programs": list(recipe.programs),
        "style": recipe.style,
        "quotes": [],
        "artist": "",
    }


def version(song: Song, style: str, at: int, seconds: float, *, is_test: bool) -> Rendered:
    """Return version number *at* of a song."""
    name = f"{song.work}-v{at}"
    random = seeded(name)
    recipe = draw_recipe(random, style, is_test=is_test)
    excerpt = excerpt_for(song, recipe, seconds, random)
    done = sound(excerpt, arrange(excerpt, style, random), recipe, seconds, random)
    shares: dict[str, str | None] = dict.fromkeys(("melody", "harmony", "rhythm"), song.work)
    if style == "melody":
        shares["harmony"] = None
    row = {"id": name, "tier": "arranged", "work": song.work, "kind": style, "shares": shares} | done.row
    return Rendered(row, done.samples, done.clock)
