"""Match every file of a sealed corpus with a catalogue, and say what is identified, unmatched, conflicting or doubled.

Each file is one shard of a fold, computed on as many processes as asked for; finished shards are kept, so that an
interrupted report goes on where it stopped. The finished report lies in a run folder, as JSON and CSV.

Known limits
------------
What the catalogue lacks stays unmatched: that is no statement about where it comes from.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from linernotes.audio.files import Audio, read_audio
from linernotes.catalog.recording import Recording
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import InputError
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.execution.shards import Progress
from linernotes.fingerprint.decision import DEFAULT_MAX_FALSE_MATCH_RATE, check_limit
from linernotes.fingerprint.match import identify_audio
from linernotes.fingerprint.storage.catalogue import Catalogue
from linernotes.fingerprint.store import open_index
from linernotes.workflows.catalogue import FOLDER as CATALOGUE_FOLDER
from linernotes.workflows.catalogue import open_catalogue
from linernotes.workflows.corpus_findings import findings_of
from linernotes.workflows.imported_fingerprints import identify_by_chromaprint, imported_recordings
from linernotes.workflows.known_music import FOLDER, KnownRecording, index_of_items
from linernotes.workspace import Workspace
from linernotes.workspace.runs import RunFolder

COMMAND = "corpus identify"
REPORT, TABLE = "report.json", "report.csv"
SCOPE = (
    "Matched with the recordings of one catalogue: 'identified' means the same recording at the stated false-match rate, "
    "'unmatched' means none in this catalogue. A conflict is a question to a person."
)


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file to match."""

    item_id: str
    path: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class MatchFiles:
    """The fold: each file against the catalogue and against the corpus itself.

    Parameters
    ----------
    catalogue_folder, corpus_folder : str
        Index folders; empty for none.
    collection : str
        Hash of what they hold, so that kept shards of another catalogue are never taken.
    max_false_match_rate : float
        Limit per file.
    search_shifts : bool
        Whether changed pitch and tempo are tried.
    imported_from : str
        Workspace whose imported fingerprints are asked too; empty for none.
    """

    catalogue_folder: str
    corpus_folder: str
    collection: str
    max_false_match_rate: float
    search_shifts: bool
    imported_from: str = ""
    shard_size: int = 1

    def start(self) -> list[dict[str, Any]]:
        """Return no answers."""
        return []

    def add(self, state: list[dict[str, Any]], items: Sequence[CorpusFile]) -> list[dict[str, Any]]:
        """Return the answers so far and those of more files."""
        return state + [self._answer(one) for one in items]

    def merge(self, left: list[dict[str, Any]], right: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answers of both, in order."""
        return left + right

    def finish(self, state: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answers."""
        return state

    def _answer(self, one: CorpusFile) -> dict[str, Any]:
        answer: dict[str, Any] = {"item_id": one.item_id, "matches": [], "overlaps": [], "error": None}
        try:
            audio = read_audio(one.path)
            for field, folder in (("matches", self.catalogue_folder), ("overlaps", self.corpus_folder)):
                if folder:
                    found = identify_audio(
                        audio,
                        _opened(folder, self.collection),
                        query_id=one.item_id,
                        max_false_match_rate=self.max_false_match_rate,
                        search_shifts=self.search_shifts and field == "matches",
                    )
                    answer[field] = [match.as_json() for match in found]
            answer["matches"] += self._imported(audio, one, {m["recording_id"] for m in answer["matches"]})
        except InputError as error:
            answer["error"] = str(error)
        answer["overlaps"] = [
            match | {"item_id": match["recording_id"]}
            for match in answer["overlaps"]
            if match["recording_id"] != one.item_id
        ]
        return answer

    def _imported(self, audio: Audio, one: CorpusFile, known: set[str]) -> list[dict[str, Any]]:
        """Ask a catalogue that sent fingerprints alone, for recordings that the landmarks did not name."""
        if not self.imported_from:
            return []
        limit = self.max_false_match_rate
        found = identify_by_chromaprint(audio, self.imported_from, one.item_id, limit)
        return [match.as_json() for match in found if match.recording_id not in known]


def identify_corpus(
    workspace: Path | str,
    *,
    against: Path | str | None = None,
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    search_shifts: bool = True,
    n_workers: int | None = None,
    csv_file: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Match each file of the sealed corpus and report on the corpus as a whole.

    Parameters
    ----------
    workspace : Path or str
        Workspace with the sealed corpus.
    against : Path or str, optional
        Another workspace whose catalogue is used; its own when None.
    max_false_match_rate : float in (0, 1)
        Limit per file.
    search_shifts : bool
        Whether changed pitch and tempo are tried.
    n_workers : int, optional
        Processes; all cores when None. The report does not depend on it.
    csv_file : Path, optional
        Where the table is copied to.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``items`` (one row each), ``duplicates``, ``partial_overlaps``, ``summary``, ``scope``, ``folder``.

    Raises
    ------
    InputError
        If the limit is not a rate, or the table cannot be written.
    CorpusError
        If no corpus is sealed, there is no catalogue, or an index is damaged.
    """
    check_limit(max_false_match_rate)
    with Workspace.open(workspace) as opened:
        corpus = opened.corpus()
        runs, kept = opened.folder("runs"), opened.folder(FOLDER)
        index_of_items(kept / "corpus-all", _known(corpus), progress)
    source = _Source.of(workspace if against is None else against)
    collection = _digest(source, corpus)
    fold = MatchFiles(
        source.folder,
        str((kept / "corpus-all").absolute()),
        collection,
        max_false_match_rate,
        search_shifts,
        source.imported_from,
    )
    config = {
        "max_false_match_rate": max_false_match_rate,
        "search_shifts": search_shifts,
        "against": str(against or ""),
    }
    run = RunFolder.begin(runs, COMMAND, config, {"corpus": corpus.root, "collection": collection})
    if not run.finished:
        files = [CorpusFile(i.item_id, str(corpus.audio_path(i)), i.content_sha256) for i in corpus.items]
        workers = min(n_workers or os.cpu_count() or 1, len(files))
        with ProcessRunner(workers, 1, ShardStore(run.shards), progress) as runner:
            answers = runner(fold, files, name="identifying the corpus")
        found = findings_of(corpus.items, answers, source.recordings)
        facts = {
            "corpus_root": corpus.root,
            "n_catalogue": len(source.recordings),
            "max_false_match_rate": max_false_match_rate,
            "scope": SCOPE,
        }
        run.write_json(REPORT, found | facts)
        run.write_text(TABLE, csv_of(found["items"]))
        run.finish()
    report: dict[str, Any] = run.read_json(REPORT)
    if csv_file is not None:
        _copy(run.path / TABLE, csv_file)
    return report | {"folder": str(run.path)}


COLUMNS = (
    *("item_id", "file", "status", "title", "artist", "isrc", "iswc", "duration_s"),
    *("recording_id", "matched_title", "matched_artist", "matched_isrc", "matched_iswc"),
    *("covered_share", "item_start_s", "item_end_s", "reference_start_s", "reference_end_s"),
    *("false_match_rate", "time_ratio", "pitch_shift_semitones"),
    *("conflicts", "duplicates", "overlaps", "mix", "suggestions", "error"),
)


def csv_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as CSV, one line per item, lists joined by semicolons.

    Examples
    --------
    >>> csv_of([]).startswith("item_id,file,status,title")
    True
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        best = row["matches"][0] if row["matches"] else {}
        flat = dict(row) | {
            "item_start_s": best.get("query_start_s"),
            "item_end_s": best.get("query_end_s"),
            **{
                name: best.get(name)
                for name in (
                    *("reference_start_s", "reference_end_s"),
                    *("false_match_rate", "time_ratio", "pitch_shift_semitones"),
                )
            },
            "conflicts": "; ".join(f"{one['code']}: {one['detail']}" for one in row["conflicts"]),
            "duplicates": "; ".join(row["duplicates"]),
            "overlaps": "; ".join(one["item_id"] for one in row["overlaps"]),
            "mix": "; ".join(row["mix"]),
            "suggestions": "; ".join(f"{one['field']} {one['value']}" for one in row["suggestions"]),
        }
        writer.writerow({name: "" if value is None else value for name, value in flat.items()})
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class _Source:
    """A catalogue to match with: landmarks of recordings, fingerprints that came without audio, or both."""

    folder: str
    imported_from: str
    contents: dict[str, str]
    recordings: dict[str, Recording]

    @classmethod
    def of(cls, workspace: Path | str) -> _Source:
        imported = imported_recordings(workspace)
        with Workspace.open(workspace) as opened:
            facts = {recording.recording_id: recording for recording in opened.recordings()}
            place = opened.folder(CATALOGUE_FOLDER)
            if imported and not facts:
                return cls("", str(opened.path.absolute()), {}, imported)
            contents = open_catalogue(opened).content_hashes
            come_from = str(opened.path.absolute()) if imported else ""
            return cls(str(place.absolute()), come_from, contents, imported | facts)


def _known(corpus: SealedCorpus) -> list[KnownRecording]:
    return [
        KnownRecording(
            item.item_id, item.recording, corpus.audio_path(item), item.content_sha256, item.item_id, None
        )
        for item in corpus.items
    ]


def _digest(source: _Source, corpus: SealedCorpus) -> str:
    facts = {
        "catalogue": sorted(source.contents.items()),
        "recordings": [source.recordings[name].as_json() for name in sorted(source.recordings)],
        "corpus": [_facts(item) for item in corpus.items],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _facts(item: Item) -> list[Any]:
    return [item.item_id, item.content_sha256, item.cluster_id, item.recording.as_json()]


@lru_cache(maxsize=4)
def _opened(folder: str, collection: str) -> Catalogue:
    """Return an index, opened once per process; *collection* keeps another content from being taken for it."""
    return open_index(Path(folder))


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(source.read_bytes())
        os.replace(partial, target)
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); choose a place you may write to"
        ) from error
