"""Consent to training: what was said, when, on what evidence, and whether it counts.

Consent counts only when it is shown to have stood *before* training: a later date never back-fills
an earlier run, a refusal always wins, and what nobody answered stays unknown. A public licence
(``licence``) lets anyone use the recording on its terms; it is no answer to the question whether its
makers agreed to training, so it is recorded, and counted as a gap of its own.

Conventions
-----------
Dates are calendar dates, ``yyyy-mm-dd``; both ends are inclusive: consent given on the day of
training counts, and one that ends on that day still does.

A scope that names uses of the consent engine, and none of them generative training, covers other uses only
(``consent-scope-mismatch``); any other wording is carried, not read.

Known limits
------------
Evidence is carried and committed, not judged: whether a contract says what the row claims is a
question for people. Nor is the wording of a licence read: whether its conditions (attribution, share
alike) are met by a generator is open in law.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from linernotes.catalog.consent_record import USES
from linernotes.errors import InputError

USE = "generative-training"
ConsentStatus = Literal["yes", "no", "licence", "unknown"]
STATUSES: tuple[ConsentStatus, ...] = get_args(ConsentStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One answer to "may this recording be used for training?".

    Parameters
    ----------
    status : {"yes", "no", "licence", "unknown"}
        The answer; ``licence`` means that a public licence permits use and nobody was asked.
    scope : str
        Use that was agreed to, in the words of the table; empty when not said.
    date : str, optional
        Day on which it was given, ``yyyy-mm-dd``.
    evidence : str
        Contract number, address or document hash that shows it; empty when none is named.
    until : str, optional
        Last day on which it holds; None has no end.

    Examples
    --------
    >>> agreed = Consent(status="yes", date="2025-03-01", evidence="contract 17")
    >>> agreed.doubt(dt.date(2025, 6, 1)) is None
    True
    >>> agreed.doubt(dt.date(2025, 1, 1))
    'consent-after-training'
    """

    status: ConsentStatus
    scope: str = ""
    date: str | None = None
    evidence: str = ""
    until: str | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise InputError(f"consent '{self.status}': expected one of {', '.join(STATUSES)}")
        for value in (self.date, self.until):
            if value is not None:
                parse_date(value)

    def doubt(self, used_on: dt.date) -> str | None:
        """Return the gap code for which this consent does not count on a day, or None if it counts.

        Parameters
        ----------
        used_on : datetime.date
            Day of training, or of sealing where no training date is known.

        Returns
        -------
        str or None
            One of the ``consent-…`` codes of `linernotes.corpus.gaps`, the gravest first.
        """
        if self.status == "no":
            return "consent-refused"
        if self.status == "unknown":
            return "consent-unknown"
        if self.date is not None and parse_date(self.date) > used_on:
            return "consent-after-training"
        if self.until is not None and parse_date(self.until) < used_on:
            return "consent-expired"
        if self.status == "licence":
            return "consent-by-licence-only"
        if self._is_for_other_uses():
            return "consent-scope-mismatch"
        if self.status == "yes" and not self.evidence:
            return "consent-no-evidence"
        if self.status == "yes" and self.date is None:
            return "consent-undated"
        return None

    def _is_for_other_uses(self) -> bool:
        words = [word.strip() for word in self.scope.split(";") if word.strip()]
        return bool(words) and all(word in USES for word in words) and not {USE, "all"} & set(words)

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Consent:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a field is missing, unknown or of another form.
        """
        try:
            return cls(**data)
        except TypeError as error:
            raise InputError(f"consent: {error}; expected {', '.join(cls.__dataclass_fields__)}") from error


def parse_date(text: str) -> dt.date:
    """Read a calendar date written ``yyyy-mm-dd``, and nothing looser.

    Raises
    ------
    InputError
        If *text* is written otherwise or names a day that does not exist.

    Examples
    --------
    >>> parse_date("2025-02-28").day
    28
    """
    try:
        if not isinstance(text, str) or len(text) != 10 or text[4] != "-" or text[7] != "-":
            raise ValueError("not in the form yyyy-mm-dd")
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"date '{text}': {error}; expected yyyy-mm-dd, such as 2025-03-31") from error
