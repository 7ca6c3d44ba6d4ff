"""A recording as its makers and owners describe it, and the short id that names it here.

Conventions
-----------
"Recording" is meant in the MusicBrainz sense: one fixed performance, the thing that an ISRC names.
Identifiers are claims with a source, not facts: a malformed ISRC is kept as it was written, and the
corpus reports it as a gap.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from linernotes.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is known about one recording; an empty string means that nobody said.

    Parameters
    ----------
    recording_id : str
        Short id, unique in its table: the slug of the file's stem.
    title, artist : str
        As printed on the release.
    rightsholder : str
        Who is asked for permission and paid.
    licence, licence_url, attribution : str
        Name of the licence, where it stands, and the line that it asks to be printed.
    isrc, iswc : str, optional
        Recording and work codes as written in the table; see `linernotes.ids` for the check.
    release : str, optional
        Product on which the recording appeared.
    tags : tuple of str
        Free labels, such as genres.

    Examples
    --------
    >>> Recording(recording_id="rain", title="Rain", artist="Ada").isrc is None
    True
    """

    recording_id: str
    title: str
    artist: str
    rightsholder: str = ""
    licence: str = ""
    licence_url: str = ""
    attribution: str = ""
    isrc: str | None = None
    iswc: str | None = None
    release: str | None = None
    tags: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"tags": list(self.tags)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recording:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a required field is missing or an unknown one is present.
        """
        known = set(cls.__slots__)
        missing = {"recording_id", "title", "artist"} - data.keys()
        if missing or data.keys() - known:
            raise InputError(
                f"recording: missing {sorted(missing)}, unknown {sorted(data.keys() - known)}; "
                f"expected the fields {', '.join(sorted(known))}"
            )
        if not isinstance(tags := data.get("tags", ()), list | tuple):
            raise InputError(f"recording: tags is {type(tags).__name__}; expected a list of texts")
        return cls(**(dict(data) | {"tags": tuple(tags)}))


def slug(text: str) -> str:
    """Return *text* as a short id: accents dropped, case folded, everything else a hyphen.

    Letters of other scripts stay, so that a Japanese title keeps its name.

    Examples
    --------
    >>> slug("Café del Mar (2nd mix)")
    'cafe-del-mar-2nd-mix'
    >>> slug("雨の歌"), slug("***")
    ('雨の歌', 'untitled')
    """
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in decomposed if unicodedata.category(c) != "Mn" or ord(c) > 0x36F)
    folded = unicodedata.normalize("NFC", bare).casefold()
    words = "".join(c if c.isalnum() else " " for c in folded).split()
    return "-".join(words) or "untitled"


def unique_ids(paths: Iterable[str]) -> dict[str, str]:
    """Give every relative POSIX path its id: the slug of its stem, made unique where stems agree.

    Where two files share a slug, each gets a few hexadecimal digits of the hash of its own path, so
    an id depends on its path and on whether it is alone, never on the order of the files.

    Examples
    --------
    >>> unique_ids(["b/Rain.wav", "sun.ogg"])
    {'b/Rain.wav': 'rain', 'sun.ogg': 'sun'}
    >>> sorted(unique_ids(["a/rain.wav", "b/rain.wav"]).values())
    ['rain-23f3bc', 'rain-26441b']
    """
    paths = sorted(set(paths))
    stems = {path: slug(PurePosixPath(path).stem) for path in paths}
    n_digits = 0
    ids = stems
    while len(set(ids.values())) < len(paths):
        n_digits += 6
        shared = {stem for stem, count in Counter(ids.values()).items() if count > 1}
        ids = {
            path: f"{stems[path]}-{_path_digest(path)[:n_digits]}" if name in shared else name
            for path, name in ids.items()
        }
    return ids


def _path_digest(path: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFC", path).encode()).hexdigest()
