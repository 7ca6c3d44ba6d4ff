"""Read a table of works from a file."""

from __future__ import annotations

from pathlib import Path

from linernotes.disclosure.requests import MAX_TABLE_BYTES, AskedWork, parse_works
from linernotes.errors import InputError


def read_works(path: Path | str) -> tuple[AskedWork, ...]:
    """Return the works of a CSV table; see `linernotes.disclosure.requests.parse_works`.

    Paths in the column ``file`` are taken from the table's own folder.

    Raises
    ------
    InputError
        If the file cannot be read, is no UTF-8, or is not such a table; the message names it.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise InputError(f"{path}: larger than {MAX_TABLE_BYTES} bytes; split the request")
        works = parse_works(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the table's file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; save the table as UTF-8") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return tuple(_placed(work, path.parent) for work in works)


def _placed(work: AskedWork, folder: Path) -> AskedWork:
    if not work.file:
        return work
    return AskedWork(
        label=work.label,
        title=work.title,
        artist=work.artist,
        codes=work.codes,
        file=str((folder / work.file).absolute()),
        fingerprint=work.fingerprint,
    )
