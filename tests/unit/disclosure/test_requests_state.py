"""The state of a request is what its entries say, in any order in which they may come, and never a crash."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.disclosure.disputes import OUTCOMES, REASONS, correction_body, dispute_body, marks_of
from linernotes.disclosure.requests_clock import Clock
from linernotes.disclosure.requests_state import (
    ANSWERED,
    CLOSED,
    CORRECTED,
    DISPUTED,
    EXTRACT,
    KINDS,
    OPENED,
    OVERDUE,
    STATES,
    Step,
    check_step,
    replay,
)
from linernotes.errors import CorpusError, InputError

TIME = "2026-11-23T09:00:00Z"


def body(kind, **more):
    if kind == OPENED:
        more = {"clock": Clock(30).as_json(), "opened_on": "2026-11-23", "due_on": "2026-12-23"} | more
    return {"request_id": "ab"} | more


def story(*steps):
    made = []
    for index, step in enumerate(steps):
        kind, more = step if isinstance(step, tuple) else (step, {})
        made.append(Step(index, kind, TIME, None, body(kind, **more)))
    return replay(made)


def state(*steps):
    desk = story(*steps)
    assert desk.problems == ()
    return desk.tickets["ab"].state


def test_the_usual_story():
    assert state(OPENED) == "open"
    assert state(OPENED, OVERDUE) == "overdue"
    assert state(OPENED, EXTRACT, ANSWERED) == "answered"
    disputed = (OPENED, EXTRACT, ANSWERED, (DISPUTED, {"entry": 2}))
    assert state(*disputed) == "disputed"
    assert state(*disputed, EXTRACT, ANSWERED) == "disputed"
    assert state(*disputed, (CORRECTED, {"entry": 2, "dispute": 3})) == "corrected"
    assert state(*disputed, (CORRECTED, {"entry": 2, "dispute": None})) == "disputed"
    assert state(OPENED, (DISPUTED, {"entry": 0}), (CORRECTED, {"entry": 0, "dispute": 1})) == "open"
    assert state(*disputed, CLOSED) == "closed"


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((ANSWERED,), "never opened"),
        ((OPENED, OPENED), "opened twice"),
        ((OPENED, ANSWERED), "without an extract"),
        ((OPENED, OVERDUE, OVERDUE), "noted as overdue already"),
        ((OPENED, EXTRACT, ANSWERED, OVERDUE), "answered or noted"),
        ((OPENED, CLOSED, EXTRACT), "after the request was closed"),
        ((OPENED, (CORRECTED, {"dispute": 7})), "names no entry"),
        (((OPENED, {"due_on": "2026-12-24"}),), "its clock says"),
        (((OPENED, {"clock": None}),), "damaged clock"),
        (((OPENED, {"request_id": 5}),), "without a request_id"),
    ],
)
def test_an_entry_that_does_not_fit_changes_nothing_and_is_named(steps, says):
    desk = story(*steps)
    assert any(says in problem for problem in desk.problems)
    before = story(*steps[:-1])
    assert {name: one.state for name, one in desk.tickets.items()} == {
        name: one.state for name, one in before.tickets.items()
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.fixed_dictionaries(
                {},
                optional={
                    "dispute": st.none() | st.integers(0, 9),
                    "entry": st.none() | st.integers(0, 9),
                    "clock": st.none() | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
                    "request_id": st.none() | st.sampled_from(["ab", "cd"]),
                },
            ),
        ),
        max_size=12,
    )
)
def test_any_log_is_read_without_a_crash(steps):
    desk = story(*steps)
    for ticket in desk.tickets.values():
        assert ticket.state in STATES
        told = ticket.as_json(date(2026, 11, 30))
        assert told["history"][0]["kind"] == OPENED
        assert set(told["open_disputes"]) <= {step.index for step in ticket.history if step.kind == DISPUTED}
    assert len(desk.problems) + sum(len(one.history) for one in desk.tickets.values()) == len(steps)


def test_a_late_answer_and_an_overdue_one():
    late = Step(2, ANSWERED, "2026-12-24T00:00:00Z", None, body(ANSWERED))
    steps = [Step(0, OPENED, TIME, None, body(OPENED)), Step(1, EXTRACT, TIME, None, body(EXTRACT)), late]
    ticket = replay(steps).tickets["ab"]
    assert ticket.was_late()
    assert not ticket.is_overdue(date(2027, 1, 1))
    waiting = replay(steps[:2]).tickets["ab"]
    assert waiting.is_overdue(date(2026, 12, 24))
    assert not waiting.is_overdue(date(2026, 12, 23))
    assert waiting.as_json(date(2026, 12, 20))["days_left"] == 3


def test_a_step_is_refused_before_it_is_logged():
    ticket = story(OPENED, CLOSED).tickets["ab"]
    with pytest.raises(CorpusError, match="request ab: request-disputed after the request was closed"):
        check_step(ticket, DISPUTED)


def test_bodies_of_disputes_and_corrections():
    for reason in REASONS:
        assert dispute_body("ab", 1, "statement", reason, "00")["reason"] == reason
    for outcome in OUTCOMES:
        assert correction_body("ab", 1, "statement", outcome, "00")["outcome"] == outcome
    with pytest.raises(InputError, match="reason"):
        dispute_body("ab", 1, "statement", "angry", "00")
    with pytest.raises(InputError, match="outcome"):
        correction_body("ab", 1, "statement", "maybe", "00")
    steps = [
        step.as_json()
        for step in story(OPENED, (DISPUTED, {"entry": 0, "reason": "late"})).tickets["ab"].history
    ]
    assert marks_of(tuple(steps))[0][0]["reason"] == "late"
