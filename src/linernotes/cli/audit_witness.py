"""``linernotes audit witness`` and what a log's owner needs of witnesses: cosign, request, attach."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, note, say

app = typer.Typer(
    help="Be a witness: cosign the heads of logs that only grow.", no_args_is_help=True, add_completion=False
)

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The witness's folder.")]
WorkspaceOption = Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")]
PolicyOption = Annotated[
    Path, typer.Option("--policy", metavar="FILE", help="The witnesses and the quorum (C2SP tlog-policy).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]


@app.command()
def new(
    folder: FolderArgument,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Such as witness.example.org/w1.")],
    algorithm: Annotated[
        str, typer.Option("--algorithm", metavar="A", help="'ed25519' or 'ml-dsa-44' (post-quantum).")
    ] = "ed25519",
    as_json: JsonOption = False,
) -> None:
    """Make a witness: its key, and an empty memory.

    Example: linernotes audit witness new watch --name witness.example.org/w1
    """
    from linernotes.workflows import witness as workflow

    emit(workflow.new_witness(folder, name, algorithm), as_json, _show_new)


@app.command()
def trust(
    folder: FolderArgument,
    key: Annotated[Path, typer.Option("--key", metavar="KEY", help="Verifying key of the log.")],
    as_json: JsonOption = False,
) -> None:
    """Have the witness watch a log.

    Example: linernotes audit witness trust watch --key log.pub
    """
    from linernotes.workflows import witness as workflow

    emit(workflow.trust_log(folder, key), as_json, _show_trusted)


@app.command()
def answer(
    folder: FolderArgument,
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="The request file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the cosignature goes.")],
    as_json: JsonOption = False,
) -> None:
    """Answer a request that came as a file; exit code 1 when the witness refuses.

    Example: linernotes audit witness answer watch request.txt --out cosignature.txt
    """
    from linernotes.workflows import witness as workflow

    emit(workflow.answer(folder, request, out), as_json, _show_answered)


@app.command()
def serve(
    folder: FolderArgument,
    host: Annotated[str, typer.Option("--host", metavar="H", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="P", min=0, max=65535, help="Port.")] = 7380,
) -> None:
    """Answer requests over HTTP (C2SP tlog-witness) until interrupted.

    Example: linernotes audit witness serve watch --port 7380
    """
    from linernotes.workflows import witness as workflow

    server = workflow.serve(folder, host, port)
    note(f"witness listening on http://{host}:{server.server_port}/ ; Ctrl-C ends it")
    try:
        server.serve_forever()
    finally:
        server.server_close()


def cosign(workspace: WorkspaceOption, policy: PolicyOption, as_json: JsonOption = False) -> None:
    """Ask the witnesses of a policy to cosign the log's head; exit code 1 below the quorum.

    Example: linernotes audit cosign --workspace WS --policy witnesses.txt
    """
    from linernotes.workflows import witness as workflow

    found = workflow.cosign(workspace, policy)
    emit(found, as_json, _show_cosigned)
    if not found["witnessed"]:
        note("error: below the quorum; receipts made now are not witnessed under this policy")
        raise typer.Exit(1)


def request(
    workspace: WorkspaceOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the request goes.")],
    old: Annotated[
        int, typer.Option("--old", metavar="N", min=0, help="Entries that this witness cosigned last.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write a request to cosign, for a witness that is reached with files.

    Example: linernotes audit request --workspace WS --out request.txt
    """
    from linernotes.workflows import witness as workflow

    emit(workflow.write_request(workspace, out, old), as_json, _show_request)


def attach(
    answer: Annotated[Path, typer.Argument(metavar="ANSWER", help="The witness's answer.")],
    workspace: WorkspaceOption,
    policy: PolicyOption,
    as_json: JsonOption = False,
) -> None:
    """Put a witness's answer below the log's head.

    Example: linernotes audit attach cosignature.txt --workspace WS --policy witnesses.txt
    """
    from linernotes.workflows import witness as workflow

    emit(workflow.attach(workspace, answer, policy), as_json, _show_cosigned)


def _show_new(found: dict[str, Any]) -> None:
    say(f"witness {found['name']}; for policies:")
    say(found["key_line"])


def _show_trusted(found: dict[str, Any]) -> None:
    say(f"witness {found['name']} watches: {', '.join(found['logs'])}")


def _show_answered(found: dict[str, Any]) -> None:
    say(f"cosigned by {found['name']}: {found['answer']}")


def _show_request(found: dict[str, Any]) -> None:
    say(f"request for the head of {found['size']} entries after {found['old_size']}: {found['request']}")


def _show_cosigned(found: dict[str, Any]) -> None:
    for one in found.get("outcomes", ()):
        say(f"{one['name']}: {'cosigned' if one['cosigned'] else one['problem']}")
    word = "holds" if found["witnessed"] else "does not hold"
    say(
        f"log {found['origin']}, {found['size']} entries: {found['n_cosignatures']} of {found['n_witnesses']}"
    )
    say(f"known witnesses have cosigned; quorum {found['quorum']!r} {word}")
