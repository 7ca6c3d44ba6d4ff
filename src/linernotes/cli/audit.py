"""``linernotes audit``: append to, prove and check the audit log; its keys, witnesses and copies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli import audit_witness
from linernotes.cli.output import Progress, emit, note, say
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
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="Where the receipt goes; as a C2SP proof for .tlog-proof."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Write the receipt of one entry.

    Example: linernotes audit prove --workspace WS --index 0 --out receipt.json
    """
    emit(workflow.prove(workspace, index, out), as_json, _show_proved)


@app.command()
def verify(
    receipt: ReceiptArgument,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="KEY", help="Trusted verifying key of the log, unless --policy lists it."
        ),
    ] = None,
    subject: Annotated[
        Path | None, typer.Option("--subject", metavar="FILE", help="The file that the entry is about.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy", metavar="FILE", help="Which witnesses must have cosigned (C2SP tlog-policy)."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a receipt offline; exit code 1 with the reason when it does not hold.

    With a policy, exit code 1, too, when too few witnesses have cosigned the head.

    Example: linernotes audit verify receipt.json --key log.pub --subject statement.json
    """
    found = workflow.verify(receipt, key, subject, policy)
    emit(found, as_json, _show_verified)
    if not found["ok"]:
        note(f"error: {found['problem']}")
        raise typer.Exit(1)


@app.command()
def fsck(
    workspace: Annotated[
        Path | None, typer.Option("--workspace", metavar="WS", help="The workspace.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="A log by itself, such as a mirror.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEY", help="Verifying key of that log.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", metavar="FILE", help="A receipt or checkpoint kept elsewhere: shows a rollback."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute the whole log; exit code 1, naming the first damaged entry, when it is not whole.

    Example: linernotes audit fsck --workspace WS --against receipt.json
    """
    if (workspace is None) == (folder is None) or (folder is not None and key is None):
        raise typer.BadParameter("give --workspace, or --folder with --key")
    with Progress(quiet=as_json) as progress:

        def show(done: int, size: int) -> None:
            progress("entries", done, size)

        if workspace is not None:
            report = workflow.fsck(workspace, against, show)
        else:
            report = workflow.fsck_folder(str(folder), str(key), against, show)
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


@app.command()
def keys(
    workspace: WorkspaceOption,
    algorithm: Annotated[
        str,
        typer.Option(
            "--algorithm", metavar="A", help="'ed25519', or 'ml-dsa-44' for a second, post-quantum key."
        ),
    ] = "ed25519",
    as_json: JsonOption = False,
) -> None:
    """Make the log and its key, or a post-quantum key beside it; prints the verifying key.

    Example: linernotes audit keys --workspace WS --algorithm ml-dsa-44
    """
    from linernotes.workflows.log_keys import make_keys

    emit(make_keys(workspace, algorithm), as_json, _show_key)


@app.command()
def upgrade(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The log's folder, or the workspace.")],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEY", help="Verifying key, unless the workspace has it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Carry a log of an earlier revision over to tiles; entries, root and receipts stay the same.

    Example: linernotes audit upgrade WS
    """
    emit(workflow.upgrade(folder, key), as_json, _show_upgraded)


@app.command()
def mirror(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="Address or folder of the log.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The copy; made, or extended.")],
    key: Annotated[Path, typer.Option("--key", metavar="KEY", help="Trusted verifying key of the log.")],
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="Refuse heads that too few witnesses cosigned."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a log, extending the copy only by what continues it; exit code 1 for a fork or rollback.

    Both signed heads are then kept in a file beside the copy. An interrupted run goes on where it stopped.

    Example: linernotes audit mirror https://example.org/log --out copy --key log.pub
    """
    from linernotes.workflows.mirror import mirror as run

    with Progress(quiet=as_json) as progress:
        report = run(place, out, key, policy, lambda done, size: progress("entries", done, size))
    emit(report, as_json, _show_mirrored)


@app.command()
def evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that a mirror or witness kept.")],
    key: Annotated[Path, typer.Option("--key", metavar="KEY", help="Trusted verifying key of the log.")],
    as_json: JsonOption = False,
) -> None:
    """Check a file with two heads that do not belong together, as evidence of two histories.

    Example: linernotes audit evidence copy/fork-1f2e3d4c5b6a7988.evidence.json --key log.pub
    """
    from linernotes.workflows.mirror import check_evidence

    emit(check_evidence(file, key), as_json, _show_evidence)


app.add_typer(audit_witness.app, name="witness")
app.command("cosign")(audit_witness.cosign)
app.command("request")(audit_witness.request)
app.command("attach")(audit_witness.attach)


def _show_appended(found: dict[str, Any]) -> None:
    say(f"entry {found['index']} ({found['kind']}) logged at {found['time']}")
    say(f"log {found['origin']}: {found['size']} entries, root {found['root']}")
    say(f"verifying key: {found['key']}")


def _show_proved(found: dict[str, Any]) -> None:
    say(f"receipt of entry {found['index']} ({found['kind']}): {found['receipt']}")
    say(f"check it with: linernotes audit verify {found['receipt']} --key {found['key']}")


def _show_verified(found: dict[str, Any]) -> None:
    word = "verified" if found["ok"] else "downgraded"
    say(f"{word}: entry {found['index']} ({found['kind']}, {found['time']}) is in log {found['origin']}")
    say(f"signed head: {found['size']} entries, root {found['root']}")
    if found["n_witnesses"]:
        names = ", ".join(one["name"] for one in found["witnesses"]) or "none"
        say(f"cosigned by {found['n_cosignatures']} of {found['n_witnesses']} known witnesses: {names}")
    else:
        say("no witness was asked for: another history shown to others would not be noticed")
    if found["subject_checked"]:
        say("the file is the one that was logged")
    elif found["subject_sha256"]:
        say(f"not checked: the file with SHA-256 {found['subject_sha256']}; give it with --subject")


def _show_checked(report: dict[str, Any]) -> None:
    if report["ok"]:
        say(f"log {report['origin']} is whole: {report['size']} entries, root {report['root']}")
        if report["compared_with_size"] is not None:
            say(f"it begins with the {report['compared_with_size']} entries of the head kept elsewhere")
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


def _show_key(found: dict[str, Any]) -> None:
    say(f"verifying key ({found['algorithm']}) of log {found['origin']}: {found['key']}")
    say(found["key_line"])


def _show_upgraded(found: dict[str, Any]) -> None:
    done = "carried over to tiles" if found["upgraded"] else "already in tiles"
    say(f"log {found['origin']} {done}: {found['size']} entries, root {found['root']}")


def _show_mirrored(found: dict[str, Any]) -> None:
    added = found["size"] - found["old_size"]
    say(f"log {found['origin']}: {added} entries added, {found['size']} in all, root {found['root']}")
    say(f"copy: {found['out']}")


def _show_evidence(found: dict[str, Any]) -> None:
    say(f"{found['kind']} of log {found['origin']}: {found['held_size']} and {found['offered_size']} entries")
    say(found["sentence"])
