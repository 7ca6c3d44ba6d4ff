"""What an AcoustID-style service answers, as values: results, the recordings behind them, refusals.

Conventions
-----------
A score lies in [0, 1] and is the service's own: the share of bits that agree, not a false-match rate.
"MBID" is the MusicBrainz identifier of a recording. What the service leaves out stays empty; a field of
another kind than the interface describes makes the answer unreadable.

References
----------
https://acoustid.org/webservice, "Lookup by fingerprint".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from linernotes.errors import InputError

SCOPE_LOOKUP = (
    "Says what the service answered: its score is the agreement of two fingerprints, not a false-match rate, and "
    "the names are those that its contributors gave; no result is not absence of the recording elsewhere."
)


@dataclass(frozen=True, slots=True)
class ReleaseGroup:
    """An album, single or the like: its MBID, title and type."""

    mbid: str
    title: str
    type: str


@dataclass(frozen=True, slots=True)
class NamedRecording:
    """A MusicBrainz recording that the service links to a fingerprint.

    Parameters
    ----------
    mbid : str
        MusicBrainz identifier.
    title, artist : str
        As the service gives them, artists joined as on the release; empty where it gives none.
    duration_s : float, optional
        Seconds.
    isrcs : tuple of str
        Codes, where the service gives them.
    n_sources : int, optional
        Submissions behind the link.
    release_groups : tuple of ReleaseGroup
        Where it appeared.
    """

    mbid: str
    title: str
    artist: str
    duration_s: float | None
    isrcs: tuple[str, ...]
    n_sources: int | None
    release_groups: tuple[ReleaseGroup, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One fingerprint cluster of the service: its AcoustID, the score, and the recordings linked to it."""

    acoustid: str
    score: float
    recordings: tuple[NamedRecording, ...]

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "acoustid": self.acoustid,
            "score": self.score,
            "recordings": [
                {
                    "mbid": one.mbid,
                    "title": one.title,
                    "artist": one.artist,
                    "duration_s": one.duration_s,
                    "isrcs": list(one.isrcs),
                    "n_sources": one.n_sources,
                    "release_groups": [
                        {"mbid": group.mbid, "title": group.title, "type": group.type}
                        for group in one.release_groups
                    ],
                }
                for one in self.recordings
            ],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of one question, best first."""

    results: tuple[Result, ...]


def read_answer(held: dict[str, Any]) -> Answer:
    """Return the results of an answer whose status is "ok".

    Raises
    ------
    InputError
        If a field is of another kind than the interface describes; the message names it.

    Examples
    --------
    >>> read_answer({"status": "ok", "results": [{"id": "a", "score": 0.5}]}).results[0].score
    0.5
    """
    results = [
        Result(
            _text(found, "id"),
            _score(found),
            tuple(_recording(one) for one in _objects(found, "recordings") if one.get("id")),
        )
        for found in _objects(held, "results")
    ]
    return Answer(tuple(sorted(results, key=lambda result: -result.score)))


def refusal(held: dict[str, Any]) -> tuple[int, str]:
    """Return the number and the words of an error that the service reports; 0 and "" where there are none.

    Examples
    --------
    >>> refusal({"status": "error", "error": {"code": 4, "message": "invalid API key"}})
    (4, 'invalid API key')
    """
    error = held.get("error")
    if not isinstance(error, dict):
        return 0, printable(error)[:200] if isinstance(error, str) else ""
    code, words = error.get("code"), error.get("message")
    said = printable(str(words or ""))
    return code if isinstance(code, int) else 0, " ".join(said.split())[:200]


def printable(text: str) -> str:
    """Return a foreign text as a terminal may show it: control characters become spaces.

    Examples
    --------
    >>> printable("a" + chr(27) + "[2J")
    'a [2J'
    """
    return "".join(c if c.isprintable() else " " for c in text)


def _recording(held: dict[str, Any]) -> NamedRecording:
    duration_s, n_sources = held.get("duration"), held.get("sources")
    isrcs = held.get("isrcs") or []
    if not isinstance(isrcs, list):
        raise _unreadable("isrcs", isrcs)
    return NamedRecording(
        _text(held, "id"),
        _text(held, "title"),
        _artists(held),
        float(duration_s) if isinstance(duration_s, int | float) else None,
        tuple(str(isrc) for isrc in isrcs),
        n_sources if isinstance(n_sources, int) else None,
        tuple(
            ReleaseGroup(_text(group, "id"), _text(group, "title"), _text(group, "type"))
            for group in _objects(held, "releasegroups")
        ),
    )


def _artists(held: dict[str, Any]) -> str:
    """Join the artists as printed: each brings the words that stand behind him."""
    names = _objects(held, "artists")
    words = ""
    for i, artist in enumerate(names):
        last = i + 1 == len(names)
        words += _text(artist, "name") + (_text(artist, "joinphrase", strip=False) or ("" if last else ", "))
    return words.strip()


def _objects(held: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = held.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _unreadable(name, found)
    return found


def _score(held: dict[str, Any]) -> float:
    score = held.get("score")
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
        raise _unreadable("score", score)
    return float(score)


def _text(held: dict[str, Any], name: str, *, strip: bool = True) -> str:
    value = held.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _unreadable(name, value)
    shown = printable(value)
    return shown.strip() if strip else shown


def _unreadable(name: str, value: Any) -> InputError:
    return InputError(f"'{name}' is {json.dumps(value)[:60]}: not what the interface of AcoustID describes")
