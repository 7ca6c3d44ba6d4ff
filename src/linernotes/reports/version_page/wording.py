"""Plain words for the figures of a comparison, with every threshold in one place.

Conventions
-----------
A is the file asked about, B the other. A span is *common* where three in ten unrelated pieces hold as good a match, or
where its most telling figure (such as a four-chord loop) is held by one song in ten: it is then shown, and said to be no
evidence. It is *weak* where chance alone brings as good a match to one unrelated recording in a hundred or more.

Known limits
------------
The words for probabilities are ours; the figure is printed beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from linernotes.evidence.versions import REFERENCE_PIECES
from linernotes.reports.words import COMMON, USUAL, count, listed, per_cent

Standing = Literal["uncommon", "fairly common", "common", "weak", "not compared"]

ORDER = ("overall", "melody", "harmony", "bass", "rhythm")
NAMES = {
    "overall": "Whole",
    "melody": "Melody",
    "harmony": "Harmony",
    "bass": "Bass",
    "rhythm": "Rhythm",
}
MOST_EXPECTED = REFERENCE_PIECES / 100
STANDING_WORDS: dict[str, str] = {
    "uncommon": "uncommon",
    "fairly common": "fairly common",
    "common": "common, not evidence by itself",
    "weak": "weak by itself",
    "not compared": "not compared with unrelated music",
}


def standing(segment: Mapping[str, Any]) -> Standing:
    """Return how much a span may count, from its commonplace, its figure and its E-value.

    Examples
    --------
    >>> standing({"commonplace": 0.02, "e_value": 0.001, "figure": None})
    'uncommon'
    >>> standing({"commonplace": 0.02, "e_value": 0.001, "figure": {"name": "I-V-vi-IV", "share": 0.4, "n_songs": 560}})
    'common'
    >>> standing({"commonplace": 0.02, "e_value": 17.0, "figure": None})
    'weak'
    """
    figure, expected = segment["figure"], segment["e_value"]
    found = segment["commonplace"]
    if (found is not None and found >= USUAL) or (figure and figure["share"] >= COMMON):
        return "common"
    if expected is not None and expected >= MOST_EXPECTED:
        return "weak"
    if found is None and expected is None:
        return "not compared"
    return "fairly common" if found is not None and found >= COMMON else "uncommon"


def small(value: float) -> str:
    """Return an expected number with two digits, however small.

    Examples
    --------
    >>> small(12.3), small(0.0031), small(4.2e-9), small(0.0)
    ('12', '0.0031', '4.2 × 10⁻⁹', '0')
    """
    if value == 0 or value >= 0.0001:
        return f"{value:.0f}" if value >= 9.95 or value == 0 else f"{value:.2g}"
    figure, power = f"{value:.1e}".split("e")
    return f"{figure} × 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def expected_words(e_value: float | None, reference: str) -> str:
    """Say how many matches as good chance alone would give.

    Examples
    --------
    >>> expected_words(0.003, "a collection of 55 pieces")
    'we expect 0.003 such matches by chance in a collection of 55 pieces'
    >>> expected_words(24, "a collection of 1000 pieces")
    'we expect 24 such matches by chance in a collection of 1000 pieces, so by itself it says little'
    >>> expected_words(None, "")
    'how many such matches chance gives was not estimated'
    """
    if e_value is None:
        return "how many such matches chance gives was not estimated"
    text = f"we expect {small(e_value)} such matches by chance in {reference}"
    if e_value >= MOST_EXPECTED:
        return text + ", so by itself it says little"
    return text


def found_words(commonplace: float | None, found_in: Sequence[str], n_pieces: int) -> str:
    """Say which reference pieces hold as good a match.

    Examples
    --------
    >>> found_words(2 / 55, ["ada__old-song", "b"], 55)
    '2 of 55 reference pieces hold as good a match: old song by ada and b'
    >>> found_words(0.0, [], 55)
    'none of 55 reference pieces holds as good a match'
    >>> found_words(0.5, ["a", "b"], 55)
    '28 of 55 reference pieces hold as good a match, among them a and b'
    """
    if commonplace is None:
        return "not compared with reference pieces, so it may be common property"
    n_found = round(commonplace * n_pieces)
    if n_found == 0:
        return f"none of {n_pieces} reference pieces holds as good a match"
    verb = "holds" if n_found == 1 else "hold"
    text = f"{n_found} of {n_pieces} reference pieces {verb} as good a match"
    if not found_in:
        return text
    return (
        text
        + (": " if len(found_in) >= n_found else ", among them ")
        + listed([_called(one) for one in found_in])
    )


def _called(piece: str) -> str:
    """Return the name of a reference piece, ``artist__title``, for reading."""
    artist, _, title = piece.partition("__")
    return f"{title} by {artist}".replace("-", " ") if title else artist


def moved_words(transposition: int, tempo_ratio: float) -> str:
    """Say how B is played, seen from A.

    Examples
    --------
    >>> moved_words(3, 1.25)
    'B is 3 semitones higher and takes 1.25 times as long'
    >>> moved_words(0, 1.0), moved_words(-1, 1.0)
    ('B is in the same key and tempo', 'B is 1 semitone lower, in the same tempo')
    """
    pitch = f"{count(abs(transposition), 'semitone')} {'higher' if transposition > 0 else 'lower'}"
    same_tempo = abs(tempo_ratio - 1) < 0.005
    if same_tempo:
        return f"B is {pitch}, in the same tempo" if transposition else "B is in the same key and tempo"
    length = f"takes {tempo_ratio:.2f} times as long"
    return f"B is {pitch} and {length}" if transposition else f"B is in the same key and {length}"


def headline(probability: float | None, shares: Sequence[str], standings: Sequence[str]) -> str:
    """Return the page's answer in one sentence.

    Examples
    --------
    >>> headline(0.97, ["melody"], ["uncommon"])
    'These two very probably share musical substance: melody.'
    >>> headline(0.93, ["harmony"], ["common", "common"])
    'These two are alike in what much music has in common: harmony.'
    >>> headline(0.01, [], [])
    'No sign that these two share more than chance gives.'
    """
    what = f": {listed([NAMES[name].lower() for name in shares])}." if shares else "."
    if probability is None:
        return "These two were aligned; no calibrated probability holds for them" + what
    if probability < 0.1:
        return "No sign that these two share more than chance gives."
    if probability < 0.5:
        return "These two are somewhat alike; more probably than not, they share nothing of substance."
    if standings and all(one == "common" for one in standings):
        return "These two are alike in what much music has in common" + what
    how = "very probably" if probability >= 0.9 else "probably"
    return f"These two {how} share musical substance{what}"


def probability_words(probability: float | None, prior: float, others: Sequence[tuple[float, float]]) -> str:
    """Say what the probability means, and what it would be for somebody who expected otherwise.

    Examples
    --------
    >>> probability_words(0.9, 0.1, [(0.01, 0.45)])
    'Of 100 pairs with evidence like this, about 90 share substance, if 10 % of all pairs asked about do. For somebody who \
expects 1.0 % it is 45 %.'
    """
    if probability is None:
        return "No calibration holds for this pair, so no probability is stated."
    of_100 = 100 * probability
    about = "over 99" if of_100 > 99 else "under 1" if of_100 < 1 else f"about {of_100:.0f}"
    text = (
        f"Of 100 pairs with evidence like this, {about} {'shares' if about.endswith(' 1') else 'share'} substance, if "
        f"{per_cent(prior)} of all pairs asked about do."
    )
    if others:
        text += " For somebody who expects " + listed(
            [f"{per_cent(expected)} it is {per_cent(chance)}" for expected, chance in others]
        )
        text += "."
    return text
