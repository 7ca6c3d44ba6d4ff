"""The clock of a request: how many days, counted in which calendar, and when it is overdue.

Idea
----
A law, a contract or a house rule gives a number of days. Which days count decides by when an answer is due, so the
calendar is stated with the clock and never assumed.

Conventions
-----------
The day of opening does not count. A request is overdue when a whole day after its due day has begun, in UTC.
``all-days`` counts every day; ``working-days`` counts Monday to Friday without the holidays that are listed.

References
----------
California AB 412 (as amended 2026) for an answer within 30 days; an earlier text asked for 7.

Known limits
------------
Nothing here decides which law applies. Holidays are those that the desk lists; none is built in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from linernotes.errors import InputError

CALENDARS = ("all-days", "working-days")
PRESETS: dict[str, int | None] = {"30-days": 30, "7-days": 7, "none": None}
"""Named clocks: the shape of AB 412, of its earlier text, and none."""
MAX_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Clock:
    """By when a request is to be answered.

    Parameters
    ----------
    days : int or None
        Days that count; None for a request without a deadline.
    calendar : {"all-days", "working-days"}
        Which days count.
    holidays : tuple of str
        Days, ``yyyy-mm-dd``, that do not count as working days.

    Raises
    ------
    InputError
        If a value is not of that form.

    Examples
    --------
    >>> Clock(30).due_on(date(2026, 11, 23)).isoformat()
    '2026-12-23'
    >>> Clock(7, "working-days", ("2026-11-26",)).due_on(date(2026, 11, 20)).isoformat()
    '2026-12-02'
    >>> Clock(None).due_on(date(2026, 11, 20)) is None
    True
    """

    days: int | None = 30
    calendar: str = "all-days"
    holidays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.days is not None and (type(self.days) is not int or not 1 <= self.days <= MAX_DAYS):
            raise InputError(f"clock of {self.days!r} days: expected 1 to {MAX_DAYS}, or none")
        if self.calendar not in CALENDARS:
            raise InputError(f"calendar '{self.calendar}': expected one of {', '.join(CALENDARS)}")
        if self.holidays and self.calendar != "working-days":
            raise InputError("holidays change nothing where all days count; give the calendar 'working-days'")
        for day in self.holidays:
            parse_day(day)

    @classmethod
    def parse(cls, text: str, calendar: str = "all-days", holidays: tuple[str, ...] = ()) -> Clock:
        """Read a clock such as ``30-days``, ``7-days`` or ``none``.

        Raises
        ------
        InputError
            If it is none.

        Examples
        --------
        >>> Clock.parse("14-days").days
        14
        """
        if text in PRESETS:
            return cls(PRESETS[text], calendar, holidays)
        found = re.fullmatch(r"([1-9][0-9]{0,3})-days?", text)
        if found is None:
            raise InputError(f"clock '{text}': expected a number of days such as '30-days', or 'none'")
        return cls(int(found[1]), calendar, holidays)

    def counts(self, day: date) -> bool:
        """Tell whether a day counts."""
        if self.calendar == "all-days":
            return True
        return day.weekday() < 5 and day.isoformat() not in self.holidays

    def due_on(self, opened: date) -> date | None:
        """Return the last day on which an answer is in time; None without a deadline."""
        if self.days is None:
            return None
        day, left = opened, self.days
        while left:
            day += timedelta(days=1)
            left -= self.counts(day)
        return day

    def days_left(self, due: date, today: date) -> int:
        """Return the days that still count, today not included; negative when overdue.

        Examples
        --------
        >>> Clock(30).days_left(date(2026, 12, 23), date(2026, 12, 20))
        3
        >>> Clock(30).days_left(date(2026, 12, 23), date(2026, 12, 25))
        -2
        """
        step = 1 if due >= today else -1
        day, n = today, 0
        while day != due:
            day += timedelta(days=step)
            n += step if self.counts(day) or step < 0 else 0
        return n

    @property
    def words(self) -> str:
        """Say how the deadline is counted.

        Examples
        --------
        >>> Clock(7, "working-days").words
        '7 days from the day after opening; Monday to Friday count; UTC'
        """
        if self.days is None:
            return "no deadline"
        which = "every day counts"
        if self.calendar == "working-days":
            which = "Monday to Friday count"
            if self.holidays:
                which += f", without {', '.join(self.holidays)}"
        return f"{self.days} days from the day after opening; {which}; UTC"

    def as_json(self) -> dict[str, Any]:
        """Return the fields of a log entry."""
        return {
            "days": self.days,
            "calendar": self.calendar,
            "holidays": list(self.holidays),
            "words": self.words,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Clock:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a field is missing or of the wrong form.
        """
        try:
            return cls(data["days"], data["calendar"], tuple(data["holidays"]))
        except (KeyError, TypeError) as error:
            raise InputError(f"clock: damaged ({error!r}); expected days, calendar and holidays") from error


def parse_day(text: str) -> date:
    """Read a calendar date, ``yyyy-mm-dd``.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> parse_day("2026-11-23").year
    2026
    """
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise InputError(f"day {text!r}: expected a date such as 2026-11-23")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"day {text!r}: expected a date such as 2026-11-23 ({error})") from None
