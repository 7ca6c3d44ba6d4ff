"""Music of undisclosed references in an output, played otherwise: candidates and their controls.

Conventions
-----------
Each reference is ranked among all recordings by other artists and all disclosed ones; `Observation.control_rank` says
how many of them fit the output as well or better. The corpus is asked, too, whether it holds the reference's music played
otherwise: then the reference is no contradiction.

Known limits
------------
Every recording is compared with every output, about 20 ms of CPU per pair after the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from linernotes.audio.files import Audio, read_audio
from linernotes.disclosure.leads import LeadConfig, Observation
from linernotes.disclosure.leads_keys import KeyCheck
from linernotes.errors import InputError, TooShort
from linernotes.evidence.versions import VersionMatch
from linernotes.versions.compare import METHOD, compare_profiles, quick_log_odds
from linernotes.versions.features import extract
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Profile, probability, profile
from linernotes.workflows.known_music import KnownMusic, KnownRecording
from linernotes.workflows.versions import FOLDER
from linernotes.workspace import Workspace

__all__ = ["FOLDER", "KnownVersions", "open_versions"]
Progress = Callable[[str, int, int], None]

_LEAST_PITCHED_S = 6.0


@dataclass(frozen=True)
class KnownVersions:
    """Profiles of the workspace's recordings, by name.

    Parameters
    ----------
    known : KnownMusic
        The whole collection.
    profiles : mapping of str to Profile
        Of those that are long enough.
    """

    known: KnownMusic
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    def observe(
        self, audio: Audio, references: Collection[str], config: LeadConfig
    ) -> dict[str, Observation]:
        """Return the musical relations of an output with references, each with its rank among the others."""
        try:
            query = profile(extract(audio))
        except TooShort:
            return {}
        odds = {name: quick_log_odds(query, one) for name, one in self.profiles.items()}
        found = {}
        for name in references:
            if name not in odds or probability(odds[name]) < config.least_probability:
                continue
            mine = self.known.recordings[name]
            others = [value for other, value in odds.items() if _is_other(mine, self.known.recordings[other])]
            match = compare_profiles(query, self.profiles[name], "output", name)
            seen = _observation(match, sum(value >= odds[name] for value in others), len(others))
            if seen is not None:
                found[name] = seen
        return found

    def corpus_versions(self, name: str, config: LeadConfig) -> KeyCheck:
        """Say whether the corpus holds the music of a reference, played otherwise."""
        items = [
            (other, one.item_id)
            for other, one in self.known.recordings.items()
            if one.item_id is not None and other in self.profiles
        ]
        if name not in self.profiles or not items:
            return KeyCheck("version", "not-checked", note="too short, or no audio at hand")
        mine = self.profiles[name]
        found = sorted(
            str(item_id)
            for other, item_id in items
            if probability(quick_log_odds(mine, self.profiles[other])) >= config.least_probability
        )
        note = f"probability at least {config.least_probability:g}"
        return KeyCheck("version", "present" if found else "absent", len(items), tuple(found), note)


def open_versions(workspace: Workspace, known: KnownMusic, progress: Progress | None = None) -> KnownVersions:
    """Return the profiles of all recordings whose audio is at hand, from the cache or computed."""
    folder = workspace.folder(FOLDER)
    profiles = {}
    heard = [one for one in known.recordings.values() if one.path is not None]
    for n_done, one in enumerate(heard, start=1):
        made = _profile_of(one, folder)
        if made is not None:
            profiles[one.name] = made
        if progress is not None:
            progress("profiling recordings", n_done, len(heard))
    return KnownVersions(known, profiles)


def _profile_of(one: KnownRecording, folder: Path) -> Profile | None:
    cached = folder / f"{one.content_sha256}.npz"
    made = load_profile(cached)
    if made is None and one.path is not None:
        try:
            save_profile(cached, profile(extract(read_audio(one.path))))
        except InputError:  # silent or too short: it has no music to compare
            return None
        made = load_profile(cached)
    return made


def _is_other(mine: KnownRecording, other: KnownRecording) -> bool:
    if other.content_sha256 == mine.content_sha256 or other.name == mine.name:
        return False
    artist = mine.recording.artist.casefold()
    if other.item_id is not None:  # what a disclosed recording explains as well is no contradiction
        return True
    return not artist or other.recording.artist.casefold() != artist


def _observation(match: VersionMatch, n_better: int, n_others: int) -> Observation | None:
    """Return the best pitched span of a version match; rhythm alone is nobody's."""
    pitched = [
        (one.commonplace, -one.score, one)
        for one in match.segments
        if one.dimension != "rhythm" and one.a.duration_s >= _LEAST_PITCHED_S and one.commonplace is not None
    ]
    if not pitched:
        return None
    commonplace, _, best = min(pitched, key=lambda found: found[:2])
    return Observation(
        kind="version",
        query=(round(best.a.start_s, 3), round(best.a.end_s, 3)),
        reference=(round(best.b.start_s, 3), round(best.b.end_s, 3)),
        method=METHOD,
        probability=match.probability,
        commonplace=commonplace,
        control_rank=(n_better, n_others),
        facts={
            "dimension": best.dimension,
            "transposition_semitones": match.transposition_semitones,
            "score": round(match.score, 4),
        },
    )
