"""Compare two recordings and write the page on which the comparison is seen, heard and weighed.

Idea
----
The page is the comparison of `linernotes versions compare` with what a listener asks next: how it sounds side by side, what
the melodies are without their sound, and how much of the verdict hangs on each span. For the last, the span's seconds of A
are struck out of the features (nothing sounds there) and the comparison is asked again.

Conventions
-----------
Of a search's results each gets a page of its own, and a list of them is ``index.html``. A catalogue recording is heard only
where its licence says that it may be passed on; files that the reader named are heard.

Cost
----
Each counterfactual costs one comparison. They are computed for at most six spans, and only while the two recordings' lengths
multiply to less than what ten minutes against ten minutes do.

Known limits
------------
Striking seconds out of A leaves their repetitions in A: a refrain that comes three times has to go three times. The
cohort of A stays that of the whole recording.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from linernotes.audio.files import Audio, file_sha256, read_audio
from linernotes.evidence.spans import Span
from linernotes.evidence.versions import VersionMatch
from linernotes.reports.version_page.contents import Reference, Removal, Side, VersionPage
from linernotes.reports.version_page.listening import heard_windows
from linernotes.reports.version_page.melodies import Tone
from linernotes.reports.version_page.page import Recorded, page_path, write_version_page
from linernotes.reports.words import count
from linernotes.versions.background import bundled_background
from linernotes.versions.compare import compare_profiles
from linernotes.versions.features import FEATURES_REVISION, Features, features_of
from linernotes.versions.significance import PRIOR, Profile, profile
from linernotes.workflows.version_melodies import melodies, melody_tones
from linernotes.workflows.version_profiles import heard_music

MOST_REMOVALS = 6
LARGEST_REMOVAL_S2 = 600.0**2
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Listened:
    """One side of a comparison: its file, its sound, its melody, and what comparing knows of it.

    ``title`` and ``artist`` are as printed, empty where unknown; ``heard`` says whether a page may play it.
    """

    path: Path
    name: str
    audio: Audio
    profile: Profile
    melody: tuple[Tone, ...]
    title: str = ""
    artist: str = ""
    heard: bool = True


def write_comparison(
    a: Path | str, b: Path | str, out: Path | str, *, heard: bool = True, progress: Progress | None = None
) -> tuple[VersionMatch, Path]:
    """Compare two audio files, write the page, and return the evidence and the page's path.

    Parameters
    ----------
    a, b : Path or str
        Audio files, at least 4 s and at most an hour each.
    out : Path or str
        A file that ends in ``.html``, or a folder, which gets ``index.html``; the facts lie beside it as JSON.
    heard : bool
        Whether the page may play the two; without, it can be passed on where the recordings may not.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Raises
    ------
    InputError
        If a file is missing, no audio, silent, or longer than an hour, or the page cannot be written.
    TooShort
        If a file holds less than 4 s.
    """
    page_path(out)  # refuses a bad place before the work
    sides = []
    for n_done, path in enumerate((a, b)):
        if progress is not None:
            progress("listening", n_done, 2)
        sides.append(listen(path, heard=heard))
    match = compare_profiles(sides[0].profile, sides[1].profile, str(a), str(b))
    return match, write_page(match, sides[0], sides[1], out, progress=progress)


def listen(
    path: Path | str, *, name: str = "", title: str = "", artist: str = "", heard: bool = True
) -> Listened:
    """Read an audio file and compute what comparing needs to know of it.

    Raises
    ------
    InputError
        If the file is missing, no audio, silent, or longer than an hour.
    TooShort
        If it holds less than 4 s; the message names the file.
    """
    audio, path = read_audio(path), Path(path)
    found, lines = heard_music(audio, path)
    known = profile(features_of(found, lines))
    return Listened(path, name or path.name, audio, known, melody_tones(found, lines), title, artist, heard)


def write_page(
    match: VersionMatch, a: Listened, b: Listened, out: Path | str, *, progress: Progress | None = None
) -> Path:
    """Write the page of a comparison that was made already, and return its path.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    removals, removals_words = removed(match, a.profile, b.profile, progress)
    heard_melodies, melodies_words = melodies(match, a.melody, b.melody)
    page = VersionPage(
        match=match,
        a=_side(a, match, "a"),
        b=_side(b, match, "b"),
        reference=reference(match.reference),
        prior=PRIOR,
        features_revision=FEATURES_REVISION,
        version=installed_version("linernotes"),
        removals=removals,
        removals_words=removals_words,
        melodies=heard_melodies,
        melodies_words=melodies_words,
    )
    recorded = [Recorded(one.audio, one.profile.features.harmony) for one in (a, b)]
    return write_version_page(page, out, *recorded)


def removed(
    match: VersionMatch, a: Profile, b: Profile, progress: Progress | None = None
) -> tuple[tuple[Removal, ...], str]:
    """Ask the comparison again without each strong span, and without all of them.

    Returns
    -------
    tuple of Removal
        Strongest span first; spans that cover the same seconds of A count once.
    str
        What was done, or why nothing was.
    """
    if match.probability is None or not match.segments:
        return (), "There is no probability or no span to take away."
    if a.features.duration_s * b.features.duration_s > LARGEST_REMOVAL_S2:
        return (), "Not computed: the recordings are too long for it to be cheap."
    groups = _same_seconds(match)[:MOST_REMOVALS]
    asked = [*groups, tuple(i for group in groups for i in group)] if len(groups) > 1 else groups
    found = []
    for n_done, group in enumerate(asked):
        if progress is not None:
            progress("striking out spans", n_done, len(asked))
        without = struck_out(a.features, [match.segments[i].a for i in group])
        again = compare_profiles(dataclasses.replace(a, features=without), b, match.a_id, match.b_id)
        if again.probability is not None:
            found.append(Removal(tuple(sorted(group)), again.probability))
    words = (
        f"{count(len(found), 'further comparison')}, each with the named seconds of A silenced in every dimension. "
        "Where the same music comes again in A, its repetitions remain."
    )
    return tuple(found), words


def struck_out(features: Features, spans: Iterable[Span]) -> Features:
    """Return features in which nothing sounds in some seconds.

    Examples
    --------
    >>> x = np.eye(12, dtype=np.float32)
    >>> without = struck_out(Features(x, x, x, 0.25, 3.0), [Span(0.5, 1.0)])
    >>> without.harmony.sum(axis=1).astype(int).tolist()
    [1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    n_frames = len(features)
    sounding = np.ones(n_frames, np.float32)
    for span in spans:
        sounding[int(span.start_s / features.hop_s) : int(np.ceil(span.end_s / features.hop_s))] = 0
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(features):
        values = getattr(features, field.name)
        if isinstance(values, np.ndarray) and len(values) == n_frames:
            changed[field.name] = values * sounding[:, None]
    return dataclasses.replace(features, **changed)


@lru_cache(maxsize=4)
def reference(words: str = "") -> Reference:
    """Return what chance and commonplace refer to; *words* are those of the evidence.

    Examples
    --------
    >>> reference("1000 unrelated recordings of 180 s").words
    'a collection of 1000 unrelated recordings of 180 s'
    """
    n_pieces = len(bundled_background().names)
    data = (resources.files("linernotes.versions") / "background.npz").read_bytes()
    spoken_of = f"a collection of {words or f'{n_pieces} unrelated recordings'}"
    return Reference(words=spoken_of, n_pieces=n_pieces, sha256=hashlib.sha256(data).hexdigest())


def _side(one: Listened, match: VersionMatch, side: Literal["a", "b"]) -> Side:
    spans = [segment.as_json() for segment in match.segments]
    return Side(
        name=one.name,
        sha256=file_sha256(one.path),
        duration_s=one.audio.duration_s,
        title=one.title or " ".join(one.path.stem.replace("_", " ").split()),
        artist=one.artist,
        heard=one.heard,
        windows=heard_windows(spans, side, one.audio.duration_s) if one.heard else (),
    )


def _same_seconds(match: VersionMatch) -> list[tuple[int, ...]]:
    """Group spans that cover nearly the same seconds of A, the strongest group first."""
    order = sorted(range(len(match.segments)), key=lambda i: -match.segments[i].score)
    groups: list[list[int]] = []
    for i in order:
        span = match.segments[i].a
        for group in groups:
            first = match.segments[group[0]].a
            shared = min(span.end_s, first.end_s) - max(span.start_s, first.start_s)
            if shared >= 0.8 * max(span.duration_s, first.duration_s):
                group.append(i)
                break
        else:
            groups.append([i])
    return [tuple(group) for group in groups]
