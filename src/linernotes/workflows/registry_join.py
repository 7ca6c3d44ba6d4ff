"""Joining what a foreign message says to a registry: it may add, it may not overwrite.

A workspace's own tables are its owner's word. A label's or studio's message may fill what was empty, add recordings to a
work, claim a second code or name a further player; where it contradicts, the registry keeps what it had, and the
contradiction is a problem to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any, TypeVar

from linernotes.catalog.credits import Split
from linernotes.catalog.entities import Identifier
from linernotes.catalog.problem import Problem
from linernotes.catalog.registry import Registry

_IDS = {"recordings": "recording_id", "works": "work_id", "releases": "release_id", "parties": "party_id"}
_CODES = {
    "recordings": ("isrc", "iswc"),
    "works": ("iswc",),
    "releases": ("upc", "grid"),
    "parties": ("isni", "ipi_name", "ipi_base", "ipn", "dpid"),
}
_KINDS: dict[str, Any] = {
    "recordings": "recording",
    "works": "work",
    "releases": "release",
    "parties": "party",
}
T = TypeVar("T")


def join_foreign(held: Registry, said: Registry, source: str) -> tuple[Registry, tuple[Problem, ...]]:
    """Return the entries to save so that *said* is added to *held*, and what contradicts.

    Parameters
    ----------
    held : Registry
        What the workspace has.
    said : Registry
        What a message says.
    source : str
        The message, for claims and problems.

    Examples
    --------
    >>> from linernotes.catalog.entities import Work
    >>> held = Registry(works=(Work(work_id="w", title="Rain", recordings=("a",)),))
    >>> said = Registry(works=(Work(work_id="w", title="RAIN", iswc="T0345246801", recordings=("b",)),))
    >>> saved, problems = join_foreign(held, said, "m.xml")
    >>> saved.works[0].title, saved.works[0].iswc, saved.works[0].recordings
    ('Rain', 'T0345246801', ('a', 'b'))
    """
    parts: dict[str, Any] = {}
    claims: list[Identifier] = []
    for part, key in _IDS.items():
        known = {getattr(one, key): one for one in getattr(held, part)}
        changed: dict[str, Any] = {}
        for one in getattr(said, part):
            name = getattr(one, key)
            old = known.get(name)
            if old is not None:
                claims += _claims(part, name, old, one, source)
            joined = one if old is None else _completed(old, one)
            if joined != old:
                known[name] = changed[name] = joined
        parts[part] = tuple(changed.values())
    splits, problems = _splits(held.splits, said.splits, source)
    new_claims = [*said.identifiers, *claims]
    return (
        Registry(
            **parts,
            credits=_new(
                held.credits, said.credits, lambda c: (c.subject_kind, c.subject_id, c.party_id, c.role)
            ),
            splits=splits,
            consents=said.consents,
            identifiers=_new(
                held.identifiers, new_claims, lambda i: (i.subject_kind, i.subject_id, i.kind, i.value)
            ),
        ),
        problems,
    )


def _completed(old: Any, new: Any) -> Any:
    """Return *old* with its empty fields filled and its lists lengthened from *new*."""
    changes: dict[str, Any] = {}
    for field in fields(old):
        mine, theirs = getattr(old, field.name), getattr(new, field.name)
        if isinstance(mine, tuple):
            changes[field.name] = tuple(dict.fromkeys((*mine, *theirs)))
        elif mine in (None, "", "unknown") and theirs not in (None, ""):
            changes[field.name] = theirs
    if hasattr(old, "names") and new.name != old.name:
        changes["names"] = tuple(dict.fromkeys((*changes["names"], new.name)))
    return replace(old, **changes)


def _claims(part: str, subject_id: str, old: Any, new: Any, source: str) -> Iterable[Identifier]:
    for field in _CODES[part]:
        mine, theirs = getattr(old, field), getattr(new, field)
        if mine and theirs and mine != theirs:
            yield Identifier(
                subject_kind=_KINDS[part],
                subject_id=subject_id,
                kind=field.replace("_", "-"),
                value=theirs,
                source=source,
            )


def _splits(
    held: Iterable[Split], said: Iterable[Split], source: str
) -> tuple[tuple[Split, ...], tuple[Problem, ...]]:
    known = {_split_key(one): one for one in held}
    added, problems = [], []
    for one in said:
        old = known.get(_split_key(one))
        if old is None:
            added.append(one)
            known[_split_key(one)] = one
        elif old.share != one.share:
            problems.append(
                Problem(
                    "share-conflict",
                    f"{source}, {one.subject_kind} {one.subject_id}, {one.layer}, {one.party_id}",
                    str(one.share),
                    f"{old.share}, as the registry has it",
                    "Find out which share holds, and correct the one that does not; the registry kept its own.",
                    "high",
                )
            )
    return tuple(added), tuple(problems)


def _split_key(one: Split) -> tuple[str, ...]:
    return (one.subject_kind, one.subject_id, one.layer, one.party_id, one.territory, one.valid_from or "")


def _new(held: Iterable[T], said: Iterable[T], key: Callable[[T], Any]) -> tuple[T, ...]:
    known = {key(one) for one in held}
    found: dict[Any, T] = {}
    for one in said:
        if key(one) not in known:
            found.setdefault(key(one), one)
    return tuple(found.values())
