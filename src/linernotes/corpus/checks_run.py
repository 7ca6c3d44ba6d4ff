"""Which checks were made, so that "no gap was found" can be read for what it is.

Idea
----
Silence means something only beside the list of questions that were asked. Every gap code belongs to
exactly one check; a report names each check, whether it ran, on how much, and what it found. A check that
could not run says why.

Conventions
-----------
`checks_run` keeps the order of `CHECKS`. ``n_found`` is None for a check that did not run: it is not zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from linernotes.corpus.gaps import Gap
from linernotes.errors import InputError


@dataclass(frozen=True, slots=True)
class Check:
    """One question that is asked, in words, and the gap codes that answer it."""

    name: str
    asks: str
    codes: tuple[str, ...]


CHECKS: tuple[Check, ...] = (
    Check("rights-row", "Has every file a row in the rights table?", ("no-rights-row",)),
    Check("audio", "Can every file be read, and does it sound?", ("unreadable-audio", "silent-audio")),
    Check(
        "facts",
        "Has every recording a title, an artist, a rightsholder and a licence?",
        ("missing-title", "missing-artist", "missing-rightsholder", "missing-licence"),
    ),
    Check(
        "identifiers",
        "Are ISRC and ISWC there, well formed, and each on one recording alone?",
        ("missing-isrc", "missing-iswc", "malformed-isrc", "malformed-iswc", "identifier-conflict"),
    ),
    Check("near-duplicates", "Is the same sound in the corpus twice?", ("near-duplicate",)),
    Check(
        "consent-table",
        "Does the consent of the rights table count on the day of training?",
        (
            "consent-refused",
            "consent-unknown",
            "consent-after-training",
            "consent-expired",
            "consent-by-licence-only",
            "consent-no-evidence",
            "consent-undated",
            "consent-scope-mismatch",
        ),
    ),
    Check(
        "consent-layers",
        "Did each layer of rights (recording, work, performers) consent to generative training?",
        (
            "consent-missing",
            "consent-revoked",
            "consent-conditional",
            "co-owner-not-heard",
            "grantor-not-owner",
            "grantor-not-named",
            "work-unknown",
        ),
    ),
    Check("opt-outs", "Does an opt-out stand against a consent?", ("opt-out-conflict",)),
    Check("performers", "Are the performers named?", ("performers-unknown",)),
    Check("any-identifier", "Has every recording at least one identifier?", ("no-identifier",)),
    Check("source", "Is it said where every recording came from?", ("source-unknown",)),
    Check(
        "synthetic",
        "Was anything made by a generator, and is that generator's training known?",
        ("synthetic-upstream",),
    ),
    Check("identification", "Does a catalogue know every recording?", ("unmatched-audio",)),
    Check(
        "seal-date",
        "Was the list fixed before a stated day of training?",
        ("committed-after-training", "training-date-unknown"),
    ),
    Check("log-witnesses", "Has anybody but its keeper signed the log?", ("unwitnessed-log",)),
    Check("presence-keys", "Can a recording be looked up under every kind of key?", ("keys-not-checked",)),
    Check("reliability", "Was influence shown to be measurable by retraining?", ("low-reliability",)),
    Check(
        "beyond-the-seal",
        "Is everything that the provider says was used also sealed?",
        ("undisclosed-corpus",),
    ),
    Check("base-models", "Do the models it was built on disclose theirs?", ("base-model-undisclosed",)),
    Check("user-data", "Was data of users of other services used?", ("other-service-user-data",)),
    Check("soundtracks", "Does sound hide inside video?", ("audio-inside-video",)),
    Check(
        "document",
        "Does every field of the summary say something definite?",
        ("vague-list-field", "vague-range", "field-unknown"),
    ),
    Check("leads", "Did an output match a recording that the corpus lacks?", ("contradiction-lead",)),
)
"""Every check, each gap code in exactly one."""

AT_SEALING = ("rights-row", "audio", "facts", "identifiers", "near-duplicates", "consent-table")
"""The checks that `linernotes corpus seal` makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """One check of a report.

    Parameters
    ----------
    check, asks : str
        Its name, and the question in words.
    ran : bool
        Whether it was made.
    n_found : int or None
        Gaps that it found; None when it was not made.
    note : str
        On how much it was made, or why it was not.
    """

    check: str
    asks: str
    ran: bool
    n_found: int | None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)


def checks_run(
    gaps: Sequence[Gap],
    ran: Collection[str] = AT_SEALING,
    notes: Mapping[str, str] | None = None,
) -> tuple[CheckRun, ...]:
    """Return every check with what it found, those that did not run included.

    Parameters
    ----------
    gaps : sequence of Gap
        What was found.
    ran : collection of str
        Names of the checks that were made.
    notes : mapping of str to str, optional
        By check: on how much it was made, or why it was not.

    Raises
    ------
    InputError
        If nobody defined a check, or a gap was found by one that did not run.

    Examples
    --------
    >>> runs = checks_run([], ran=["rights-row"], notes={"leads": "no output was given"})
    >>> [(run.check, run.ran, run.n_found) for run in runs][:2]
    [('rights-row', True, 0), ('audio', False, None)]
    >>> runs[-1].note
    'no output was given'
    """
    notes = notes or {}
    known = {check.name for check in CHECKS}
    if strange := sorted({*ran, *notes} - known):
        raise InputError(f"check '{strange[0]}': unknown; expected one of {', '.join(sorted(known))}")
    counts = Counter(gap.code for gap in gaps)
    silent = {code for check in CHECKS if check.name not in ran for code in check.codes}
    if unasked := sorted(silent & counts.keys()):
        raise InputError(f"gap '{unasked[0]}': found by a check that is said not to have run")
    return tuple(
        CheckRun(
            check=check.name,
            asks=check.asks,
            ran=check.name in ran,
            n_found=sum(counts[code] for code in check.codes) if check.name in ran else None,
            note=notes.get(check.name, "" if check.name in ran else "not asked for"),
        )
        for check in CHECKS
    )


def checks_at_sealing(gaps: Sequence[Gap]) -> tuple[CheckRun, ...]:
    """Return the checks that sealing made, with what each found; the others are not listed.

    Examples
    --------
    >>> [run.check for run in checks_at_sealing([])] == list(AT_SEALING)
    True
    """
    found = {gap.code for gap in gaps}
    ran = [check.name for check in CHECKS if check.name in AT_SEALING or found & set(check.codes)]
    return tuple(run for run in checks_run(gaps, ran) if run.ran)
