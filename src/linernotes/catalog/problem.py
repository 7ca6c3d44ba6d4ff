"""What is wrong in a registry or an imported file: the place, the value, who can mend it, and how.

A problem is not an error: the rest of the file is still read, and every problem is listed at once, each
with its sheet, row and column (or its entity), so that a table can be mended in one sitting.

Conventions
-----------
Codes are kebab-case. ``high`` means that a row could not be used or that a right is in doubt; ``medium``
that something must be asked; ``low`` that something could be better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Parameters
    ----------
    code : str
        Kebab-case name of the kind of problem.
    where : str
        Place: ``sheet 'splits', row 7, column share`` or ``recording 'rain'``.
    value : str
        What stands there.
    expected : str
        What should.
    next_step : str
        What to do.
    severity : {"high", "medium", "low"}
        How much it matters.
    who : str
        Who can mend it: ``provider``, ``rightsholder``, ``registry`` (the agency that assigned a code), or
        ``sender`` (of the imported file).

    Examples
    --------
    >>> Problem("no-date", "sheet 'consent', row 3, column given_on", "31.3.25", "yyyy-mm-dd",
    ...         "Write the day as 2025-03-31.", "high").who
    'provider'
    """

    code: str
    where: str
    value: str
    expected: str
    next_step: str
    severity: Severity
    who: str = "provider"

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Problem:
        """Read what `as_json` wrote."""
        return cls(**data)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems once each, gravest first, then by code, place and value."""
    rank = {severity: i for i, severity in enumerate(SEVERITIES)}
    return tuple(sorted(set(problems), key=lambda p: (rank[p.severity], p.code, p.where, p.value)))
