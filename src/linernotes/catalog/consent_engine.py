"""Was this use agreed to, on that day, for this rights layer? One answer from many statements.

Statements contradict each other: a contract says yes, a robots.txt says no, a singer withdraws. `decide`
weighs all of them for one layer and one use and names what decided, what was overruled, and what
contradicts what.

Rules
-----
1. Only what was **given by the day** counts, for yes and for no: a later statement never back-fills an
   earlier use. An undated yes counts for nothing; an undated no is heeded.
2. Only who **may speak for the layer** counts (`linernotes.catalog.authority`). Where the authority is
   unknown a no is heeded and a yes is not.
3. **deny > conditional > allow > unknown**: the most restrictive statement wins, whatever its order, and
   the contradiction is listed. Nothing said is ``unknown``, which is not a yes.
4. A withdrawn yes is a **no** from the day of withdrawal, until the same party gives a new one. A withdrawn
   no is silence.
5. A **signed contract**, with evidence, overrides a machine-readable *signal*: both are shown. It never
   overrides a party's own words, a withdrawal, or a performer's no about their own performance or voice.
6. A signal that reserves data mining reserves training too, and a signal for a whole site holds for each
   address on it, unless the same source says something laxer that is more specific.
7. A yes must hold in all of the territory asked about; a no in part of it is enough.

For the corpus: `linernotes.catalog.consent_bridge` turns the consent columns of a rights table into
records, so that sealing and its gaps can ask the same engine (`records_of_rights_row`, `doubt`).

Conventions
-----------
A conditional statement is a restriction beside a yes, and a yes under terms by itself; ``granted`` says
whether anybody who may do so has agreed, with or without terms. Results do not depend on the order of the
records.

References
----------
Directive (EU) 2019/790, Article 4(3) (reservation of text and data mining); IETF AIPREF, vocabulary draft
(most restrictive wins; contracts override); CAWG, "Training and Data Mining Assertion" 1.1.

Known limits
------------
The engine reads statements, not contracts, and gives no legal advice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from linernotes.catalog.authority import SINGLE_LAYERS, is_signal
from linernotes.catalog.consent_decision import Conflict, Decision, SetAside
from linernotes.catalog.consent_record import USES, ConsentRecord, Value
from linernotes.catalog.consent_weighing import Question, Weighed, renewals, specifics, weigh
from linernotes.catalog.subjects import Key, location_matches, subject_key
from linernotes.catalog.territory import parse_territory
from linernotes.errors import InputError

__all__ = ["Conflict", "ConsentIndex", "Decision", "SetAside", "decide"]


class ConsentIndex:
    """Records by subject, for asking about many recordings.

    Examples
    --------
    >>> index = ConsentIndex([])
    >>> index.about([("recording", "rain")])
    []
    """

    def __init__(self, records: Iterable[ConsentRecord]) -> None:
        self._by_key: dict[Key, list[ConsentRecord]] = {}
        self._located: list[ConsentRecord] = []
        for record in records:
            if record.subject_kind == "location":
                self._located.append(record)
            else:
                key = subject_key(record.subject_kind, record.subject)
                self._by_key.setdefault(key, []).append(record)

    def about(self, subjects: Collection[tuple[str, str]]) -> list[ConsentRecord]:
        """Return the records about any of the subjects."""
        keys = dict.fromkeys(subject_key(kind, text) for kind, text in subjects if kind != "location")
        found = [record for key in keys for record in self._by_key.get(key, ())]
        places = [text for kind, text in subjects if kind == "location"]
        found += [r for r in self._located if any(location_matches(r.subject, place) for place in places)]
        return found


def decide(
    records: Iterable[ConsentRecord],
    *,
    subjects: Collection[tuple[str, str]],
    layer: str,
    use: str,
    on: dt.date,
    territory: str = "",
    recorded: Mapping[str, str] | None = None,
) -> Decision:
    """Weigh all statements about a subject for one rights layer and use on one day.

    Parameters
    ----------
    records : iterable of ConsentRecord
        In any order; those about other subjects are passed over.
    subjects : collection of (kind, text)
        Everything that the thing in question is called: recording id, ISRC, work, release, party,
        contribution, address.
    layer : {"master", "publishing", "performer", "voice-likeness"}
        Rights layer.
    use : str
        One of `linernotes.catalog.consent_record.USES`.
    on : datetime.date
        Day of the use, such as the day on which training began.
    territory : str
        Where; empty is the world.
    recorded : dict of str to str, optional
        For each record id the day on which it was first logged. Given, a yes that was logged after *on*
        does not count, whatever date it bears.

    Returns
    -------
    Decision
        The answer with everything that led to it.

    Raises
    ------
    InputError
        If layer, use or territory is unknown.

    Examples
    --------
    >>> label = ConsentRecord(record_id="c1", subject_kind="recording", subject="rain", layer="all",
    ...     use="generative-training", value="allow", authority="owner", given_on="2025-03-01")
    >>> question = dict(subjects=[("recording", "rain")], use="generative-training", on=dt.date(2026, 1, 1))
    >>> decide([label], layer="master", **question).value
    'allow'
    >>> decide([label], layer="performer", **question).value  # a label does not speak for the singer
    'unknown'
    """
    if layer not in SINGLE_LAYERS:
        raise InputError(f"layer '{layer}': expected one of {', '.join(SINGLE_LAYERS)}; ask layer by layer")
    if use not in USES:
        raise InputError(f"use '{use}': expected one of {', '.join(USES)}")
    question = Question(layer, use, on.isoformat(), parse_territory(territory), recorded)
    about = _in_order([r for r in ConsentIndex(records).about(subjects) if question.concerns(r)])
    weighed, aside = weigh(about, question)
    weighed, aside = renewals(weighed, aside)
    weighed, aside = specifics(weighed, about, aside, question)
    standing, overridden, conflicts = _contracts(weighed, layer)
    return _combine(standing, overridden, conflicts, aside)


def _in_order(records: list[ConsentRecord]) -> list[ConsentRecord]:
    """Return records in an order that does not depend on theirs."""
    if len({record.record_id for record in records}) == len(records):
        return sorted(records, key=lambda record: record.record_id)
    return sorted(records, key=lambda record: (record.record_id, repr(record)))


def _contracts(weighed: list[Weighed], layer: str) -> tuple[list[Weighed], tuple[str, ...], list[Conflict]]:
    """Let signed contracts override signals, and list what they meet."""
    signed = [
        one
        for one in weighed
        if one.grants and one.record.signed_contract and (one.record.evidence or one.record.evidence_sha256)
    ]
    if not signed:
        return weighed, (), []
    own = ("performer", "agent") if layer in ("performer", "voice-likeness") else ()
    overridden = [
        one
        for one in weighed
        if one.value != "allow"
        and is_signal(one.record)
        and not one.withdrawn
        and not (one.value == "deny" and one.record.authority in own)
    ]
    standing = [one for one in weighed if one not in overridden]
    conflicts = []
    if overridden:
        note = "a signed contract stands against a machine-readable signal; the contract decides"
        conflicts.append(Conflict("contract-against-signal", _ids([*signed, *overridden]), note))
    return standing, _ids(overridden), conflicts


def _combine(
    standing: list[Weighed],
    overridden: tuple[str, ...],
    conflicts: list[Conflict],
    aside: Mapping[str, SetAside],
) -> Decision:
    denies = [one for one in standing if one.value == "deny"]
    terms = [one for one in standing if one.value == "conditional"]
    grants = [one for one in standing if one.grants]
    value: Value = "deny" if denies else "conditional" if terms else "allow" if grants else "unknown"
    deciding = denies or terms or grants
    return Decision(
        value=value,
        granted=bool(grants) and not denies,
        deciding=_ids(deciding),
        conflicts=tuple([*conflicts, *_contradictions(denies, terms, grants)]),
        overridden=overridden,
        withdrawn=_ids(one for one in denies if one.withdrawn),
        set_aside=tuple(aside[record_id] for record_id in sorted(aside)),
        terms=tuple(sorted({one.record.terms for one in terms if one.record.terms})) if not denies else (),
        reason=_reason(value, deciding, grants, aside),
    )


def _contradictions(denies: list[Weighed], terms: list[Weighed], grants: list[Weighed]) -> Iterable[Conflict]:
    plain = [one for one in grants if one.value == "allow"]
    withdrawn = [one for one in denies if one.withdrawn]
    signed = [one for one in grants if one.record.signed_contract]
    # a withdrawal beside the yes that it withdraws is a history, not a contradiction
    said = [one for one in denies if one.record_id not in {yes.record_id for yes in grants}]
    if said and grants:
        yield Conflict(
            "deny-against-allow", _ids([*said, *grants]), "one says no, another yes; the no decides"
        )
    if withdrawn and signed:
        note = "a signed contract was withdrawn from; the withdrawal decides"
        yield Conflict("withdrawal-against-contract", _ids([*withdrawn, *signed]), note)
    if terms and plain:
        note = "one sets terms, another none; the terms decide"
        yield Conflict("terms-against-allow", _ids([*terms, *plain]), note)
    if len({one.record.terms for one in terms}) > 1:
        yield Conflict("terms-differ", _ids(terms), "several sets of terms; all of them must be met")


def _reason(value: str, deciding: list[Weighed], grants: list[Weighed], aside: Mapping[str, SetAside]) -> str:
    who = ", ".join(sorted({one.record.granted_by or one.record.source or "unnamed" for one in deciding}))
    if value == "deny":
        verb = "withdrew" if all(one.withdrawn for one in deciding) else "refused"
        return f"{who} {verb}"
    if value == "allow":
        return f"{who} agreed"
    if value == "conditional":
        return f"{who} set terms" + ("" if grants else "; nobody who may do so has agreed")
    notes = sorted({f"{one.record_id}: {one.note}" for one in aside.values()})
    return "nothing that counts was said" + (f" ({'; '.join(notes[:3])})" if notes else "")


def _ids(weighed: Iterable[Weighed]) -> tuple[str, ...]:
    return tuple(sorted({one.record_id for one in weighed}))
