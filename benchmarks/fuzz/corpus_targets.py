"""The seal's parsers: presence proofs, VRF proofs, manifests of facts, the tables that people fill."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
from typing import Any

from benchmarks.fuzz.target import DEMO, Target, from_file, head, mapping, text
from linernotes.catalog.recording import Recording
from linernotes.catalog.tables import read_catalogue_table, read_rights_table
from linernotes.corpus import vrf
from linernotes.corpus.commitment import vrf_key_of
from linernotes.corpus.facts import parse_facts
from linernotes.corpus.lookup_keys import parse_key
from linernotes.corpus.manifest import Item
from linernotes.corpus.presence import prove_presence
from linernotes.corpus.presence_check import verify_presence
from linernotes.corpus.seal import SealedCorpus, seal_items

SECRET = bytes(range(32))
VRF_KEY = vrf_key_of(SECRET)
ALPHA = b"a key"


def _item(number: int) -> Item:
    return Item(
        item_id=f"piece-{number}",
        path=f"piece-{number}.flac",
        content_sha256=f"{number:064x}",
        audio_sha256=f"{number + 1000:064x}",
        duration_s=60.0 + number,
        sample_rate=44100,
        n_channels=2,
        coding="FLAC/PCM_16",
        recording=Recording(
            recording_id=f"piece-{number}", title=f"Piece {number}", artist="Ada", isrc=_isrc(number)
        ),
    )


def _isrc(number: int) -> str:
    return f"USS1Z99{number:05d}"


@functools.cache
def example_corpus() -> SealedCorpus:
    """Return a sealed corpus of forty pieces."""
    items = [_item(number) for number in range(40)]
    return seal_items(items, audio_dir="music", secret=SECRET, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@functools.cache
def _proofs() -> tuple[bytes, ...]:
    keys = [[("isrc", _isrc(3)), ("content_sha256", f"{3:064x}")], [("isrc", "USS1Z9999999")]]
    return tuple(prove_presence(example_corpus(), one, open_items=one is keys[0]) for one in keys)


def _present(proof: bytes) -> Any:
    return dataclasses.asdict(verify_presence(proof, example_corpus().root))


def in_any_order(value: Any) -> Any:
    """Return JSON with its lists sorted: true proofs of two keys say the same in either order."""
    if isinstance(value, dict):
        return {name: in_any_order(part) for name, part in value.items()}
    if isinstance(value, list):
        return sorted((in_any_order(part) for part in value), key=repr)
    return value


def _vrf_output(data: bytes) -> bytes:
    return vrf.verify(VRF_KEY.public, ALPHA, data)


def example_facts() -> bytes:
    """Return one line of a manifest of facts."""
    said = {
        "item_id": "piece-1",
        "file": "piece-1.flac",
        "content_sha256": "0" * 63 + "1",
        "title": "Piece 1",
        "artist": "Ada",
        "isrc": "USS1Z9900001",
        "duration_s": 61.5,
        "source_class": "licensed",
    }
    return json.dumps(said).encode()


CORPUS_TARGETS = {
    "presence-proof": Target(_present, _proofs, is_proof=True),
    "vrf-proof": Target(_vrf_output, lambda: [VRF_KEY.prove(ALPHA)], is_proof=True),
    "sealed-corpus": Target(
        mapping(SealedCorpus.from_json),
        lambda: [json.dumps(example_corpus().to_json(), sort_keys=True).encode()[:40_000_000]],
    ),
    "manifest-line": Target(parse_facts, lambda: [example_facts()]),
    "lookup-key": Target(
        text(parse_key), lambda: [b"US-S1Z-99-00001", b"T-034.524.680-1", b"isrc:USS1Z9900001"]
    ),
    "rights-table": Target(
        from_file(read_rights_table, ".csv"), lambda: [head(DEMO / "corpus" / "rights.csv", 12)]
    ),
    "catalogue-table": Target(
        from_file(read_catalogue_table, ".csv"), lambda: [head(DEMO / "catalog" / "catalog.csv", 12)]
    ),
}
