"""`Registry`: recordings, works, releases, parties, credits, splits and consents, in one frozen value.

Every importer returns an `Imported`: the registry that it could read, and the problems that it found on the
way. Registries are joined with `Registry.merge` and looked over with `Registry.check`; a workspace keeps
them (`Workspace.registry`, `Workspace.save_registry`).

Conventions
-----------
Tuples are kept as given. Ids are unique within a kind; two entries with one id and other contents are
reported by `Registry.check` as ``duplicate-id``. A consent record may stand in several states under one
id: without and with its revocation.

Examples
--------
>>> from linernotes.catalog.recording import Recording
>>> first = Registry(recordings=(Recording(recording_id="rain", title="Rain", artist="Ada"),))
>>> len(first.merge(first).recordings)
1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.problem import Problem
from linernotes.catalog.recording import Recording
from linernotes.catalog.rows import check_texts
from linernotes.errors import InputError

__all__ = ["Imported", "Problem", "Registry"]

_CLASSES: dict[str, Any] = {
    "recordings": Recording,
    "works": Work,
    "releases": Release,
    "parties": Party,
    "credits": Credit,
    "splits": Split,
    "consents": ConsentRecord,
    "identifiers": Identifier,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Who made what, whose it is, and who agreed to what.

    Parameters
    ----------
    recordings : tuple of Recording
        Fixed performances.
    works : tuple of Work
        Compositions, with the recordings of them.
    releases : tuple of Release
        Products, with the recordings on them.
    parties : tuple of Party
        People, groups, organisations.
    credits : tuple of Credit
        Parts in recordings and works.
    splits : tuple of Split
        Shares per rights layer.
    consents : tuple of ConsentRecord
        Statements on use.
    identifiers : tuple of Identifier
        Codes claimed beyond the entities' own fields, such as a second ISRC.
    """

    recordings: tuple[Recording, ...] = ()
    works: tuple[Work, ...] = ()
    releases: tuple[Release, ...] = ()
    parties: tuple[Party, ...] = ()
    credits: tuple[Credit, ...] = ()
    splits: tuple[Split, ...] = ()
    consents: tuple[ConsentRecord, ...] = ()
    identifiers: tuple[Identifier, ...] = ()

    def merge(self, *others: Registry) -> Registry:
        """Return all entries of all registries, equal ones once, in the order in which they came."""
        return Registry(
            **{
                field.name: tuple(
                    dict.fromkeys(one for part in (self, *others) for one in getattr(part, field.name))
                )
                for field in fields(self)
            }
        )

    def check(self) -> tuple[Problem, ...]:
        """Return what contradicts itself or is missing, gravest first; see `linernotes.catalog.conflicts`."""
        from linernotes.catalog.conflicts import find_problems

        return find_problems(self)

    def claims(self) -> Iterator[Identifier]:
        """Yield every claimed code: those in the entities' own fields, then the further ones."""
        for field, kind, one, subject_id in self._coded():
            value = getattr(one, field)
            if value:
                yield Identifier(
                    subject_kind=kind,  # type: ignore[arg-type]
                    subject_id=subject_id,
                    kind=field.replace("_", "-"),
                    value=value,
                    source=getattr(one, "source", ""),
                )
        yield from self.identifiers

    def _coded(self) -> Iterator[tuple[str, str, Any, str]]:
        for recording in self.recordings:
            yield "isrc", "recording", recording, recording.recording_id
        for work in self.works:
            yield "iswc", "work", work, work.work_id
        for release in self.releases:
            yield "upc", "release", release, release.release_id
            yield "grid", "release", release, release.release_id
        for party in self.parties:
            for field in ("isni", "ipi_name", "ipi_base", "ipn", "dpid"):
                yield field, "party", party, party.party_id

    def counts(self) -> dict[str, int]:
        """Return how many entries there are of each kind."""
        return {field.name: len(getattr(self, field.name)) for field in fields(self)}

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return every entry as JSON-ready values."""
        return {name: [one.as_json() for one in getattr(self, name)] for name in _CLASSES}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Registry:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a kind of entry is unknown, or an entry is malformed.
        """
        unknown = data.keys() - _CLASSES.keys()
        if unknown:
            raise InputError(
                f"registry: unknown parts {sorted(map(str, unknown))}; expected {', '.join(_CLASSES)}"
            )
        return cls(**{name: tuple(_read(name, entries)) for name, entries in data.items()})


@dataclass(frozen=True, slots=True)
class Imported:
    """What an importer read, and what was wrong with the rest.

    Examples
    --------
    >>> Imported(Registry()).is_clean
    True
    """

    registry: Registry
    problems: tuple[Problem, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing of high severity was found."""
        return not any(problem.severity == "high" for problem in self.problems)

    def merge(self, *others: Imported) -> Imported:
        """Join several imports."""
        return Imported(
            self.registry.merge(*(other.registry for other in others)),
            tuple(dict.fromkeys(p for part in (self, *others) for p in part.problems)),
        )


def _read(name: str, entries: Iterable[Any]) -> Iterator[Any]:
    if not isinstance(entries, list | tuple):
        raise InputError(f"registry: {name} is {type(entries).__name__}; expected a list")
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise InputError(f"registry: {name} holds {entry!r}; expected an object per entry")
        found = _CLASSES[name].from_json(entry)
        check_texts(found)
        yield found
