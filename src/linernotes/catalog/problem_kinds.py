"""The kinds of problem that a registry can have: severity, who can mend it, next step."""

from __future__ import annotations

from typing import NamedTuple

from linernotes.catalog.problem import Problem, Severity
from linernotes.errors import InputError


class ProblemKind(NamedTuple):
    """Severity, who can mend it, and the next step of one code."""

    severity: Severity
    who: str
    next_step: str


PROBLEM_KINDS: dict[str, ProblemKind] = {
    "duplicate-id": ProblemKind("high", "provider", "Keep one entry, or give the other an id of its own."),
    "unknown-reference": ProblemKind(
        "high", "provider", "Add the entry that it refers to, or correct the id."
    ),
    "splits-not-whole": ProblemKind(
        "high", "rightsholder", "Agree on shares that sum to the whole, and enter all owners."
    ),
    "identifier-conflict": ProblemKind(
        "high", "rightsholder", "Find out to which of them the code was assigned; take it off the others."
    ),
    "iswc-writers-differ": ProblemKind(
        "high",
        "rightsholder",
        "Compare the registrations with the writers' societies; one of them is another work.",
    ),
    "swapped-field": ProblemKind("medium", "provider", "Move the code to the field of its kind."),
    "malformed-identifier": ProblemKind(
        "medium", "rightsholder", "Compare with the source and correct it; a guess is no assignment."
    ),
    "sample-identifier": ProblemKind(
        "medium", "provider", "Replace the example by the code that was assigned, or leave the field empty."
    ),
    "party-code-conflict": ProblemKind(
        "medium", "rightsholder", "Find out whose code it is; merge the parties if they are one."
    ),
    "consent-conflict": ProblemKind(
        "medium",
        "rightsholder",
        "Ask both sides which statement stands; revoke the other. Until then the no holds.",
    ),
    "consent-authority": ProblemKind(
        "medium", "provider", "Ask somebody who speaks for this layer: an owner's word covers no performer."
    ),
    "consent-undated": ProblemKind(
        "medium", "provider", "Enter the day on which it was given: an undated yes counts for nothing."
    ),
    "consent-no-evidence": ProblemKind(
        "medium", "provider", "Name the contract, message or address that shows it."
    ),
    "consent-about-unknown": ProblemKind(
        "medium", "provider", "Add what it is about to the registry, or correct the subject."
    ),
    "performers-unknown": ProblemKind(
        "medium", "rightsholder", "Enter the credits, session players and background singers included."
    ),
    "writers-unknown": ProblemKind(
        "medium", "rightsholder", "Enter the writers: nobody can ask them otherwise."
    ),
    "isrc-later-than-release": ProblemKind(
        "low", "rightsholder", "See whether the code belongs to a later issue or to another recording."
    ),
    "isrc-registrant-differs": ProblemKind(
        "low", "rightsholder", "See whether the recording is licensed in, or the code another's."
    ),
    "several-codes": ProblemKind(
        "low", "rightsholder", "Find out which code is current; keep the others as claims."
    ),
    "duplicate-entry": ProblemKind("low", "provider", "Merge the entries if they are one."),
    "owners-unknown": ProblemKind("low", "rightsholder", "Enter who owns the master, with shares."),
    "work-unknown": ProblemKind("low", "rightsholder", "Enter the work that is performed, with its writers."),
}
"""Every code, gravest first."""


def problem(code: str, where: str, value: str, expected: str, next_step: str = "") -> Problem:
    """Return the problem of a code.

    Raises
    ------
    InputError
        If nobody defined the code.

    Examples
    --------
    >>> problem("duplicate-id", "work 'w1'", "Rain", "one entry per id").severity
    'high'
    """
    if code not in PROBLEM_KINDS:
        raise InputError(f"problem code '{code}': unknown; expected one of {', '.join(PROBLEM_KINDS)}")
    kind = PROBLEM_KINDS[code]
    return Problem(code, where, value, expected, next_step or kind.next_step, kind.severity, kind.who)
