"""What a seal leaves on a disk, and what of it strangers hand over: headers, openings, snapshots, fact tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.fuzz.corpus_targets import SECRET, example_corpus, example_facts
from benchmarks.fuzz.target import DEMO, Folder, Target, document, from_file, mapping, scratch, text
from linernotes.catalog.recording import Recording
from linernotes.corpus.commitment import MemoryMap, commitment_of, opened
from linernotes.corpus.consent import Consent, parse_date
from linernotes.corpus.facts import FactsFile, csv_to_facts, index_facts
from linernotes.corpus.gaps import Gap, gap
from linernotes.corpus.header import Header
from linernotes.corpus.manifest import Item
from linernotes.corpus.presence import prove_from
from linernotes.corpus.presence_check import verify_presence
from linernotes.corpus.seal import SealedCorpus
from linernotes.corpus.snapshot import Snapshot
from linernotes.corpus.snapshots import write_snapshot
from linernotes.corpus.source import Source, source_from_cells
from linernotes.errors import InputError, VerificationError
from linernotes.workflows.seal import read_secret
from linernotes.workflows.sealing_place import plan_of
from linernotes.workflows.sound_keys import listener

FACTS_TABLE = (
    b"item_id,content_sha256,duration_s,isrc,consent,consent_date\n"
    b"rain," + b"0f" * 32 + b",61.5,GBAYE6900001,yes,2025-01-05\n"
    b'"sun, moon",' + b"1e" * 32 + b",20,,unknown,\n"
)
CONSENT = {"status": "yes", "scope": "all", "date": "2025-01-05", "evidence": "7", "until": None}
SOURCE = {
    "source_class": "crawled",
    "name": "Example crawl",
    "url": "https://a.org",
    "collected_from": "2025-01-01",
    "metadata_used": ["title", "tags"],
}
SOURCE_CELLS = {"source_class": "crawled", "collected_from": "2025-01-01", "is_multitrack": "yes"}
RECORDING = {
    "recording_id": "rain",
    "title": "Rain",
    "artist": "Ada",
    "tags": ["calm"],
    "isrc": "GBAYE6900001",
}
KEYS = [("content_sha256", f"{3:064x}")]


def _header(value: Any) -> Header:
    found = Header.from_json(value)
    if found.root != example_corpus().root:
        raise VerificationError("the header of another corpus")
    return found


def _seal() -> Any:
    return example_corpus().to_json()["header"]


def _map() -> MemoryMap:
    return MemoryMap(example_corpus().items, SECRET)


def _opened(leaf: bytes) -> Item:
    if commitment_of(leaf) != _map().commitment(3):
        raise VerificationError("another leaf than the one committed to")
    return opened(leaf)


def _opening() -> bytes:
    return _map().opening(3)[0]


def _snapshot(folder: Path) -> None:
    made = write_snapshot(folder, example_corpus())
    for path in made.folder.iterdir():
        path.rename(folder / path.name)
    made.folder.rmdir()


def _used(folder: Path) -> Any:
    """Check a snapshot and ask it about a recording; its list of gaps is for its owner and committed to nowhere."""
    found = Snapshot.open(folder)
    found.check()
    found.gaps(3)
    answer = verify_presence(prove_from(found.header, found, KEYS, open_items=True), example_corpus().root)
    return found.facts.root, list(found.items()), list(found.ids()), answer.keys


def _asked(folder: Path) -> Any:
    """Ask a snapshot that nobody has checked: whatever proof comes, must hold and answer as the whole one does."""
    found = Snapshot.open(folder)
    answer = verify_presence(prove_from(found.header, found, KEYS), example_corpus().root)
    return answer.keys


def _table_of_facts(path: Path) -> Any:
    lines = scratch() / "facts.jsonl"
    csv_to_facts(path, lines)
    return _file_of_facts(lines)


def _file_of_facts(path: Path) -> Any:
    facts = FactsFile(path, index_facts(path))
    return [facts.item(number) for number in range(len(facts))]


def _manifest(value: Any) -> Any:
    """Check a private manifest against its own seal, as whoever restores it from a copy does."""
    found = SealedCorpus.from_json(value)
    if found.root != example_corpus().root:
        raise VerificationError("the manifest of another corpus")
    found.verify()
    return found.items


def _plan(data: bytes) -> Any:
    (scratch() / "plan.json").write_bytes(data)
    found = plan_of(scratch())
    if found is None:
        raise InputError("says nothing: the work is begun anew")
    return found


def _source_of_cells(cells: Any) -> Any:
    return source_from_cells({name: cell for name, cell in cells.items() if isinstance(cell, str)})


SNAPSHOT, UNCHECKED = Folder(_snapshot, _used), Folder(_snapshot, _asked)
SEAL_TARGETS = {
    "corpus-header": Target(document(_header), lambda: [json.dumps(_seal()).encode()], is_proof=True),
    "opened-item": Target(_opened, lambda: [_opening()], is_proof=True),
    "opened-item-of-liar": Target(opened, lambda: [_opening()]),
    "snapshot": Target(SNAPSHOT.read, SNAPSHOT.seeds, is_proof=True),
    "snapshot-unchecked": Target(UNCHECKED.read, UNCHECKED.seeds, is_proof=True),
    "facts-table": Target(from_file(_table_of_facts, ".csv"), lambda: [FACTS_TABLE]),
    "facts-file": Target(
        from_file(_file_of_facts, ".jsonl"),
        lambda: [example_facts() + b"\n" + example_facts().replace(b"piece-1", b"piece-2") + b"\n"],
    ),
    "source-cells": Target(mapping(_source_of_cells), lambda: [json.dumps(SOURCE_CELLS).encode()]),
    "source": Target(mapping(Source.from_json), lambda: [json.dumps(SOURCE).encode()]),
    "consent": Target(mapping(Consent.from_json), lambda: [json.dumps(CONSENT).encode()]),
    "recording": Target(mapping(Recording.from_json), lambda: [json.dumps(RECORDING).encode()]),
    "gap": Target(
        mapping(Gap.from_json), lambda: [json.dumps(gap("missing-isrc", "rain").as_json()).encode()]
    ),
    "day": Target(text(parse_date), lambda: [b"2025-02-28"]),
    "sound-keys": Target(
        from_file(listener, ".json"), lambda: [(DEMO / "corpus" / "sound_keys.json").read_bytes()]
    ),
    "sealed-manifest": Target(
        mapping(_manifest),
        lambda: [json.dumps(example_corpus().to_json(), sort_keys=True).encode()],
        is_proof=True,
    ),
    "seal-plan": Target(
        _plan, lambda: [b'{"before": null, "manifest": "ab", "secret": null, "training_date": null}']
    ),
    "secret": Target(from_file(read_secret, ".txt"), lambda: [SECRET.hex().encode() + b"\n"]),
}
