"""What the page of a comparison says: figures, words and provenance, before anything is drawn.

Idea
----
`page_facts` turns the contents of a page into plain JSON values in which every figure has its words, its reference and its
limits. The page draws these facts and nothing else; they are its JSON twin.

Conventions
-----------
A is the file asked about, B the other. Spans are numbered from 1 in the order of the evidence. No path of the machine and no
clock gets into the facts: the same comparison gives the same bytes.

Known limits
------------
Counterfactuals are said as they were computed: for the seconds of A that were struck out, not for their repetitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from linernotes.evidence.versions import VersionMatch
from linernotes.reports.version_page.contents import Removal, Side, VersionPage
from linernotes.reports.version_page.schema import FORMAT, REVISION, checked
from linernotes.reports.version_page.warp import ranked
from linernotes.reports.version_page.wording import (
    NAMES,
    ORDER,
    STANDING_WORDS,
    expected_words,
    found_words,
    headline,
    moved_words,
    probability_words,
    standing,
)
from linernotes.reports.words import clock_range, count, listed, per_cent

NOTHING = "no aligned span above the threshold"
OTHER_PRIORS = (0.01, 0.5)
LIMITS = (
    "Found by machine and calibrated on pairs whose relation is known; both sides may descend from a third piece. "
    "A span is only as exact as its frames, about half a second. What is common in music unlike the reference collection "
    "may look rare here. Whether a similarity matters in law is not a question that this page answers."
)


def page_facts(page: VersionPage) -> dict[str, Any]:
    """Return everything that the page says, checked, as JSON-ready values.

    Raises
    ------
    InputError
        If something that must be said is missing.
    """
    match = page.match
    segments = [_segment_facts(i, one.as_json(), page) for i, one in enumerate(match.segments)]
    others = [(prior, _at_prior(match.probability, page.prior, prior)) for prior in OTHER_PRIORS]
    others = others if match.probability is not None else []
    shares = [name for name in ORDER if name in match.shares]
    relation = match.as_json() | {
        "shares": shares,
        "segments": segments,
        "words": _relation_words(match.as_json(), segments),
    }
    return checked(
        {
            "format": FORMAT,
            "revision": REVISION,
            "title": f"{_called(page.a)} and {_called(page.b)}",
            "headline": headline(match.probability, shares, _standings(segments, shares)),
            "probability_words": probability_words(match.probability, page.prior, others),
            "prior": page.prior,
            "other_priors": [{"prior": prior, "probability": chance} for prior, chance in others],
            "a": _side_facts(page.a),
            "b": _side_facts(page.b),
            "relation": relation,
            "dimensions": [_dimension_facts(name, page, segments) for name in _dimensions(match)],
            "followed": ranked(segments),
            "removals": [_removal_facts(one, page, segments) for one in page.removals],
            "removals_words": page.removals_words,
            "melodies": [one.as_json() for one in page.melodies],
            "melodies_words": page.melodies_words,
            "provenance": {
                "method": match.method,
                "features_revision": page.features_revision,
                "reference": page.reference.words,
                "compared_with": f"{page.reference.n_pieces} unrelated recordings that the package carries",
                "compared_sha256": page.reference.sha256,
                "linernotes": page.version,
            },
            "scope": match.scope,
            "limits": LIMITS,
        }
    )


def _called(side: Side) -> str:
    return side.title or side.name


def _side_facts(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "title": _called(side),
        "artist": side.artist,
        "sha256": side.sha256,
        "duration_s": side.duration_s,
        "heard": side.heard,
        "windows": [list(window) for window in side.windows],
    }


def _segment_facts(index: int, segment: dict[str, Any], page: VersionPage) -> dict[str, Any]:
    level = standing(segment)
    reference = page.reference
    words = [
        moved_words(segment["transposition_semitones"], segment["tempo_ratio"]),
        expected_words(segment["e_value"], reference.words),
        found_words(segment["commonplace"], segment["found_in"], reference.n_pieces),
    ]
    if segment["figure"]:
        figure = segment["figure"]
        words.append(
            f"its most telling figure, {figure['name']}, is in {per_cent(figure['share'])} of {figure['n_songs']} songs"
        )
    return segment | {
        "number": index + 1,
        "name": f"{NAMES[segment['dimension']]}, span {index + 1}",
        "standing": level,
        "standing_words": STANDING_WORDS[level],
        "strength": round(_strength(segment), 4),
        "words": "; ".join(words),
    }


def _strength(segment: Mapping[str, Any]) -> float:
    """Return how dark a span is drawn, in [0, 1]: by its E-value from 1000 down to 10⁻⁵, else by its score."""
    if segment["e_value"] is not None:
        return float(np.clip((3 - np.log10(max(segment["e_value"], 1e-9))) / 8, 0, 1))
    return float(np.clip(segment["score"] / 40, 0, 1)) * (1 - (segment["commonplace"] or 0.0))


def _standings(segments: Sequence[Mapping[str, Any]], shares: Sequence[str]) -> list[str]:
    """Return the standing of every span of a shared dimension; of every span where none is named."""
    return [one["standing"] for one in segments if not shares or one["dimension"] in shares]


def _dimensions(match: VersionMatch) -> list[str]:
    """Return the dimensions to be shown, in the house's order: the four of the contract and any other at hand."""
    known = {"overall", "melody", "harmony", "rhythm"}
    known |= {one.dimension for one in match.dimensions} | {one.dimension for one in match.segments}
    return [name for name in ORDER if name in known]


def _dimension_facts(name: str, page: VersionPage, segments: list[dict[str, Any]]) -> dict[str, Any]:
    evidence = next((one for one in page.match.dimensions if one.dimension == name), None)
    own = [one for one in segments if one["dimension"] == name]
    best = max(own, key=lambda one: one["score"], default=None)
    expected = evidence.e_value if evidence else best["e_value"] if best else None
    words = f"{count(len(own), 'span')}; {best['standing_words']}" if best else NOTHING
    return {
        "dimension": name,
        "name": NAMES[name],
        "score": evidence.score if evidence else None,
        "probability": evidence.probability if evidence else None,
        "e_value": expected,
        "log_odds": evidence.log_odds if evidence else None,
        "shared": evidence.shared if evidence else name in page.match.shares,
        "standing": best["standing"] if best else None,
        "words": words,
        "expected_words": expected_words(expected, page.reference.words),
        "found_words": found_words(best["commonplace"], [], page.reference.n_pieces)
        if best
        else "nothing to look for",
        "segments": [one["number"] for one in own],
    }


def _relation_words(match: Mapping[str, Any], segments: Sequence[Mapping[str, Any]]) -> str:
    if not segments:
        return "No aligned seconds were found: there is nothing to compare by ear."
    words = moved_words(match["transposition_semitones"], match["tempo_ratio"])
    return f"{count(len(segments), 'span')} correspond{'s' if len(segments) == 1 else ''}; {words}."


def _removal_facts(one: Removal, page: VersionPage, segments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    struck = [segments[i] for i in one.segments]
    dimensions = [name for name in ORDER if name in {each["dimension"] for each in struck}]
    spans = sorted({(each["a_start_s"], each["a_end_s"]) for each in struck})
    seconds = listed([clock_range(start, end) for start, end in _merged(spans)])
    before = page.match.probability or 0.0
    falls = "falls" if one.probability < before else "rises"
    change = (
        f"stays at {per_cent(before)}"
        if per_cent(before) == per_cent(one.probability)
        else f"{falls} from {per_cent(before)} to {per_cent(one.probability)}"
    )
    decisive = before >= 0.5 > one.probability
    return {
        "segments": [i + 1 for i in one.segments],
        "probability": one.probability,
        "decisive": decisive,
        "words": f"Without {seconds} of A ({listed([NAMES[name].lower() for name in dimensions])}) the probability {change}"
        + (": the finding rests on these seconds." if decisive else "."),
    }


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join stretches that overlap."""
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _at_prior(probability: float | None, prior: float, other: float) -> float:
    """Return the probability for another share of related pairs among those asked about."""
    if probability is None:
        return other
    p = float(np.clip(probability, 1e-9, 1 - 1e-9))
    odds = p / (1 - p) * (1 - prior) / prior * other / (1 - other)
    return odds / (1 + odds)
