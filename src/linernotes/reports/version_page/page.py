"""The page of a comparison: side by side to be seen, switched between to be heard, and weighed.

Idea
----
`write_version_page` draws what `facts.page_facts` says: two time lines with ribbons between them, the paths as a dot-plot,
both melodies in one key, a player that changes sides at the corresponding moment, and the figures with their words. The
pictures are drawn here, and can be read without the script; ribbons then lead to their figures instead of being played.

Conventions
-----------
``OUT`` is a file that ends in ``.html`` or a folder, which gets ``index.html``; the facts get the same name with ``.json``.
The page needs nothing but itself; a content security policy forbids every address.

Known limits
------------
What is heard are listening copies, mono and levelled, of at most three minutes a side. A change of sides takes as long as
the browser needs to seek, some hundredths of a second.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.reports.html import TEMPLATES, environment, unbroken
from linernotes.reports.single_page import write_with_facts
from linernotes.reports.sound import data_uri
from linernotes.reports.version_page.contents import VersionPage
from linernotes.reports.version_page.drawing import (
    LEFT,
    RIGHT,
    WIDTH,
    dot_plot,
    melody_roll,
    timelines,
)
from linernotes.reports.version_page.facts import page_facts
from linernotes.reports.version_page.listening import copy_words, listening_copy, size_words
from linernotes.reports.version_page.melodies import sung
from linernotes.reports.version_page.strips import chroma_picture, likeness_picture, wave_path
from linernotes.reports.version_page.warp import anchors

SCRIPTS = ("page.js", "version.js")
UNIT = 1000.0  # width of a wave's own coordinates


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What the page needs of one recording beyond its facts.

    Parameters
    ----------
    audio : Audio
        Drawn, and heard where its facts allow it.
    chroma : NDArray[np.float32] [shape=(n_frames, 12)]
        Centred unit vectors.
    """

    audio: Audio
    chroma: NDArray[np.float32]


def write_version_page(page: VersionPage, out: Path | str, a: Recorded, b: Recorded) -> Path:
    """Write the page and its facts, and return the page's path.

    Parameters
    ----------
    page : VersionPage
        What it says.
    out : Path or str
        A file that ends in ``.html``, or a folder.
    a, b : Recorded
        Sound and chroma of both sides.

    Raises
    ------
    InputError
        If something that must be said is missing, or a place cannot be written to.
    """
    facts = page_facts(page)
    return write_with_facts(lambda: render_version_page(facts, a, b), facts, page_path(out))


def page_path(out: Path | str) -> Path:
    """Return the page's own path for a file or a folder.

    Raises
    ------
    InputError
        If there is a file of that name already that is no page.

    Examples
    --------
    >>> page_path("two.html").name, page_path("folder").name
    ('two.html', 'index.html')
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm") and out.is_file():
        raise InputError(
            f"{out}: expected a folder or a name that ends in .html, and found a file of that name"
        )
    return out if out.suffix.lower() in (".html", ".htm") else out / "index.html"


def render_version_page(facts: Mapping[str, Any], a: Recorded, b: Recorded) -> str:
    """Return the page as text."""
    sounds = {side: _sound(facts[side], one.audio) for side, one in (("a", a), ("b", b))}
    melodies = [_melody(one) for one in facts["melodies"]]
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    embedded = [*sounds.values(), *(uri for one in melodies for uri in one["sounds"].values())]
    made = environment()
    made.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    text = made.get_template("version.html").render(
        f=facts,
        drawn=timelines(facts),
        plot=dot_plot(facts),
        melodies=melodies,
        sounds=sounds,
        heard=", ".join(copy_words(name.upper(), facts[name]) for name in ("a", "b")),
        size=size_words(sum(map(len, embedded))),
        strips={side: _strip(one) for side, one in (("a", a), ("b", b))},
        likeness=likeness_picture(a.chroma, b.chroma, facts["relation"]["transposition_semitones"]),
        alignment=_alignment(facts),
        unit=UNIT,
        version_style=(TEMPLATES / "version.css").read_text(encoding="utf-8"),
        scripts=scripts,
        script_hashes=[_hash(script) for script in scripts],
    )
    return unbroken(text)


def _sound(side: Mapping[str, Any], audio: Audio) -> str:
    return data_uri(listening_copy(audio, side["windows"])) if side["windows"] else ""


def _strip(one: Recorded) -> dict[str, str]:
    return {"wave": wave_path(one.audio, UNIT, UNIT), "chroma": chroma_picture(one.chroma)}


def _melody(melody: Mapping[str, Any]) -> dict[str, Any]:
    lines = {side: melody[side] for side in ("a", "b")}
    chosen = {"a": {"a": lines["a"]}, "b": {"b": lines["b"]}, "both": lines}
    played = {name: sung(one) for name, one in chosen.items()}
    return {
        "facts": melody,
        "roll": melody_roll(melody),
        "sounds": {name: data_uri(audio) for name, audio in played.items()},
        "durations": {name: audio.duration_s for name, audio in played.items()},
    }


def _alignment(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the script needs: paths, the order in which they are followed, and what can be heard."""
    drawn = timelines(facts)
    return {
        "segments": [
            {
                "name": one["name"],
                "path": [[round(a, 3), round(b, 3)] for a, b in anchors(one)],
            }
            for one in facts["relation"]["segments"]
        ],
        "followed": facts["followed"],
        "left": LEFT,
        "width": WIDTH - LEFT - RIGHT,
        "sides": {
            side: {
                "duration": facts[side]["duration_s"],
                "windows": facts[side]["windows"],
                "scale": drawn[side]["scale"],
            }
            for side in ("a", "b")
        },
    }


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
