"""What is missing, how much it matters, who can mend it, and how.

A gap is not an error: the corpus is sealed with its gaps, and they travel with every figure that is
later drawn from it. Each code names one lack with one next step.

References
----------
"Data Provenance Standards 1.0.0", Data & Trust Alliance (2024), for the list of facts that a
training set should carry about its sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from linernotes.errors import InputError

Severity = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class GapKind:
    """Severity, who can fix it, and the next step of one gap code."""

    severity: Severity
    who: str
    next_step: str


GAP_KINDS: dict[str, GapKind] = {
    "consent-refused": GapKind(
        "high", "provider", "Take the recording out of the training set, or obtain written consent."
    ),
    "consent-after-training": GapKind(
        "high",
        "provider",
        "Later consent covers no earlier training: retrain without it, or settle it.",
    ),
    "consent-expired": GapKind(
        "high", "rightsholder", "Renew the consent for the day of training, or take the recording out."
    ),
    "consent-unknown": GapKind(
        "high",
        "provider",
        "Ask the rightsholder, then fill the three consent columns of the rights table.",
    ),
    "no-rights-row": GapKind(
        "high", "provider", "Add a row for this file to the rights table, or take the file out of the folder."
    ),
    "unreadable-audio": GapKind(
        "high", "provider", "Obtain the whole, undamaged file; it is not part of the sealed corpus."
    ),
    "consent-by-licence-only": GapKind(
        "medium",
        "provider",
        "Ask the makers: a public licence permits use on its terms, it is no consent to training.",
    ),
    "consent-no-evidence": GapKind(
        "medium",
        "provider",
        "Name the contract, message or address that shows it in 'consent_evidence'.",
    ),
    "consent-undated": GapKind(
        "medium",
        "provider",
        "Fill 'consent_date': without it nobody can see that consent came before training.",
    ),
    "missing-rightsholder": GapKind(
        "medium", "provider", "Fill 'rightsholder': nobody can be asked or paid without it."
    ),
    "missing-licence": GapKind(
        "medium", "provider", "Fill 'licence' with the licence or contract under which the recording is used."
    ),
    "missing-artist": GapKind("medium", "provider", "Fill 'artist' as printed on the release."),
    "missing-title": GapKind("medium", "provider", "Fill 'title' as printed on the release."),
    "malformed-isrc": GapKind(
        "medium",
        "rightsholder",
        "Correct the ISRC: 2 letters, 3 letters or digits, 2-digit year, 5 digits.",
    ),
    "malformed-iswc": GapKind(
        "medium", "rightsholder", "Correct the ISWC: T, nine digits and the check digit."
    ),
    "identifier-conflict": GapKind(
        "medium", "rightsholder", "One ISRC names two unlike recordings: find out to which it belongs."
    ),
    "near-duplicate": GapKind(
        "medium", "provider", "Compare the recordings of this cluster; keep one, or settle them as one."
    ),
    "silent-audio": GapKind("medium", "provider", "Replace the file: it holds no sound above -80 dBFS."),
    "missing-isrc": GapKind("low", "rightsholder", "Fill 'isrc' if the recording has one."),
    "missing-iswc": GapKind("low", "rightsholder", "Fill 'iswc' if the work is registered."),
}
"""Every gap code, gravest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One lack of one item.

    Parameters
    ----------
    code : str
        A key of `GAP_KINDS`.
    item_id : str
        The item that has it; for a file that could not be ingested, its relative path.
    severity : {"high", "medium", "low"}
        ``high``: training on the item is not covered as things stand.
    who : str
        Who can fix it: ``provider`` (of the generator) or ``rightsholder``.
    next_step : str
        What to do.
    detail : str
        The value or reason at hand; may be empty.
    """

    code: str
    item_id: str
    severity: Severity
    who: str
    next_step: str
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Gap:
        """Read what `as_json` wrote."""
        return cls(**data)


def gap(code: str, item_id: str, detail: str = "") -> Gap:
    """Return the gap of a code for an item.

    Raises
    ------
    InputError
        If nobody defined the code.

    Examples
    --------
    >>> gap("missing-isrc", "rain").severity
    'low'
    """
    if code not in GAP_KINDS:
        raise InputError(f"gap code '{code}': unknown; expected one of {', '.join(GAP_KINDS)}")
    kind = GAP_KINDS[code]
    return Gap(
        code=code,
        item_id=item_id,
        severity=kind.severity,
        who=kind.who,
        next_step=kind.next_step,
        detail=detail,
    )
