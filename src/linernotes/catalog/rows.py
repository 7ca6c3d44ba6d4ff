"""What the entries of a registry share: JSON in and out, and the checks of ids and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any, ClassVar, Self

from linernotes.catalog.shares import format_share, parse_share
from linernotes.errors import InputError

MAX_TEXT = 10_000


class Row:
    """What all entities share: JSON in and out, with exact fields."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a field is missing, unknown or not allowed.
        """
        known = cls.__slots__
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        share = values.get("share")
        if "share" in known and isinstance(share, str):
            values["share"] = parse_share(share)
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(
                f"{cls.__name__.lower()}: fields {', '.join(sorted(map(str, data)))}; "
                f"expected {', '.join(known)} ({error})"
            ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return format_share(value) if isinstance(value, Fraction) else value


def check_id(what: str, value: object) -> None:
    """Raise InputError unless *value* may name an entry."""
    if not isinstance(value, str) or not value or len(value) > 255 or value != value.strip() or "\0" in value:
        raise InputError(f"{what} id {value!r}; expected 1 to 255 characters without outer spaces")


def check_word(where: str, name: str, value: object, words: tuple[str, ...]) -> None:
    """Raise InputError unless *value* is one of *words*."""
    if value not in words:
        raise InputError(
            f"{where}: {name} '{value}'; expected one of {', '.join(w or 'nothing' for w in words)}"
        )


def check_texts(entry: Any) -> None:
    """Raise InputError where a field of an entry that was read is no text, or no list of texts."""
    for field in fields(entry):
        value, kind = getattr(entry, field.name), str(field.type)
        if value is None and "None" in kind:
            continue
        if kind.startswith("tuple"):
            fine = isinstance(value, tuple) and all(isinstance(one, str) for one in value)
        else:
            fine = isinstance(value, Fraction if kind == "Fraction" else bool if kind == "bool" else str)
        if not fine or len(value if isinstance(value, str) else "") > MAX_TEXT:
            raise InputError(
                f"{type(entry).__name__.lower()}: {field.name} {value!r:.80}; expected "
                f"{'a list of texts' if kind.startswith('tuple') else 'text'} of at most {MAX_TEXT} characters"
            )
