"""The tiles of a log in its folder: reading them, and removing what an unfinished append left among them.

An append puts its files under final names before the head speaks of them. What lies beyond the head, and
what still carries the name that files have while they are written, belongs to no signed log.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from linernotes.auditlog.files import PARTIAL_SUFFIX
from linernotes.auditlog.old_form import refuse_old_form
from linernotes.auditlog.tiles import (
    MAX_TILE_LEVEL,
    TILE_FOLDER,
    TILE_HEIGHT,
    TILE_WIDTH,
    bundle_path,
    cut_full,
    tile_path,
)
from linernotes.errors import VerificationError

RACES = 3
_TILE = re.compile(r"(entries|[0-7])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


def read_tile_file(folder: Path, path: str) -> bytes:
    """Return a tile or bundle of the log in *folder*, a partial one from a wider one where it is gone.

    Raises
    ------
    CorpusError
        If the log is in the form of revision 1.
    VerificationError
        If the file is missing or cannot be read.
    """
    try:
        for _ in range(RACES):  # a writer may take a partial tile away while we look for it
            with suppress(FileNotFoundError):
                return (folder / path).read_bytes()
            wider = _wider(folder, path)
            with suppress(FileNotFoundError):
                if wider is not None:
                    return cut_full(path, wider.read_bytes())
        refuse_old_form(folder)
        raise VerificationError(f"{folder / path}: missing; run 'audit fsck'")
    except OSError as error:
        raise VerificationError(
            f"{folder / path}: cannot be read ({error.strerror}); restore it from a copy"
        ) from None


def _wider(folder: Path, path: str) -> Path | None:
    """Return the file of the same tile or bundle that holds more than the partial one of *path*."""
    full, partial, width = path.partition(".p/")
    if not partial:
        return None
    if (folder / full).exists():
        return folder / full
    found = [each for each in (folder / f"{full}.p").glob("*") if each.name.isdecimal()]
    return next((each for each in found if int(each.name) > int(width)), None)


def parse_tile_path(path: str) -> tuple[int, int, int] | None:
    """Return level (-1 for entries), number and width of a path below ``tile/``; None when it is no tile.

    Examples
    --------
    >>> parse_tile_path("entries/x001/234.p/7"), parse_tile_path("0/000"), parse_tile_path("0/1")
    ((-1, 1234, 7), (0, 0, 256), None)
    """
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    level = -1 if found[1] == "entries" else int(found[1])
    number = int("".join(character for character in found[2] if character.isdecimal()))
    width = int(found[3]) if found[3] else TILE_WIDTH
    return (level, number, width) if width < TILE_WIDTH or not found[3] else None


def tile_files(folder: Path) -> Iterator[tuple[Path, tuple[int, int, int] | None]]:
    """Yield each file below ``tile/`` with what its path says, None where that is nothing."""
    root = folder / TILE_FOLDER
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield path, parse_tile_path(path.relative_to(root).as_posix())


def is_leftover(path: Path, place: tuple[int, int, int] | None, size: int) -> bool:
    """Say whether a file below ``tile/`` belongs to no head of up to *size* entries."""
    if place is None:
        return path.name.endswith(PARTIAL_SUFFIX)
    level, number, width = place
    count = size >> (TILE_HEIGHT * max(level, 0)) if level <= MAX_TILE_LEVEL else 0
    return number * TILE_WIDTH + width > count


def remove_leftovers(folder: Path, size: int) -> None:
    """Remove what an unfinished append left behind a head of *size* entries.

    A look at the place that follows the head, on each level, tells whether there is anything to look for;
    usually there is not.
    """
    if any(_is_beyond(path, width) for path, width in _next_places(folder, size)):
        remove_beyond(folder, size)


def remove_beyond(folder: Path, size: int) -> None:
    """Remove every file below ``tile/`` that belongs to no head of up to *size* entries."""
    for path, place in tile_files(folder):
        if is_leftover(path, place, size):
            path.unlink(missing_ok=True)


def remove_partial_tiles(folder: Path, finished: Iterable[tuple[int, int]]) -> None:
    """Remove the partial tiles and bundles in whose place full ones are there and signed."""
    for level, number in finished:
        shutil.rmtree((folder / tile_path(level, number, 1)).parent, ignore_errors=True)
        if level == 0:
            shutil.rmtree((folder / bundle_path(number, 1)).parent, ignore_errors=True)


def _next_places(folder: Path, size: int) -> Iterator[tuple[Path, int]]:
    """Yield the files that an append to *size* entries may have made first, with the width they had before."""
    counts = [size >> (TILE_HEIGHT * level) for level in range(MAX_TILE_LEVEL + 1)]
    levels = 1 + sum(count > 0 for count in counts)
    for level in range(-1, min(levels, MAX_TILE_LEVEL + 1)):
        number, width = divmod(counts[max(level, 0)], TILE_WIDTH)
        full = folder / (bundle_path(number) if level < 0 else tile_path(level, number))
        for path in (full, full.with_name(full.name + PARTIAL_SUFFIX)):
            if path.exists():
                yield path, 0
        partials = full.with_name(full.name + ".p")
        if partials.is_dir():
            yield from ((path, width) for path in partials.iterdir())


def _is_beyond(path: Path, width: int) -> bool:
    return not path.name.isdecimal() or path.parent.suffix != ".p" or int(path.name) > width
