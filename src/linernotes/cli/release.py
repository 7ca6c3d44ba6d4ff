"""``linernotes release``: check outputs before they leave, and answer for a hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say

app = typer.Typer(
    help="Check outputs before release by declared policy; every decision is logged.",
    no_args_is_help=True,
    add_completion=False,
)

WorkspaceOption = Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]


@app.command()
def check(
    outputs: Annotated[list[Path], typer.Argument(metavar="OUTPUT…", help="Generated files.")],
    workspace: WorkspaceOption,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="TOML", help="Release policy; a careful default without it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide release, hold or refuse for each output; exit code 1 unless all are released.

    Example: linernotes release check out.wav --workspace WS --policy release.toml
    """
    from linernotes.workflows.release import check_release

    with Progress(quiet=as_json) as progress:
        found = check_release(outputs, workspace, policy, progress=progress)
    emit(found, as_json, _show_decisions)
    if any(one["decision"] != "release" for one in found):
        raise typer.Exit(1)


@app.command()
def override(
    index: Annotated[int, typer.Argument(metavar="ENTRY", min=0, help="Log entry of the decision.")],
    workspace: WorkspaceOption,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who answers for it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    as_json: JsonOption = False,
) -> None:
    """Release an output that was held: logged as a new entry with your name and reason.

    Example: linernotes release override 7 --workspace WS --by "Ada Ling" --reason "licensed sample, contract 17"
    """
    from linernotes.workflows.release import override as workflow

    emit(workflow(workspace, index, by=by, reason=reason), as_json, _show_override)


@app.command()
def policy(
    out: Annotated[Path, typer.Option("--out", metavar="TOML", help="Where the copy goes.")],
    as_json: JsonOption = False,
) -> None:
    """Write a copy of the default policy to start from.

    Example: linernotes release policy --out release.toml
    """
    from linernotes.workflows.release import write_default_policy

    emit(write_default_policy(out), as_json, lambda found: say(f"{found['policy']}: {found['name']}"))


def _show_decisions(found: list[dict[str, Any]]) -> None:
    for one in found:
        say(
            f"{one['output']}: {one['decision'].upper()} (policy '{one['policy']['name']}', entry {one['log_index']})"
        )
        for finding in one["findings"]:
            action = f" -> {finding['action']}" if finding["action"] else ""
            say(f"  {finding['check']}: {finding['status']}{action}: {finding['reason']}")
        say(f"  receipt: {one['receipt']}")
        if one["decision"] == "hold":
            say(
                f"  to release it all the same: linernotes release override {one['log_index']} --by … --reason …"
            )
    say(found[0]["scope"])


def _show_override(found: dict[str, Any]) -> None:
    say(f"released by {found['by']}: {found['reason']}")
    say(f"entry {found['log_index']} overrides entry {found['overrides']}; receipt: {found['receipt']}")
