"""``linernotes signals``: what other people's files say about recordings, and whether it was heeded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table

app = typer.Typer(
    help="Read credits, preferences and opt-outs from other people's files.",
    no_args_is_help=True,
    add_completion=False,
)

FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files to read.")]
WorkspaceOption = Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")]
KindOption = Annotated[
    str,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="auto, robots, content-usage, http-head, tdmrep, tdmrep-html, rsl, cawg, c2pa, c2pa-report, "
        "tdm-ai, ddex-ern or ddex-rin.",
    ),
]
TargetOption = Annotated[
    str, typer.Option("--for", metavar="WHAT", help="Address, recording id, ISRC or ISWC that it is about.")
]
SeenOption = Annotated[
    str | None, typer.Option("--seen-on", metavar="DAY", help="Day on which it was fetched, yyyy-mm-dd.")
]
SchemasOption = Annotated[
    Path | None,
    typer.Option("--schemas", metavar="DIR", help="Your folder of DDEX schemas to check against."),
]
TrustOption = Annotated[
    Path | None,
    typer.Option("--trust", metavar="PEM", help="Authorities whose credential signers you trust."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]


@app.command()
def read(
    files: FilesArgument,
    kind: KindOption = "auto",
    target: TargetOption = "",
    seen_on: SeenOption = None,
    schemas: SchemasOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what files say: credits, preferences, licences, reservations, content credentials.

    Example: linernotes signals read robots.txt --for https://example.org/
    """
    from linernotes.workflows.signals import read_files

    found = read_files(files, kind=kind, target=target, seen_on=seen_on, schemas=schemas, trust=trust)
    emit(found, as_json, _show_readings)


@app.command("import")
def import_(
    files: FilesArgument,
    workspace: WorkspaceOption,
    kind: KindOption = "auto",
    target: TargetOption = "",
    seen_on: SeenOption = None,
    schemas: SchemasOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take what files say into the workspace's registry; the files are kept as evidence and logged.

    Example: linernotes signals import tdmrep.json --workspace WS --for https://example.org/ --seen-on 2026-11-01
    """
    from linernotes.workflows.signals import import_files

    found = import_files(
        files, workspace, kind=kind, target=target, seen_on=seen_on, schemas=schemas, trust=trust
    )
    emit(found, as_json, _show_import)


@app.command()
def audit(
    workspace: WorkspaceOption,
    use: Annotated[
        str, typer.Option("--use", metavar="USE", help="Use that is asked about.")
    ] = "generative-training",
    no_credentials: Annotated[
        bool, typer.Option("--no-credentials", help="Do not open the audio files for content credentials.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare every recording of the sealed corpus with every known signal; exit code 1 on a conflict.

    Example: linernotes signals audit --workspace WS
    """
    from linernotes.workflows.signal_audit import audit_signals

    with Progress(quiet=as_json) as progress:
        found = audit_signals(workspace, use=use, credentials=not no_credentials, progress=progress)
    emit(found, as_json, _show_audit)
    if found["gaps"]:
        raise typer.Exit(1)


def _show_readings(found: list[dict[str, Any]]) -> None:
    for one in found:
        _show_reading(one)


def _show_reading(found: dict[str, Any]) -> None:
    say(f"{found['file']}: {found['format']}")
    if found["entries"]:
        say("  " + ", ".join(f"{n} {name}" for name, n in found["entries"].items()))
    rows = [(one["subject"], one["use"], one["value"], one["terms"]) for one in found["consents"]]
    if rows:
        table("", ["about", "use", "says", "terms"], rows)
    elif found["kind"] == "c2pa" and found["says"].get("credentials", "") is None:
        say("  no content credentials")
    else:
        say("  says nothing about use")
    for statement in found["says"].get("ai_statements", ()):
        say(f"  {statement['subject']} ({statement['title']}): contains AI: {statement['contains_ai']}")
    if found["kind"] == "c2pa" and "state" in found["says"]:
        say(f"  credentials: {found['says']['state']}, signed by {found['says']['signer']}")
    _show_problems(found["problems"])


def _show_import(found: dict[str, Any]) -> None:
    for one in found["files"]:
        _show_reading(one)
        say(f"  log entry {one['log_index']}")
    _show_problems(found["conflicts"])
    say("registry: " + ", ".join(f"{n} {name}" for name, n in found["registry"].items() if n))


def _show_problems(problems: list[dict[str, Any]]) -> None:
    for one in problems:
        note(
            f"{one['severity']}: {one['where']}: {one['code']}: '{one['value']}'; expected {one['expected']}"
        )
        note(f"  {one['next_step']}")


def _show_audit(found: dict[str, Any]) -> None:
    say(
        f"corpus {found['root'][:12]}…: {found['n_items']} recordings, {found['n_with_signals']} with signals, "
        f"{found['n_opted_out']} opted out of {found['use']}, {found['n_conflicts']} in conflict with a consent"
    )
    rows = [
        (
            item["item_id"],
            item["declared"],
            item["value"],
            one["source"],
            one["value"],
            one["does_not_count"] or ("overridden by a contract" if one["overridden"] else ""),
        )
        for item in found["items"]
        for one in item["signals"]
    ]
    if rows:
        table("", ["item", "declared", "weighed", "signal", "says", "remark"], rows)
    for one in found["gaps"]:
        say(f"{one['severity']}: {one['item_id']}: {one['code']}: {one['next_step']}")
    if not found["gaps"]:
        say(f"no gaps; checked: {', '.join(found['checked'])}")
    for line in found["not_checked"]:
        say(f"not checked: {line}")
    say(found["scope"])
