"""One question to a workspace: its music, its corpus, and how an output is searched for what the corpus lacks.

Conventions
-----------
*References* are recordings that the catalogue knows and the corpus does not hold with the same bytes. What is opened is
opened once for all outputs; what the corpus says of a reference is asked once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from linernotes.audio.files import Audio, read_audio
from linernotes.catalog.recording import Recording
from linernotes.disclosure.leads import LeadConfig, Observation
from linernotes.disclosure.leads_keys import KeyCheck
from linernotes.errors import CorpusError
from linernotes.evidence.identification import Passage
from linernotes.execution.shards import Progress
from linernotes.workflows.imported_fingerprints import identify_by_chromaprint, open_imported
from linernotes.workflows.known_audio import listening_to
from linernotes.workflows.known_music import KnownMusic, open_known_music
from linernotes.workflows.leads_lookup import CorpusLookup, codes_of, codes_of_file, open_lookup
from linernotes.workflows.leads_versions import KnownVersions, open_versions
from linernotes.workflows.passages import PassageConfig, find_passages
from linernotes.workflows.presence import open_snapshot
from linernotes.workspace import Workspace

if TYPE_CHECKING:
    from linernotes.corpus.snapshot import Snapshot

_DETECTORS = ("landmarks", "segments")


@dataclass
class Question:
    """Everything that one call needs, opened once."""

    workspace: Workspace
    known: KnownMusic
    lookup: CorpusLookup
    config: LeadConfig
    versions: KnownVersions | None
    references: frozenset[str]
    prints: dict[str, Recording]
    base: dict[str, tuple[KeyCheck, ...]] = field(default_factory=dict)
    sounds: dict[str, Audio] = field(default_factory=dict)
    codes: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The sealed corpus as proofs are drawn from it."""
        return open_snapshot(self.workspace.path, self.lookup.corpus.root)

    @property
    def passages(self) -> PassageConfig:
        """Return how sound is searched."""
        return PassageConfig(max_false_rate=self.config.max_false_match_rate, detectors=_DETECTORS)

    def heard(self, audio: Audio, name: str, known: KnownMusic) -> tuple[Passage, ...]:
        """Return the passages of some known music in audio that are long enough."""
        found = find_passages(
            audio,
            known.indexes,
            known.features,
            query_id=name,
            config=self.passages,
            listen=listening_to(known),
        )
        return tuple(one for one in found if one.query.duration_s >= self.config.least_s)

    def observe(
        self, audio: Audio, name: str
    ) -> tuple[dict[str, list[Observation]], dict[str, list[tuple[float, float]]]]:
        """Return the observations of undisclosed references, and the seconds of disclosed recordings."""
        found: dict[str, list[Observation]] = defaultdict(list)
        disclosed: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for one in self.heard(audio, name, self.known):
            if one.recording_id in self.references:
                found[one.recording_id].append(from_passage(one))
            else:
                disclosed[one.recording_id].append((one.query.start_s, one.query.end_s))
        for reference, seen in self._by_print(audio, name).items():
            found[reference].append(seen)
        if self.versions is not None:
            for reference, seen in self.versions.observe(audio, self.references, self.config).items():
                found[reference].append(seen)
        return dict(found), dict(disclosed)

    def in_references(self, audio: Audio, name: str) -> dict[str, float]:
        """Return the references that audio holds and their false-match rates; what controls are asked."""
        found = [
            (one.recording_id, one.false_match_rate) for one in self.heard(audio, name, self._only_references)
        ]
        found += [(one, seen.false_match_rate or 0.0) for one, seen in self._by_print(audio, name).items()]
        return {name: min(rate for other, rate in found if other == name) for name, _ in found}

    @cached_property
    def _only_references(self) -> KnownMusic:
        return self.known.without(name for name in self.known.recordings if name not in self.references)

    def _by_print(self, audio: Audio, name: str) -> dict[str, Observation]:
        """Ask the recordings that came as fingerprints alone."""
        if not self.prints:
            return {}
        matches = identify_by_chromaprint(audio, self.workspace, name, self.config.max_false_match_rate)
        return {
            one.recording_id: Observation(
                kind="fingerprint",
                query=(one.query.start_s, one.query.end_s),
                reference=(one.reference.start_s, one.reference.end_s),
                method=one.method,
                false_match_rate=one.false_match_rate,
                facts={"score": one.score, "unit": one.unit},
            )
            for one in matches
            if one.recording_id in self.prints and one.query.duration_s >= self.config.least_s
        }

    def recording(self, name: str) -> Recording:
        """Return what is known about a reference."""
        return self.prints[name] if name in self.prints else self.known.recordings[name].recording

    def checks(self, name: str, observations: Sequence[Observation]) -> tuple[KeyCheck, ...]:
        """Look a reference up in the corpus: once as a whole, and the seconds that this output shows."""
        if name not in self.base:
            self.base[name] = self._look_up(name)
        checks = self.base[name]
        heard = [one.reference for one in observations if one.kind != "version"]
        if heard:
            return (*checks, self.lookup.look_closer(self.sounds.get(name), heard))
        if self.versions is not None:
            return (*checks, self.versions.corpus_versions(name, self.config))
        return checks

    def _look_up(self, name: str) -> tuple[KeyCheck, ...]:
        codes = codes_of(self.recording(name))
        self.codes[name] = codes
        if name in self.prints:
            index = open_imported(self.workspace)
            return self.lookup.look_up(codes, None, index.fingerprint(name) if index else None)
        one = self.known.recordings[name]
        if one.path is None or not one.path.is_file():
            self.codes[name] = codes | {"content_sha256": [one.content_sha256]}
            return self.lookup.look_up(self.codes[name])
        self.codes[name] = codes | codes_of_file(one.path)
        self.sounds[name] = read_audio(one.path, allow_silence=True)
        return self.lookup.look_up(self.codes[name], self.sounds[name])


def open_question(workspace: Workspace, config: LeadConfig, progress: Progress | None) -> Question:
    """Open everything that a question needs.

    Raises
    ------
    CorpusError
        If no corpus is sealed, or the catalogue knows no recording beyond it.
    """
    workspace.corpus()  # refuse early: without a disclosure there is nothing to contradict
    known = open_known_music(workspace, progress)
    outside = frozenset(name for name, one in known.recordings.items() if one.item_id is None)
    index = open_imported(workspace)
    entries = index.entries if index is not None else ()
    prints = {entry.recording.recording_id: entry.recording for entry in entries}
    prints = {name: one for name, one in prints.items() if name not in known.recordings}
    if not outside and not prints:
        raise CorpusError(
            f"{workspace.path}: the catalogue knows no recording beyond the sealed corpus, so no output can show one; "
            "add reference recordings with 'linernotes catalog add'"
        )
    lookup = open_lookup(workspace, known, progress)
    versions = open_versions(workspace, known, progress) if config.versions else None
    return Question(workspace, known, lookup, config, versions, outside, prints)


def from_passage(one: Passage) -> Observation:
    """Return what a passage is as an observation."""
    return Observation(
        kind="fingerprint" if one.detector == "landmarks" else "passage",
        query=(one.query.start_s, one.query.end_s),
        reference=(one.reference.start_s, one.reference.end_s),
        method=one.method,
        false_match_rate=one.false_match_rate,
        facts={
            "score": one.score,
            "unit": one.unit,
            "confirmed_by": list(one.confirmed_by),
            "time_ratio": one.time_ratio,
            "pitch_shift_semitones": one.pitch_shift_semitones,
            "alikeness": one.alikeness,
        },
    )
