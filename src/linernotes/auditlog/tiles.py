"""The log as tiles: stacks of 256 hashes, and bundles of 256 entries, in files that never change.

::

    checkpoint                     the signed head
    tile/0/000                     leaf hashes 0 to 255, 32 bytes each
    tile/0/001.p/7                 leaf hashes 256 to 262: a partial tile, 7 wide
    tile/1/000.p/1                 roots of the full tiles of the level below
    tile/entries/000               entries 0 to 255, each behind its length
    tile/entries/001.p/7           entries 256 to 262

Any web host can serve these; a reader fetches a handful of them to prove anything.

Conventions
-----------
A tile of level l holds at place i the Merkle root over the leaves ``[i * 256**l, (i + 1) * 256**l)``. A
tile's number is written in groups of three digits, all but the last led by ``x``: 1234067 is
``x001/x234/067``. An entry in a bundle is its length as two bytes, big-endian, then its bytes.

References
----------
C2SP tlog-tiles (https://c2sp.org/tlog-tiles).

Known limits
------------
A bundle has no room for entries beyond 65,535 bytes; `AuditLog.append` refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from linernotes.auditlog.merkle import HASH_BYTES, node_hash
from linernotes.errors import VerificationError

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_BUNDLED_BYTES = (1 << 16) - 1
MAX_TILE_LEVEL = 7  # 256**8 leaves are more than a size can say
TILE_FOLDER = "tile"
ReadFile = Callable[[str], bytes]


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a hash tile below the log's folder.

    Examples
    --------
    >>> tile_path(0, 1234067), tile_path(1, 0, 17)
    ('tile/0/x001/x234/067', 'tile/1/000.p/17')
    """
    return f"{TILE_FOLDER}/{level}/{_number_path(number)}{_width_suffix(width)}"


def bundle_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle below the log's folder.

    Examples
    --------
    >>> bundle_path(273, 112)
    'tile/entries/273.p/112'
    """
    return f"{TILE_FOLDER}/entries/{_number_path(number)}{_width_suffix(width)}"


def tiles_of(size: int) -> list[tuple[int, int, int]]:
    """Return level, number and width of the last tile of each level in a log of *size* entries.

    Examples
    --------
    >>> tiles_of(70_000)
    [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    >>> tiles_of(256)
    [(0, 0, 256), (1, 0, 1)]
    """
    found, level = [], 0
    while size:
        number = (size - 1) // TILE_WIDTH
        found.append((level, number, size - number * TILE_WIDTH))
        size //= TILE_WIDTH
        level += 1
    return found


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    r"""Return the bytes of a bundle of *entries*, none of which may pass 65,535 bytes.

    Examples
    --------
    >>> encode_bundle([b"ab", b""])
    b'\x00\x02ab\x00\x00'
    """
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int, what: str) -> list[bytes]:
    """Return the *width* entries of a bundle.

    Raises
    ------
    VerificationError
        If the bytes are not exactly *width* entries; *what* names them in the message.
    """
    entries, position, end = [], 0, len(data)
    for index in range(width):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > end or position > end:
            raise VerificationError(f"{what}: cut short within its entry {index} of {width}")
        entries.append(data[start:position])
    if position != end:
        raise VerificationError(f"{what}: {end - position} bytes after its {width} entries")
    return entries


def split_tile(data: bytes, width: int, what: str) -> list[bytes]:
    """Return the *width* hashes of a tile; VerificationError when it has another length."""
    if len(data) != width * HASH_BYTES:
        raise VerificationError(f"{what}: {len(data)} bytes, expected {width * HASH_BYTES}; run 'audit fsck'")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def cut_full(path: str, full: bytes) -> bytes:
    r"""Return what the partial tile or bundle of *path* held, from the bytes of the full one.

    Raises
    ------
    VerificationError
        If the full one is too short for that.

    Examples
    --------
    >>> cut_full("tile/entries/000.p/1", encode_bundle([b"ab", b"c"]))
    b'\x00\x02ab'
    """
    width = int(path.rpartition("/")[2])
    if not path.startswith(f"{TILE_FOLDER}/entries/"):
        end = width * HASH_BYTES
    else:
        end = 0
        for _ in range(width):
            end += 2 + int.from_bytes(full[end : end + 2], "big")
    if end > len(full):
        raise VerificationError(f"{path}: gone, and the full one in its place is cut short")
    return full[:end]


def full_tile_root(hashes: list[bytes]) -> bytes:
    """Return the root over a number of hashes that is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


class TileReader:
    """Finds any node of the tree of a log, reading a tile at most once while it is at hand.

    Parameters
    ----------
    read : callable
        Gives the bytes of a path below the log's folder; VerificationError or OSError when it cannot.
    size : int
        Entries of the log as signed: which of the last tiles are partial, and how wide.

    Examples
    --------
    >>> from linernotes.auditlog.merkle import Tree, leaf_hash, tree_root
    >>> leaves = [leaf_hash(bytes([i])) for i in range(5)]
    >>> files = {"tile/0/000.p/5": b"".join(leaves)}
    >>> tree_root(TileReader(files.__getitem__, 5).node, 5) == Tree(leaves).root()
    True
    """

    def __init__(self, read: ReadFile, size: int) -> None:
        self._read = read
        self._counts = [size >> (TILE_HEIGHT * level) for level in range(MAX_TILE_LEVEL + 1)]
        self.tile = lru_cache(maxsize=64)(self._tile)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree over the leaves ``[index << level, (index + 1) << level)``."""
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        hashes = self.tile(tile_level, first // TILE_WIDTH)
        start = first % TILE_WIDTH
        return full_tile_root(list(hashes[start : start + (1 << height)]))

    def width(self, level: int, number: int) -> int:
        """Return how many hashes the log's tile has."""
        return min(TILE_WIDTH, self._counts[level] - number * TILE_WIDTH)

    def _tile(self, level: int, number: int) -> tuple[bytes, ...]:
        width = self.width(level, number)
        path = tile_path(level, number, width)
        return tuple(split_tile(self._read(path), width, path))


def _number_path(number: int) -> str:
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def _width_suffix(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"
