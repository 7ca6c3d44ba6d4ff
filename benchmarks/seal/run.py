"""Sealing and proving at 1,000 to 1,000,000 recordings, beside two naive twins; one run, one JSON file.

    python benchmarks/seal/run.py --sizes 1000,10000,100000,1000000 --out benchmarks/seal/results/growth.json

Each size is sealed by the command line from a manifest of drawn facts (seeded): two hashes, an ISRC, an ISWC, an MBID,
an ISCC and ``--sketch`` sketch keys per recording. Memory is the highest sum over all its processes, sampled four times a
second. Proofs are then made in one fresh process, of keys that are present and of keys that are not.

The twins answer the same question in plain Python: a tree of all 256 levels with positions from the same VRF,
and a sorted list of SHA-256 positions without a VRF. They are built up to ``--twins`` recordings.

A million recordings with 16 sketch keys need about 5 GB of disk and 20 CPU-minutes.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--sketch", type=int, default=16, help="sketch keys per recording")
    parser.add_argument("--twins", type=int, default=10_000, help="largest size for the naive twins")
    parser.add_argument("--proofs", type=int, default=200)
    parser.add_argument("--scratch", type=Path, help="folder for manifests and workspaces")
    parser.add_argument("--out", type=Path, required=True)
    wanted = parser.parse_args(arguments)
    content = json.loads(wanted.out.read_text()) if wanted.out.exists() else {"sizes": {}}
    content |= {"machine": machine(), "sketch_keys": wanted.sketch}
    for size in map(int, wanted.sizes.split(",")):
        with tempfile.TemporaryDirectory(dir=wanted.scratch) as folder:
            row = measured(Path(folder), size, wanted.sketch, wanted.proofs)
            if size <= wanted.twins:
                row["twins"] = twins(Path(folder) / "ws", size)
        content["sizes"][str(size)] = row
        print(size, json.dumps(row, indent=1), file=sys.stderr)
        wanted.out.parent.mkdir(parents=True, exist_ok=True)
        wanted.out.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return 0


def machine() -> dict[str, Any]:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    packages = ("linernotes", "numpy", "pynacl", "rfc8785")
    return {
        "cpu": model,
        "n_cpus": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "load_average": os.getloadavg()[0],
    }


def write_manifest(path: Path, size: int, n_sketch: int) -> None:
    draw = random.Random(7)
    with path.open("w") as stream:
        for i in range(size):
            row = {
                "item_id": f"track-{i:07d}",
                "file": f"{i // 1000:04d}/{i:07d}.flac",
                "content_sha256": codes(i)["content_sha256"],
                "audio_sha256": codes(i)["audio_sha256"],
                "duration_s": round(draw.uniform(90, 400), 3),
                "sample_rate": 44100,
                "n_channels": 2,
                "coding": "FLAC/PCM_16",
                "title": f"Title {i}",
                "artist": f"Artist {i % 50_000}",
                "rightsholder": f"Label {i % 700}",
                "licence": "contract",
                "consent": "yes",
                "consent_date": "2025-01-15",
                "consent_evidence": f"contract {i % 700}",
                **{kind: codes(i)[kind] for kind in ("isrc", "iswc", "mbid", "iscc")},
                "source_class": "licensed",
                "source_name": f"Label {i % 700}",
                "sketch": sketch(i, n_sketch),
            }
            stream.write(json.dumps(row) + "\n")


def isrc(i: int) -> str:
    return f"GBAY{chr(65 + i // 10_000_000)}{i // 100_000 % 100:02d}{i % 100_000:05d}"


def codes(i: int) -> dict[str, str]:
    """Return the six exact keys of recording *i*; below the size of a corpus they are in it."""
    drawn = hashlib.sha256(b"codes %d" % i).digest()
    work = f"T{i:09d}"
    body = "".join(BASE32[byte % 32] for byte in (drawn + hashlib.sha256(drawn).digest())[:50])
    return {
        "content_sha256": hashlib.sha256(b"content %d" % i).hexdigest(),
        "audio_sha256": hashlib.sha256(b"audio %d" % i).hexdigest(),
        "isrc": isrc(i),
        "iswc": work + str(iswc_check(work)),
        "mbid": str(uuid.UUID(bytes=drawn[:16], version=4)),
        "iscc": f"ISCC:EIDXX{body}",  # 256 bits, as 'corpus seal' makes them
    }


def iswc_check(work: str) -> int:
    total = 1 + sum(place * int(digit) for place, digit in enumerate(work[1:], start=1))
    return (10 - total % 10) % 10


def sketch(i: int, n_keys: int) -> list[str]:
    draw = random.Random(f"sketch {i}")
    return [f"{draw.getrandbits(64):016x}" for _ in range(n_keys)]


def measured(folder: Path, size: int, n_sketch: int, n_proofs: int) -> dict[str, Any]:
    manifest = folder / "items.jsonl"
    write_manifest(manifest, size, n_sketch)
    command = [sys.executable, "-m", "linernotes", "corpus", "seal", "--manifest", str(manifest)]
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen([*command, "--out", str(folder / "ws"), "--json"], stdout=subprocess.PIPE)
    peak = [0]
    watcher = threading.Thread(target=watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    answer = json.loads(process.communicate()[0])
    wall, after = time.perf_counter() - start, os.times()
    if process.returncode:
        raise SystemExit(f"sealing {size} recordings failed")
    watcher.join()
    done = subprocess.run(
        [sys.executable, __file__, "prove", str(folder / "ws"), str(size), str(n_proofs)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    on_disk = sum(path.stat().st_size for path in (folder / "ws").rglob("*") if path.is_file())
    return {
        "n_keys": answer["n_keys"],
        "seal_wall_s": round(wall, 1),
        "seal_cpu_s": round(after.children_user + after.children_system - before.children_user - before.children_system, 1),
        "seal_peak_mb": round(peak[0] / 1024),
        "manifest_mb": round(manifest.stat().st_size / 1e6),
        "workspace_mb": round(on_disk / 1e6),
        "proofs": json.loads(done.stdout),
    }  # fmt: skip


def watch(pid: int, peak: list[int]) -> None:
    """Keep the highest sum of resident memory (kB) of a process and its descendants; shared pages count once per process."""
    while Path(f"/proc/{pid}").exists():
        family, total = {pid}, 0
        for entry in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
                if entry in family or int(fields[1]) in family:
                    family.add(entry)
                    total += int(fields[21]) * 4
            except (OSError, IndexError, ValueError):
                continue
        peak[0] = max(peak[0], total)
        time.sleep(0.25)


def prove(folder: Path, size: int, n_proofs: int) -> dict[str, Any]:
    """Time proofs in this fresh process: one key present, one absent, and a whole recording that is absent."""
    from linernotes.corpus.presence import prove_from, verify_presence
    from linernotes.workflows.presence import open_snapshot
    from linernotes.workflows.sound_keys import N_SKETCH_KEYS

    draw = random.Random(11)
    start = time.perf_counter()
    held = open_snapshot(folder)
    opening = time.perf_counter() - start
    beyond = 10_000_000  # no corpus here holds these

    def six(i: int) -> list[tuple[str, str]]:
        return list(codes(i).items())

    def by_sound(i: int, n: int) -> list[tuple[str, str]]:
        return [("sketch", key) for key in sketch(i, n)]

    def inside() -> int:
        return draw.randrange(size)

    def outside() -> int:
        return beyond + draw.randrange(beyond)

    asked: dict[str, Callable[[], list[tuple[str, str]]]] = {
        "one key, present": lambda: [("isrc", isrc(inside()))],
        "one key, absent": lambda: [("content_sha256", codes(outside())["content_sha256"])],
        "six exact keys, present": lambda: six(inside()),
        "six exact keys, absent": lambda: six(outside()),
        **{
            f"{n} sketch keys, absent": functools.partial(lambda n: by_sound(outside(), n), n)
            for n in (16, 24, 32)
        },
        "16 sketch keys, present": lambda: by_sound(inside(), 16),
        f"six exact keys and {N_SKETCH_KEYS} sketch keys, absent": lambda: (
            six(i := outside()) + by_sound(i, N_SKETCH_KEYS)
        ),
    }
    found: dict[str, Any] = {"open_ms": round(1000 * opening, 1)}
    receipts = [path.stat().st_size for path in (folder / "receipts").glob("*.json")]
    found["receipt_bytes"] = max(receipts)  # the log's signed word that this root was sealed then
    for name, keys_of in asked.items():
        wall, cpu, sizes, checks = [], [], [], []
        for _ in range(n_proofs if "sketch" not in name else max(n_proofs // 4, 10)):
            keys = keys_of()
            start, used = time.perf_counter(), time.process_time()
            proof = prove_from(held.header, held, keys)
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
            sizes.append(len(proof))
            used = time.process_time()
            answer = verify_presence(proof, held.header.root)
            checks.append(time.process_time() - used)
            if answer.present is name.endswith("absent"):
                raise SystemExit(f"{name}: the proof says otherwise")
        found[name] = {
            "median_ms": round(1000 * sorted(wall)[len(wall) // 2], 2),
            "largest_ms": round(1000 * max(wall), 2),
            "median_cpu_ms": round(1000 * sorted(cpu)[len(cpu) // 2], 2),
            "first_ms": round(1000 * wall[0], 2),
            "largest_bytes": max(sizes),
            "median_bytes": sorted(sizes)[len(sizes) // 2],
            "largest_cpu_ms": round(1000 * max(cpu), 2),
            "verify_median_cpu_ms": round(1000 * sorted(checks)[len(checks) // 2], 2),
        }
    return found


def twins(folder: Path, size: int) -> dict[str, Any]:
    """Build both naive twins over the exact keys of a sealed corpus and make the same proofs."""
    from linernotes.corpus.lookup_keys import SKETCH, position_of
    from linernotes.workflows.presence import open_snapshot

    held = open_snapshot(folder)
    keys = [key for item in held.items() for key in item.lookup_keys() if key[0] != SKETCH]
    start = time.process_time()
    positions = [hashlib.sha256(position_of(*key, held.vrf_key)).digest() for key in keys]
    vrf_s = time.process_time() - start
    start = time.process_time()
    tree = full_tree(positions)
    full = {"build_cpu_s": round(time.process_time() - start, 2), "nodes": len(tree), "proof_bytes": 256 * 32}
    start = time.process_time()
    ordered = sorted(hashlib.sha256(f"{kind} {key}".encode()).digest() for kind, key in keys)
    level = [hashlib.sha256(b"\0" + position).digest() for position in ordered]
    depth = 0
    while len(level) > 1:
        joined = [
            hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)
        ]
        level = joined + level[len(joined) * 2 :]
        depth += 1
    plain = {"build_cpu_s": round(time.process_time() - start, 2), "proof_bytes": 2 * 32 * (depth + 1)}
    start = time.process_time()
    guesses = {hashlib.sha256(f"isrc {isrc(i)}".encode()).digest() for i in range(size * 10)}
    plain["isrc_found_by_guessing"] = len(guesses & set(ordered))
    plain["guesses"] = len(guesses)
    plain["guessing_cpu_s"] = round(time.process_time() - start, 2)
    return {
        "n_keys": len(keys),
        "vrf_cpu_s": round(vrf_s, 2),
        "256 levels, VRF": full,
        "sorted list, no VRF": plain,
    }


def full_tree(positions: list[bytes]) -> dict[tuple[int, int], bytes]:
    """Return every node of a tree with 256 levels, by depth and prefix; empty subtrees have one hash per level."""
    empty = [bytes(32)]
    for _ in range(256):
        empty.append(hashlib.sha256(b"\1" + empty[-1] * 2).digest())
    level = {int.from_bytes(p, "big"): hashlib.sha256(b"\0" + p).digest() for p in positions}
    nodes: dict[tuple[int, int], bytes] = {}
    for depth in range(255, -1, -1):
        above: dict[int, bytes] = {}
        blank = empty[255 - depth]
        for prefix in level:
            if prefix >> 1 not in above:
                left, right = level.get(prefix & ~1, blank), level.get(prefix | 1, blank)
                above[prefix >> 1] = hashlib.sha256(b"\1" + left + right).digest()
        for prefix, found in above.items():
            nodes[depth, prefix] = found
        level = above
    return nodes


if __name__ == "__main__":
    if sys.argv[1:2] == ["prove"]:
        print(json.dumps(prove(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
    else:
        raise SystemExit(main(sys.argv[1:]))
