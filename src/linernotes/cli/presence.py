"""``linernotes presence``: prove that a recording is in a sealed corpus, or is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, say

app = typer.Typer(no_args_is_help=True)


@app.callback()
def presence() -> None:
    """Prove that a recording is in a sealed corpus, or is not, without showing the corpus."""


@app.command()
def prove(
    file_or_sha256: Annotated[
        str, typer.Argument(metavar="FILE_OR_SHA256", help="Audio file, or its SHA-256.")
    ],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with a sealed corpus.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the proof.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the proof as JSON.")] = False,
) -> None:
    """Write a proof of presence or absence.

    Example:
      linernotes presence prove mysong.wav --workspace ws --out proof.json
    """
    from linernotes.workflows.presence import prove as make

    emit(make(file_or_sha256, workspace, out), as_json, _show)


@app.command()
def verify(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="Proof file.")],
    root: Annotated[str, typer.Option("--root", help="Corpus root that you trust, from a receipt.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="The recording that the proof must be about.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a proof offline; exit code 1 when it does not hold.

    Example:
      linernotes presence verify proof.json --root 3f1c…9a --file mysong.wav
    """
    from linernotes.workflows.presence import verify as check

    emit(check(proof, root, file=file).as_json(), as_json, _show)


def _show(answer: dict[str, Any]) -> None:
    say("present" if answer["present"] else "absent")
    say(f"root   {answer['root']}")
    for key in answer["keys"]:
        say(f"key    {key['kind']} {key['key']}: {'present' if key['present'] else 'absent'}")
    say(answer["scope"])
