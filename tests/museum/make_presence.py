"""Write the museum of presence proofs anew: ``python tests/museum/make_presence.py``; the same bytes every time.

Needed when the format changes. Each fault is one thing that a careless or lying provider could hand out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from linernotes.catalog.recording import Recording
from linernotes.corpus.commitment import MemoryMap
from linernotes.corpus.manifest import Item
from linernotes.corpus.presence import prove_from
from linernotes.corpus.presence_bytes import MAGIC, MapAnswer, PresenceProof
from linernotes.corpus.seal import SealedCorpus, seal_items

FOLDER = Path(__file__).parent / "presence"
ISRC_3, ISRC_4 = "GBAYE6900003", "GBAYE6900004"


def digest(n: int) -> str:
    return hashlib.sha256(f"recording {n}".encode()).hexdigest()


def sketch(n: int) -> list[str]:
    return [digest(100_000 + 8 * n + i)[:16] for i in range(8)]


def item(n: int) -> Item:
    name = f"item-{n:04}"
    return Item(
        item_id=name,
        path=f"{name}.wav",
        content_sha256=digest(n),
        audio_sha256=digest(-n - 1),
        duration_s=1.5,
        sample_rate=8000,
        n_channels=1,
        coding="WAV/PCM_16",
        recording=Recording(recording_id=name, title=f"Title {n}", artist="Ada", isrc=f"GBAYE69{n:05}"),
        sketch=tuple(sorted(sketch(n))),
    )


def corpus(numbers: range = range(40), secret: int = 7) -> SealedCorpus:
    return seal_items(
        [item(n) for n in numbers],
        audio_dir="music",
        secret=bytes([secret]) * 32,
        training_date=date(2025, 3, 1),
        previous_root="ab" * 32,
    )


def proof_of(made: SealedCorpus, keys: object, **how: bool) -> PresenceProof:
    assert made.header is not None
    holder = MemoryMap(made.items, bytes.fromhex(made.secret))
    return PresenceProof.from_bytes(prove_from(made.header, holder, keys, **how))  # type: ignore[arg-type]


def good(made: SealedCorpus) -> dict[str, PresenceProof]:
    every = {
        "content_sha256": digest(900),
        "audio_sha256": digest(901),
        "isrc": "USS1Z9900001",
        "iswc": "T0345246801",
        "mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69",
        "iscc": "ISCC:EIAX22FRE5DS3YBC",
        "sketch": sketch(900),
    }
    return {
        "present": proof_of(made, {"content_sha256": digest(3), "isrc": [ISRC_3, "USS1Z9900001"]}),
        "absent": proof_of(made, every),
        "sketch": proof_of(made, {"content_sha256": digest(900), "sketch": sketch(3)}),
        "opened": proof_of(made, {"isrc": ISRC_3}, open_items=True),
        "opened_by_sketch": proof_of(made, {"sketch": sketch(3)}, open_items=True),
    }


def bad(made: SealedCorpus, held: dict[str, PresenceProof]) -> Iterator[tuple[str, bytes]]:
    assert made.header is not None
    present, absent, opened = held["present"], held["absent"], held["opened"]
    one = proof_of(made, {"isrc": ISRC_3})
    gone = proof_of(made, {"isrc": "USS1Z9900001"})
    other = proof_of(corpus(secret=8), {"isrc": ISRC_3})
    later = proof_of(corpus(range(1, 41)), {"isrc": "GBAYE6900000"})
    raw, exact = one.to_bytes(), one.exact
    bucket = exact.buckets[0]

    def with_exact(answer: MapAnswer) -> bytes:
        return replace(one, exact=answer).to_bytes()

    yield "first_revision", b'{"format": "linernotes-presence-v1", "keys": []}'
    yield "second_revision", b'{"format": "linernotes-presence-v2", "keys": []}'
    yield "later_revision", raw.replace(MAGIC, b"LNP4", 1)
    yield "nothing", b""
    yield "no_keys", replace(one, exact=MapAnswer()).to_bytes()
    yield "cut_short", raw[:-40]
    yield "a_byte_at_the_end", raw + b"\0"
    yield "a_second_proof_at_the_end", raw + raw
    yield "absent_though_present_entry_left_out", with_exact(replace(exact, buckets=(bucket[5:],)))
    yield "absent_though_present_empty_bucket", with_exact(replace(exact, buckets=(b"",)))
    yield (
        "absent_with_another_bucket_shown",
        with_exact(replace(exact, buckets=gone.exact.buckets, siblings=gone.exact.siblings)),
    )
    yield "absent_under_the_proof_of_another_key", with_exact(replace(gone.exact, keys=exact.keys))
    yield (
        "present_though_absent_entry_added",
        replace(gone, exact=replace(gone.exact, buckets=(gone.exact.buckets[0] + b"\xff" * 5,))).to_bytes(),
    )
    yield "entry_twice", with_exact(replace(exact, buckets=(bucket[:5] + bucket,)))
    yield "entries_out_of_order", with_exact(replace(exact, buckets=(bucket[5:] + bucket[:5],)))
    yield "bucket_twice", with_exact(replace(exact, buckets=(bucket, bucket)))
    yield "bucket_missing", with_exact(replace(exact, buckets=()))
    yield "hash_changed", with_exact(replace(exact, siblings=(bytes(28), *exact.siblings[1:])))
    yield "hash_left_out", with_exact(replace(exact, siblings=exact.siblings[:-1]))
    yield "hash_added", with_exact(replace(exact, siblings=(*exact.siblings, exact.siblings[0])))
    yield "hashes_out_of_order", with_exact(replace(exact, siblings=exact.siblings[::-1]))
    yield "hashes_of_a_map_not_asked", replace(one, sketch=MapAnswer(siblings=exact.siblings)).to_bytes()
    many = present.exact
    yield (
        "keys_out_of_order",
        replace(
            present, exact=replace(many, keys=many.keys[::-1], vrf_proofs=many.vrf_proofs[::-1])
        ).to_bytes(),
    )
    yield "key_twice", with_exact(replace(exact, keys=exact.keys * 2, vrf_proofs=exact.vrf_proofs * 2))
    yield "buckets_exchanged", replace(present, exact=replace(many, buckets=many.buckets[::-1])).to_bytes()
    yield "key_not_normalised", raw.replace(ISRC_3.encode(), ISRC_3.lower().encode(), 1)
    yield "key_of_an_unknown_kind", raw.replace(b"\x02" + ISRC_3.encode(), b"\x06" + ISRC_3.encode(), 1)
    yield "iswc_check_digit_wrong", absent.to_bytes().replace(b"T0345246801", b"T0345246802", 1)
    yield "another_key_than_proved", raw.replace(ISRC_3.encode(), ISRC_4.encode(), 1)
    yield "vrf_proof_of_another_key", with_exact(replace(exact, vrf_proofs=gone.exact.vrf_proofs))
    yield (
        "vrf_proof_of_small_order",
        with_exact(replace(exact, vrf_proofs=(b"\x01" + bytes(31) + exact.vrf_proofs[0][32:],))),
    )
    order = 2**252 + 27742317777372353535851937790883648493
    last = int.from_bytes(exact.vrf_proofs[0][48:], "little") + order
    yield (
        "vrf_scalar_beyond_the_order",
        with_exact(replace(exact, vrf_proofs=(exact.vrf_proofs[0][:48] + last.to_bytes(32, "little"),))),
    )
    yield (
        "swapped_vrf_key",
        replace(
            one, header=replace(made.header, vrf_public=other.header.vrf_public), exact=other.exact
        ).to_bytes(),
    )
    yield "of_another_corpus", other.to_bytes()
    yield "of_another_snapshot", later.to_bytes()
    yield "of_another_snapshot_under_this_header", replace(later, header=made.header).to_bytes()
    for name in ("n_items", "n_exact_keys", "n_sketch_keys"):
        header = replace(made.header, **{name: getattr(made.header, name) + 1})
        yield f"header_{name}_changed", replace(one, header=header).to_bytes()
    kinds = replace(made.header, key_kinds=("content_sha256", *made.header.key_kinds[2:]))
    yield "header_kinds_changed", replace(one, header=kinds).to_bytes()
    day = len(MAGIC) + 19
    yield "header_impossible_day", raw[:day] + bytes([7, 233, 2, 30]) + raw[day + 4 :]
    yield "header_without_kinds", raw[:4] + b"\x80" + raw[5:]
    yield "sketch_entry_left_out", _sketch_changed(held["sketch"], lambda entries: entries[7:])
    yield (
        "sketch_entry_of_another_item",
        _sketch_changed(held["sketch"], lambda entries: entries[:3] + bytes(4) + entries[7:]),
    )
    yield (
        "sketch_proof_missing",
        replace(
            held["sketch"],
            sketch=replace(held["sketch"].sketch, vrf_proofs=held["sketch"].sketch.vrf_proofs[1:]),
        ).to_bytes(),
    )
    true = opened.opened[0]
    yield "opened_record_changed", opened.to_bytes().replace(b"Title 3", b"Title 8", 1)
    yield "opened_record_twice", replace(opened, opened=(true, true)).to_bytes()
    yield "opened_record_at_another_number", replace(opened, opened=(replace(true, number=4),)).to_bytes()
    yield "opened_path_too_short", replace(opened, opened=(replace(true, path=true.path[1:]),)).to_bytes()
    yield (
        "opened_record_of_another_key",
        replace(opened, opened=proof_of(made, {"isrc": ISRC_4}, open_items=True).opened).to_bytes(),
    )
    yield "opened_though_absent", replace(absent, opened=opened.opened).to_bytes()


def _sketch_changed(proof: PresenceProof, change: object) -> bytes:
    first, *rest = proof.sketch.buckets
    assert callable(change)
    return replace(proof, sketch=replace(proof.sketch, buckets=(change(first), *rest))).to_bytes()


def main() -> None:
    made = corpus()
    for path in (*FOLDER.glob("*.proof"), *FOLDER.glob("*.json")):
        path.unlink()
    (FOLDER / "root.txt").write_text(made.root + "\n")
    held = good(made)
    for name, proof in held.items():
        (FOLDER / f"good_{name}.proof").write_bytes(proof.to_bytes())
    for name, data in bad(made, held):
        (FOLDER / f"bad_{name}.proof").write_bytes(data)


if __name__ == "__main__":
    main()
