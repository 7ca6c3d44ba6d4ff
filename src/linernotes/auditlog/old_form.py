"""Carries a log in the form of revision 1 over to tiles; its head, root and receipts stay what they are.

Revision 1 kept the entries in ``entries.jsonl``, one canonical JSON per line, beside ``offsets.bin`` and
``hashes.bin``. The tree and the signed head are the same in both forms, so only files are rewritten: the
entries are checked against the signed root, all tiles are written, and then the old files are removed. A
crash at any moment before that leaves ``entries.jsonl`` in place, and the next try does it all again.

Known limits
------------
An entry of more than 65,535 bytes has no place in a tile: such a log is refused and stays as it is.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import MAX_ENTRY_BYTES
from linernotes.auditlog.files import sync_folder, write_all_whole
from linernotes.auditlog.growth import grow
from linernotes.auditlog.merkle import Tree, leaf_hash
from linernotes.auditlog.tiles import MAX_BUNDLED_BYTES, TILE_FOLDER, TILE_WIDTH
from linernotes.errors import CorpusError, VerificationError

OLD_ENTRIES_FILE = "entries.jsonl"
OLD_FILES = (OLD_ENTRIES_FILE, "offsets.bin", "hashes.bin")  # removed in this order: the first decides
CHUNK_ENTRIES = 64 * TILE_WIDTH


def is_old_form(folder: Path) -> bool:
    """Say whether the log in *folder* is in the form of revision 1, or half-way out of it."""
    return (folder / OLD_ENTRIES_FILE).exists()


def has_old_files(folder: Path) -> bool:
    """Say whether any file of revision 1 lies in *folder*."""
    return any((folder / name).exists() for name in OLD_FILES)


def refuse_old_form(folder: Path) -> None:
    """Raise CorpusError, with the next step, where the log in *folder* is in the form of revision 1."""
    if is_old_form(folder):
        raise CorpusError(
            f"{folder}: a log in the form of an earlier revision ({OLD_ENTRIES_FILE}); run "
            f"'linernotes audit upgrade {folder}' once: entries, root and receipts stay the same"
        )


def carry_over(folder: Path, head: Checkpoint) -> None:
    """Write the tiles of a log of revision 1, then remove its old files; the caller holds the lock.

    Parameters
    ----------
    folder : Path
        The log's folder.
    head : Checkpoint
        Its verified head.

    Raises
    ------
    CorpusError
        If an entry is too large for a tile.
    VerificationError
        If the entries do not lead to the signed root; nothing is changed then.
    """
    if is_old_form(folder):
        with (folder / OLD_ENTRIES_FILE).open("rb") as stream:
            _check_root(folder, stream, head)
            stream.seek(0)
            shutil.rmtree(folder / TILE_FOLDER, ignore_errors=True)  # of an earlier try
            _write_tiles(folder, stream, head)
    for name in OLD_FILES:
        (folder / name).unlink(missing_ok=True)
        sync_folder(folder)


def _write_tiles(folder: Path, stream: BinaryIO, head: Checkpoint) -> None:
    def read(path: str) -> bytes:
        return (folder / path).read_bytes()

    size = 0
    while size < head.size:
        wanted = min(CHUNK_ENTRIES, head.size - size)
        entries = [_read_line(stream, size + n) for n in range(wanted)]
        growth = grow(read, size, entries)
        write_all_whole(folder, growth.files)
        size = growth.size


def _check_root(folder: Path, stream: BinaryIO, head: Checkpoint) -> None:
    tree = Tree([leaf_hash(_read_line(stream, index)) for index in range(head.size)])
    if tree.root() != head.root:
        raise VerificationError(
            f"{folder / OLD_ENTRIES_FILE}: its entries do not lead to the signed root; restore it from a copy"
        )


def _read_line(stream: BinaryIO, index: int) -> bytes:
    line = stream.readline(MAX_ENTRY_BYTES + 2)
    if not line.endswith(b"\n"):
        raise VerificationError(f"{OLD_ENTRIES_FILE}: entry {index} is missing or cut short")
    if len(line) - 1 > MAX_BUNDLED_BYTES:
        raise CorpusError(
            f"{OLD_ENTRIES_FILE}: entry {index} has {len(line) - 1} bytes, tiles hold at most "
            f"{MAX_BUNDLED_BYTES}; keep this log as it is (its receipts stay valid) and move it and its "
            "keys away to begin a new one"
        )
    return line[:-1]
