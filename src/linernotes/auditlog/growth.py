"""Which files a log gains when entries are added, worked out before any of them is written.

The last partial tiles are read, the new leaves added, and every tile that changes is given whole: full
ones under their final name, the new partial ones under a name of their own width. No file that an
earlier head speaks of is changed.

Cost
----
Two hashes per entry; files: about two per 256 entries, and two to six for the ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linernotes.auditlog.merkle import leaf_hash
from linernotes.auditlog.tiles import (
    TILE_WIDTH,
    ReadFile,
    TileReader,
    bundle_path,
    encode_bundle,
    full_tile_root,
    split_tile,
    tile_path,
)


@dataclass(frozen=True, slots=True)
class Growth:
    """What an append writes.

    Parameters
    ----------
    size : int
        Entries afterwards.
    files : dict
        From path below the log's folder to the bytes.
    finished : tuple of (int, int)
        Level and number of the tiles that were partial before and are full now.
    """

    size: int
    files: dict[str, bytes]
    finished: tuple[tuple[int, int], ...]

    def reader(self, read: ReadFile) -> TileReader:
        """Return the tiles after the append: those in `files`, all others as *read* gives them."""
        return TileReader(lambda path: self.files[path] if path in self.files else read(path), self.size)


def grow(read: ReadFile, size: int, entries: Sequence[bytes]) -> Growth:
    """Return what adding *entries* to a log of *size* entries writes.

    Parameters
    ----------
    read : callable
        Gives the bytes of a path below the log's folder.
    size : int
        Entries that the log has.
    entries : sequence of bytes
        The new ones, each at most 65,535 bytes.

    Examples
    --------
    >>> sorted(grow({}.__getitem__, 0, [b"first"]).files)
    ['tile/0/000.p/1', 'tile/entries/000.p/1']
    """
    files: dict[str, bytes] = {}
    finished: list[tuple[int, int]] = []
    number, width = divmod(size, TILE_WIDTH)
    pending = read(bundle_path(number, width)) if width else b""
    for start in range(-width, len(entries), TILE_WIDTH):
        chunk = entries[max(start, 0) : start + TILE_WIDTH]
        held = width if start < 0 else 0
        files[bundle_path(number, held + len(chunk))] = pending + encode_bundle(chunk)
        number, pending = number + 1, b""
    hashes = [leaf_hash(entry) for entry in entries]
    level, count = 0, size
    while hashes:
        hashes = _grow_level(read, files, finished, level, count, hashes)
        level, count = level + 1, count // TILE_WIDTH
    return Growth(size + len(entries), files, tuple(finished))


def _grow_level(
    read: ReadFile,
    files: dict[str, bytes],
    finished: list[tuple[int, int]],
    level: int,
    count: int,
    added: list[bytes],
) -> list[bytes]:
    """Add hashes to the tiles of one level; return the roots of the tiles that they fill."""
    number, width = divmod(count, TILE_WIDTH)
    if width:
        path = tile_path(level, number, width)
        added = split_tile(read(path), width, path) + added
        if len(added) >= TILE_WIDTH:
            finished.append((level, number))
    roots = []
    for start in range(0, len(added), TILE_WIDTH):
        hashes = added[start : start + TILE_WIDTH]
        files[tile_path(level, number, len(hashes))] = b"".join(hashes)
        if len(hashes) == TILE_WIDTH:
            roots.append(full_tile_root(hashes))
        number += 1
    return roots
