#!/usr/bin/env python3
"""Check what a provider of generated music has told you, without trusting the provider, us, or a network.

You need this one file, Python 3.9 or newer, and the package 'cryptography' (pip install cryptography). Then::

    python3 linernotes_verify.py folder ANSWER_FOLDER --key log.pub
    python3 linernotes_verify.py receipt receipt.json --key log.pub --subject statement.json
    python3 linernotes_verify.py presence song.proof --root ROOT --file mysong.wav
    python3 linernotes_verify.py consistency old.json new.json --key log.pub --proof proof.json
    python3 linernotes_verify.py checkpoint checkpoint --key log.pub --policy policy.txt

The *key* is the log's public key. Take it from where the provider has published it: a key that came with the
answer shows little. The *root* stands for the whole list of recordings that the provider committed to. A *policy*
names witnesses, independent parties who confirm that the log shows everybody the same; with --policy, a head that
too few of them confirmed is downgraded, and the exit code is 1.

Exit codes: 0 everything holds; 1 something does not hold, or is not confirmed as the policy asks; 2 the question
could not be put (a file is missing, an option is wrong).

It was written from the published formats, apart from the program that makes the proofs: RFC 6962 (Merkle trees),
RFC 8785 (canonical JSON), RFC 9381 (ECVRF-EDWARDS25519-SHA512-TAI), and C2SP's tlog texts. It compares the bytes of
a file; whether two files *sound* alike it cannot tell. That an answer is in the log does not make it true.
"""

from __future__ import annotations

# fmt: off
import argparse
import base64
import hashlib
import json
import os
import re
import sys
from collections import Counter
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NoReturn

MAX_FILE_BYTES, MAX_ENTRY_BYTES, MAX_NUMBER = 64 << 20, 1 << 20, (1 << 63) - 1
LAST_SECOND, UTC = 253402300799, timezone.utc  # noqa: UP017  # of the year 9999; as Python 3.9 has it
HEX64 = re.compile(r"[0-9a-f]{64}")
Facts = dict[str, Any]
Signatures = list[tuple[str, bytes, bytes]]

class Refused(Exception):
    """Something that was checked does not hold (exit code 1)."""

class Unusable(Exception):
    """The question could not be put (exit code 2)."""

def refuse(message: str) -> NoReturn:
    """Say that something does not hold."""
    raise Refused(message)

def ensure(holds: object, message: str) -> None:
    """Go on only if something holds."""
    if not holds:
        refuse(message)

# --- Reading: files, canonical JSON (RFC 8785), base64 ------------------------------------------------------------
def read(path: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return a file's bytes."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise Unusable(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) <= limit:
        return data
    raise Unusable(f"{path}: larger than {limit} bytes; is it the right file?")

def sha256_of(path: str) -> str:
    """Return the SHA-256 of a file, such as a recording."""
    return hashlib.sha256(read(path, 4 << 30)).hexdigest()

def text_of(data: bytes, what: str) -> str:
    """Return bytes as UTF-8 text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        refuse(f"{what}: not UTF-8 text")

def parse_json(data: bytes, what: str) -> Any:
    """Read JSON; a member that stands twice is refused, because two readers could see two things."""

    def once(pairs: list[tuple[str, Any]]) -> Facts:
        ensure(len(dict(pairs)) == len(pairs), f"{what}: a member stands twice")
        return dict(pairs)
    try:
        return json.loads(text_of(data, what), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        refuse(f"{what}: not JSON ({error})")

def parse_canonical(data: bytes, what: str) -> Any:
    """Read JSON and check that it is spelled in the one way of RFC 8785."""
    value = parse_json(data, what)
    ensure(canonical(value, what) == data, f"{what}: not written in canonical JSON; somebody has rewritten it")
    return value

def canonical(value: Any, what: str) -> bytes:
    """Return the RFC 8785 bytes of a JSON value."""
    try:
        return spelled(value).encode("utf-8")
    except (ValueError, RecursionError) as error:
        refuse(f"{what}: has no canonical spelling ({error})")

SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}

def spelled(value: Any) -> str:
    """Return the RFC 8785 text of a JSON value."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'
    if isinstance(value, int):
        if abs(value) >= 1 << 53:
            raise ValueError("a whole number beyond 2^53 - 1")
        return str(value)
    if isinstance(value, float):
        return spelled_number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(spelled(name) + ":" + spelled(value[name]) for name in names) + "}"

def spelled_number(value: float) -> str:
    """Return a number with a fraction or exponent as ECMAScript writes it."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("a number that is not finite")
    if value == 0:
        return "0"
    sign, (mantissa, _, exponent) = "-" if value < 0 else "", repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{point - 1:+d}"

def unbase64(text: Any, what: str) -> bytes:
    """Read base64 in its one canonical spelling."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, AttributeError):
        refuse(f"{what}: not base64")
    ensure(base64.b64encode(data).decode() == text, f"{what}: not canonical base64")
    return data

def whole_number(text: str, what: str) -> int:
    """Read a decimal number without leading zeroes, at most 2^63 - 1."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text) or int(text) > MAX_NUMBER:
        refuse(f"{what}: {text[:40]!r} is not a decimal number")
    return int(text)

def need(value: Any, names: tuple[str, ...], what: str) -> Facts:
    """Check that a value is an object with exactly these members."""
    ok = isinstance(value, dict) and set(value) == set(names)
    ensure(ok, f"{what}: expected exactly the members {', '.join(sorted(names))}")
    return dict(value)

def is_hex(value: object) -> bool:
    """Tell whether a value is 64 lower-case hexadecimal digits."""
    return isinstance(value, str) and HEX64.fullmatch(value) is not None

# --- Merkle trees (RFC 6962, section 2.1) -------------------------------------------------------------------------
def sha(*parts: bytes) -> bytes:
    """Return the SHA-256 of parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()

def root_from_inclusion(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that a leaf hash leads to."""
    ensure(0 <= index < size, f"inclusion proof: entry {index} is not in a log of {size} entries")
    if size == 1:
        ensure(not path, "inclusion proof: it is too long")
        return leaf
    ensure(path, "inclusion proof: it is too short")
    cut = 1 << (size - 1).bit_length() - 1  # the largest power of two below the size
    if index < cut:
        return sha(b"\x01", root_from_inclusion(leaf, index, cut, path[:-1]), path[-1])
    return sha(b"\x01", path[-1], root_from_inclusion(leaf, index - cut, size - cut, path[:-1]))

def roots_from_consistency(old_size: int, new_size: int, old_root: bytes | None, path: list[bytes]) -> tuple[bytes, bytes]:
    """Return the old and the new root that a consistency proof leads to; *old_root* only where it is a whole subtree."""
    if old_size == new_size:
        ensure(len(path) == (old_root is None), "consistency proof: it has the wrong length")
        return (path[0], path[0]) if old_root is None else (old_root, old_root)
    ensure(path, "consistency proof: it is too short")
    cut, last = 1 << (new_size - 1).bit_length() - 1, path[-1]
    if old_size <= cut:
        old, new = roots_from_consistency(old_size, cut, old_root, path[:-1])
        return old, sha(b"\x01", new, last)
    old, new = roots_from_consistency(old_size - cut, new_size - cut, None, path[:-1])
    return sha(b"\x01", last, old), sha(b"\x01", last, new)

def check_consistency(old: Facts, new: Facts, path: list[bytes]) -> None:
    """Check that the log of one head begins with everything that an older head spoke of."""
    m, n = old["size"], new["size"]
    ensure(m <= n, f"the log was rolled back: it had {m} entries and now shows {n}")
    if m in (0, n):
        ensure(not path, "consistency proof: it is too long")
        ensure(m < n or old["root"] == new["root"], f"the log was forked: two contents of the same {m} entries")
        return
    roots = roots_from_consistency(m, n, old["root"], path)
    message = f"the log was rewritten or forked: its first {m} entries are not the ones once signed"
    ensure(roots == (old["root"], new["root"]), message)

# --- Keys, notes, heads (C2SP signed-note, tlog-checkpoint, tlog-cosignature) --------------------------------------
ED25519, WITNESS_ED25519, ML_DSA_44 = 1, 4, 6
KEY_BYTES = {ED25519: 32, WITNESS_ED25519: 32, ML_DSA_44: 1312}

def parse_key(line: str, kinds: tuple[int, ...] = (ED25519, ML_DSA_44)) -> Facts:
    """Read a verifying key: NAME+KEYID+BASE64."""
    name, _, rest = line.partition("+")
    key_id, _, coded = rest.partition("+")
    odd = any(c.isspace() or c < " " or c == "\x7f" for c in name)
    ensure(name and not odd and coded, "key: expected NAME+KEYID+BASE64 on one line")
    data = unbase64(coded, f"key {name}")
    ensure(data and data[0] in kinds and len(data) == 1 + KEY_BYTES[data[0]], f"key {name}: not of a usable kind")
    found = sha(name.encode(), b"\n", data)[:4]
    ensure(found.hex() == key_id, f"key {name}: its id does not belong to it; was it mistyped?")
    return {"name": name, "id": found, "kind": data[0], "public": data[1:]}

def load_key(path: str) -> Facts:
    """Read a key file: one line."""
    line = text_of(read(path, 8192), path)
    ensure(line.endswith("\n") and "\n" not in line[:-1], f"{path}: expected one line with a key")
    return parse_key(line[:-1])

def split_note(note: str) -> tuple[str, Signatures]:
    """Return the text of a signed note and its signatures: name, key id, bytes."""
    text, blank, tail = note.rpartition("\n\n")
    ok = blank and tail.endswith("\n") and not any(c < " " and c != "\n" for c in note)
    ensure(ok, "checkpoint: expected a text, a blank line and signatures")
    lines, signatures = tail[:-1].split("\n"), []
    ensure(len(lines) <= 100, "checkpoint: more than 100 signatures")
    for line in lines:
        name, space, coded = line[2:].partition(" ")
        ok = line.startswith("\u2014 ") and space and name and "+" not in name and " " not in coded
        ensure(ok, "checkpoint: a signature line is malformed")
        data = unbase64(coded, f"signature of {name}")
        ensure(len(data) >= 5, f"checkpoint: the signature of {name} is too short")
        signatures.append((name, data[:4], data[4:]))
    return text + "\n", signatures

def parse_head(text: str) -> Facts:
    """Read the text of a checkpoint: name of the log, number of entries, root."""
    lines = text.split("\n")
    ensure(len(lines) >= 4 and not lines[-1] and all(lines[:-1]), "checkpoint: expected the lines origin, size and root")
    size, root = whole_number(lines[1], "checkpoint"), unhash(lines[2], "root of the checkpoint")
    ensure(size or root == sha(), "checkpoint: the root of an empty log is wrong")
    return {"origin": lines[0], "size": size, "root": root, "more": lines[3:-1]}

def signature_time(text: str, head: Facts, key: Facts, signature: bytes) -> int | None:
    """Check one signature below a head; return its time, None for a kind without one."""
    name, moment, message = key["name"], None, text.encode()
    if key["kind"] != ED25519:
        moment, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        ensure(moment <= MAX_NUMBER, f"checkpoint: the signature of {name} has an impossible time")
        message = f"cosignature/v1\ntime {moment}\n{text}".encode()
    if key["kind"] == ML_DSA_44 and moment is not None:
        who, log = name.encode(), head["origin"].encode()
        ok = not head["more"] and len(who) < 256 and len(log) < 256
        ensure(ok, f"checkpoint: the signature of {name} cannot cover this text")
        message = b"subtree/v1\n\0" + bytes([len(who)]) + who + moment.to_bytes(8, "big")
        message += bytes([len(log)]) + log + bytes(8) + head["size"].to_bytes(8, "big") + head["root"]
    ensure(signed(key, message, signature), f"checkpoint: the signature of {name} does not fit: it was changed")
    return moment

def signed(key: Facts, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature was made with a key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ed25519

    try:
        if key["kind"] == ML_DSA_44:
            from cryptography.hazmat.primitives.asymmetric import mldsa

            mldsa.MLDSA44PublicKey.from_public_bytes(key["public"]).verify(signature, message)
        else:
            ed25519.Ed25519PublicKey.from_public_bytes(key["public"]).verify(signature, message)
    except ImportError:
        why = "is post-quantum (ML-DSA-44): pip install --upgrade cryptography"
        raise Unusable(f"the signature of {key['name']} {why}") from None
    except (InvalidSignature, ValueError):
        return False
    return True

def find_signature(text: str, head: Facts, signatures: Signatures, key: Facts) -> tuple[bool, int | None]:
    """Return whether a key signed the head, and when; a wrong signature under its name spoils the head."""
    mine = [signature for name, key_id, signature in signatures if (name, key_id) == (key["name"], key["id"])]
    moments = [signature_time(text, head, key, signature) for signature in mine]
    return bool(moments), moments[0] if moments else None

def open_checkpoint(note: str, key: Facts | None, policy: Facts | None = None) -> Facts:
    """Check the log's signature below a head; with a policy also who confirmed it."""
    text, signatures = split_note(note)
    head = parse_head(text)
    logs = [one for one in policy["logs"] if one["name"] == head["origin"]] if policy else []
    for keys in ([key] if key else logs, logs if policy and policy["logs"] else [key]):
        ok = any(one and find_signature(text, head, signatures, one)[0] for one in keys)
        ensure(ok, f"checkpoint: of log {head['origin']}, not signed by the key that you trust")
    ensure(key is None or key["name"] == head["origin"], "checkpoint: your key is of another log")
    ensure(not head["more"], "checkpoint: it has lines that this program does not know")
    head["witnessed"] = judge(text, head, signatures, policy) if policy else None
    return head

# --- Policies: which witnesses are enough (C2SP tlog-policy) -------------------------------------------------------
def parse_policy(data: bytes) -> Facts:
    """Read a policy: lines 'log', 'witness', 'group' and one 'quorum'."""
    if len(data) > MAX_ENTRY_BYTES or re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data):
        raise Unusable("policy: too large, or it holds control characters")
    if data and not data.endswith(b"\n"):
        raise Unusable("policy: its last line does not end; is the file whole?")
    policy: Facts = {"logs": [], "witnesses": [], "groups": [], "quorum": None, "names": {"none"}, "members": set()}
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            try:
                read_policy_line(policy, words[0], words[1:])
            except Refused as error:
                raise Unusable(f"policy line {number}: {error}") from None
    if policy["quorum"]:
        return policy
    raise Unusable("policy: no quorum line")

def read_policy_line(policy: Facts, rule: str, words: list[str]) -> None:
    """Add what one line says."""
    if rule == "log" and len(words) in (1, 2):
        key = parse_key(words[0])
        ensure(all(one["public"] != key["public"] for one in policy["logs"]), "a key of a log twice")
        policy["logs"].append(key)
    elif rule == "witness" and len(words) in (2, 3):
        key = parse_key(words[1], (WITNESS_ED25519, ML_DSA_44))
        twice = any(one["public"] == key["public"] for _, one in policy["witnesses"])
        ensure(not twice and words[0] not in policy["names"], f"witness {words[0]!r} is there already")
        policy["names"].add(words[0])
        policy["witnesses"].append((words[0], key))
    elif rule == "group" and len(words) >= 3:
        name, mine = words[0], words[2:]
        for one in mine:
            ok = one in policy["names"] and one != "none" and one not in policy["members"]
            ensure(ok, f"{one!r} is not defined above, or is a member already")
            policy["members"].add(one)
        n = {"all": str(len(mine)), "any": "1"}.get(words[1], words[1])
        ensure(re.fullmatch(r"[1-9][0-9]{0,4}", n) and int(n) <= len(mine), f"{words[1]!r}: not a possible number")
        ensure(name not in policy["names"], f"the name {name!r} is there already")
        policy["names"].add(name)
        policy["groups"].append((name, int(n), mine))
    elif rule == "quorum" and len(words) == 1 and policy["quorum"] is None:
        ensure(words[0] in policy["names"], f"quorum {words[0]!r} is not defined above")
        policy["quorum"] = words[0]
    else:
        refuse(f"not understood: {rule[:40]}")

def judge(text: str, head: Facts, signatures: Signatures, policy: Facts) -> Facts:
    """Return who confirmed a head, and whether that satisfies the policy's quorum."""
    confirmed = []
    for name, key in policy["witnesses"]:
        found, moment = find_signature(text, head, signatures, key)
        confirmed += [{"name": name, "cosigned_at": moment}] if found and moment else []
    satisfied = {"none"} | {one["name"] for one in confirmed}
    for name, n, members in policy["groups"]:
        if sum(member in satisfied for member in members) >= n:
            satisfied.add(name)
    return {"enough": policy["quorum"] in satisfied, "confirmed": confirmed, "n_witnesses": len(policy["witnesses"])}

# --- Receipts and C2SP tlog-proofs ---------------------------------------------------------------------------------
RECEIPT = ("receipt_revision", "origin", "entry", "leaf_index", "inclusion_proof", "checkpoint")
TLOG_PROOF = b"c2sp.org/tlog-proof@v1\n"

def parse_receipt(data: bytes, entry: bytes | None = None) -> Facts:
    """Read a receipt (JSON) or a tlog-proof (text); *entry* is for a tlog-proof that does not hold it."""
    if data.startswith(TLOG_PROOF):
        return parse_tlog_proof(text_of(data, "tlog-proof"), entry)
    ensure(data.endswith(b"\n"), "receipt: it was cut short")
    found = need(parse_canonical(data[:-1], "receipt"), RECEIPT, "receipt")
    proof, index, revision = found["inclusion_proof"], found["leaf_index"], found["receipt_revision"]
    ensure(type(revision) is int and revision == 1, "receipt: of a revision that this program does not know")
    ok: Any = isinstance(proof, list) and len(proof) <= 64 and type(index) is int and index >= 0
    ok = ok and all(isinstance(found[name], str) for name in ("origin", "entry", "checkpoint"))
    ensure(ok, "receipt: a member is malformed")
    hashes = [unhash(one, "receipt") for one in proof]
    return {"entry": found["entry"].encode(), "index": index, "hashes": hashes, "note": found["checkpoint"],
            "origin": found["origin"]}

def parse_tlog_proof(text: str, entry: bytes | None) -> Facts:
    """Read a tlog-proof."""
    top, blank, note = text.partition("\n\n")
    lines = top.split("\n")[1:]
    if lines and lines[0].startswith("extra "):
        extra = unbase64(lines.pop(0)[6:], "extra data")
        entry = extra if entry is None else entry
    ensure(blank and lines and lines[0].startswith("index ") and len(lines) <= 65, "tlog-proof: malformed")
    if entry is None:
        raise Unusable("tlog-proof: it does not hold the entry; give it with --entry FILE")
    index = whole_number(lines[0][6:], "tlog-proof")
    hashes = [unhash(line, "tlog-proof") for line in lines[1:]]
    return {"entry": entry, "index": index, "hashes": hashes, "note": note, "origin": None}

def unhash(text: Any, what: str) -> bytes:
    """Read a hash of 32 bytes in base64."""
    found = unbase64(text, what)
    ensure(len(found) == 32, f"{what}: a hash that is not 32 bytes")
    return found

def check_receipt(receipt: Facts, key: Facts | None, policy: Facts | None = None) -> tuple[Facts, Facts]:
    """Check signature, place and entry of a receipt; return head and entry."""
    head = open_checkpoint(receipt["note"], key, policy)
    ensure(receipt["origin"] in (None, head["origin"]), f"receipt: its checkpoint is of log {head['origin']}")
    entry, leaf = check_entry(receipt["entry"]), sha(b"\x00", receipt["entry"])
    root = root_from_inclusion(leaf, receipt["index"], head["size"], receipt["hashes"])
    ensure(root == head["root"], "receipt: the entry is not in the log that was signed: it was changed, or the proof was")
    return head, entry

def check_entry(data: bytes) -> Facts:
    """Read a log entry and check its form."""
    ensure(len(data) <= MAX_ENTRY_BYTES, "log entry: too large")
    entry = need(parse_canonical(data, "log entry"), ("kind", "subject_sha256", "body", "time"), "log entry")
    kind, subject, moment = entry["kind"], entry["subject_sha256"], entry["time"]
    ok = isinstance(kind, str) and re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", kind)
    ensure(ok, "log entry: its kind is malformed")
    ensure(subject is None or is_hex(subject), "log entry: its subject is malformed")
    ensure(isinstance(entry["body"], dict), "log entry: its body is malformed")
    try:
        ok = re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z", moment)
        datetime.strptime(moment if ok else "", "%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, TypeError):
        refuse("log entry: its time is malformed")
    return entry

# --- The verifiable random function (RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI) --------------------------------------
Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z (RFC 8032, section 5.1.4)
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL: Point = (0, 1, 1, 0)

def point_add(a: Point, b: Point) -> Point:
    """Add two points of edwards25519."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    left, right, up, down = f - e, h - g, h + g, f + e
    return left * right % P, up * down % P, right * up % P, left * down % P

def point_times(scalar: int, point: Point) -> Point:
    """Multiply a point."""
    found = NEUTRAL
    while scalar:
        if scalar & 1:
            found = point_add(found, point)
        point, scalar = point_add(point, point), scalar >> 1
    return found

def point_minus(a: Point, b: Point) -> Point:
    """Subtract a point."""
    return point_add(a, (-b[0] % P, b[1], b[2], -b[3] % P))

def is_neutral(point: Point) -> bool:
    """Tell whether a point is the neutral element."""
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0

def decode_point(data: bytes) -> Point | None:
    """Return the point of 32 bytes, or None where they are none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * SQRT_MINUS_1 % P
    if y >= P or (v * x * x - u) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P

def encode_point(point: Point) -> bytes:
    """Return the 32 bytes of a point."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")

BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL
@lru_cache(maxsize=64)
def group_point(data: bytes, what: str) -> Point:
    """Return a point of the prime-order group."""
    point = decode_point(data)
    if point is not None and not is_neutral(point) and is_neutral(point_times(Q, point)):
        return point
    refuse(f"presence proof: {what} is no proper point of the curve")

def vrf_output(public: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Check a VRF proof and return the 64 bytes that belong to *alpha* under the key."""
    ensure(len(public) == 32 and len(proof) == 80, "presence proof: its VRF proof has the wrong length")
    challenge, s = proof[32:48], int.from_bytes(proof[48:], "little")
    ensure(s < Q, "presence proof: its VRF proof is malformed")
    y, gamma, h = group_point(public, "the VRF key"), group_point(proof[:32], "the VRF proof"), None
    for counter in range(256):
        h = decode_point(hashlib.sha512(b"\x03\x01" + public + alpha + bytes([counter, 0])).digest()[:32])
        if h is not None:
            break
    if h is None:
        refuse("presence proof: no point for this key")
    h, c = point_times(8, h), int.from_bytes(challenge, "little")
    u = point_minus(point_times(s, BASE), point_times(c, y))
    v = point_minus(point_times(s, h), point_times(c, gamma))
    points = public + encode_point(h) + proof[:32] + encode_point(u) + encode_point(v)
    if hashlib.sha512(b"\x03\x02" + points + b"\x00").digest()[:16] != challenge:
        refuse("presence proof: its VRF proof is not of this key: the answer was made up, or the key was swapped")
    return hashlib.sha512(b"\x03\x03" + encode_point(point_times(8, gamma)) + b"\x00").digest()

# --- Presence in a committed corpus --------------------------------------------------------------------------------
KEY_FORMS = {
    "content_sha256": HEX64,
    "audio_sha256": HEX64,
    "isrc": re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}"),
    "iswc": re.compile(r"T[0-9]{10}"),
    "mbid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "iscc": re.compile(r"ISCC:[A-Z2-7]{10,73}"),
    "sketch": re.compile(r"[0-9a-f]{16}"),
}
KINDS = list(KEY_FORMS)
PLAIN = {"content_sha256": 32, "audio_sha256": 32, "isrc": 12, "iswc": 11, "mbid": 16}  # bytes; an ISCC tells its own
SCOPE = (
    "Says whether the keys that it lists stand in the corpus committed by this root; the kinds named as not checked "
    "were not looked at. An exact key finds the same bytes, the same decoded sound or the same identifier; sketch keys "
    "also find most re-encoded, equalised or trimmed copies, not all: a near-duplicate, another master or a short part "
    "of a recording can be in the corpus all the same. Presence under an identifier says that the provider entered it, "
    "presence under sketch keys that a recording with much of the same sound is there. It says nothing about what a "
    "generator was trained on beyond the committed corpus."
)

class Reading:
    """The bytes of a proof, taken one field after the other."""

    def __init__(self, data: bytes) -> None:
        """Start at the beginning."""
        self.rest = data

    def take(self, n: int) -> bytes:
        """Return the next bytes."""
        ensure(n <= len(self.rest), "presence proof: cut short, or not a presence proof")
        found, self.rest = self.rest[:n], self.rest[n:]
        return found

    def number(self, n: int) -> int:
        """Return the next number of so many bytes, the highest first."""
        return int.from_bytes(self.take(n), "big")

def check_presence(data: bytes, root: str, file_sha256: str | None = None) -> Facts:
    """Check a proof of presence or absence under a root that you trust."""
    old = data[:1].isspace() or data[:1] == b"{"
    ensure(not old, "presence proof: of an earlier revision (JSON); ask its maker for the proof again")
    proof = Reading(data)
    ensure(proof.take(4) == b"LNP3", "presence proof: of a format that this program does not know")
    header = read_header(proof)
    message = "presence proof: made for another corpus than the root that you trust (or its VRF key was swapped)"
    ensure(header["root"] == root, message)
    keys, counts = read_exact(proof, header), Counter[bytes]()
    by_sound = read_sketch(proof, header, counts)
    ensure(keys or by_sound, "presence proof: lists no key")
    needed = 3 if header["n_items"] <= 1000 else 4 if header["n_items"] <= 100000 else 5
    how = "exact" if any(keys.values()) else "sketch" if max(counts.values(), default=0) >= needed else "none"
    enough = {handle for handle, n in counts.items() if n >= needed}
    records = read_opened(proof, header, [key for key, found in keys.items() if found], enough)
    ensure(not proof.rest, "presence proof: something follows its end")
    keys.update(by_sound)
    checked = [kind for kind in KINDS if kind in header["key_kinds"] and any(kind == one for one, _ in keys)]
    about = file_sha256 is None or ("content_sha256", file_sha256) in keys
    ensure(about, "presence proof: it is not about the file that you gave")
    told = {name: header[name] for name in ("n_items", "previous_root", "training_date")}
    shown = [{"kind": kind, "key": key, "present": found} for (kind, key), found in keys.items()]
    left_out = [kind for kind in KINDS if kind not in checked]
    told.update(present=how != "none", how=how, root=root, checked=checked, not_checked=left_out, keys=shown)
    return dict(told, opened=records, n_bytes=len(data), scope=SCOPE)

def read_header(proof: Reading) -> Facts:
    """Read the public header of a seal and add its root."""
    flags = proof.number(1)
    header: Facts = {name: proof.number(6) for name in ("n_items", "n_exact_keys", "n_sketch_keys")}
    year, month, day = proof.number(2), proof.number(1), proof.number(1)
    for name, length in (("manifest_root", 32), ("exact_root", 28), ("sketch_root", 28), ("vrf_public", 32)):
        header[name] = proof.take(length).hex()
    header["previous_root"] = proof.take(32).hex() if flags & 128 else None
    header["key_kinds"] = sorted(kind for number, kind in enumerate(KINDS) if flags >> number & 1)
    header["training_date"] = f"{year:04}-{month:02}-{day:02}" if year or month or day else None
    header.update(format="linernotes-corpus-v3", vrf_suite="ECVRF-EDWARDS25519-SHA512-TAI")
    ensure(header["n_items"] and header["key_kinds"], "corpus header: a member is malformed")
    try:
        datetime.strptime(header["training_date"] or "2000-01-01", "%Y-%m-%d")
    except ValueError:
        refuse("corpus header: its training date is no day")
    return dict(header, root=sha(b"linernotes-corpus-v3\n", canonical(header, "corpus header")).hex())

def read_exact(proof: Reading, header: Facts) -> dict[tuple[str, str], bool]:
    """Read and check the exact keys; return which are present."""
    spelled, keys = [], []
    for _ in range(proof.number(1)):
        place = proof.number(1)
        ensure(place < len(KINDS) - 1, "presence proof: a kind of key that this program does not know")
        kind = KINDS[place]
        raw = proof.take(PLAIN[kind] if kind in PLAIN else proof.number(1))
        spelled.append((place, bytes([len(raw)]) * (kind == "iscc") + raw))
        key = raw.decode("latin-1") if kind.startswith("is") else raw.hex()
        if kind == "mbid":
            key = "-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))
        keys.append((kind, "ISCC:" * (kind == "iscc") + key))
        ensure(KEY_FORMS[kind].fullmatch(keys[-1][1]), f"presence proof: malformed key {keys[-1][1][:80]!r}")
        if kind == "iswc":
            digit = (1 + sum(n * int(one) for n, one in enumerate(key[1:10], 1))) % 10
            ensure((digit + int(key[10])) % 10 == 0, f"presence proof: malformed key {key}")
    ensure(spelled == sorted(set(spelled)), "presence proof: its keys are not in order, each once")
    public, places = bytes.fromhex(header["vrf_public"]), []
    for kind, key in keys:
        places.append(vrf_output(public, f"linernotes/map-key/v3\n{kind}\0{key}".encode(), proof.take(80))[:16])
    found = read_map(proof, places, header["n_exact_keys"], 5, header["exact_root"])
    pairs = zip(keys, places, found)  # noqa: B905  # as Python 3.9 has it
    return {key: position[8:13] in entries for key, position, entries in pairs}

def read_sketch(proof: Reading, header: Facts, counts: Counter[bytes]) -> dict[tuple[str, str], bool]:
    """Read and check the sketch keys; return which are present, and count how many stand on each item."""
    keys = [proof.take(8).hex() for _ in range(proof.number(1))]
    ensure(keys == sorted(set(keys)), "presence proof: its keys are not in order, each once")
    public, outputs = bytes.fromhex(header["vrf_public"]), {}
    for start in sorted({key[:4] for key in keys}):
        outputs[start] = vrf_output(public, f"linernotes/map-key/v3\nsketch\0{start}".encode(), proof.take(80))
    places = [sha(b"linernotes/sketch-position/v3\n", outputs[key[:4]], key.encode())[:16] for key in keys]
    present = {}
    for key, at, entries in zip(  # noqa: B905  # as Python 3.9 has it
            keys, places, read_map(proof, places, header["n_sketch_keys"], 7, header["sketch_root"])):
        mine = [bytes(a ^ b for a, b in zip(one[3:], at[11:15])) for one in entries if one[:3] == at[8:11]]  # noqa: B905
        counts.update(mine)
        present["sketch", key] = bool(mine)
    return present

def read_map(proof: Reading, places: list[bytes], n_keys: int, width: int, root: str) -> list[list[bytes]]:
    """Read what is shown of a map, check that it leads to the root, and return the entries beside each position."""
    depth = max((n_keys + 7) // 8 - 1, 0).bit_length()
    mine = [int.from_bytes(one[:8], "big") >> (64 - depth) for one in places]
    shown, numbers = [proof.take(width * proof.number(2)) for _ in range(proof.number(1))], sorted(set(mine))
    hashes = [proof.take(28) for _ in range(proof.number(2))]
    ensure(len(shown) == len(numbers), "presence proof: not the buckets that its keys lie in")
    buckets, level = {}, {}
    for number, data in zip(numbers, shown):  # noqa: B905  # as Python 3.9 has it
        entries = [data[i : i + width] for i in range(0, len(data), width)]
        ensure(entries == sorted(set(entries)), "presence proof: the entries of a bucket are not in order, each once")
        buckets[number], level[number] = entries, hashlib.sha224(b"\x10" + data).digest()
    for _ in range(depth if numbers else 0):
        above = {}
        for number in sorted(level):
            if number ^ 1 not in level:
                ensure(hashes, "presence proof: a hash beside a way is missing")
                level[number ^ 1] = hashes.pop(0)
            above[number >> 1] = hashlib.sha224(b"\x11" + level[number & ~1] + level[number | 1]).digest()
        level = above
    ensure(not hashes, "presence proof: it shows hashes that no way needs")
    ensure(not numbers or level[0].hex() == root, "presence proof: what it shows does not stand so in the map")
    return [buckets[number] for number in mine]

def read_opened(proof: Reading, header: Facts, keys: list[tuple[str, str]], handles: set[bytes]) -> list[Any]:
    """Read the records that the provider opened: each is in the committed manifest, and under a key that was found."""
    records, last = [], -1
    for _ in range(proof.number(1)):
        number, leaf = proof.number(6), proof.take(proof.number(4))
        path = [proof.take(32) for _ in range(proof.number(1))]
        ensure(number > last, "presence proof: its opened records are not in order, each once")
        last, commitment = number, sha(b"\x00", leaf)
        same = root_from_inclusion(commitment, number, header["n_items"], path).hex() == header["manifest_root"]
        ensure(same, "presence proof: an opened record is not what was committed to")
        record = need(parse_canonical(leaf, "opened record"), ("item", "salt"), "opened record")["item"]
        ensure(commitment[:4] in handles or any(stands_under(record, key) for key in keys),
               "presence proof: an opened record stands under none of the keys that were found")
        records.append(record)
    return records

def stands_under(record: Facts, key: tuple[str, str]) -> bool:
    """Tell whether a record names a key."""
    kind, value = key
    named = [record[kind]] if kind in ("content_sha256", "audio_sha256", "iscc") else []
    named += [record["recording"][kind]] if kind in ("isrc", "iswc") else []
    named += [one.partition(":")[2] for one in record["identifiers"] if one.startswith(kind + ":")]
    return any(one and bare(one, kind) == bare(value, kind) for one in named)

# --- The answer to a request, a folder as a whole ------------------------------------------------------------------
def check_folder(folder: str, key: Facts | None, policy: Facts | None = None) -> Facts:
    """Check every file, every receipt, every proof, and that they belong together."""
    told, notes = load(folder, "answer.json"), []
    ensure(isinstance(told, dict) and told.get("format") == "linernotes-answer-v1", "answer.json: of an unknown format")
    check_files(folder, told)
    extract, request = load(folder, "extract.json"), load(folder, "request.json")
    steps, heads, seal = check_receipts(folder, key, policy)
    check_steps(folder, steps, told, extract, request)
    check_history(steps, extract, request)
    root = told["corpus"]["root"]
    if seal is None:
        notes.append("No receipt of the seal is here: the log does not show when this corpus was committed.")
    ensure(seal in (None, root), "the log recorded another corpus than the answer speaks of")
    ensure(len(told["works"]) == len(request["works"]) == len(extract["works"]), "a work is missing from the answer")
    parts = zip(told["works"], request["works"], extract["works"])  # noqa: B905  # as Python 3.9 has it
    works = [check_work(folder, *part, root, notes) for part in parts]
    if told["due_on"] and told["answered_on"] > told["due_on"]:
        notes.append(f"The answer came after its day: due on {told['due_on']}, given on {told['answered_on']}.")
    if heads[0]["size"] < heads[-1]["size"]:
        notes.append("The receipts are under heads of different sizes: 'consistency' shows that these belong together.")
    weak = [head for head in heads if head["witnessed"] and not head["witnessed"]["enough"]]
    found = head_facts((weak or heads)[-1])
    found.update(request_id=told["request_id"], corpus_root=root, works=works, n_receipts=len(heads), notes=notes)
    return dict(found, scope=told["scope"])

def load(folder: str, name: str) -> Any:
    """Read a JSON file of the folder."""
    return parse_json(read(os.path.join(folder, *name.split("/"))), name)

def check_files(folder: str, told: Facts) -> None:
    """Check the hash of every file that the answer lists, and that none was added."""
    listed, present = told["files"], set()
    for place, _folders, names in os.walk(folder):
        present |= {os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/") for name in names}
    for name in sorted(present - set(listed) - {"answer.json", "log.pub"}):
        ensure(name.startswith("receipts/"), f"{name}: was added to the folder; the answer does not list it")
    for name, digest in sorted(listed.items()):
        ok = name in present and sha256_of(os.path.join(folder, *name.split("/"))) == digest
        ensure(ok, f"{name}: is missing, or was changed")

def check_receipts(folder: str, key: Facts | None, policy: Facts | None) -> tuple[dict[int, Facts], list[Facts], str | None]:
    """Return the steps of the request by their place in the log, the heads, and the root that was sealed."""
    steps: dict[int, Facts] = {}
    heads, seal, place = [], None, os.path.join(folder, "receipts")
    for name in sorted(os.listdir(place)) if os.path.isdir(place) else ():
        try:
            receipt = parse_receipt(read(os.path.join(place, name)))
            head, entry = check_receipt(receipt, key, policy)
        except Refused as error:
            raise Refused(f"receipts/{name}: {error}") from None
        heads.append(head)
        if entry["kind"] == "corpus-seal":
            seal = entry["body"]["root"]
        else:
            ensure(receipt["index"] not in steps, f"receipts/{name}: a second receipt of the same entry")
            steps[receipt["index"]] = entry
    ensure(heads, "receipts: none is here")
    heads.sort(key=lambda head: int(head["size"]))
    for one, other in zip(heads, heads[1:]):  # noqa: B905, RUF007  # as Python 3.9 has it
        forked = one["size"] == other["size"] and one["root"] != other["root"]
        ensure(not forked, f"receipts: the log was forked: two contents of the same {one['size']} entries")
    return steps, heads, seal

def check_steps(folder: str, steps: dict[int, Facts], told: Facts, extract: Facts, request: Facts) -> None:
    """Check that opening, extract and answer are in the log as this folder tells them."""
    files = {"opened": "request.json", "extract": "extract.json", "answered": "answer.json"}
    hashes = {kind: sha256_of(os.path.join(folder, name)) for kind, name in files.items()}
    names = {entry["body"].get("request_id") for entry in steps.values()}
    names |= {told["request_id"], extract["request_id"], hashes["opened"][:16]}
    ensure(len(names) == 1, "the folder mixes parts of different requests")
    found = {}
    for kind, name in files.items():
        mine = [e for e in steps.values() if (e["kind"], e["subject_sha256"]) == ("request-" + kind, hashes[kind])]
        ensure(mine, f"{name}: no receipt here speaks of it; it is of another request, or was changed")
        found[kind] = mine[-1]["body"]
    for name in ("requester", "contact", "statement"):
        same = found["opened"][name + "_salted_sha256"] == salted(request, request[name])
        ensure(same, f"request.json: {name} is not what was logged when the request was opened")
    logged = (found["answered"]["extract_sha256"], found["answered"]["corpus_root"])
    ensure(logged == (hashes["extract"], told["corpus"]["root"]), "the log recorded another extract or corpus")
    ensure(extract["corpus"] == told["corpus"], "extract.json: speaks of another corpus than the answer")

def check_history(steps: dict[int, Facts], extract: Facts, request: Facts) -> None:
    """Check that the extract tells the steps of the request, disputes among them, as the log has them."""
    for step in extract["history"]:
        entry, words = steps.get(step["index"]), step.get("words")
        parts = ("kind", "time", "subject_sha256", "body")
        same = entry is not None and all(entry[part] == step[part] for part in parts)
        ensure(same, f"extract.json: tells entry {step['index']} otherwise than the log")
        same = not words or salted(request, words) == step["body"].get("words_salted_sha256")
        ensure(same, f"extract.json: the words of entry {step['index']} are not those that were logged")
    last = max(index for index, entry in steps.items() if entry["kind"] == "request-extract")
    left_out = {index for index in steps if index < last} - {step["index"] for step in extract["history"]}
    ensure(not left_out, f"extract.json: leaves out entry {min(left_out, default=0)} of the log")

def salted(request: Facts, text: str) -> str:
    """Return the hash under which a private text of the request stands in the log."""
    return sha(b"linernotes-request\0", bytes.fromhex(request["salt"]), text.encode()).hex()

def check_work(folder: str, work: Facts, asked: Facts, found: Facts, root: str, notes: list[str]) -> Facts:
    """Check one work: the answer, the extract and the proof must tell the same, about what was asked."""
    label, result, proved = work["label"], work["result"], None
    same = asked["label"] == label == found["label"] and found["result"] == result
    ensure(same and found["proof"] == work["proof"], f"work {label!r}: answer, extract and request differ")
    if work["proof"] is None:
        notes.append(f"{label}: no proof: no key was given that the committed map holds.")
    else:
        try:
            proved = check_presence(read(os.path.join(folder, *work["proof"].split("/"))), root)
        except Refused as error:
            raise Refused(f"{work['proof']}: {error}") from None
        shown = {(one["kind"], bare(one["key"])) for one in proved["keys"]}
        for kind, values in asked["codes"].items():
            for value in values if kind in proved["checked"] else ():
                ensure((kind, bare(value, kind)) in shown, f"work {label!r}: the proof leaves out {kind} {value}")
        lied = proved["present"] and result != "present"
        ensure(not lied, f"work {label!r}: the answer says {result}, the proof shows that it is present")
        if result == "present" and not proved["present"]:
            notes.append(f"{label}: the provider found it by its sound; its keys are not in the map.")
    told = ("present" if proved["present"] else "absent") if proved else None
    return {"label": label, "result": result, "proved": told, "checked": proved["checked"] if proved else []}

def bare(text: str, prefix: str = "") -> str:
    """Return a code without its separators and prefix, to compare what was written with what was checked."""
    found = re.sub(r"[^0-9a-z]", "", text.lower())
    return re.sub(f"^(sha256|{prefix})", "", found) if prefix != "iscc" else found

# --- The command line ----------------------------------------------------------------------------------------------
Answer = tuple[Facts, list[str]]

def head_of(path: str, key: Facts | None, policy: Facts | None) -> Facts:
    """Return the head of a receipt, a tlog-proof or a checkpoint."""
    data = read(path)
    if data.startswith((b"{", TLOG_PROOF)):
        return check_receipt(parse_receipt(data), key, policy)[0]
    return open_checkpoint(text_of(data, path), key, policy)

def head_facts(head: Facts) -> Facts:
    """Return a head as JSON-ready values."""
    return dict({name: head[name] for name in ("origin", "size", "witnessed")}, root=head["root"].hex())

def run_receipt(args: argparse.Namespace, key: Facts | None, policy: Facts | None) -> Answer:
    """Check a receipt and, if given, the file that it is about."""
    receipt = parse_receipt(read(args.receipt), read(args.entry) if args.entry else None)
    head, entry = check_receipt(receipt, key, policy)
    words = [f"Entry {receipt['index']} of the log {head['origin']}, of kind {entry['kind']!r}, is in the log."]
    words.append(f"It was entered on {entry['time']}, by the clock of the log's keeper.")
    if args.subject:
        found = sha256_of(args.subject)
        message = f"{args.subject}: this receipt is about another file ({entry['subject_sha256']}, yours is {found})"
        ensure(entry["subject_sha256"] == found, message)
        words.append(f"It is about exactly the file {args.subject}.")
    elif entry["subject_sha256"]:
        words.append(f"It is about a file with SHA-256 {entry['subject_sha256']}; give the file with --subject.")
    return dict(head_facts(head), index=receipt["index"], entry=entry, subject_checked=bool(args.subject)), words

def run_checkpoint(args: argparse.Namespace, key: Facts | None, policy: Facts | None) -> Answer:
    """Check a signed head."""
    head = head_of(args.checkpoint, key, policy)
    return head_facts(head), [f"The log {head['origin']} had {head['size']} entries when this was signed."]

def run_consistency(args: argparse.Namespace, key: Facts | None, policy: Facts | None) -> Answer:
    """Check that the newer head still holds everything that the older one spoke of."""
    old, new = head_of(args.old, key, policy), head_of(args.new, key, policy)
    ensure(old["origin"] == new["origin"], f"two logs: {old['origin']} and {new['origin']}")
    path: list[bytes] = []
    if args.proof:
        data = read(args.proof)
        if data.lstrip().startswith(b"{"):  # what 'linernotes audit consistency --json' prints
            path = [bytes.fromhex(one) for one in parse_json(data, "consistency proof")["proof"]]
            ensure(all(len(one) == 32 for one in path), "consistency proof: a hash that is not 32 bytes")
        else:
            path = [unhash(line, "consistency proof") for line in text_of(data, "consistency proof").split()]
    elif 0 < old["size"] < new["size"]:
        refuse("from these two alone nobody can tell whether entries were changed: ask for the consistency proof")
    check_consistency(old, new, path)
    facts = dict(head_facts(new), old_size=old["size"], old_root=old["root"].hex())
    return facts, [f"Nothing was taken back: all {old['size']} entries of then are in the {new['size']} of now."]

def run_presence(args: argparse.Namespace, _key: Facts | None, _policy: Facts | None) -> Answer:
    """Check a proof of presence or absence."""
    root = args.root.lower().replace("sha256:", "")
    if not is_hex(root):
        raise Unusable("root: expected 64 hexadecimal digits")
    digest = sha256_of(args.file) if args.file else None
    found = check_presence(read(args.proof), root, digest)
    state = "is in" if found["present"] else "was not found in"
    words = [f"What was asked {state} the committed corpus of {found['n_items']} recordings."]
    words.append(f"Checked: {', '.join(found['checked'])}. Not checked: {', '.join(found['not_checked']) or 'nothing'}.")
    if args.file:
        words.append(f"The proof is about exactly the bytes of {args.file}; keys of its sound were not recomputed.")
    return found, [*words, found["scope"]]

def run_folder(args: argparse.Namespace, key: Facts | None, policy: Facts | None) -> Answer:
    """Check the answer to a request as a whole."""
    found = check_folder(args.folder, key, policy)
    words = [f"Answer to request {found['request_id']}: its files and {found['n_receipts']} receipts belong together."]
    for work in found["works"]:
        proof = f"proof of {work['proved']} under {', '.join(work['checked'])}" if work["proved"] else "no proof"
        words.append(f"{work['label']}: {work['result'].replace('-', ' ')} ({proof}).")
    return found, [*words, *found["notes"], found["scope"]]

def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="linernotes_verify.py", description=__doc__, formatter_class=form)
    commands = parser.add_subparsers(dest="command", required=True)
    for run, places in ((run_receipt, ["receipt"]), (run_checkpoint, ["checkpoint"]), (run_presence, ["proof"]),
                        (run_consistency, ["old", "new"]), (run_folder, ["folder"])):
        name = run.__name__[4:]
        one = commands.add_parser(name, help=run.__doc__)
        for place in places:
            one.add_argument(place)
        one.add_argument("--json", action="store_true", help="print JSON for programs")
        one.set_defaults(run=run)
        if name == "presence":
            one.add_argument("--root", required=True, help="the corpus root that you trust")
            one.add_argument("--file", help="the recording that the proof must be about")
            continue
        one.add_argument("--key", help="the log's public key, from a source that you trust")
        one.add_argument("--policy", help="which witnesses must have confirmed the log's head")
        if name == "receipt":
            one.add_argument("--subject", help="the file that the entry must be about")
            one.add_argument("--entry", help="the entry's own bytes, for a tlog-proof without them")
        if name == "consistency":
            one.add_argument("--proof", help="consistency proof: JSON, or base64 lines")
    return parser

def check(args: argparse.Namespace) -> tuple[int, Facts, list[str]]:
    """Answer one question: exit code, what was found, and the words that say so."""
    try:
        key = policy = None
        if args.command != "presence":
            policy = parse_policy(read(args.policy)) if args.policy else None
            key = load_key(args.key) if args.key else None
            if key is None and not (policy and policy["logs"]):
                raise Unusable("give the log's key with --key, or a --policy that names the log")
        facts, words = args.run(args, key, policy)
    except Unusable as error:
        return 2, {"ok": False, "error": str(error)}, [f"Could not check: {error}."]
    except Refused as error:
        return 1, {"ok": False, "error": str(error)}, [f"DOES NOT HOLD: {error}."]
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        reason = f"malformed ({type(error).__name__}: {error})"
        return 1, {"ok": False, "error": reason}, [f"DOES NOT HOLD: {reason}."]
    seen = facts.get("witnessed")
    if seen is not None:
        days = [datetime.fromtimestamp(min(one["cosigned_at"], LAST_SECOND), UTC) for one in seen["confirmed"]]
        who = [f"{one['name']} on {day:%Y-%m-%d}" for one, day in zip(seen["confirmed"], days)]  # noqa: B905
        words.append(f"Confirmed by {', '.join(who) or 'nobody'}, of {seen['n_witnesses']} witnesses of the policy.")
    down = seen is not None and not seen["enough"]
    top = "DOWNGRADED: too few witnesses confirmed this; another reader may be shown another log." if down else "HOLDS."
    return int(down), dict(facts, ok=not down, downgraded=down), [top, *words]

def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    code, facts, words = check(args := arguments().parse_args(argv))
    text = json.dumps(facts, sort_keys=True, indent=2) if args.json else "\n".join(words)
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    return code

if __name__ == "__main__":
    sys.exit(main())
