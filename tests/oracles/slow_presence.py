"""The check of a presence proof once more, from ``docs/methods/seal.md`` alone; standard library and `slow_vrf`.

Written as one walk over the bytes. What an opened record is about is left to the real one: it knows its fields.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.util
import json
import math
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any

_spec = importlib.util.spec_from_file_location("slow_vrf", Path(__file__).with_name("slow_vrf.py"))
assert _spec is not None
assert _spec.loader is not None
slow_vrf = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(slow_vrf)

KINDS = ("content_sha256", "audio_sha256", "isrc", "iswc", "mbid", "iscc", "sketch")


def need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def check(data: bytes, root: str) -> bool:
    """Return whether the recording is present, or raise any error."""
    need(data[:4] == b"LNP3", "format")
    at = 4

    def take(size: int) -> bytes:
        nonlocal at
        need(at + size <= len(data), "too short")
        at += size
        return data[at - size : at]

    header = read_header(take)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    need(
        hashlib.sha256(b"linernotes-corpus-v3\n" + text).hexdigest() == root, "the header gives another root"
    )
    public = bytes.fromhex(header["vrf_public"])

    def output(alpha: str) -> bytes:
        return slow_vrf.verify(slow_vrf.TAI, public, b"linernotes/map-key/v3\n" + alpha.encode(), take(80))

    keys = [read_key(take) for _ in range(take(1)[0])]
    need(keys == sorted(set(keys)), "order of the keys")
    texts = [text_of(*key) for key in keys]
    positions = [output(KINDS[key[0]] + "\0" + text)[:16] for key, text in zip(keys, texts, strict=True)]
    found = read_map(take, positions, header["n_exact_keys"], 5, header["exact_root"])
    exact = any(p[8:13] in some for p, some in zip(positions, found, strict=True))

    heard = [take(8).hex() for _ in range(take(1)[0])]
    need(heard == sorted(set(heard)), "order of the sketch keys")
    outputs = {start: output("sketch\0" + start) for start in sorted({key[:4] for key in heard})}
    label = b"linernotes/sketch-position/v3\n"
    positions = [hashlib.sha256(label + outputs[key[:4]] + key.encode()).digest()[:16] for key in heard]
    found = read_map(take, positions, header["n_sketch_keys"], 7, header["sketch_root"])
    on_items: Counter[int] = Counter()
    for position, entries in zip(positions, found, strict=True):
        mask = int.from_bytes(position[11:15], "big")
        on_items.update(int.from_bytes(e[3:], "big") ^ mask for e in entries if e[:3] == position[8:11])
    need(bool(keys or heard), "no key")
    read_opened(take, header)
    need(at == len(data), "too long")
    needed = 3 if header["n_items"] <= 1_000 else 4 if header["n_items"] <= 100_000 else 5
    return exact or max(on_items.values(), default=0) >= needed


def read_header(take: Any) -> dict[str, Any]:
    bits = format(take(1)[0], "08b")[::-1]
    items, exact, sketch = (int.from_bytes(take(6), "big") for _ in range(3))
    year, month, day = struct.unpack(">HBB", take(4))
    manifest, exact_root, sketch_root, public = (take(n).hex() for n in (32, 28, 28, 32))
    need(items > 0 and "1" in bits[:7], "header")
    return {
        "format": "linernotes-corpus-v3",
        "n_items": items,
        "manifest_root": manifest,
        "exact_root": exact_root,
        "n_exact_keys": exact,
        "sketch_root": sketch_root,
        "n_sketch_keys": sketch,
        "key_kinds": sorted(kind for kind, bit in zip(KINDS, bits, strict=False) if bit == "1"),
        "vrf_suite": "ECVRF-EDWARDS25519-SHA512-TAI",
        "vrf_public": public,
        "training_date": datetime.date(year, month, day).isoformat()
        if (year, month, day) != (0, 0, 0)
        else None,
        "previous_root": take(32).hex() if bits[7] == "1" else None,
    }


def read_key(take: Any) -> tuple[int, bytes]:
    kind = take(1)[0]
    need(kind < 6, "kind")
    if kind == 5:
        size = take(1)
        return kind, size + take(size[0])
    return kind, take((32, 32, 12, 11, 16)[kind])


def text_of(kind: int, raw: bytes) -> str:
    if kind in (0, 1):
        return raw.hex()
    if kind == 4:
        return re.sub("(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", raw.hex())
    text = raw[1:].decode("ascii") if kind == 5 else raw.decode("ascii")
    forms = {2: "[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", 3: "T[0-9]{10}", 5: "[A-Z2-7]{10,73}"}
    need(re.fullmatch(forms[kind], text) is not None, "form of a key")
    if kind == 3:
        need((1 + sum((i + 1) * int(d) for i, d in enumerate(text[1:10])) + int(text[10])) % 10 == 0, "ISWC")
    return "ISCC:" + text if kind == 5 else text


def read_map(take: Any, positions: list[bytes], n_keys: int, width: int, root: str) -> list[list[bytes]]:
    depth = math.ceil(math.log2(math.ceil(n_keys / 8))) if n_keys > 8 else 0
    places = [format(int.from_bytes(p[:8], "big"), "064b")[:depth] for p in positions]
    shown = {}
    n_buckets = take(1)[0]
    need(n_buckets == len(set(places)), "number of buckets")
    for place in sorted(set(places)):
        raw = take(width * int.from_bytes(take(2), "big"))
        shown[place] = [raw[i : i + width] for i in range(0, len(raw), width)]
        need(shown[place] == sorted(set(shown[place])), "order of the entries")
    n_hashes = int.from_bytes(take(2), "big")
    hashes = [take(28) for _ in range(n_hashes)]
    if not positions:
        need(not hashes, "hashes that nothing needs")
        return []
    level = {place: hashlib.sha224(b"\x10" + b"".join(some)).digest() for place, some in shown.items()}
    while "" not in level:
        for place in sorted(level):
            other = place[:-1] + ("0" if place[-1] == "1" else "1")
            if other not in level:
                level[other] = hashes.pop(0)
        level = {
            place: hashlib.sha224(b"\x11" + level[place + "0"] + level[place + "1"]).digest()
            for place in {place[:-1] for place in level}
        }
    need(not hashes and level[""].hex() == root, "root of a map")
    return [shown[place] for place in places]


def read_opened(take: Any, header: dict[str, Any]) -> None:
    last = -1
    for _ in range(take(1)[0]):
        number = int.from_bytes(take(6), "big")
        leaf = take(int.from_bytes(take(4), "big"))
        path = [take(32) for _ in range(take(1)[0])]
        need(last < number < header["n_items"], "order of the opened records")
        last = number
        found = climb(hashlib.sha256(b"\0" + leaf).digest(), number, header["n_items"], path)
        need(found.hex() == header["manifest_root"], "manifest root")


def climb(found: bytes, number: int, size: int, path: list[bytes]) -> bytes:
    """RFC 6962, section 2.1.1, from above."""
    if size == 1:
        need(not path, "length of a path")
        return found
    left = 2 ** math.ceil(math.log2(size) - 1)
    if number < left:
        return hashlib.sha256(b"\1" + climb(found, number, left, path[:-1]) + path[-1]).digest()
    below = climb(found, number - left, size - left, path[:-1])
    return hashlib.sha256(b"\1" + path[-1] + below).digest()
