"""Between the consent columns of a rights table and the consent engine.

A rights table asks one question of one rightsholder: may this recording be used for training? The answer
becomes a `ConsentRecord` about the recording, given as its owner: it decides the master layer and, by the
rules of the engine, no other. A public licence is entered as a condition, since its terms say nothing of
training.

Conventions
-----------
``consent_scope`` may name uses of the engine, separated by ``;``; any other wording is carried as terms and
the answer is about training. Gap codes are those of the corpus.

Examples
--------
>>> records = records_of_rights_row("rain", status="yes", date="2025-03-01", evidence="contract 17")
>>> [(record.use, record.value) for record in records]
[('generative-training', 'allow'), ('other-training', 'allow')]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from linernotes.catalog.authority import TRAINING_USES
from linernotes.catalog.consent_decision import Decision
from linernotes.catalog.consent_record import USES, ConsentRecord, Use, Value, consent
from linernotes.errors import InputError

LICENCE_TERMS = "public licence"
_VALUES: dict[str, Value] = {"yes": "allow", "no": "deny", "licence": "conditional", "unknown": "unknown"}
_UNKNOWN_BECAUSE = {
    "given-later": "consent-after-training",
    "recorded-later": "consent-after-training",
    "expired": "consent-expired",
    "undated": "consent-undated",
    "other-territory": "consent-scope-mismatch",
    "other-use": "consent-scope-mismatch",
    "no-authority": "consent-scope-mismatch",
    "not-yet-valid": "consent-after-training",
}


def records_of_rights_row(
    recording_id: str,
    *,
    status: str,
    scope: str = "",
    date: str | None = None,
    evidence: str = "",
    until: str | None = None,
    granted_by: str = "",
    licence: str = "",
    licence_url: str = "",
    source: str = "rights table",
) -> tuple[ConsentRecord, ...]:
    """Return the statements that one row of a rights table makes.

    Parameters
    ----------
    recording_id : str
        What the row is about.
    status : {"yes", "no", "licence", "unknown", ""}
        Column ``consent``.
    scope, date, evidence, until : str
        Columns ``consent_scope``, ``consent_date``, ``consent_evidence``, ``consent_until``; None or empty
        where not said.
    granted_by : str
        Column ``rightsholder``.
    licence, licence_url : str
        The columns of the same names; terms of an answer ``licence``.
    source : str
        Who says so.

    Returns
    -------
    tuple of ConsentRecord
        One per use; none where nothing was answered.

    Raises
    ------
    InputError
        If the status is unknown or a date is none.
    """
    if status in ("", "unknown"):
        return ()
    if status not in _VALUES:
        raise InputError(f"consent '{status}': expected yes, no, licence or unknown")
    uses, terms = _scope(scope)
    if status == "licence":
        terms = " ".join(filter(None, (LICENCE_TERMS, licence, licence_url, terms)))
    sha256 = re.fullmatch(r"(?:sha256:)?([0-9a-f]{64})", evidence)
    return tuple(
        consent(
            subject_kind="recording",
            subject=recording_id,
            layer="all",
            use=use,
            value=_VALUES[status],
            terms=terms,
            granted_by=granted_by,
            authority="owner",
            evidence=evidence,
            evidence_sha256=sha256[1] if sha256 else None,
            given_on=date or None,
            valid_until=until or None,
            source=source,
        )
        for use in uses
    )


def doubt(decision: Decision, records: Iterable[ConsentRecord]) -> str | None:
    """Return the gap code for which a decision is no consent, or None where it is one.

    Parameters
    ----------
    decision : Decision
        Of `linernotes.catalog.consent_engine.decide`.
    records : iterable of ConsentRecord
        Those that it was drawn from.

    Examples
    --------
    >>> import datetime as dt
    >>> from linernotes.catalog.consent_engine import decide
    >>> said = records_of_rights_row("rain", status="yes", date="2025-03-01", evidence="contract 17")
    >>> early = decide(said, subjects=[("recording", "rain")], layer="master", use="generative-training",
    ...                on=dt.date(2024, 1, 1))
    >>> doubt(early, said)
    'consent-after-training'
    """
    deciding = [record for record in records if record.record_id in set(decision.deciding)]
    if decision.value == "deny":
        return "consent-revoked" if set(decision.deciding) <= set(decision.withdrawn) else "consent-refused"
    if decision.value == "conditional":
        by_licence = bool(deciding) and all(r.terms.startswith(LICENCE_TERMS) for r in deciding)
        return "consent-by-licence-only" if by_licence else "consent-conditional"
    if decision.value == "unknown":
        codes = {one.code for one in decision.set_aside}
        return next((gap for code, gap in _UNKNOWN_BECAUSE.items() if code in codes), "consent-unknown")
    if decision.overridden:
        return "opt-out-conflict"
    if not any(record.evidence or record.evidence_sha256 for record in deciding):
        return "consent-no-evidence"
    return None


def _scope(scope: str) -> tuple[tuple[Use, ...], str]:
    words = [word.strip() for word in scope.split(";") if word.strip()]
    if words and all(word in USES for word in words):
        return tuple(cast("Use", word) for word in dict.fromkeys(words)), ""
    return cast("tuple[Use, ...]", TRAINING_USES), scope
