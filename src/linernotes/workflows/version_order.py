"""Put a workspace's recordings in order of their likeness to a query, at a glance or by alignment.

Work is spread over the engine's workers in shards; the query travels with each, and what the phrase network makes of it
is made before, once.

Known limits
------------
A candidate whose profile an upgrade has made void is listened to again, which takes seconds; ``versions index add`` does so
for all beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from linernotes.errors import InputError
from linernotes.folds import Runner
from linernotes.versions.compare import quick_log_odds
from linernotes.versions.glance import glance
from linernotes.versions.hypotheses import SPEEDS
from linernotes.versions.significance import Profile
from linernotes.workflows.version_collection import Held
from linernotes.workflows.version_profiles import kept_profile

Scored = list[tuple[float | None, str]]
Skipped = list[tuple[str, str]]


def at_a_glance(query: Profile, chosen: Sequence[Held], run: Runner, skipped: Skipped) -> list[Held]:
    """Return recordings in the order of `linernotes.versions.glance.glance`, best first.

    Parameters
    ----------
    query : Profile
        What they are compared with.
    chosen : sequence of Held
        Recordings.
    run : Runner
        An engine of `linernotes.execution`.
    skipped : list of (str, str)
        Gets the id of each recording that cannot be compared, and why.
    """
    return _ordered(chosen, Score(query, glance, shard_size=25), run, "glancing at candidates", skipped)


def by_alignment(query: Profile, chosen: Sequence[Held], run: Runner, skipped: Skipped) -> list[Held]:
    """Return recordings in the order of their log-odds, best first; parameters as `at_a_glance`."""
    return _ordered(chosen, Score(query, quick_log_odds), run, "aligning recordings", skipped)


@dataclass(frozen=True, eq=False)
class Score:
    """The fold of scoring: items are recordings, the state holds a score of each, or None and why there is none.

    Parameters
    ----------
    query : Profile
        What all are compared with.
    score : callable
        Of two profiles.
    shard_size : int
        Recordings that one worker takes at a time.
    """

    query: Profile
    score: Callable[[Profile, Profile], float]
    shard_size: int = 5

    def start(self) -> Scored:
        """Return nothing scored."""
        return []

    def add(self, state: Scored, items: Sequence[Held]) -> Scored:
        """Score one recording after the other."""
        return state + [self._scored(one) for one in items]

    def merge(self, left: Scored, right: Scored) -> Scored:
        """Put two lists together."""
        return left + right

    def finish(self, state: Scored) -> Scored:
        """Return what was found, in the order of the items."""
        return state

    def _scored(self, one: Held) -> tuple[float | None, str]:
        try:
            return self.score(self.query, kept_profile(one)), ""
        except InputError as error:  # silent, too short or long, no audio
            return None, str(error)


def _ordered(chosen: Sequence[Held], work: Score, run: Runner, name: str, skipped: Skipped) -> list[Held]:
    for speed in SPEEDS:
        work.query.piece.embedded("overall", speed)
    found: list[tuple[float, Held]] = []
    for one, (score, reason) in zip(chosen, run(work, chosen, name=name), strict=True):
        if score is None:
            skipped.append((one.recording.recording_id, reason))
        else:
            found.append((score, one))
    found.sort(key=lambda entry: (-entry[0], entry[1].recording.recording_id))
    return [one for _, one in found]
