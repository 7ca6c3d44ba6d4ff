"""Passages on one page: where they lie in the output and in the recording, and how both sound.

Idea
----
Above runs the output, below the recording; each passage is a band from its seconds here to its seconds there. A
slanted band is a change of place, a widening one a change of tempo. Both sides are heard beside it, as far as they
may be passed on.

Conventions
-----------
`write_passage_page` writes ``OUT`` and, beside it, the facts as JSON of the same name. The page needs nothing but itself;
a content security policy forbids every address.

Known limits
------------
Excerpts are listening copies of at most 12 s. Of a recording only the stretch around its passages is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from linernotes.audio.files import Audio
from linernotes.reports.pictures import mel_picture
from linernotes.reports.single_page import rendered, write_with_facts
from linernotes.reports.sound import Sounds, data_uri

WIDTH, HEIGHT = 560, 150
LEFT, RIGHT = 8, 8
UPPER, LOWER = 24.0, 112.0
AROUND_S = 4.0


def write_passage_page(facts: Mapping[str, Any], out: Path | str, audio: Mapping[str, Path | Audio]) -> Path:
    """Write the page and its facts, and return the page's path.

    Parameters
    ----------
    facts : mapping
        From `linernotes.workflows.identify_passages.identify_passages`.
    out : Path or str
        The page, ending in ``.html``.
    audio : mapping of str to Path or Audio
        Every output by its name; recordings by their id as far as they may be heard.

    Raises
    ------
    InputError
        If an output's audio is missing, or the page cannot be written.
    """
    return write_with_facts(lambda: render_passages(facts, Sounds(audio)), facts, out)


def render_passages(facts: Mapping[str, Any], sounds: Sounds) -> str:
    """Return the page as text.

    Raises
    ------
    InputError
        If an output's audio was not given.
    """
    outputs = [_with_media(output, sounds) for output in facts["outputs"]]
    return rendered("passages.html", facts=facts, outputs=outputs)


def bands_picture(passages: Sequence[Mapping[str, Any]], duration_s: float) -> dict[str, Any]:
    """Return the drawing of all passages of one recording in one output.

    Examples
    --------
    >>> one = {"query_start_s": 2.0, "query_end_s": 4.0, "reference_start_s": 30.0, "reference_end_s": 32.0}
    >>> drawn = bands_picture([one], 8.0)
    >>> drawn["bands"][0]["x1"], drawn["reference_start_s"], drawn["reference_end_s"]
    (144.0, 26.0, 36.0)
    """
    start = max(0.0, min(one["reference_start_s"] for one in passages) - AROUND_S)
    end = max(one["reference_end_s"] for one in passages) + AROUND_S
    width = WIDTH - LEFT - RIGHT
    here, there = width / max(duration_s, 1e-9), width / max(end - start, 1e-9)
    bands = [
        {
            "x1": round(LEFT + here * one["query_start_s"], 2),
            "x2": round(LEFT + here * one["query_end_s"], 2),
            "x3": round(LEFT + there * (one["reference_end_s"] - start), 2),
            "x4": round(LEFT + there * (one["reference_start_s"] - start), 2),
        }
        for one in passages
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "upper": UPPER,
        "lower": LOWER,
        "bands": bands,
        "duration_s": duration_s,
        "reference_start_s": round(start, 3),
        "reference_end_s": round(end, 3),
    }


def _with_media(output: Mapping[str, Any], sounds: Sounds) -> dict[str, Any]:
    audio = sounds.get(output["query"])
    names = list(dict.fromkeys(one["recording_id"] for one in output["passages"]))
    return dict(output) | {
        "name": Path(output["query"]).name,
        "sound": data_uri(audio),
        "picture": mel_picture(audio),
        "recordings": [_recording(name, output, sounds) for name in names],
    }


def _recording(name: str, output: Mapping[str, Any], sounds: Sounds) -> dict[str, Any]:
    passages = [one for one in output["passages"] if one["recording_id"] == name]
    heard = name in sounds
    return {
        "first": passages[0],
        "drawn": bands_picture(passages, output["duration_s"]),
        "passages": [
            dict(one)
            | {
                "here": sounds.clip(output["query"], one["query_start_s"], one["query_end_s"]),
                "there": sounds.clip(name, one["reference_start_s"], one["reference_end_s"]) if heard else "",
            }
            for one in passages
        ],
    }
