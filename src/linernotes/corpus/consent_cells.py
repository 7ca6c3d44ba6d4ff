"""Consent as the cells of a rights table or a manifest of facts say it."""

from __future__ import annotations

from collections.abc import Mapping

from linernotes.corpus.consent import Consent


def consent_from_cells(cells: Mapping[str, str]) -> Consent:
    """Return what the consent cells of one row say.

    Raises
    ------
    InputError
        If the answer or a day has another form.

    Examples
    --------
    >>> consent_from_cells({"consent": "yes", "consent_date": "2025-03-01"}).status
    'yes'
    """
    return Consent(
        status=cells.get("consent") or "unknown",  # type: ignore[arg-type]  # checked when made
        scope=cells.get("consent_scope") or "",
        date=cells.get("consent_date") or None,
        evidence=cells.get("consent_evidence") or "",
        until=cells.get("consent_until") or None,
    )
