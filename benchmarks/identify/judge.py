"""Is an answer right? Recording and place, with music that repeats itself in mind.

Right is an answer that names the recording and a place within a second of the true one. Much music is
made of loops, and some recordings share audio (a cut and the full version): there another place holds
the very same samples. So an answer is right as well when the audio at the place it names correlates
with the undamaged excerpt (its first five seconds) at 0.9 or more; in another recording of its version group,
such as the mix that a vocal submix is part of, at 0.5 or more, or at the same place within a second.
*Named* is an answer whose recording (or version group) is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from benchmarks.identify.material import CONDITIONS, RATE, Samples, decoded
from benchmarks.identify.queries import Query
from benchmarks.identify.systems import Answer

PLACE_S = 1.0
SAME_AUDIO, PART_OF_IT = 0.9, 0.5
VERSION = 2  # of these rules: answers that were judged by others are judged again
_SLACK_S = 0.6
_COMPARED_S = 5.0


@dataclass(frozen=True)
class Judge:
    """Knows every recording's file and version group."""

    paths: dict[str, Path]
    groups: dict[str, str]

    def named(self, answer: Answer, query: Query) -> bool:
        """Tell whether the recording is the right one, or of its version group."""
        if answer.recording_id == query.recording_id:
            return True
        group = self.groups.get(query.recording_id)
        return group is not None and self.groups.get(answer.recording_id) == group

    def right(self, answer: Answer, query: Query) -> bool:
        """Tell whether recording and place are right."""
        error = answer.reference_s - query.reference_s(answer.query_s)
        if self.named(answer, query) and abs(error) < PLACE_S:
            return True
        return self.same_audio(answer, query, error)

    def same_audio(self, answer: Answer, query: Query, error: float) -> bool:
        """Tell whether the answered place holds the same samples as the true one."""
        if answer.recording_id not in self.paths:
            return False
        seconds = min(_COMPARED_S, query.seconds * CONDITIONS[query.condition].consumes)
        wanted = _stretch(decoded(self.paths[query.recording_id]), query.start_s, seconds)
        around = query.start_s + error - _SLACK_S
        offered = _stretch(decoded(self.paths[answer.recording_id]), around, seconds + 2 * _SLACK_S)
        version = answer.recording_id != query.recording_id and self.named(answer, query)
        return correlation(wanted, offered) >= (PART_OF_IT if version else SAME_AUDIO)


def _stretch(samples: Samples, start_s: float, seconds: float) -> Samples:
    first = max(0, round(start_s * RATE))
    return samples[first : first + round(seconds * RATE)]


def correlation(wanted: Samples, offered: Samples) -> float:
    """Return the highest normalised correlation of one stretch within another."""
    if len(wanted) < RATE or len(offered) < len(wanted):
        return 0.0
    product = fftconvolve(offered, wanted[::-1], mode="valid")
    total = np.concatenate([[0.0], np.cumsum(offered.astype(np.float64) ** 2)])
    energy = total[len(wanted) :] - total[: len(total) - len(wanted)]
    scale = np.sqrt(np.maximum(energy, 1e-9) * max(1e-9, float((wanted.astype(np.float64) ** 2).sum())))
    return float((product / scale).max())
