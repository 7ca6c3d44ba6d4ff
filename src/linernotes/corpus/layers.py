"""Consent by layer of rights: the recording, the song, each performer, on the day of training.

Idea
----
A rights table asks one question of one owner. A registry knows more: who wrote, who played, who said what, when and as
what. Each item's table row becomes records beside the registry's, the consent engine is asked layer by layer, and every
answer that is no consent becomes a gap with its layer and holder.

Conventions
-----------
A layer with several rights in it (two works, four players) is worth its worst answer: deny, then unknown, then conditional,
then allow. The needed layers are those of `linernotes.catalog.authority.LAYERS_NEEDED`; of the others nothing is missing.
Gaps that sealing found are not repeated.

Known limits
------------
Where a registry names no performers and no work, nobody can be asked; the gap says that, not that consent is missing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from linernotes.catalog.authority import SINGLE_LAYERS
from linernotes.catalog.consent_bridge import doubt, records_of_rights_row
from linernotes.catalog.consent_engine import ConsentIndex
from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.consent_view import Answer, explain
from linernotes.catalog.links import Links
from linernotes.catalog.registry import Registry
from linernotes.corpus.checks_run import CHECKS
from linernotes.corpus.consent import USE
from linernotes.corpus.gaps import GAP_KINDS, Gap, gap
from linernotes.corpus.manifest import Item

BY_LICENCE = "consent-by-licence-only"
Records = Mapping[str, Sequence[ConsentRecord]]
_WORST = ("deny", "unknown", "conditional", "allow")
_TABLE_CODES = ("no-rights-row", *next(one.codes for one in CHECKS if one.name == "consent-table"))
_NOT_MISSING = (
    "owners-unknown",
)  # a rights table names one rightsholder and no shares; that is enough to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerConsent:
    """What one layer of one item amounts to.

    Parameters
    ----------
    item_id : str
        The item.
    layer : {"master", "publishing", "performer", "voice-likeness"}
        The layer of rights.
    value : {"allow", "conditional", "deny", "unknown"}
        Its worst answer.
    reasons : tuple of str
        One sentence for each right in it.
    deciding : tuple of str
        Ids of the records that decided.
    overridden : tuple of str
        Ids of signals that a signed contract overrode.
    n_conflicts : int
        Statements that contradict each other.
    codes : tuple of (str, str)
        Gap code and detail for each right that is not covered; empty where the layer is not needed.
    """

    item_id: str
    layer: str
    value: str
    reasons: tuple[str, ...]
    deciding: tuple[str, ...]
    overridden: tuple[str, ...]
    n_conflicts: int
    codes: tuple[tuple[str, str], ...]

    @property
    def by_licence(self) -> bool:
        """Whether a public licence alone stands where consent should."""
        return any(code == BY_LICENCE for code, _ in self.codes)


def consent_by_layer(
    items: Sequence[Item],
    registry: Registry,
    used_on: dt.date,
    recorded: Mapping[str, str] | None = None,
) -> tuple[LayerConsent, ...]:
    """Return every layer of every item.

    Parameters
    ----------
    items : sequence of Item
        With the consent of the rights table.
    registry : Registry
        Works, credits, splits and consent records; may be empty.
    used_on : datetime.date
        Day of training.
    recorded : mapping of str to str, optional
        By record id the day on which it was first logged; see `linernotes.catalog.consent_engine.decide`.

    Returns
    -------
    tuple of LayerConsent
        By item in the order given, then by layer; an instrumental recording has no voice.
    """
    whole = _with_table(items, registry)
    links, index = Links(whole), ConsentIndex(whole.consents)
    by_id: dict[str, list[ConsentRecord]] = defaultdict(list)
    for record in whole.consents:
        by_id[record.record_id].append(record)
    found: list[LayerConsent] = []
    for item in items:
        explained = explain(
            whole,
            item.recording.recording_id,
            use=USE,
            on=used_on,
            locations=[item.source.url] if item.source is not None and item.source.url else (),
            recorded=recorded,
            links=links,
            index=index,
        )
        for layer in SINGLE_LAYERS:
            answers = [one for one in explained.answers if one.layer == layer]
            if answers:
                found.append(_layer(item.item_id, layer, answers, by_id))
    return tuple(found)


def layer_gaps(
    items: Sequence[Item], layers: Sequence[LayerConsent], registry: Registry, known: Sequence[Gap] = ()
) -> tuple[Gap, ...]:
    """Return what the layers lack, and recordings that nothing names.

    Parameters
    ----------
    items, layers, registry
        As in `consent_by_layer`, and what it returned.
    known : sequence of Gap
        Gaps found at sealing; the same code for the same item is not repeated.
    """
    taken = {(one.code, one.item_id) for one in known}
    doubted = {one.item_id for one in known if one.code in _TABLE_CODES}
    gaps: dict[tuple[str, str, str], Gap] = {}
    for layer in layers:
        for code, detail in layer.codes:
            said = layer.layer == "master" and code == "consent-missing" and layer.item_id in doubted
            if not said and (code, layer.item_id) not in taken:
                gaps.setdefault((code, layer.item_id, detail), gap(code, layer.item_id, detail))
    return (*gaps.values(), *_nameless(items, registry))


def _with_table(items: Sequence[Item], registry: Registry) -> Registry:
    held = {one.recording_id for one in registry.recordings}
    said: list[ConsentRecord] = []
    for item in items:
        consent, recording = item.consent, item.recording
        if consent is not None:
            said += records_of_rights_row(
                recording.recording_id,
                status=consent.status,
                scope=consent.scope,
                date=consent.date,
                evidence=consent.evidence,
                until=consent.until,
                granted_by=recording.rightsholder,
                licence=recording.licence,
                licence_url=recording.licence_url,
            )
    strangers = tuple(one.recording for one in items if one.recording.recording_id not in held)
    return registry.merge(Registry(recordings=strangers, consents=tuple(said)))


def _layer(item_id: str, layer: str, answers: Sequence[Answer], records: Records) -> LayerConsent:
    values = [one.decision.value for one in answers]
    return LayerConsent(
        item_id=item_id,
        layer=layer,
        value=min(values, key=_WORST.index),
        reasons=tuple(one.decision.reason for one in answers),
        deciding=tuple(sorted({name for one in answers for name in one.decision.deciding})),
        overridden=tuple(sorted({name for one in answers for name in one.decision.overridden})),
        n_conflicts=sum(len(one.decision.conflicts) for one in answers),
        codes=tuple(found for one in answers if one.needed for found in _codes(one, records)),
    )


def _codes(answer: Answer, records: Records) -> Iterator[tuple[str, str]]:
    name = "" if answer.layer == "master" else answer.name  # the item is named anyway
    where = " ".join(filter(None, (answer.layer, name)))
    named = [code for code in answer.gaps if code in GAP_KINDS and code not in _NOT_MISSING]
    deciding = [record for name in answer.decision.deciding for record in records.get(name, ())]
    code = doubt(answer.decision, deciding)
    if code == "consent-unknown" or (code == "consent-scope-mismatch" and _speaks_elsewhere(answer)):
        code = None if named else "consent-missing"
    for one in named:
        yield one, where
    if code is not None:
        yield code, where
    if code != "opt-out-conflict" and any(
        one.code == "deny-against-allow" for one in answer.decision.conflicts
    ):
        yield "opt-out-conflict", where


def _speaks_elsewhere(answer: Answer) -> bool:
    """Tell whether all that was said is an owner's word on the recording, which is silence on other layers."""
    return answer.layer != "master" and {one.code for one in answer.decision.set_aside} == {"no-authority"}


def _nameless(items: Sequence[Item], registry: Registry) -> Iterator[Gap]:
    coded = {claim.subject_id for claim in registry.claims() if claim.subject_kind == "recording"}
    for item in items:
        recording = item.recording
        named = recording.isrc or recording.iswc or item.identifiers or recording.recording_id in coded
        if not named:
            yield gap("no-identifier", item.item_id)
