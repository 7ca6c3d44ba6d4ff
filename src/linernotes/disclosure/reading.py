"""Reading one field of a summary: whether it is answered, definite, consistent, and open to checking.

Conventions
-----------
Every reading gives four marks of 0, 0.5 or 1 and one sentence. The sentence names the worst thing that was found.
`read_field` sees the whole form, because a field's answer can contradict another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from linernotes.disclosure.answer import Answer, Mark, value_text
from linernotes.disclosure.fields53 import FormField
from linernotes.disclosure.wording import is_host, prose_in_list, vague_amount, vague_words

Form = Mapping[str, Answer | None]
LISTS = ("hosts", "datasets", "models", "texts")
SHOWN = 3
LONG_TEXT = 25
NOT_FILLED_IN = ("provider.toml does not say", "not filled in yet")
"""Reasons that nobody wrote: the field was left as it came."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Four marks, their reason, and the gap codes that follow from them."""

    completeness: Mark
    clarity: Mark
    consistency: Mark
    traceability: Mark
    why: str
    gap_codes: tuple[str, ...] = ()
    counted: bool = True


BLANK = Reading(0.0, 0.0, 1.0, 0.0, "left blank", ("field-unknown",))


def read_field(field: FormField, form: Form) -> Reading:
    """Return what one field is worth, and why.

    Parameters
    ----------
    field : FormField
        The question.
    form : mapping of str to Answer or None
        Every answer, by field id.
    """
    answer = form.get(field.field_id)
    gate = form.get(field.gate) if field.gate else None
    if answer is None:
        return BLANK
    if answer.state == "unknown":
        return _unknown(field, answer, gate)
    if answer.state == "not-applicable":
        return _closed(field, answer, gate)
    reading = _traced(_KINDS[field.kind](field, answer), answer)
    if gate is not None and gate.value is False:
        why = f"{field.gate} says no, yet this is answered"
        return replace(reading, consistency=0.0, why=why)
    return reading


def _unknown(field: FormField, answer: Answer, gate: Answer | None) -> Reading:
    codes: tuple[str, ...] = ("field-unknown",)
    if field.kind == "models":
        codes += ("base-model-undisclosed",) if field.field_id == "1.2.b" else ("synthetic-upstream",)
    if field.field_id == "2.4.b":
        codes += ("other-service-user-data",)
    if answer.reason.startswith(NOT_FILLED_IN):
        return Reading(0.0, 0.0, 1.0, 0.0, f"left blank: {answer.reason}", codes)
    if gate is not None and gate.value is True and field.kind in ("hosts", "datasets", "models"):
        return Reading(
            0.0, 0.0, 1.0, 0.0, f"{field.gate} says yes, and the list is not given: {answer.reason}", codes
        )
    return Reading(0.5, 1.0, 1.0, 0.0, f"said to be unknown: {answer.reason}", codes)


def _closed(field: FormField, answer: Answer, gate: Answer | None) -> Reading:
    if gate is not None and gate.value is True and field.kind in ("hosts", "models", "datasets"):
        why = f"{field.gate} says yes, yet this is said not to apply"
        return Reading(0.5, 1.0, 0.0, 0.0, why, ("field-unknown",))
    if gate is not None and gate.value is False:  # a no earns nothing: the field is left out of the mean
        return Reading(1.0, 1.0, 1.0, _trace(gate), f"does not arise: {field.gate} says no", counted=False)
    if gate is not None and not gate.known:
        return Reading(0.5, 1.0, 1.0, 0.0, f"said not to apply, while {field.gate} is unknown")
    return Reading(1.0, 1.0, 1.0, 0.5, f"said not to apply: {answer.reason}")


def _trace(answer: Answer) -> Mark:
    if answer.state == "computed":
        return 1.0
    return 0.5 if answer.known and _holds_address(answer.value) else 0.0


def _traced(reading: Reading, answer: Answer) -> Reading:
    return replace(reading, traceability=_trace(answer))


def _holds_address(value: object) -> bool:
    if isinstance(value, str):
        return "https://" in value or "http://" in value
    if isinstance(value, Mapping):
        return any(_holds_address(one) for one in value.values())
    return isinstance(value, Sequence) and any(_holds_address(one) for one in value)


def _good(why: str) -> Reading:
    return Reading(1.0, 1.0, 1.0, 0.0, why)


def _shown(entries: Sequence[str]) -> str:
    rest = len(entries) - SHOWN
    return ", ".join(one[:80] for one in entries[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _text(field: FormField, answer: Answer) -> Reading:
    words = value_text(answer.value)
    dodge = vague_words(words)
    if dodge and len(words.split()) < LONG_TEXT and answer.state != "computed":
        return Reading(1.0, 0.5, 1.0, 0.0, f"not definite: '{dodge}'")
    if isinstance(answer.value, Mapping) and (
        lacks := [k for k, v in answer.value.items() if v == "unknown"]
    ):
        return Reading(0.5, 1.0, 1.0, 0.0, f"in part unknown: {', '.join(lacks)}", ("field-unknown",))
    return _good("answered")


def _date(field: FormField, answer: Answer) -> Reading:
    words = value_text(answer.value)
    if not any(c.isdigit() for c in words):
        return Reading(1.0, 0.0, 1.0, 0.0, f"no date in it: {words[:80]}", ("vague-range",))
    if sum(c.isdigit() for c in words) < 6:
        return Reading(1.0, 0.5, 1.0, 0.0, f"a year alone: {words[:80]}", ("vague-range",))
    return _good("dated")


def _yes_no(field: FormField, answer: Answer) -> Reading:
    if not isinstance(answer.value, bool):
        return Reading(0.5, 0.5, 1.0, 0.0, f"asked for yes or no, got: {value_text(answer.value)[:80]}")
    if answer.reason.endswith("provider.toml says no"):
        return Reading(
            1.0, 1.0, 0.0, 0.0, f"the seal and the provider contradict each other: {answer.reason}"
        )
    codes = ("other-service-user-data",) if field.field_id == "2.4.b" and answer.value else ()
    return replace(_good("yes" if answer.value else "no"), gap_codes=codes)


def _list(field: FormField, answer: Answer) -> Reading:
    value, hosts = answer.value, field.kind == "hosts"
    if not isinstance(value, list):
        return Reading(
            0.5, 0.0, 1.0, 0.0, f"words in place of a list: {value_text(value)[:120]}", ("vague-list-field",)
        )
    prose = prose_in_list(value, hosts=hosts) if field.kind != "texts" else []
    if prose and len(prose) == len(value):
        return Reading(
            0.5, 0.0, 1.0, 0.0, f"words in place of a list: {_shown(prose)}", ("vague-list-field",)
        )
    if prose:
        why = f"{len(prose)} of {len(value)} entries are words, not entries: {_shown(prose)}"
        return Reading(1.0, 0.5, 1.0, 0.0, why, ("vague-list-field",))
    return _good(f"{len(value)} {'entry' if len(value) == 1 else 'entries'}")


def _datasets(field: FormField, answer: Answer) -> Reading:
    reading = _list(field, answer)
    if reading.clarity < 1 or not isinstance(answer.value, list):
        return reading
    bare = [value_text(one) for one in answer.value if not _can_be_found(one)]
    if bare:
        return replace(reading, clarity=0.5, why=f"without link or version: {_shown(bare)}")
    return reading


def _can_be_found(entry: object) -> bool:
    if isinstance(entry, Mapping):
        return bool(entry.get("link") or entry.get("version"))
    return is_host(str(entry)) or any(is_host(word.strip("(),;")) for word in str(entry).split())


def _models(field: FormField, answer: Answer) -> Reading:
    reading = _list(field, answer)
    if reading.clarity < 1 or not isinstance(answer.value, list):
        return reading
    bare = [
        str(one.get("name") if isinstance(one, Mapping) else one)
        for one in answer.value
        if not (one.get("summary") if isinstance(one, Mapping) else _can_be_found(one))
    ]
    if not bare:
        return reading
    code = "base-model-undisclosed" if field.field_id == "1.2.b" else "synthetic-upstream"
    return replace(
        reading, clarity=0.5, why=f"no link to the training summary of {_shown(bare)}", gap_codes=(code,)
    )


def _size(field: FormField, answer: Answer) -> Reading:
    rows = answer.value if isinstance(answer.value, list) else [answer.value]
    for row in rows:
        table = row if isinstance(row, Mapping) else {"amount": value_text(row)}
        name = str(table.get("modality", "")).lower()
        if name == "video" and str(table.get("sound_inside", "not stated")) == "not stated":
            why = "video is used and nobody says how much sound it holds"
            return Reading(1.0, 0.5, 1.0, 0.0, why, ("audio-inside-video",))
        amount = str(table.get("band") or table.get("amount") or value_text(row))
        if fault := vague_amount(amount):
            return Reading(
                1.0,
                0.5 if fault != "no number" else 0.0,
                1.0,
                0.0,
                f"{amount[:80]}: {fault}",
                ("vague-range",),
            )
    return _good("every modality with an amount")


_KINDS = {
    "text": _text,
    "texts": _list,
    "date": _date,
    "yes-no": _yes_no,
    "hosts": _list,
    "list": _list,
    "datasets": _datasets,
    "models": _models,
    "size": _size,
}
