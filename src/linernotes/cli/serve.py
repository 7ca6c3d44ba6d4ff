"""``linernotes serve``: a workspace in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linernotes.cli.output import emit, note, say
from linernotes.workflows.serve import serve_workspace


def serve(
    workspace: Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")],
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", help="Port; 0 takes a free one.")] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> None:
    """Show a workspace in the browser, read-only, until you press Ctrl-C.

    Every page has a JSON twin: put .json behind its address. Whoever can reach the port can read the
    workspace, so it listens on this machine alone unless --host says otherwise.

    Example: linernotes serve --workspace WS --port 8000
    """

    def ready(address: str) -> None:
        emit({"url": address}, as_json, lambda found: say(f"the notes are open at {found['url']}"))
        note("press Ctrl-C to close them")

    try:
        serve_workspace(workspace, host, port, ready=ready)
    except KeyboardInterrupt:
        note("closed")
