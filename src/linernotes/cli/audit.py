"""``linernotes audit``: append to, prove and check the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, note, say
from linernotes.workflows import audit as workflow

app = typer.Typer(
    help="Append to, prove and check the audit log.", no_args_is_help=True, add_completion=False
)

WorkspaceOption = Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]
ReceiptArgument = Annotated[Path, typer.Argument(metavar="RECEIPT", help="The receipt file.")]


@app.command()
def append(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file whose hash is logged.")],
    workspace: WorkspaceOption,
    kind: Annotated[
        str, typer.Option("--kind", metavar="K", help="What it is, such as 'contract'.")
    ] = "file",
    as_json: JsonOption = False,
) -> None:
    """Log the SHA-256 of a file; the first entry makes the log and its keys.

    Example: linernotes audit append contract.pdf --workspace WS --kind contract
    """
    emit(workflow.append_file(workspace, file, kind), as_json, _show_appended)


@app.command()
def prove(
    workspace: WorkspaceOption,
    index: Annotated[int, typer.Option("--index", metavar="N", min=0, help="Entry, counted from 0.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the receipt goes.")],
    as_json: JsonOption = False,
) -> None:
    """Write the receipt of one entry.

    Example: linernotes audit prove --workspace WS --index 0 --out receipt.json
    """
    emit(workflow.prove(workspace, index, out), as_json, _show_proved)


@app.command()
def verify(
    receipt: ReceiptArgument,
    key: Annotated[Path, typer.Option("--key", metavar="KEY", help="Trusted verifying key of the log.")],
    subject: Annotated[
        Path | None, typer.Option("--subject", metavar="FILE", help="The file that the entry is about.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a receipt offline; exit code 1 with the reason when it does not hold.

    Example: linernotes audit verify receipt.json --key log.pub --subject statement.json
    """
    emit(workflow.verify(receipt, key, subject), as_json, _show_verified)


@app.command()
def fsck(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """Recompute the whole log; exit code 1, naming the first damaged entry, when it is not whole.

    Example: linernotes audit fsck --workspace WS
    """
    report = workflow.fsck(workspace)
    emit(report, as_json, _show_checked)
    if not report["ok"]:
        note(f"error: {report['problem']}")
        raise typer.Exit(1)


@app.command()
def consistency(receipt: ReceiptArgument, workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """Check that nothing was changed or removed since a receipt was made; exit code 1 when it was.

    Example: linernotes audit consistency receipt.json --workspace WS
    """
    emit(workflow.consistency(workspace, receipt), as_json, _show_consistent)


def _show_appended(found: dict[str, Any]) -> None:
    say(f"entry {found['index']} ({found['kind']}) logged at {found['time']}")
    say(f"log {found['origin']}: {found['size']} entries, root {found['root']}")
    say(f"verifying key: {found['key']}")


def _show_proved(found: dict[str, Any]) -> None:
    say(f"receipt of entry {found['index']} ({found['kind']}): {found['receipt']}")
    say(f"check it with: linernotes audit verify {found['receipt']} --key {found['key']}")


def _show_verified(found: dict[str, Any]) -> None:
    say(f"verified: entry {found['index']} ({found['kind']}, {found['time']}) is in log {found['origin']}")
    say(f"signed head: {found['size']} entries, root {found['root']}")
    if found["subject_checked"]:
        say("the file is the one that was logged")
    elif found["subject_sha256"]:
        say(f"not checked: the file with SHA-256 {found['subject_sha256']}; give it with --subject")


def _show_checked(report: dict[str, Any]) -> None:
    if report["ok"]:
        say(f"log {report['origin']} is whole: {report['size']} entries, root {report['root']}")
        if report["unsigned_tail_bytes"]:
            say(
                f"{report['unsigned_tail_bytes']} bytes of an unfinished append; the next append removes them"
            )
    elif report["first_damaged_index"] is not None:
        say(f"log {report['origin']} is damaged: first at entry {report['first_damaged_index']}")
    else:
        say(f"log {report['origin']} is damaged")


def _show_consistent(found: dict[str, Any]) -> None:
    say(f"log {found['origin']}: its first {found['old_size']} of {found['size']} entries are unchanged")
