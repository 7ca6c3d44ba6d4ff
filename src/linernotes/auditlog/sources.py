"""Where a log is read from: a folder, or the address of any web host that serves one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from linernotes.auditlog.http_client import request
from linernotes.auditlog.tile_folder import read_tile_file
from linernotes.auditlog.tiles import MAX_BUNDLED_BYTES, TILE_WIDTH, cut_full
from linernotes.errors import CorpusError, InputError, VerificationError

MAX_NOTE_BYTES = 1 << 20
MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_BUNDLED_BYTES + 2)


class Source(Protocol):
    """What a mirror needs of a log."""

    def note(self) -> str:
        """Return the signed head; InputError or CorpusError when it cannot be had."""

    def read(self, path: str) -> bytes:
        """Return a tile or bundle; VerificationError or InputError when it cannot be had."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A log in a folder of this machine."""

    folder: Path

    def note(self) -> str:
        """Return the signed head."""
        try:
            return (self.folder / "checkpoint").read_bytes().decode()
        except OSError as error:
            raise CorpusError(f"{self.folder}: no log here (checkpoint: {error.strerror})") from None
        except UnicodeDecodeError:
            raise VerificationError(f"{self.folder / 'checkpoint'}: damaged, not UTF-8 text") from None

    def read(self, path: str) -> bytes:
        """Return a tile or bundle."""
        return read_tile_file(self.folder, path)


@dataclass(frozen=True, slots=True)
class WebSource:
    """A log behind an address that begins with http:// or https://."""

    url: str

    def note(self) -> str:
        """Return the signed head."""
        try:
            return self._get("checkpoint", MAX_NOTE_BYTES).decode()
        except UnicodeDecodeError:
            raise VerificationError(f"{self.url}: its checkpoint is not UTF-8 text") from None

    def read(self, path: str) -> bytes:
        """Return a tile or bundle; a partial one from the full one where the host has only that."""
        full, partial, _ = path.partition(".p/")
        try:
            return self._get(path, MAX_BUNDLE_BYTES)
        except _NotThere:
            if not partial:
                raise
            return cut_full(path, self._get(full, MAX_BUNDLE_BYTES))

    def _get(self, path: str, limit_bytes: int) -> bytes:
        url = f"{self.url.rstrip('/')}/{path}"
        answer = request(url, limit_bytes=limit_bytes)
        if answer.status in (404, 410):
            raise _NotThere(f"{url}: not there (status {answer.status}); is this the address of a log?")
        if answer.status != 200:
            raise InputError(f"{url}: answered with status {answer.status}; try again later")
        return answer.body


class _NotThere(InputError):
    """The host has no such file."""


def open_source(place: str) -> Source:
    """Return the log at *place*, an address or a folder.

    Examples
    --------
    >>> open_source("https://log.example.org/").url
    'https://log.example.org/'
    """
    if "://" in place:
        return WebSource(place)
    return FolderSource(Path(place))
