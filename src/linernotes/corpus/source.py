"""Where a training recording came from: its class, its origin, and what besides its sound was used.

Conventions
-----------
Every field has a column of the same name in the rights table; an empty cell says that nobody said.
``metadata_used`` and ``behaviour_used`` list what the training read besides the sound (``title;tags``,
``play counts;skips``), separated by ``;`` in the table.

References
----------
European Commission, "Template for the public summary of training content" (2025), section 2, for the
classes; California AB 2013 (2024), for synthetic data and dates of collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from linernotes.corpus.consent import parse_date
from linernotes.errors import InputError

SourceClass = Literal[
    "public", "licensed", "private", "crawled", "user-data", "synthetic", "other", "unknown"
]
SOURCE_CLASSES: tuple[SourceClass, ...] = get_args(SourceClass)
COLUMNS = {
    "source_class": "source_class",
    "name": "source_name",
    "url": "source_url",
    "collected_from": "collected_from",
    "collected_until": "collected_until",
    "stem_of": "stem_of",
    "is_multitrack": "is_multitrack",
    "synthetic_from": "synthetic_from",
    "metadata_used": "metadata_used",
    "behaviour_used": "behaviour_used",
}
"""Field of `Source` to column of the rights table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Origin of one item.

    Parameters
    ----------
    source_class : str
        One of `SOURCE_CLASSES`.
    name, url : str
        Of the dataset, licensor, site or service.
    collected_from, collected_until : str, optional
        First and last day of collection, ``yyyy-mm-dd``.
    stem_of : str
        Recording id, ISRC or title of the mix that this is a stem of; empty for a mix.
    is_multitrack : bool
        Whether the file holds several tracks of one recording.
    synthetic_from : str
        Generator that made it; empty for music that people made.
    metadata_used, behaviour_used : tuple of str
        Metadata and behavioural signals that training used with it.

    Examples
    --------
    >>> Source(source_class="licensed", name="Label X").as_json()["source_class"]
    'licensed'
    """

    source_class: SourceClass = "unknown"
    name: str = ""
    url: str = ""
    collected_from: str | None = None
    collected_until: str | None = None
    stem_of: str = ""
    is_multitrack: bool = False
    synthetic_from: str = ""
    metadata_used: tuple[str, ...] = ()
    behaviour_used: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.source_class not in SOURCE_CLASSES:
            raise InputError(
                f"source class '{self.source_class}': expected one of {', '.join(SOURCE_CLASSES)}"
            )
        for day in (self.collected_from, self.collected_until):
            if day is not None:
                parse_date(day)

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self) | {
            "metadata_used": list(self.metadata_used),
            "behaviour_used": list(self.behaviour_used),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Source:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a field is unknown or of the wrong form.
        """
        unknown = data.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(f"source: unknown fields {sorted(unknown)}")
        lists = {}
        for name in ("metadata_used", "behaviour_used"):
            if not isinstance(listed := data.get(name, ()), list | tuple):
                raise InputError(f"source: {name} is {type(listed).__name__}; expected a list of texts")
            lists[name] = tuple(listed)
        return cls(**(dict(data) | lists))


def source_from_cells(cells: Mapping[str, str]) -> Source | None:
    """Read a source from the cells of a rights table; None when every cell is empty.

    Raises
    ------
    InputError
        If a class, a day or ``is_multitrack`` has another form.

    Examples
    --------
    >>> source_from_cells({"source_class": "crawled", "metadata_used": "title; tags"}).metadata_used
    ('title', 'tags')
    >>> source_from_cells({"source_class": ""}) is None
    True
    """
    given = {name: (cells.get(column) or "").strip() for name, column in COLUMNS.items()}
    if not any(given.values()):
        return None
    flag = given["is_multitrack"].lower()
    if flag not in ("", "yes", "no", "true", "false"):
        raise InputError(f"is_multitrack '{given['is_multitrack']}': expected yes, no or an empty cell")
    return Source(
        source_class=given["source_class"] or "unknown",  # type: ignore[arg-type]  # checked when made
        name=given["name"],
        url=given["url"],
        collected_from=given["collected_from"] or None,
        collected_until=given["collected_until"] or None,
        stem_of=given["stem_of"],
        is_multitrack=flag in ("yes", "true"),
        synthetic_from=given["synthetic_from"],
        metadata_used=_listed(given["metadata_used"]),
        behaviour_used=_listed(given["behaviour_used"]),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())
