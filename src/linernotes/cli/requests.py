"""``linernotes requests``: owners ask about their works; the desk answers in time, and every step is logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table
from linernotes.errors import InputError

app = typer.Typer(no_args_is_help=True)

WorkspaceOption = Annotated[Path, typer.Option("--workspace", metavar="WS", help="The desk's workspace.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The request, as 'open' named it.")]
TodayOption = Annotated[
    str | None, typer.Option("--today", metavar="DAY", help="The desk's day, yyyy-mm-dd; else the clock's.")
]


@app.callback()
def requests() -> None:
    """Answer owners who ask about their works: with a clock, proofs, and a log of every step."""


@app.command("open")
def open_(
    workspace: WorkspaceOption,
    requester: Annotated[str, typer.Option("--requester", help="Who asks.")],
    contact: Annotated[str, typer.Option("--contact", help="Where the answer goes.")],
    statement: Annotated[
        str, typer.Option("--statement", help="The sworn statement, or @FILE that holds it.")
    ],
    works: Annotated[Path | None, typer.Option("--works", help="CSV table of works.")] = None,
    isrc: Annotated[list[str] | None, typer.Option("--isrc", help="A recording; repeat.")] = None,
    iswc: Annotated[list[str] | None, typer.Option("--iswc", help="A work; repeat.")] = None,
    file: Annotated[list[Path] | None, typer.Option("--file", help="An audio file; repeat.")] = None,
    evidence: Annotated[
        list[str] | None, typer.Option("--evidence", help="Registration number, address; repeat.")
    ] = None,
    authority: Annotated[
        str, typer.Option("--authority", help="As what: owner, performer, agent, …")
    ] = "owner",
    clock: Annotated[
        str, typer.Option("--clock", help="30-days (AB 412), 7-days, N-days or none.")
    ] = "30-days",
    calendar: Annotated[
        str, typer.Option("--calendar", help="Days that count: all-days or working-days.")
    ] = "all-days",
    holidays: Annotated[
        str,
        typer.Option("--holidays", help="With working-days: days that do not count, separated by commas."),
    ] = "",
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a ticket and start its clock.

    Example:
      linernotes requests open --workspace ws --requester Ada --contact ada@example.org --statement @sworn.txt --file a.wav
    """
    from linernotes.disclosure.requests_clock import Clock
    from linernotes.workflows.requests import open_request

    days = tuple(day.strip() for day in holidays.split(",") if day.strip())
    opened = open_request(
        workspace,
        requester=requester,
        contact=contact,
        statement=_text(statement),
        works=_works(works, isrc or [], iswc or [], file or []),
        authority=authority,
        evidence=evidence or [],
        clock=Clock.parse(clock, calendar, days),
        today=_day(today),
    )
    emit(opened, as_json, _show_ticket)


@app.command("list")
def list_(workspace: WorkspaceOption, today: TodayOption = None, as_json: JsonOption = False) -> None:
    """List all requests, the nearest due day first.

    Example:
      linernotes requests list --workspace ws
    """
    from linernotes.workflows.requests import list_requests

    emit(list_requests(workspace, today=_day(today)), as_json, _show_list)


@app.command()
def show(
    request_id: IdArgument, workspace: WorkspaceOption, today: TodayOption = None, as_json: JsonOption = False
) -> None:
    """Show one request with its history; the only command that prints who asks.

    Example:
      linernotes requests show 3f1c9a40d2be8811 --workspace ws
    """
    from linernotes.workflows.requests import show_request

    emit(show_request(workspace, request_id, today=_day(today)), as_json, _show_ticket)


@app.command()
def answer(
    request_id: IdArgument,
    workspace: WorkspaceOption,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for a copy to mail.")] = None,
    confirm: Annotated[
        list[str] | None,
        typer.Option("--confirm", help="Label of a work that you confirmed to be the requester's; repeat."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="A remark that the answer prints.")] = "",
    listen: Annotated[
        bool, typer.Option("--listen/--no-listen", help="Compare sound, too; else codes and the map alone.")
    ] = True,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look the works up, prove, log, and write the folder to mail.

    Example:
      linernotes requests answer 3f1c9a40d2be8811 --workspace ws --out answer
    """
    from linernotes.workflows.requests_answer import answer as make

    with Progress(quiet=as_json) as progress:
        found = make(
            workspace,
            request_id,
            confirm=confirm or [],
            note=note,
            out=out,
            listen=listen,
            today=_day(today),
            progress=progress,
        )
    emit(found, as_json, _show_answer)


@app.command()
def dispute(
    request_id: IdArgument,
    workspace: WorkspaceOption,
    entry: Annotated[int, typer.Option("--entry", help="Log entry that is disputed.", min=0)],
    reason: Annotated[str, typer.Option("--reason", help="A code, such as not-found-but-used.")],
    words: Annotated[str, typer.Option("--words", help="What is wrong, or @FILE that says it.")],
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dispute an entry of the log; the dispute stands in every later answer.

    Example:
      linernotes requests dispute 3f1c9a40d2be8811 --workspace ws --entry 7 --reason wrong-share --words "…"
    """
    from linernotes.workflows.requests_disputes import dispute as enter

    emit(enter(workspace, request_id, entry, reason, _text(words), today=_day(today)), as_json, _show_ticket)


@app.command()
def correct(
    request_id: IdArgument,
    workspace: WorkspaceOption,
    entry: Annotated[int, typer.Option("--entry", help="Log entry that is corrected.", min=0)],
    words: Annotated[str, typer.Option("--words", help="What holds instead, or @FILE that says it.")],
    outcome: Annotated[str, typer.Option("--outcome", help="corrected, upheld or withdrawn.")] = "corrected",
    dispute_entry: Annotated[
        int | None, typer.Option("--dispute", help="Open dispute that this answers.", min=0)
    ] = None,
    replaced_by: Annotated[
        Path | None, typer.Option("--replaced-by", help="Document that holds instead.")
    ] = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a correction that refers to an old entry; the old entry stays.

    Example:
      linernotes requests correct 3f1c9a40d2be8811 --workspace ws --entry 7 --dispute 9 --words "…"
    """
    from linernotes.workflows.requests_disputes import correct as enter

    found = enter(
        workspace,
        request_id,
        entry,
        _text(words),
        outcome=outcome,
        dispute_entry=dispute_entry,
        replaced_by=replaced_by,
        today=_day(today),
    )
    emit(found, as_json, _show_ticket)


@app.command()
def close(
    request_id: IdArgument,
    workspace: WorkspaceOption,
    reason: Annotated[
        str, typer.Option("--reason", help="answered, withdrawn, not-entitled, no-reply or other.")
    ] = "answered",
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a request; nothing can follow it.

    Example:
      linernotes requests close 3f1c9a40d2be8811 --workspace ws
    """
    from linernotes.workflows.requests import close_request

    emit(close_request(workspace, request_id, reason, today=_day(today)), as_json, _show_ticket)


@app.command()
def clock(workspace: WorkspaceOption, today: TodayOption = None, as_json: JsonOption = False) -> None:
    """Note overdue requests in the log, and list what is due; exit code 1 when something is overdue.

    Example:
      linernotes requests clock --workspace ws
    """
    from linernotes.workflows.requests import run_clock

    found = run_clock(workspace, today=_day(today))
    emit(found, as_json, _show_clock)
    if found["overdue"]:
        raise typer.Exit(1)


def _works(works: Path | None, isrc: list[str], iswc: list[str], files: list[Path]) -> list[Any]:
    from linernotes.disclosure.requests import AskedWork
    from linernotes.workflows.requests_table import read_works

    found = list(read_works(works)) if works is not None else []
    found += [AskedWork(label=code, codes={"isrc": (code,)}) for code in isrc]
    found += [AskedWork(label=code, codes={"iswc": (code,)}) for code in iswc]
    found += [AskedWork(label=file.name, file=str(file.absolute())) for file in files]
    if not found:
        raise InputError("no work asked about; give --works, --isrc, --iswc or --file")
    return found


def _text(given: str) -> str:
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise InputError(
            f"{given[1:]}: cannot be read as text ({error}); give the words or another file"
        ) from error


def _day(text: str | None) -> Any:
    from linernotes.disclosure.requests_clock import parse_day

    return parse_day(text) if text is not None else None


def _show_ticket(one: dict[str, Any]) -> None:
    say(f"request    {one['request_id']}, {one['state']}")
    due = f"due {one['due_on']}" if one["due_on"] else "no due day"
    left = f", {one['days_left']} days left" if one["days_left"] is not None else ""
    say(f"clock      opened {one['opened_on']}, {due}{left} ({one['clock']['words']})")
    for name in ("requester", "contact", "authority", "statement"):
        if name in one:
            say(f"{name:<11}{one[name]}")
    for work in one.get("works", ()):
        keys = [f"{kind} {', '.join(values)}" for kind, values in work["codes"].items()]
        keys += [f"file {work['file']}"] * bool(work["file"]) + ["a fingerprint"] * bool(work["fingerprint"])
        say(f"work       {work['label']}: {'; '.join(keys)}")
    for step in one["history"]:
        about = f" entry {step['body']['entry']}" if "entry" in step["body"] else ""
        said = f": {step['words']}" if step.get("words") else ""
        say(f"{step['index']:>6}     {step['time']}  {step['kind'].removeprefix('request-')}{about}{said}")
    if one["open_disputes"]:
        say(f"disputes   open: {', '.join(map(str, one['open_disputes']))}")
    say(f"receipts   {one['receipts']}")


def _show_list(found: dict[str, Any]) -> None:
    if not found["requests"]:
        say("no request yet")
    else:
        rows = [
            (one["request_id"], one["state"], one["opened_on"], one["due_on"], one["days_left"])
            for one in found["requests"]
        ]
        table("", ["request", "state", "opened", "due", "days left"], rows)
    for words in found["problems"]:
        say(f"problem    {words}")


def _show_answer(found: dict[str, Any]) -> None:
    for work in found["works"]:
        say(f"{work['result']:<20} {work['label']}")
    say(f"folder     {found['folder']}")
    say(f"answer     sha256 {found['answer_sha256']}, log entry {found['log_index']}")
    if found["late"]:
        say("late       the due day had passed")


def _show_clock(found: dict[str, Any]) -> None:
    for name in found["overdue"]:
        say(f"overdue    {name}{', noted now' if name in found['noted'] else ''}")
    for one in found["due"]:
        say(f"due        {one['due_on']}, {one['days_left']} days left: {one['request_id']}")
    if not found["overdue"] and not found["due"]:
        say("nothing is due")
