"""What each statement amounts to on a day, before they are weighed against each other.

The rules are those of `linernotes.catalog.consent_engine`, numbers 1, 2, 4, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from linernotes.catalog.authority import TRAINING_USES, is_signal, may_speak
from linernotes.catalog.consent_decision import SetAside
from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.subjects import subject_key
from linernotes.catalog.territory import covers, touches


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: layer, use, day, territory, and when the records were logged."""

    layer: str
    use: str
    on: str
    territory: str
    recorded: Mapping[str, str] | None

    def concerns(self, record: ConsentRecord) -> bool:
        """Tell whether a record about the subject bears on the layer and use."""
        if record.layer not in (self.layer, "all"):
            return False
        if record.use in (self.use, "all"):
            return True
        if self.use == "all":  # every use is asked about: a no to one of them matters, a yes to one does not
            return record.value in ("deny", "conditional") or record.revoked_on is not None
        return self.reserves_mining(record)

    def reserves_mining(self, record: ConsentRecord) -> bool:
        """Tell whether a record reserves data mining where training is asked about."""
        return (
            self.use in TRAINING_USES
            and record.use == "data-mining"
            and record.value == "deny"
            and is_signal(record)
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """A record that counts: what it amounts to on the day, and what it can do."""

    record: ConsentRecord
    value: str
    grants: bool
    withdrawn: bool = False

    @property
    def record_id(self) -> str:
        """Id of the record."""
        return self.record.record_id


def weigh(records: Sequence[ConsentRecord], question: Question) -> tuple[list[Weighed], dict[str, SetAside]]:
    """Return what each record amounts to, and those that do not count."""
    weighed: list[Weighed] = []
    aside: dict[str, SetAside] = {}
    for record in records:
        found = _one(record, question)
        if isinstance(found, Weighed):
            weighed.append(found)
        else:
            aside.setdefault(record.record_id, found)
    return weighed, aside


def _one(record: ConsentRecord, question: Question) -> Weighed | SetAside:
    value, withdrawn = _value_on(record, question.on)
    speaks = may_speak(record, question.layer)
    restricts = value in ("deny", "conditional")
    for code, note in _obstacles(record, question):
        return SetAside(record.record_id, code, note)
    if speaks is False:
        note = f"{record.authority} does not speak for the {question.layer} layer"
        return SetAside(record.record_id, "no-authority", note)
    if value == "unknown":
        code = "withdrawn" if record.revoked_on and record.value == "deny" else "no-preference"
        return SetAside(record.record_id, code, "says neither yes nor no")
    doubts = list(_doubts(record, question, speaks)) if value != "deny" else []
    if doubts and not restricts:
        return SetAside(record.record_id, *doubts[0])
    return Weighed(record, value, value != "deny" and not doubts, withdrawn)


def _value_on(record: ConsentRecord, on: str) -> tuple[str, bool]:
    if record.revoked_on is None or record.revoked_on > on:
        return record.value, False
    return ("deny", True) if record.value in ("allow", "conditional") else ("unknown", False)


def _obstacles(record: ConsentRecord, question: Question) -> Iterable[tuple[str, str]]:
    """Yield why a record counts for nothing, be it yes or no."""
    on = question.on
    if record.given_on is not None and record.given_on > on:
        yield "given-later", f"given on {record.given_on}, after {on}"
    if record.valid_from is not None and record.valid_from > on:
        yield "not-yet-valid", f"holds from {record.valid_from}, after {on}"
    if record.valid_until is not None and record.valid_until < on:
        yield "expired", f"held until {record.valid_until}, before {on}"
    if not touches(record.territory, question.territory):
        yield "other-territory", f"holds in {record.territory} only"


def _doubts(record: ConsentRecord, question: Question, speaks: bool | None) -> Iterable[tuple[str, str]]:
    """Yield why a record that is no plain no cannot count as a yes."""
    if speaks is None:
        yield "authority-unknown", "nobody knows whether its giver may allow this"
    if record.given_on is None:
        yield "undated", "without a date it cannot be shown to have come before"
    if not covers(record.territory, question.territory):
        yield "other-territory", f"holds in {record.territory} only"
    if question.use == "all" and record.use != "all":
        yield "other-use", f"allows {record.use} only"
    if question.recorded is not None:
        logged = question.recorded.get(record.record_id)
        if logged is None or logged > question.on:
            yield "recorded-later", f"logged {'on ' + logged if logged else 'nowhere'}, not by {question.on}"


def renewals(weighed: list[Weighed], aside: dict[str, SetAside]) -> tuple[list[Weighed], dict[str, SetAside]]:
    """Set a withdrawal aside where the same party agreed anew afterwards."""
    latest: dict[object, str] = {}
    for one in weighed:
        if one.grants and one.record.granted_by.strip():
            key = _voice(one.record)
            latest[key] = max(latest.get(key, ""), one.record.given_on or "")
    kept = []
    for one in weighed:
        revoked_on = one.record.revoked_on or ""
        if one.withdrawn and latest.get(_voice(one.record), "") > revoked_on:
            note = f"agreed anew after the withdrawal of {revoked_on}"
            aside.setdefault(one.record_id, SetAside(one.record_id, "renewed", note))
        else:
            kept.append(one)
    return kept, aside


def _voice(record: ConsentRecord) -> object:
    subject = subject_key(record.subject_kind, record.subject)
    return record.granted_by.strip().casefold(), subject, record.layer, record.use


def specifics(
    weighed: list[Weighed],
    about: Sequence[ConsentRecord],
    aside: dict[str, SetAside],
    question: Question,
) -> tuple[list[Weighed], dict[str, SetAside]]:
    """Set a signal aside where its own source says something laxer and more specific."""
    laxer = [
        r
        for r in about
        if is_signal(r)
        and r.value in ("allow", "conditional")
        and not any(_obstacles(r, question))
        and _value_on(r, question.on)[0] != "deny"
        and covers(r.territory, question.territory)
    ]
    kept = []
    for one in weighed:
        by = next((r for r in laxer if _yields(one, r, question)), None)
        if by is None:
            kept.append(one)
        else:
            note = f"the same source says something more specific ({by.record_id})"
            aside.setdefault(one.record_id, SetAside(one.record_id, "more-specific", note))
    return kept, aside


def _yields(one: Weighed, laxer: ConsentRecord, question: Question) -> bool:
    record = one.record
    if one.value != "deny" or one.withdrawn or not is_signal(record) or not record.source.strip():
        return False
    if record.source != laxer.source or laxer.granted_by != record.granted_by:
        return False
    if question.reserves_mining(record) and laxer.use == question.use and record.subject == laxer.subject:
        return True
    located = record.subject_kind == laxer.subject_kind == "location" and record.use == laxer.use
    return located and len(laxer.subject) > len(record.subject)
