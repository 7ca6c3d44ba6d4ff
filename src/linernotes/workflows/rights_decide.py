"""May this recording be used? Each rights layer and performer, with everything that decided it.

The registry, the rights table of a sealed corpus and the signals that were imported are asked together.

Conventions
-----------
Statements carry their own date; when they were entered is another. A yes that was entered after the day asked
about is marked ``recorded-later``; with ``logged_before`` it does not count at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linernotes.catalog.consent_bridge import records_of_rights_row
from linernotes.catalog.consent_record import ConsentRecord, is_day
from linernotes.catalog.consent_view import Answer, Explanation, explain
from linernotes.catalog.registry import Registry
from linernotes.errors import InputError

if TYPE_CHECKING:
    from linernotes.workspace import Workspace


def decide_rights(
    recording: str,
    workspace: Path | str,
    *,
    use: str,
    on: str,
    territory: str = "",
    layers: Collection[str] | None = None,
    locations: Collection[str] = (),
    accept_terms: bool = False,
    logged_before: bool = False,
) -> dict[str, Any]:
    """Say for one recording and day what was agreed to, per rights layer and performer.

    Parameters
    ----------
    recording : str
        Recording id or ISRC.
    workspace : Path or str
        Whose registry, catalogue and sealed corpus are asked.
    use, territory, layers, locations, accept_terms
        As `linernotes.catalog.consent_view.explain`.
    on : str
        Day of the use, ``yyyy-mm-dd``.
    logged_before : bool
        Count no yes that was entered after that day, whatever date it bears.

    Returns
    -------
    dict
        ``recording_id``, ``use``, ``on``, ``territory``, ``allowed``, ``answers`` (layer, holder, name, needed,
        decision, gaps), ``records`` (those named in the answers, with ``recorded_on``) and ``scope``.

    Raises
    ------
    InputError
        If the recording, use, layer or day is unknown.
    CorpusError
        If there is no workspace, or its history of consent was changed.
    """
    from linernotes.workspace import Workspace

    if not is_day(on):
        raise InputError(f"day '{on}': expected yyyy-mm-dd, such as 2026-01-01")
    with Workspace.open(workspace) as opened:
        registry, recorded = known_rights(opened)
    found = explain(
        registry,
        recording,
        use=use,
        on=dt.date.fromisoformat(on),
        territory=territory,
        layers=layers,
        locations=locations,
        accept_terms=accept_terms,
        recorded=recorded if logged_before else None,
    )
    return _answer(found, registry, recorded)


def known_rights(workspace: Workspace) -> tuple[Registry, dict[str, str]]:
    """Return the registry with the sealed corpus's rights table, and the day on which each consent was entered.

    Parameters
    ----------
    workspace : Workspace
        Whose.
    """
    from linernotes.workspace.consent_history import first_saved

    registry = workspace.registry()
    recorded = first_saved(workspace.consent_history())
    if not workspace.has_corpus():
        return registry, recorded
    corpus = workspace.corpus()
    held = {one.recording_id for one in registry.recordings}
    said: list[ConsentRecord] = []
    for item in corpus.items:
        said += _of_item(item)
    strangers = [i.recording for i in corpus.items if i.recording.recording_id not in held]
    for record in said:
        recorded.setdefault(record.record_id, corpus.sealed_at[:10])
    return registry.merge(Registry(recordings=tuple(strangers), consents=tuple(said))), recorded


def _of_item(item: Any) -> tuple[ConsentRecord, ...]:
    if item.consent is None:
        return ()
    return records_of_rights_row(
        item.recording.recording_id,
        status=item.consent.status,
        scope=item.consent.scope,
        date=item.consent.date,
        evidence=item.consent.evidence,
        until=item.consent.until,
        granted_by=item.recording.rightsholder,
        licence=item.recording.licence,
        licence_url=item.recording.licence_url,
    )


def _answer(found: Explanation, registry: Registry, recorded: Mapping[str, str]) -> dict[str, Any]:
    named = {name for answer in found.answers for name in _named(answer)}
    records = [
        record.as_json() | {"recorded_on": recorded.get(record.record_id)}
        for record in registry.consents
        if record.record_id in named
    ]
    answers = [
        answer_json | {"notes": list(_notes(answer, recorded, found.on))}
        for answer, answer_json in zip(found.answers, found.as_json()["answers"], strict=True)
    ]
    return found.as_json() | {
        "answers": answers,
        "records": sorted(records, key=lambda record: record["record_id"]),
        "scope": (
            "What the registered statements say, weighed by published rules. Whether a contract says what its "
            "record claims is not judged, and no legal advice is given."
        ),
    }


def _named(answer: Answer) -> set[str]:
    decision = answer.decision
    return {
        *decision.deciding,
        *decision.overridden,
        *(one.record_id for one in decision.set_aside),
        *(name for conflict in decision.conflicts for name in conflict.records),
    }


def _notes(answer: Answer, recorded: Mapping[str, str], on: str) -> Iterator[str]:
    if not answer.decision.granted:
        return
    for record_id in answer.decision.deciding:
        day = recorded.get(record_id)
        if day is not None and day > on:
            yield f"recorded-later: {record_id} bears an earlier date but was entered on {day}"
