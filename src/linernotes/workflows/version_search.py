"""Ask which recordings of a workspace hold the music of a file.

A search narrows down in four steps: segments near the query's among all (`linernotes.versions.index`), a glance at the
recordings that they speak for (`linernotes.versions.glance`), alignment of those that look best, full comparison of the
best few. A small collection is aligned as a whole, which costs no more and misses nothing; the answer says which was
done.

Conventions
-----------
A workspace's recordings are its corpus items and its catalogue. What comparing needs to know of each is kept in the
workspace's ``versions`` folder under the hash of the file's content, so a search computes only what is new.

Cost
----
Once profiles are kept, for recordings of 70 s on one core: 0.7 to 1.1 CPU-ms for a glance, 3.4 to 4.8 for an alignment.
400 glances and 100 alignments take 0.65 to 0.95 CPU-seconds, as busy as the machine is otherwise. Both grow with the
product of the lengths.

Known limits
------------
What the segments do not bring among the candidates is not found; `exhaustive` aligns everything. Fragments of less
than a segment (20 s) drown in it: for those search with a span of the query, or exhaustively.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError
from linernotes.evidence.spans import Span
from linernotes.evidence.versions import VersionSegment
from linernotes.execution import SerialRunner
from linernotes.folds import Runner
from linernotes.versions.compare import compare_profiles
from linernotes.versions.encoder.embed import Encoder, embed
from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder
from linernotes.versions.index.candidates import candidates
from linernotes.versions.index.recordings import Indexed
from linernotes.versions.index.sharded import ShardedIndex
from linernotes.versions.significance import Profile
from linernotes.workflows.version_collection import Collection, Held, collection_of
from linernotes.workflows.version_index import ready_index
from linernotes.workflows.version_order import at_a_glance, by_alignment
from linernotes.workflows.version_profiles import kept_profile, profiled

Progress = Callable[[str, int, int], None]
Place = Path | str


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """How far a search looks.

    Parameters
    ----------
    encoder : str
        ``mini``, ``chroma2d`` or ``clews:PATH``: which index is asked.
    n_candidates : int >= 1
        Recordings that the index brings.
    n_aligned : int >= 1
        Those of them, the best at a glance, that are aligned with the query; at least as many as are returned.
    n_near : int >= 1
        Segments that each segment of the query brings.
    exhaustive : bool
        Whether everything is aligned, whatever it costs.
    exhaustive_up_to : int >= 0
        Number of recordings up to which everything is aligned anyway.
    span_s : (float, float) or None
        Seconds of each query that are searched for.
    """

    encoder: str = DEFAULT_ENCODER
    n_candidates: int = 400
    n_aligned: int = 100
    n_near: int = 200
    exhaustive: bool = False
    exhaustive_up_to: int = 200
    span_s: tuple[float, float | None] | None = None

    def __post_init__(self) -> None:
        if min(self.n_candidates, self.n_aligned, self.n_near) < 1 or self.exhaustive_up_to < 0:
            raise InputError(f"{self}: expected at least 1 candidate, 1 of them aligned, and 1 near segment")


@dataclass(frozen=True, slots=True)
class _Query:
    name: str
    audio: Audio
    profile: Profile
    offset_s: float


def search_versions(
    files: Sequence[Place],
    workspace: Place | Sequence[Place],
    *,
    top: int = 10,
    config: SearchConfig = SearchConfig(),
    run: Runner | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Rank the recordings of workspaces by the musical substance that they share with each file.

    Parameters
    ----------
    files : sequence of Path or str
        Audio files, at least 4 s and at most an hour each, or with a span of that length.
    workspace : Path, str, or sequence of them
        Workspaces with a sealed corpus, a catalogue, or both; several are searched as one.
    top : int > 0
        Recordings returned per file, with segments.
    config : SearchConfig, optional
        How far to look.
    run : Runner, optional
        An engine of `linernotes.execution`, over which indexes and alignments are spread.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        For each file ``{"query", "results", "skipped", "searched"}``; ``results`` is best first, each with
        ``recording_id``, ``score``, ``probability``, ``segments`` (A is the query) and more; ``skipped`` names the
        recordings that could not be compared, and why; ``searched`` says whether an index or everything was asked.

    Raises
    ------
    InputError
        If a file is no audio, is silent, too short or too long, the span is not in it, or *top* is not positive.
    CorpusError
        If there is no workspace, it has neither a corpus nor a catalogue, or its index is damaged.
    """
    if top < 1:
        raise InputError(f"top {top}: expected a whole number of at least 1")
    if not files:
        raise InputError("no files to search for; give at least one audio file")
    queries = [_query(file, config.span_s) for file in files]
    places = [workspace] if isinstance(workspace, str | Path) else list(workspace)
    found = collection_of(places)
    config = replace(config, n_aligned=max(config.n_aligned, top))
    few = max(config.exhaustive_up_to, min(config.n_candidates, config.n_aligned))
    if config.exhaustive or len(found.held) <= few:
        looked: _Everything | _Indexed = _Everything(found)
    else:
        looked = _Indexed.open(places, found, config, progress)
    engine = run or SerialRunner(progress=progress)
    return [_answer(query, looked, top, engine) for query in queries]


@dataclass(frozen=True)
class _Everything:
    """Every recording is a candidate."""

    collection: Collection

    def candidates(self, query: _Query, run: Runner) -> list[Held]:
        return list(self.collection.held)

    @property
    def n_aligned(self) -> int:
        return len(self.collection.held)

    @property
    def unusable(self) -> list[tuple[str, str]]:
        return []

    def facts(self, n_candidates: int, n_aligned: int) -> dict[str, Any]:
        return {"by": "everything", "n_recordings": len(self.collection.held), "n_aligned": n_aligned}


@dataclass(frozen=True)
class _Indexed:
    """Those recordings are candidates to which near segments belong."""

    collection: Collection
    index: ShardedIndex
    config: SearchConfig
    by_content: Mapping[str, Held]
    encoder: Encoder

    @classmethod
    def open(
        cls,
        places: Sequence[Place],
        found: Collection,
        config: SearchConfig,
        progress: Progress | None,
    ) -> _Indexed:
        encoder = load_encoder(config.encoder)
        folders = []
        for place in places:
            own = [one for one in found.held if one.workspace.resolve() == Path(place).resolve()]
            folders.append(ready_index(place, own, config.encoder, encoder, progress))
        by_content = {one.content_sha256: one for one in found.held}
        return cls(found, ShardedIndex.open(folders), config, by_content, encoder)

    def candidates(self, query: _Query, run: Runner) -> list[Held]:
        vectors = embed(query.audio, self.encoder).vectors
        hits = self.index.search(vectors, self.config.n_near, run)
        near = candidates(hits, self._held, self.config.n_candidates)
        known = dict.fromkeys(one.recording.content_sha256 for one in near)
        return [self.by_content[content] for content in known]

    def _held(self, number: int) -> Indexed | None:
        found = self.index.recording_of(number)
        return found if found is not None and found.content_sha256 in self.by_content else None

    @property
    def n_aligned(self) -> int:
        return self.config.n_aligned

    @property
    def unusable(self) -> list[tuple[str, str]]:
        entries = [entry for log in self.index.logs for entry in log.by_number.values() if entry.reason]
        return [
            (self.by_content[entry.content_sha256].recording.recording_id, entry.reason)
            for entry in entries
            if entry.content_sha256 in self.by_content
        ]

    def facts(self, n_candidates: int, n_aligned: int) -> dict[str, Any]:
        return {
            "by": "index",
            "encoder": self.index.facts.encoder,
            "n_recordings": len(self.collection.held),
            "n_segments": self.index.n_segments,
            "n_candidates": n_candidates,
            "n_aligned": n_aligned,
        }


def _query(file: Place, span_s: tuple[float, float | None] | None) -> _Query:
    audio = read_audio(file)
    if span_s is None:
        return _Query(str(file), audio, profiled(audio, file), 0.0)
    start_s, end_s = span_s[0], audio.duration_s if span_s[1] is None else span_s[1]
    if not 0 <= start_s < end_s <= audio.duration_s + 0.5:
        raise InputError(
            f"{file}: seconds {start_s:g} to {end_s:g} asked for; it has 0 to {audio.duration_s:.1f}"
        )
    part = audio.excerpt(start_s, min(end_s, audio.duration_s))
    return _Query(str(file), part, profiled(part, file), start_s)


def _answer(query: _Query, looked: _Everything | _Indexed, top: int, run: Runner) -> dict[str, Any]:
    skipped = [*looked.collection.absent, *looked.unusable]
    chosen = looked.candidates(query, run)
    n_candidates = len(chosen)
    if n_candidates > looked.n_aligned:
        chosen = at_a_glance(query.profile, chosen, run, skipped)[: looked.n_aligned]
    aligned = by_alignment(query.profile, chosen, run, skipped)
    return {
        "query": query.name,
        "results": [_result(query, one, kept_profile(one)) for one in aligned[:top]],
        "skipped": [{"recording_id": name, "reason": reason} for name, reason in skipped],
        "searched": looked.facts(n_candidates, len(aligned)),
    }


def _result(query: _Query, one: Held, other: Profile) -> dict[str, Any]:
    recording = one.recording
    match = compare_profiles(query.profile, other, query.name, recording.recording_id)
    if query.offset_s:
        moved = tuple(_moved(segment, query.offset_s) for segment in match.segments)
        match = replace(match, segments=moved)
    facts = {"recording_id": recording.recording_id, "item_id": one.item_id, "workspace": str(one.workspace)}
    return facts | {"title": recording.title, "artist": recording.artist} | match.as_json()


def _moved(segment: VersionSegment, by_s: float) -> VersionSegment:
    """Return a segment whose seconds of A count from the beginning of the file, not of the span."""
    span = Span(segment.a.start_s + by_s, segment.a.end_s + by_s)
    return replace(segment, a=span, path=tuple((a + by_s, b) for a, b in segment.path))
