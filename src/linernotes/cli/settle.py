"""``linernotes settle``: divide a pool of money by a declared policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, say, table
from linernotes.workflows.settle import settle as divide


def settle(
    workspace: Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")],
    pool: Annotated[str, typer.Option("--pool", metavar="MONEY", help="What to divide, such as 1000.00EUR.")],
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="TOML", help="Payout policy; a default is packaged.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for statement, table and receipt.")
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", metavar="M", help="Use the rankings by this method.")
    ] = None,
    generator_id: Annotated[
        str | None, typer.Option("--generator-id", metavar="G", help="Use the rankings on this generator.")
    ] = None,
    outputs: Annotated[
        Path | None, typer.Option("--outputs", metavar="CSV", help="What each output earned: query,weight.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")] = False,
) -> None:
    """Divide a pool among the recordings of the sealed corpus, by influence as far as it was measured.

    Writes statement.json and statement.csv, logs the statement, and puts its receipt beside it. The
    lines add up to the pool exactly.

    Example: linernotes settle --workspace WS --pool 1000.00EUR --policy policy.toml
    """
    statement = divide(
        workspace, pool, policy, out=out, method=method, generator_id=generator_id, outputs_path=outputs
    )
    emit(statement, as_json, _show)


def _show(statement: dict[str, Any]) -> None:
    lines = sorted(statement["lines"], key=lambda line: (-line["amount_minor"], line["line_id"]))
    table(
        f"Statement {statement['statement_id']}: {statement['pool']['amount']}",
        ["line", "party", "amount", "from", "to", "status"],
        [
            (line["line_id"], line["party"] or None, line["amount"], *line["interval"], line["status"])
            for line in lines
        ],
    )
    rules = [row for row in statement["sensitivity"] if row["declared_minor"] or row["presence_only_minor"]]
    table(
        "The same pool under other rules",
        ["party", "presence only", "influence only", "declared"],
        [(row["party"], row["presence_only"], row["influence_only"], row["declared"]) for row in rules],
    )
    say(statement["limits"])
    for name, place in statement["files"].items():
        say(f"{name}: {place}")
