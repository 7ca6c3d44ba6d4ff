"""Draw how one version differs from the notation: key, tempo, instruments, style, room, sound.

Everything is drawn from one generator seeded by the name of the piece, in a fixed order.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.versions.render.arrange import STYLES

FONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf2/TimGM6mb.sf2"),
    Path("/usr/share/sounds/sf2/OPL-3_FM_128M.sf2"),
)
UNSEEN_FONT = Path("/usr/share/sounds/sf3/MuseScore_General_Lite.sf3")
UNSEEN_FAMILY = range(64, 80)  # reeds and pipes
# fmt: off
_LEADS = (
    0, 4, 6, 11, 12, 13, 16, 19, 21, 22, 24, 25, 26, 27, 29, 40, 41, 42, 45, 46, 48, 52, 53, 54, 56, 57, 60, 61,
    80, 81, 85, 104, 105, 107,
)
_COMPS = (0, 0, 0, 1, 2, 4, 5, 6, 16, 19, 21, 24, 25, 26, 27, 46, 48, 50, 52, 61, 88, 89, 90)
_PADS = (16, 19, 48, 49, 50, 51, 52, 54, 61, 88, 89, 90, 91, 94)
_BASSES = (32, 33, 34, 35, 36, 38, 39)
_KEYS_AND_PLUCKED = (0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 16, 19, 24, 25, 46, 48, 50, 61)
# fmt: on


@dataclass(frozen=True)
class Recipe:
    """Everything that a version differs in but the choice of its sections.

    ``programs`` are those of the lead, second voice, accompaniment and bass; ``tilt_db`` is the slope of the
    spectrum in decibels per octave, ``low_pass_hz`` and ``noise_db`` (signal to noise) are None when unused.
    """

    transposition: int
    tempo: float
    style: str
    font: Path
    programs: tuple[int, int, int, int]
    n_edits: int
    swing: float
    room: float | None
    tilt_db: float
    low_pass_hz: float | None
    noise_db: float | None
    level: float


def seeded(*names: str | int) -> np.random.Generator:
    """Return a generator that depends on nothing but *names*."""
    return np.random.default_rng(zlib.crc32(":".join(map(str, names)).encode()))


def draw_recipe(
    random: np.random.Generator, style: str | None = None, *, is_test: bool = False, is_piano: bool = False
) -> Recipe:
    """Draw a recipe; test pieces may use the font and the family that training never hears.

    Parameters
    ----------
    random
        Source of all choices.
    style
        One of `STYLES`; drawn, ``full`` twice as often as each other, when None.
    is_test
        Whether a third of the pieces take the unseen font, and a third of the leads the unseen family.
    is_piano
        Whether the notation is for a keyboard: the instruments are then ones that play chords.
    """
    style = style or str(random.choice(("full", *STYLES)))
    font = FONTS[int(random.choice(3, p=(0.45, 0.35, 0.2)))]
    lead, second = (int(x) for x in random.choice(_LEADS, 2))
    comp = int(random.choice(_PADS if style == "pad" else _COMPS))
    if is_piano:
        lead = second = comp = int(random.choice(_KEYS_AND_PLUCKED))
    bass = int(random.choice(_BASSES))
    unseen = random.random(2)
    if is_test and unseen[0] < 0.3:
        font = UNSEEN_FONT
    if is_test and unseen[1] < 0.3:
        lead = int(random.choice(UNSEEN_FAMILY))
        comp = lead if is_piano else comp
    return Recipe(
        transposition=int(random.integers(-5, 7)),
        tempo=round(float(np.exp(random.uniform(np.log(0.75), np.log(1.35)))), 4),
        style=style,
        font=font,
        programs=(lead, second, comp, bass),
        n_edits=int(random.choice(3, p=(0.5, 0.3, 0.2))),
        swing=float(random.uniform(0.05, 0.16)) if random.random() < 0.3 else 0.0,
        room=float(random.uniform(0.2, 0.9)) if random.random() < 0.5 else None,
        tilt_db=float(random.uniform(-4, 4)),
        low_pass_hz=float(random.uniform(2500, 6000)) if random.random() < 0.3 else None,
        noise_db=float(random.uniform(20, 40)) if random.random() < 0.4 else None,
        level=float(random.uniform(0.3, 0.9)),
    )
