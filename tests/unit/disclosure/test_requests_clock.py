"""Deadlines: stated calendars, counted the obvious way."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.disclosure.requests_clock import MAX_DAYS, Clock, parse_day
from linernotes.errors import InputError

DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(DAYS, st.integers(1, 200), st.booleans())
def test_as_many_days_count_as_were_asked_for(opened, n, working):
    clock = Clock(n, "working-days" if working else "all-days")
    due = clock.due_on(opened)
    between = [opened + timedelta(days=k) for k in range(1, (due - opened).days + 1)]
    assert sum(day.weekday() < 5 or not working for day in between) == n
    assert due.weekday() < 5 or not working
    assert clock.days_left(due, opened) == n
    assert clock.days_left(due, due) == 0
    assert clock.days_left(due, due + timedelta(days=3)) == -3


def test_holidays_do_not_count():
    plain, with_one = Clock(5, "working-days"), Clock(5, "working-days", ("2026-11-26",))
    assert with_one.due_on(date(2026, 11, 23)) == plain.due_on(date(2026, 11, 23)) + timedelta(days=1)
    assert "2026-11-26" in with_one.words


@pytest.mark.parametrize(("text", "days"), [("30-days", 30), ("7-days", 7), ("1-day", 1), ("none", None)])
def test_named_clocks(text, days):
    clock = Clock.parse(text)
    assert clock.days == days
    assert Clock.from_json(clock.as_json()) == clock


@pytest.mark.parametrize("text", ["", "soon", "0-days", "-1-days", "99999-days", "30", "30 days"])
def test_other_clocks_are_refused(text):
    with pytest.raises(InputError, match=r"expected a number of days|expected 1 to"):
        Clock.parse(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": 0},
        {"days": MAX_DAYS + 1},
        {"days": True},
        {"calendar": "lunar"},
        {"holidays": ("2026-01-01",)},
        {"calendar": "working-days", "holidays": ("2026-13-01",)},
    ],
)
def test_what_is_no_clock_is_refused(wrong):
    with pytest.raises(InputError, match=r"expected|change nothing"):
        Clock(**wrong)


@pytest.mark.parametrize("damaged", [{}, {"days": 3}, {"days": 3, "calendar": "all-days", "holidays": None}])
def test_a_damaged_clock_is_refused(damaged):
    with pytest.raises(InputError, match="damaged"):
        Clock.from_json(damaged)


@pytest.mark.parametrize("text", ["2026-02-30", "20260101", "", "2026-1-1", None])
def test_days_that_do_not_exist(text):
    with pytest.raises(InputError, match="expected a date"):
        parse_day(text)
