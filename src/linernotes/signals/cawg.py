"""The training-and-data-mining assertion of CAWG, and its elder sister of C2PA 1.x.

It travels inside a signed C2PA manifest and says, for each of four uses, ``allowed``, ``notAllowed`` or
``constrained``. A bare ``constrained`` is to be read as ``notAllowed``; with a text that says more, it is a
condition.

Conventions
-----------
Label ``cawg.training-mining`` with keys ``cawg.…``; older files have ``c2pa.training-mining`` with ``c2pa.…``. Version
1.0's examples leave out the map ``entries``; both shapes are read. Custom keys are kept, and bind to no use of ours.

References
----------
"Training and Data Mining Assertion" 1.1, Creator Assertions Working Group (DIF ratified, 16 May 2025); C2PA
Technical Specification 1.4, "Training and Data Mining".

Known limits
------------
The assertion alone is a claim; whether its manifest holds and who signed it, `c2pa_reader` tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from linernotes.catalog.consent_record import Use
from linernotes.catalog.registry import Imported, Registry
from linernotes.errors import InputError
from linernotes.signals.origin import Origin, remark, statement
from linernotes.signals.wire import json_of, shown

FORMAT = "CAWG training and data mining 1.1 (16 May 2025)"
LABEL, EARLIER_LABEL = "cawg.training-mining", "c2pa.training-mining"
USES: dict[str, Use] = {
    "data_mining": "data-mining",
    "ai_inference": "inference-reference",
    "ai_generative_training": "generative-training",
    "ai_training": "other-training",
}
Choice = Literal["allowed", "notAllowed", "constrained"]
CHOICES = ("allowed", "notAllowed", "constrained")
MAX_ENTRIES = 1000
_CUSTOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)+")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said about one use.

    Parameters
    ----------
    key : str
        As written, such as ``cawg.ai_training``.
    choice : {"allowed", "notAllowed", "constrained"}
        As written.
    info : str
        What the constraint is; empty for none.
    """

    key: str
    choice: Choice
    info: str = ""

    @property
    def use(self) -> Use | None:
        """The use in our words, or None for a custom key."""
        prefix, _, name = self.key.partition(".")
        return USES.get(name) if prefix in ("cawg", "c2pa") else None

    @property
    def value(self) -> Literal["allow", "deny", "conditional"]:
        """The choice in our words: a bare ``constrained`` denies."""
        if self.choice == "allowed":
            return "allow"
        return "conditional" if self.choice == "constrained" and self.info else "deny"


def parse_assertion(data: bytes | str) -> tuple[Entry, ...]:
    """Read an assertion from JSON: its data alone, or an object with ``label`` and ``data``.

    Raises
    ------
    InputError
        If it is not such an assertion.

    Examples
    --------
    >>> parse_assertion('{"entries": {"cawg.ai_training": {"use": "constrained"}}}')[0].value
    'deny'
    """
    found = json_of(data, "training-mining assertion")
    if isinstance(found, dict) and isinstance(found.get("label"), str):
        if not is_label(found["label"]):
            raise InputError(
                f"training-mining assertion: label '{shown(found['label'])}'; expected {LABEL} or {EARLIER_LABEL}"
            )
        found = found.get("data")
    return entries_of(found)


def is_label(label: str) -> bool:
    """Say whether a label names this assertion; repeated ones end in ``__1`` and so on.

    Examples
    --------
    >>> is_label("cawg.training-mining__2"), is_label("c2pa.actions")
    (True, False)
    """
    return re.sub(r"__[0-9]+$", "", label) in (LABEL, EARLIER_LABEL)


def entries_of(data: Any) -> tuple[Entry, ...]:
    """Read the entries of an assertion's data.

    Raises
    ------
    InputError
        If an entry is not of the form that the specification gives.
    """
    if not isinstance(data, Mapping):
        raise InputError("training-mining assertion: expected an object with a map 'entries'")
    entries = data.get("entries", {key: value for key, value in data.items() if key != "metadata"})
    if not isinstance(entries, Mapping) or not entries:
        raise InputError("training-mining assertion: 'entries' is no map, or is empty")
    if len(entries) > MAX_ENTRIES:
        raise InputError(f"training-mining assertion: {len(entries)} entries; expected at most {MAX_ENTRIES}")
    return tuple(_entry(key, value) for key, value in entries.items())


def assertion(entries: Mapping[str, Entry] | tuple[Entry, ...]) -> dict[str, Any]:
    """Return the data of an assertion that says the given entries.

    Examples
    --------
    >>> assertion((Entry("cawg.ai_training", "notAllowed"),))
    {'entries': {'cawg.ai_training': {'use': 'notAllowed'}}}
    """
    listed = entries.values() if isinstance(entries, Mapping) else entries
    return {
        "entries": {
            entry.key: {"use": entry.choice} | ({"constraint_info": entry.info} if entry.info else {})
            for entry in listed
        }
    }


def imported(
    entries: Iterable[Entry], origin: Origin, *, granted_by: str = "", evidence: str = ""
) -> Imported:
    """Return entries as consent records; custom keys are reported, and bind to nothing.

    Examples
    --------
    >>> found = imported((Entry("cawg.ai_training", "constrained", "ask us"),), Origin(name="a", target="rain"))
    >>> [(one.use, one.value, one.terms) for one in found.registry.consents]
    [('other-training', 'conditional', 'ask us')]
    """
    records, problems = [], []
    for entry in entries:
        if entry.use is None:
            problems.append(
                remark(
                    origin,
                    "custom-use",
                    f"{entry.key}: {entry.choice}",
                    ", ".join(f"cawg.{name}" for name in USES),
                    "Ask who signed it what the key means; it was not counted.",
                    "low",
                )
            )
            continue
        bare = entry.choice == "constrained" and not entry.info
        terms = "constrained, without saying how: to be read as notAllowed" if bare else entry.info
        records.append(
            statement(
                origin,
                "cawg",
                entry.use,
                entry.value,
                terms=terms,
                granted_by=granted_by,
                evidence=evidence or FORMAT,
            )
        )
    return Imported(Registry(consents=tuple(records)), tuple(problems))


def _entry(key: Any, value: Any) -> Entry:
    where = f"training-mining assertion, entry '{shown(str(key))}'"
    if not isinstance(key, str) or not _CUSTOM.fullmatch(key):
        raise InputError(f"{where}: expected a key such as cawg.ai_training or org.example.use")
    if not isinstance(value, Mapping) or value.get("use") not in CHOICES:
        raise InputError(f"{where}: expected 'use' to be one of {', '.join(CHOICES)}")
    info = value.get("constraint_info", value.get("constraints_info", ""))  # the text and the schema disagree
    if not isinstance(info, str):
        raise InputError(f"{where}: 'constraint_info' is no text")
    return Entry(key, value["use"], info.strip())
