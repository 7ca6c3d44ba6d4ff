"""The melodies of aligned spans as notes, for a page to draw them and to play them alone.

Conventions
-----------
A recording is transcribed once, when it is listened to; its melody's notes are in its own seconds.

Known limits
------------
At most three minutes of spans a side are shown. Spans in which fewer than four notes are heard on a side are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from linernotes.evidence.versions import VersionMatch
from linernotes.reports.version_page.melodies import MelodyPair, Tone, aligned_melodies
from linernotes.versions.hearing import Hearing
from linernotes.versions.notes.events import melody_notes, notes
from linernotes.versions.notes.lines import Lines

MOST_S = 180.0
FEWEST_NOTES = 4
LEAST_SURE = 0.35  # lower than for comparing: a listener forgives a wrong note sooner than a hole
NOT_HEARD = "In the aligned spans of melody too few notes were heard clearly enough to be written down."


def melodies(match: VersionMatch, a: Sequence[Tone], b: Sequence[Tone]) -> tuple[tuple[MelodyPair, ...], str]:
    """Return both melodies of every melodic span in one key and tempo, and how they were made or why there are none.

    Parameters
    ----------
    match : VersionMatch
        Evidence for the two recordings.
    a, b : sequence of Tone
        Melodies of the whole recordings, from `melody_tones`.
    """
    chosen = [(i, one) for i, one in enumerate(match.segments) if one.dimension == "melody"]
    if not chosen:
        return (), "No span of melody is aligned, so there is none to be heard by itself."
    if sum(one.a.duration_s + one.b.duration_s for _, one in chosen) > 2 * MOST_S:
        return (), "Not shown: the spans of melody are too long to be read."
    pairs = [aligned_melodies(index, one.as_json(), a, b) for index, one in chosen]
    clear = [pair for pair in pairs if pair is not None and min(len(pair.a), len(pair.b)) >= FEWEST_NOTES]
    if not clear:
        return (), NOT_HEARD
    return tuple(clear), (
        "Notes as a transcription heard them, played with plain tones: what it missed is not here, and what it took for "
        "melody may be accompaniment."
    )


def melody_tones(found: Hearing, lines: Lines) -> tuple[Tone, ...]:
    """Return the melody of a recording as notes.

    Parameters
    ----------
    found : Hearing
        What was heard in it.
    lines : Lines
        What `linernotes.versions.notes.lines.read_lines` finds there.
    """
    return tuple(
        Tone(note.onset_s, note.offset_s, note.pitch)
        for note in melody_notes(notes(found.transcription), lines, LEAST_SURE)
    )
