"""How often the same search shows the same references where there is nothing to find.

Two kinds of controls, searched with the limits of the question itself:

- *unrelated*: excerpts of other recordings of the workspace, as long as the outputs; references by the same artist,
  and other files of the same recording, do not count for them;
- *reversed*: the outputs themselves, played backwards. They keep timbre, key, tempo and loudness; a passage does
  not survive. What still matches is a texture, a drone or a loop, and says little.

References
----------
Elias and Gygi (2007), Nature Methods 4, for decoys made from the material itself.

Known limits
------------
A recording that reads the same both ways (a drone, a single repeated chord) does nearly as well backwards: its leads
are not raised, also where they would be right.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from linernotes.audio.files import Audio
from linernotes.evaluation.exact_rates import Rate
from linernotes.execution.shards import Progress
from linernotes.workflows.known_audio import excerpt_of
from linernotes.workflows.known_music import KnownMusic, KnownRecording

Search = Callable[[Audio, str], dict[str, float]]


@dataclass(frozen=True, slots=True)
class ControlCounts:
    """What the controls showed.

    Parameters
    ----------
    n_unrelated, n_reversed : int
        Searches of each kind.
    flagged_unrelated, flagged_reversed : int
        Those that showed any reference.
    by_reference : mapping of str to tuple of float
        For each reference that any control showed, the false-match rate of each such find.
    """

    n_unrelated: int = 0
    n_reversed: int = 0
    flagged_unrelated: int = 0
    flagged_reversed: int = 0
    seconds: float = 0.0
    by_reference: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def n_all(self) -> int:
        """Searches of both kinds."""
        return self.n_unrelated + self.n_reversed

    @property
    def rate(self) -> Rate:
        """Return how often an unrelated excerpt shows any reference, with its exact interval."""
        return Rate.of(self.flagged_unrelated, self.n_unrelated)

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the report."""
        return {
            "unrelated": self.rate.as_json(),
            "reversed": Rate.of(self.flagged_reversed, self.n_reversed).as_json(),
            "seconds": round(self.seconds, 3),
            "words": self.words,
        }

    @property
    def words(self) -> str:
        """Say what was searched and how often something was found."""
        if not self.n_all:
            return "no control was searched; give --controls N to measure how often this search finds what is not there"
        upper = f", at most {100 * self.rate.upper:.2g} % at 95 % confidence" if self.n_unrelated else ""
        return (
            f"{self.flagged_unrelated} of {self.n_unrelated} excerpts of unrelated recordings show an undisclosed "
            f"reference{upper}; {self.flagged_reversed} of {self.n_reversed} outputs do when played backwards"
        )


def measure(
    outputs: Sequence[tuple[str, Audio]],
    known: KnownMusic,
    search: Search,
    *,
    n_controls: int,
    seed: int,
    same: Mapping[str, Sequence[str]],
    progress: Progress | None = None,
) -> ControlCounts:
    """Run both kinds of controls.

    Parameters
    ----------
    outputs : sequence of (str, Audio)
        The outputs in question.
    known : KnownMusic
        Whole collection: unrelated excerpts are drawn from it.
    search : callable
        Returns the references that audio holds, under the limits of the question, with their false-match rates.
    n_controls : int >= 0
        Unrelated excerpts.
    seed : int
        Of their choice; the choice of one does not depend on how many there are.
    same : mapping
        Corpus items and their other files, as from `linernotes.workflows.memorisation.same_recordings`.
    """
    seconds = sorted(audio.duration_s for _, audio in outputs)[len(outputs) // 2]
    hits: dict[str, list[float]] = defaultdict(list)
    chosen = _chosen(known, seconds, n_controls, seed)
    flagged = [0, 0]
    n_all, n_done = len(chosen) + len(outputs), 0
    for one, start in chosen:
        found = search(excerpt_of(one, start, start + seconds), f"control {one.name}")
        kin = _kin(one, known, same)
        flagged[0] += _note({name: rate for name, rate in found.items() if name not in kin}, hits)
        n_done = _tell(progress, n_done, n_all)
    for name, audio in outputs:
        backwards = Audio(np.ascontiguousarray(audio.samples[::-1]), audio.sample_rate)
        flagged[1] += _note(search(backwards, f"{name}, reversed"), hits)
        n_done = _tell(progress, n_done, n_all)
    rates = {name: tuple(sorted(found)) for name, found in hits.items()}
    return ControlCounts(len(chosen), len(outputs), flagged[0], flagged[1], seconds, rates)


def _note(found: Mapping[str, float], hits: dict[str, list[float]]) -> bool:
    for name, rate in found.items():
        hits[name].append(rate)
    return bool(found)


def _chosen(
    known: KnownMusic, seconds: float, n_controls: int, seed: int
) -> list[tuple[KnownRecording, float]]:
    """Choose excerpts: every recording once before any twice, in an order that only names and seed decide."""
    usable = [
        one
        for one in known.recordings.values()
        if one.path is not None
        and one.name in known.features
        and known.features.duration_of(one.name) >= seconds
    ]
    usable.sort(key=lambda one: _draw(one.name, seed))
    rounds = range(-(-n_controls // len(usable))) if usable else range(0)
    found = []
    for k in rounds:
        for one in usable:
            room = known.features.duration_of(one.name) - seconds
            found.append((one, room * (_draw(f"{one.name}@{k}", seed) % 10_000) / 10_000))
    return found[:n_controls]


def _kin(one: KnownRecording, known: KnownMusic, same: Mapping[str, Sequence[str]]) -> set[str]:
    """Return what a control may show without being a false find: its own recording, and others by its artist."""
    artist = one.recording.artist.casefold()
    kin = {
        name
        for name, other in known.recordings.items()
        if other.content_sha256 == one.content_sha256
        or (artist and other.recording.artist.casefold() == artist)
    }
    kin.update(same.get(one.name, ()))
    kin.update(item for item, copies in same.items() if one.name in copies)
    return kin | {one.name}


def _draw(text: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"linernotes-lead-controls/{seed}/{text}".encode()).digest()[:8])


def _tell(progress: Progress | None, n_done: int, n_all: int) -> int:
    if progress is not None:
        progress("searching controls", n_done + 1, n_all)
    return n_done + 1
