"""Hear the melodies of aligned spans as notes, for a page to draw them and to play them alone.

Conventions
-----------
Each melodic span is transcribed by itself, with two seconds around it on either side, so the cost grows with the spans and
not with the recordings.

Cost
----
About 2 CPU-s per minute of spans on either side.

Known limits
------------
At most three minutes of spans are transcribed. Spans in which fewer than four notes are heard on a side are left out.
"""

from __future__ import annotations

from linernotes.audio.files import Audio
from linernotes.evidence import Span, VersionMatch
from linernotes.reports.version_page.melodies import MelodyPair, Tone, aligned_melodies
from linernotes.versions.hearing import hear
from linernotes.versions.notes.events import melody_notes, notes
from linernotes.versions.notes.lines import read_lines

AROUND_S = 2.0
MOST_S = 180.0
FEWEST_NOTES = 4
LEAST_SURE = 0.35  # lower than for comparing: a listener forgives a wrong note sooner than a hole
NOT_HEARD = "In the aligned spans of melody too few notes were heard clearly enough to be written down."


def melodies(match: VersionMatch, a: Audio, b: Audio) -> tuple[tuple[MelodyPair, ...], str]:
    """Return both melodies of every melodic span in one key and tempo, and how they were made or why there are none.

    Parameters
    ----------
    match : VersionMatch
        Evidence for the two recordings.
    a, b : Audio
        The recordings.
    """
    chosen = [(i, one) for i, one in enumerate(match.segments) if one.dimension == "melody"]
    if not chosen:
        return (), "No span of melody is aligned, so there is none to be heard by itself."
    if sum(one.a.duration_s + one.b.duration_s for _, one in chosen) > 2 * MOST_S:
        return (), "Not computed: the spans of melody are too long for it to be cheap."
    pairs = []
    for index, one in chosen:
        sides = melody_tones(a, one.a), melody_tones(b, one.b)
        if min(map(len, sides)) < FEWEST_NOTES:
            continue
        pair = aligned_melodies(index, one.as_json(), *sides)
        if pair is not None:
            pairs.append(pair)
    if not pairs:
        return (), NOT_HEARD
    return tuple(pairs), (
        "Notes as a transcription heard them, played with plain tones: what it missed is not here, and what it took for "
        "melody may be accompaniment."
    )


def melody_tones(audio: Audio, span: Span) -> tuple[Tone, ...]:
    """Return the melody of some seconds of a recording as notes, in the recording's seconds.

    Parameters
    ----------
    audio : Audio
        The whole recording.
    span : Span
        Seconds that are transcribed.
    """
    start = max(0.0, span.start_s - AROUND_S)
    excerpt = audio.excerpt(start, min(audio.duration_s, span.end_s + AROUND_S))
    heard = hear(excerpt)
    found = notes(heard.transcription)
    return tuple(
        Tone(start + note.onset_s, start + note.offset_s, note.pitch)
        for note in melody_notes(found, read_lines(heard.grid), LEAST_SURE)
    )
