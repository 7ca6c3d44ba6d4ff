"""Tables for people, JSON for programs, progress on stderr."""

import json

import pytest

from linernotes.cli import output


def test_json_is_sorted_and_keeps_other_scripts(capsys):
    output.emit({"b": "雨", "a": [1.5, None]}, as_json=True, table_fn=lambda _: output.say("never"))
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": [1.5, None], "b": "雨"}
    assert "雨" in out
    assert out.index('"a"') < out.index('"b"')


def test_json_refuses_nan(capsys):
    with pytest.raises(ValueError, match="JSON compliant"):
        output.emit({"score": float("nan")}, as_json=True)
    assert capsys.readouterr().out == ""


def test_people_get_the_table(capsys):
    output.emit([1], as_json=False, table_fn=lambda found: output.say(f"{len(found)} found"))
    assert capsys.readouterr().out == "1 found\n"


def test_a_table_shows_titles_as_they_are(capsys):
    rows = [("[red]Rain[/red]", 0.123456, None), ("Sun", 2, "x")]
    output.table("Shares", ["recording", "share", "note"], rows)
    out = capsys.readouterr().out
    assert "[red]Rain[/red]" in out
    assert "0.1235" in out
    assert "–" in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_progress_is_silent_for_ten_seconds_then_a_line(capsys, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: clock[0])
    with output.Progress() as progress:
        for done in range(1, 31):
            clock[0] += 1.0
            progress("losses", done, 30)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "losses: 10 of 30\nlosses: 20 of 30\nlosses: 30 of 30\n"


def test_progress_draws_bars_on_a_terminal(capsys, monkeypatch):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with output.Progress() as progress:
        progress("losses", 1, 2)
        progress("Fisher", 2, 2)
    assert capsys.readouterr().out == ""


def test_quiet_progress_says_nothing(capsys):
    with output.Progress(quiet=True) as progress:
        progress("losses", 1, 2)
    assert capsys.readouterr() == ("", "")
