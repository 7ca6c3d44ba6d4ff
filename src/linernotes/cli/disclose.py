"""``linernotes disclose``: publish, check and score what is known of a training corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from linernotes.cli.output import emit, note, say, table

DEFAULT = "write"


class DefaultCommand(TyperGroup):
    """A group whose first word may be left out: ``disclose WS …`` is ``disclose write WS …``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command before words that name none."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(no_args_is_help=True, cls=DefaultCommand)


@app.callback()
def disclose() -> None:
    """Publish what is known of a training corpus: EU summary, AB 2013, Croissant, a page, gaps, a score.

    Without the name of a command: 'linernotes disclose WS' is 'linernotes disclose write WS'.
    """


@app.command()
def write(
    workspace: Annotated[Path, typer.Argument(metavar="WS", help="Workspace with the sealed corpus.")],
    provider: Annotated[Path, typer.Option("--provider", help="The filled provider.toml.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; an earlier disclosure is replaced.")],
    level: Annotated[
        str,
        typer.Option(
            "--level", help="How much of single recordings is printed: aggregate, identifiers or full."
        ),
    ] = "aggregate",
    witnesses: Annotated[
        Path | None,
        typer.Option("--witnesses", help="Witness policy by which cosignatures of the log are counted."),
    ] = None,
    logged_before: Annotated[
        bool,
        typer.Option("--logged-before", help="Count no consent that was entered after the day of training."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write every document of a disclosure, and log it.

    Example:
      linernotes disclose write ws --provider provider.toml --out disclosure/
    """
    from linernotes.workflows.disclose import disclose as run

    result = run(
        workspace,
        provider,
        out,
        level=level,  # type: ignore[arg-type]  # checked there
        policy=witnesses,
        logged_before=logged_before,
    )
    emit(result, as_json, _show)


@app.command()
def template(
    out: Annotated[Path, typer.Option("--out", help="File to write.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a provider.toml that asks every question that only a provider can answer.

    Example:
      linernotes disclose template --out provider.toml
    """
    from linernotes.workflows.disclose import write_template

    result = write_template(out)
    emit(result, as_json, lambda r: say(f"{r['template']}: {r['n_questions']} questions; fill it in"))


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that 'disclose' wrote.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="The log's verifying key, from a source you trust.")
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", help="The workspace that published it, in place of a key.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a disclosure against the audit log and the seal.

    Example:
      linernotes disclose check disclosure/ --key log.pub
    """
    from linernotes.workflows.disclose_check import check_disclosure

    emit(check_disclosure(folder, key=key, workspace=workspace), as_json, _show_check)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A summary in our JSON form.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score how definite and complete a summary is, anybody's, with the reason for every point.

    Example:
      linernotes disclose score disclosure/article53.json
    """
    from linernotes.workflows.disclose import score as run

    emit(run(file), as_json, _show_score)


def _show(result: dict[str, Any]) -> None:
    say(f"written       {result['folder']}, {len(result['documents'])} files, version {result['version']}")
    say(f"level         {result['level']}")
    say(f"corpus        {result['corpus_root']}")
    say(f"completeness  {result['completeness']:.0%}, of which others can check {result['traceability']:.0%}")
    if result["logged"]:
        say(f"log           entry {result['log_index']}")
    else:
        say(f"log           entry {result['log_index']} stands: nothing has changed since")
    say()
    rows = [
        (gap["code"], gap["severity"], gap["n_items"] or "–", gap["next_step"])
        for gap in result["gap_groups"]
    ]
    table("Gaps" if rows else "No gaps found", ("gap", "severity", "recordings", "next step"), rows)
    for one in result["checks_run"]:
        if not one["ran"]:
            note(f"not checked: {one['check']} ({one['note']})")
    say(result["limitation"])


def _show_check(result: dict[str, Any]) -> None:
    for words in result["checked"]:
        say(f"holds   {words}")
    say(
        f"version {result['version']} of {result['logged_at']}, log {result['origin']}, entry {result['log_index']}"
    )
    say(f"sealed  {result['sealed_at'] or 'not logged'}, root {result['corpus_root']}")
    say(result["limitation"])


def _show_score(result: dict[str, Any]) -> None:
    say(f"score  {result['score']:.0%}   others can check {result['traceability']:.0%}")
    for name, value in result["dimensions"].items():
        say(f"       {name} {value:.0%}")
    say()
    rows = [(one["id"], one["score"], one["weight"], one["why"]) for one in result["fields"]]
    table("Why this number", ("field", "points", "weight", "why"), rows)
    say(result["limitation"]["statement"])
