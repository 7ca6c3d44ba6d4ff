"""The list of what a search found, best first, with a page of its own for the best results.

Conventions
-----------
``index.html`` and ``index.json`` of a folder; pages lie beside them and are named by query and recording.

Known limits
------------
Only the first results of each query have a page; the others are listed with their figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from linernotes.evidence.versions import SCOPE_VERSION
from linernotes.reports.schema_base import Facts, Fraction01, Said, checked_by
from linernotes.reports.single_page import rendered, write_with_facts
from linernotes.reports.version_page.wording import NAMES, ORDER
from linernotes.reports.words import count, listed, per_cent

FORMAT = "linernotes-version-search"
REVISION = 1


class ResultModel(Facts):
    """One recording that a search found."""

    recording_id: Said
    title: Said
    artist: str
    score: float
    probability: Fraction01 | None
    page: str | None
    words: Said


class SkippedModel(Facts):
    """One recording that could not be compared."""

    recording_id: Said
    reason: Said


class QueryModel(Facts):
    """One file that was searched for."""

    query: Said
    words: Said
    results: list[ResultModel]
    skipped: list[SkippedModel]


class SearchModel(Facts):
    """Everything that the list says."""

    format: Literal["linernotes-version-search"]
    revision: Literal[1]
    title: Said
    queries: Annotated[list[QueryModel], Field(min_length=1)]
    scope: Said


def write_listing(
    answers: Sequence[Mapping[str, Any]], pages: Mapping[tuple[str, str], str], folder: Path | str
) -> Path:
    """Write ``index.html`` and ``index.json``, and return the page's path.

    Parameters
    ----------
    answers : sequence of mapping
        One per query, as ``linernotes versions search --json`` gives them.
    pages : mapping of (str, str) to str
        File name of the page of a query and a recording.
    folder : Path or str
        Where the pages lie.

    Raises
    ------
    InputError
        If something that must be said is missing, or the folder cannot be written to.
    """
    facts = listing_facts(answers, pages)
    page = rendered("version_search.html", f=facts)
    return write_with_facts(lambda: page, facts, Path(folder) / "index.html")


def listing_facts(
    answers: Sequence[Mapping[str, Any]], pages: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """Return what the list says, checked, as JSON-ready values.

    Raises
    ------
    InputError
        If something that must be said is missing.
    """
    queries = [
        {
            "query": Path(answer["query"]).name,
            "words": _query_words(answer["results"]),
            "results": [
                {
                    "recording_id": one["recording_id"],
                    "title": one.get("title") or one["recording_id"],
                    "artist": one.get("artist") or "",
                    "score": one["score"],
                    "probability": one["probability"],
                    "page": pages.get((answer["query"], one["recording_id"])),
                    "words": _result_words(one),
                }
                for one in answer["results"]
            ],
            "skipped": [
                {"recording_id": one["recording_id"], "reason": one["reason"]} for one in answer["skipped"]
            ],
        }
        for answer in answers
    ]
    facts = {
        "format": FORMAT,
        "revision": REVISION,
        "title": "Recordings that share musical substance",
        "queries": queries,
        "scope": SCOPE_VERSION,
    }
    return checked_by(SearchModel, facts, "version search", "its words")


def page_name(number: int, query: str, recording_id: str) -> str:
    """Return a file name for the page of a query and a recording.

    Examples
    --------
    >>> page_name(2, "/music/My Song.wav", "ada/one & two")
    '2-my-song-ada-one-two.html'
    """
    words = re.sub(r"[^a-z0-9]+", "-", f"{Path(query).stem} {recording_id}".casefold()).strip("-")
    return f"{number}-{words[:80].rstrip('-')}.html"


def _query_words(results: Sequence[Mapping[str, Any]]) -> str:
    n_likely = sum((one["probability"] or 0.0) >= 0.5 for one in results)
    if not results:
        return "Nothing was found to compare with."
    if not n_likely:
        return f"None of the {count(len(results), 'first result')} probably shares substance with it."
    verb = "shares" if n_likely == 1 else "share"
    return f"{n_likely} of the {count(len(results), 'first result')} probably {verb} substance with it."


def _result_words(one: Mapping[str, Any]) -> str:
    shares = [NAMES[name].lower() for name in ORDER if name in one.get("shares", ())]
    chance = "no calibrated probability" if one["probability"] is None else per_cent(one["probability"])
    return f"{chance}{f': {listed(shares)}' if shares else ''}; {count(len(one['segments']), 'aligned span')}"
