"""What is missing, how much it matters, who can mend it, and how.

A gap is not an error: the corpus is sealed with its gaps, and they travel with every figure that is
later drawn from it. Each code names one lack with one next step.

Conventions
-----------
This is the single list of codes. A gap of one recording names its item; a gap of the corpus, of the
log or of a document has the empty item id. `linernotes.corpus.checks.CHECKS` says which check looks for
which code.

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
    "consent-missing": GapKind(
        "high", "provider", "Ask who holds this layer of rights, and enter the answer as a consent record."
    ),
    "consent-revoked": GapKind(
        "high",
        "provider",
        "Stop using the recording for what was revoked; say what happens to the trained weights.",
    ),
    "consent-scope-mismatch": GapKind(
        "high",
        "provider",
        "The consent on file is for another use or layer: ask for generative training by name.",
    ),
    "opt-out-conflict": GapKind(
        "high",
        "provider",
        "An opt-out stands beside a consent: settle with both parties which holds, and log the answer.",
    ),
    "undisclosed-corpus": GapKind(
        "high",
        "provider",
        "Commit the rest too: what is only declared cannot be looked up by the people it concerns.",
    ),
    "base-model-undisclosed": GapKind(
        "high",
        "provider",
        "Link the training summary of the model that this one was built on, or seal its corpus.",
    ),
    "contradiction-lead": GapKind(
        "high",
        "provider",
        "Ask the provider about this recording: an output matches it and the sealed corpus lacks it.",
    ),
    "co-owner-not-heard": GapKind(
        "high", "provider", "One owner agreed, another who holds a share was not heard: ask that one as well."
    ),
    "grantor-not-owner": GapKind(
        "high", "provider", "Who agreed holds no share of this right: ask its owners, or correct the shares."
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
    "consent-conditional": GapKind(
        "medium", "provider", "Consent holds under terms: show that they were met on the day of training."
    ),
    "grantor-not-named": GapKind(
        "medium", "provider", "Name who gave the consent: nobody can tell whether they may speak for it."
    ),
    "work-unknown": GapKind(
        "medium",
        "rightsholder",
        "Name the work and its writers: nobody can ask for the song while only the recording is known.",
    ),
    "performers-unknown": GapKind(
        "medium",
        "rightsholder",
        "Enter the credits, session players included: nobody can ask performers who are not named.",
    ),
    "committed-after-training": GapKind(
        "medium",
        "provider",
        "Seal the next corpus before training; this list was fixed once the generator existed.",
    ),
    "training-date-unknown": GapKind(
        "medium",
        "provider",
        "Seal with '--training-date': consent was judged on the day of sealing for want of a day of training.",
    ),
    "unwitnessed-log": GapKind(
        "medium",
        "provider",
        "Have independent witnesses cosign the log: alone, its keeper could show two histories.",
    ),
    "keys-not-checked": GapKind(
        "medium",
        "provider",
        "Seal again with every kind of key: a recording under another key than these would not be found.",
    ),
    "low-reliability": GapKind(
        "medium",
        "provider",
        "Do not rely on influence rankings until retraining shows that a method predicts it.",
    ),
    "source-unknown": GapKind(
        "medium", "provider", "Fill 'source_class' in the rights table: say where the recording came from."
    ),
    "synthetic-upstream": GapKind(
        "medium",
        "provider",
        "Name the generator that made it and link that generator's own training summary.",
    ),
    "other-service-user-data": GapKind(
        "medium",
        "provider",
        "Say which services' user data went in, of which period, and where users were told.",
    ),
    "audio-inside-video": GapKind(
        "medium",
        "provider",
        "Say how many hours of sound the videos hold, and seal that sound as recordings.",
    ),
    "vague-list-field": GapKind(
        "medium", "provider", "Give the list itself, one entry a line, in place of words about it."
    ),
    "no-identifier": GapKind(
        "medium",
        "rightsholder",
        "Give the recording an ISRC, ISWC or release code: without one only its sound can be looked up.",
    ),
    "unmatched-audio": GapKind(
        "medium",
        "provider",
        "Identify the recording against a wider catalogue, or say where it comes from.",
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
    "vague-range": GapKind("low", "provider", "Give a number or a band with both its ends."),
    "field-unknown": GapKind(
        "low",
        "provider",
        "Fill this field of 'provider.toml'; until then the document says that it is unknown.",
    ),
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
        The item that has it; for a file that could not be ingested, its relative path; empty when the
        gap is one of the corpus, the log or a document.
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
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a field is missing or unknown.
        """
        try:
            return cls(**data)
        except TypeError as error:
            raise InputError(f"gap: {error}; expected {', '.join(cls.__dataclass_fields__)}") from error


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
