"""Recompute bundles of entries and compare them with the stored leaf hashes; the part of fsck that takes time.

Each process takes a run of bundles. Where an entry and its stored hash differ, the level above tells which
of the two is damaged.

Cost
----
About 15 µs per entry of 250 bytes, most of it for reading its JSON and writing it again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from linernotes.auditlog.entry import read_fields
from linernotes.auditlog.merkle import leaf_hash, tree_root
from linernotes.auditlog.tile_folder import read_tile_file
from linernotes.auditlog.tiles import (
    TILE_WIDTH,
    TileReader,
    bundle_path,
    decode_bundle,
    full_tile_root,
    split_tile,
    tile_path,
)
from linernotes.errors import LinernotesError, VerificationError

REPORT_EVERY_BUNDLES = 32
_CHILD = "from linernotes.auditlog.scan import scan_for_parent; scan_for_parent()"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that does not verify.

    Parameters
    ----------
    index : int or None
        First entry concerned, where one can be named.
    file : str
        Path below the log's folder, empty where none can be named.
    problem : str
        What is wrong.
    """

    index: int | None
    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in a run of bundles.

    Parameters
    ----------
    roots : bytes
        Roots of the full bundles, 32 bytes each, up to the damage.
    damage : Damage or None
        The first.
    """

    roots: bytes
    damage: Damage | None


def scan_bundles(
    folder: Path, size: int, root: bytes, *, n_processes: int, progress: Progress | None = None
) -> Scan:
    """Check all entries of a log of *size* entries and signed *root*.

    Parameters
    ----------
    folder : Path
        The log's folder.
    size : int
        Entries that the head speaks of.
    root : bytes [32 bytes]
        The signed root.
    n_processes : int >= 1
        How many processes share the work; the answer does not depend on it.
    progress : callable, optional
        Called with the number of entries done and that of all.
    """
    n_bundles = -(-size // TILE_WIDTH)
    edges = [n_bundles * n // n_processes for n in range(n_processes + 1)]
    done, lock = [0], Lock()

    def advance(n_bundles: int) -> None:
        with lock:
            done[0] += n_bundles
            if progress is not None:
                progress(min(done[0] * TILE_WIDTH, size), size)

    def run(first: int, last: int) -> Scan:
        parts = _scan_elsewhere if n_processes > 1 else scan_run
        roots: list[bytes] = []
        damage: Damage | None = None
        for part in parts(folder, size, root, first, last):
            roots.append(part.roots)
            damage = part.damage
            advance(REPORT_EVERY_BUNDLES)
        return Scan(b"".join(roots), damage)

    with ThreadPoolExecutor(n_processes) as pool:
        scans = list(pool.map(run, edges[:-1], edges[1:]))
    return Scan(b"".join(scan.roots for scan in scans), next((s.damage for s in scans if s.damage), None))


def scan_run(folder: Path, size: int, root: bytes, first: int, last: int) -> Iterator[Scan]:
    """Check the bundles from *first* to before *last*; yields what it has every 32 of them, ends at damage."""
    reader = TileReader(lambda path: read_tile_file(folder, path), size)
    for start in range(first, last, REPORT_EVERY_BUNDLES):
        roots: list[bytes] = []
        for number in range(start, min(start + REPORT_EVERY_BUNDLES, last)):
            damage, leaves = _check_bundle(folder, reader, size, root, number)
            if damage is not None:
                yield Scan(b"".join(roots), damage)
                return
            if len(leaves) == TILE_WIDTH:
                roots.append(full_tile_root(leaves))
        yield Scan(b"".join(roots), None)


def scan_for_parent() -> None:
    """Run as a process of its own: read the request from stdin, write one JSON line per part to stdout."""
    request = json.loads(sys.stdin.readline())
    folder, root = Path(request["folder"]), bytes.fromhex(request["root"])
    for part in scan_run(folder, request["size"], root, request["first"], request["last"]):
        damage = part.damage and [part.damage.index, part.damage.file, part.damage.problem]
        sys.stdout.write(json.dumps({"roots": part.roots.hex(), "damage": damage}) + "\n")
        sys.stdout.flush()
    sys.stdout.write("done\n")


def _scan_elsewhere(folder: Path, size: int, root: bytes, first: int, last: int) -> Iterator[Scan]:
    request = {
        "folder": str(folder.resolve()),
        "size": size,
        "root": root.hex(),
        "first": first,
        "last": last,
    }
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(  # noqa: S603 - this very program, to use a second core
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        try:
            if child.stdin is None or child.stdout is None:  # they are pipes; the type checker cannot know
                raise LinernotesError("fsck: no pipe to its process")
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.close()
            line = ""
            for line in child.stdout:
                if line == "done\n":
                    break
                found = json.loads(line)
                yield Scan(
                    bytes.fromhex(found["roots"]), Damage(*found["damage"]) if found["damage"] else None
                )
            if line != "done\n":
                raise LinernotesError("fsck: one of its processes died; try again, or with one process")
        except BaseException:
            child.kill()
            raise


def _check_bundle(
    folder: Path, reader: TileReader, size: int, root: bytes, number: int
) -> tuple[Damage | None, list[bytes]]:
    first, width = number * TILE_WIDTH, reader.width(0, number)
    path = bundle_path(number, width)
    try:
        entries = decode_bundle(read_tile_file(folder, path), width, path)
    except VerificationError as error:
        return Damage(_first_unreadable(folder, path, first, width), path, str(error)), []
    leaves = [leaf_hash(entry) for entry in entries]
    try:
        stored = list(reader.tile(0, number))
    except VerificationError as error:
        return Damage(first, tile_path(0, number, width), str(error)), []
    if leaves != stored:
        return _blame(reader, size, root, number, leaves, stored), []
    for place, entry in enumerate(entries):
        try:
            read_fields(entry)
        except VerificationError as error:
            return Damage(first + place, path, f"entry {first + place}: {error}"), []
    return None, leaves


def _blame(
    reader: TileReader, size: int, root: bytes, number: int, leaves: list[bytes], stored: list[bytes]
) -> Damage:
    """Say which of the two is damaged: the one that the level above does not lead to."""
    place = next(n for n, pair in enumerate(zip(leaves, stored, strict=True)) if pair[0] != pair[1])
    index = number * TILE_WIDTH + place
    if _leads_up(reader, size, root, number, leaves):
        tile = tile_path(0, number, len(stored))
        return Damage(index, tile, f"{tile}: the stored hash of entry {index} is damaged")
    bundle = bundle_path(number, len(stored))
    return Damage(
        index, bundle, f"entry {index}: its bytes do not fit its stored hash {stored[place].hex()} ({bundle})"
    )


def _leads_up(reader: TileReader, size: int, root: bytes, number: int, leaves: list[bytes]) -> bool:
    def node(level: int, index: int) -> bytes:
        first = (index << level) - number * TILE_WIDTH
        if level <= 8 and 0 <= first < len(leaves):
            return full_tile_root(leaves[first : first + (1 << level)])
        return reader.node(level, index)

    try:
        if len(leaves) == TILE_WIDTH:
            return full_tile_root(leaves) == reader.node(8, number)
        return tree_root(node, size) == root
    except VerificationError:
        return False


def _first_unreadable(folder: Path, path: str, first: int, width: int) -> int:
    """Return the first entry of a damaged bundle that does not fit its stored hash."""
    try:
        data = read_tile_file(folder, path)
        stored = split_tile(read_tile_file(folder, path.replace("/entries/", "/0/")), width, path)
    except VerificationError:
        return first
    position = 0
    for place in range(width):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if position > len(data) or leaf_hash(data[start:position]) != stored[place]:
            return first + place
    return first + width - 1
