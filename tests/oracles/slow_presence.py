"""The check of a presence proof once more, from ``docs/methods/seal.md`` alone; standard library and `slow_vrf`.

Scope sentence and the records of opened items are left to the real one: it checks their words and fields.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

_spec = importlib.util.spec_from_file_location("slow_vrf", Path(__file__).with_name("slow_vrf.py"))
assert _spec is not None
assert _spec.loader is not None
slow_vrf = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(slow_vrf)

KINDS = ("content_sha256", "audio_sha256", "isrc", "iswc", "mbid", "iscc", "sketch")
FORMS = {
    "content_sha256": "[0-9a-f]{64}",
    "audio_sha256": "[0-9a-f]{64}",
    "isrc": "[A-Z]{2}[A-Z0-9]{3}[0-9]{7}",
    "iswc": "T[0-9]{10}",
    "mbid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "iscc": "ISCC:[A-Z2-7]{10,73}",
    "sketch": "[0-9a-f]{16}",
}
HEADER = {
    *("format", "n_items", "manifest_root", "map_root", "n_keys", "key_kinds"),
    *("vrf_suite", "vrf_public", "training_date", "previous_root"),
}
FIELDS = {"kind", "key", "present", "vrf", "way", "value", "other", "commitments", "opened"}


def need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def check(proof: Any, root: str) -> bool:
    """Return whether the recording is present, or raise any error."""
    need(proof.keys() == {"format", "root", "header", "present", "keys", "not_checked", "scope"}, "fields")
    need(proof["format"] == "linernotes-presence-v2" and proof["root"] == root, "format or root")
    header, entries = proof["header"], proof["keys"]
    need(header.keys() == HEADER and header["format"] == "linernotes-corpus-v2", "header")
    need(header["key_kinds"] == sorted(set(header["key_kinds"]) & set(KINDS)), "kinds")
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    need(
        hashlib.sha256(b"linernotes-corpus-v2\n" + text).hexdigest() == root, "header does not give the root"
    )
    need(0 < len(entries) <= 256, "number of keys")
    need(len({(entry["kind"], entry["key"]) for entry in entries}) == len(entries), "a key twice")
    for entry in entries:
        check_key(entry, header)
    checked = {entry["kind"] for entry in entries} & set(header["key_kinds"])
    need(proof["not_checked"] == [kind for kind in KINDS if kind not in checked], "not_checked")
    on_one = Counter(c for e in entries if e["kind"] == "sketch" and e["present"] for c in e["commitments"])
    needed = 3 if header["n_items"] <= 1_000 else 4 if header["n_items"] <= 100_000 else 5
    present = any(entry["present"] for entry in entries if entry["kind"] != "sketch")
    present = present or max(on_one.values(), default=0) >= needed
    need(proof["present"] is present, "verdict")
    return present


def check_key(entry: Any, header: Any) -> None:
    need(entry.keys() == FIELDS, "fields of a key")
    kind, key = entry["kind"], entry["key"]
    need(re.fullmatch(FORMS[kind], key) is not None, "form of a key")
    named = key[:4] if kind == "sketch" else key
    alpha = f"linernotes/map-key/v2\n{kind}\0{named}".encode()
    public = bytes.fromhex(header["vrf_public"])
    output = slow_vrf.verify(slow_vrf.TAI, public, alpha, unpacked(entry["vrf"]))
    position = output[:32]
    if kind == "sketch":
        position = hashlib.sha256(b"linernotes/sketch-position/v2\n" + output + key.encode()).digest()
    way, found = unpacked(entry["way"]), bytes(32)
    need(len(way) % 32 == 0 and len(way) <= 32 * 256, "length of the way")
    bits = format(int.from_bytes(position, "big"), "0256b")
    depth = len(way) // 32
    if entry["value"] is not None:
        need(entry["other"] is None, "value and other")
        found = hashlib.sha256(b"\x10" + position + digest(entry["value"])).digest()
    elif entry["other"] is not None:
        need(entry["other"].keys() == {"position", "value"}, "fields of the other leaf")
        other = digest(entry["other"]["position"])
        shown = format(int.from_bytes(other, "big"), "0256b")
        need(other != position and shown[:depth] == bits[:depth], "the other leaf is not on the way")
        found = hashlib.sha256(b"\x10" + other + digest(entry["other"]["value"])).digest()
    for step in reversed(range(depth)):
        sibling = way[32 * step : 32 * step + 32]
        pair = sibling + found if bits[step] == "1" else found + sibling
        found = hashlib.sha256(b"\x11" + pair).digest()
    need(found.hex() == header["map_root"], "map root")
    need(entry["present"] is (entry["value"] is not None), "present")
    commitments = entry["commitments"]
    if commitments is None:
        need(entry["opened"] is None and not (kind == "sketch" and entry["present"]), "no commitments")
        return
    need(entry["present"] and bool(commitments) and commitments == sorted(set(commitments)), "commitments")
    joined = b"".join(map(digest, commitments))
    need(hashlib.sha256(b"\x12" + joined).hexdigest() == entry["value"], "value")
    for opening in entry["opened"] or ():
        leaf = json.dumps(opening, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        need(hashlib.sha256(b"\0" + leaf).hexdigest() in commitments, "opened record")


def digest(text: Any) -> bytes:
    need(re.fullmatch("[0-9a-f]{64}", text) is not None, "64 hexadecimal digits")
    return bytes.fromhex(text)


def unpacked(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base 64")
    return data
