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
    keys_or_files: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY_OR_FILE...",
            help="Audio file, SHA-256, ISRC, ISWC, MBID, ISCC of the one recording; or KIND:KEY.",
        ),
    ],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with a sealed corpus.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the proof.")],
    snapshot: Annotated[
        str | None,
        typer.Option("--snapshot", help="Root of the snapshot, or its beginning; default: the latest."),
    ] = None,
    open_items: Annotated[
        bool, typer.Option("--open", help="Show the corpus's records of the recording in the proof.")
    ] = False,
    sketch: Annotated[
        bool | None,
        typer.Option(
            "--sketch/--no-sketch",
            help="Look sketch keys up always, or never; default: when no exact key is present.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the proof says as JSON.")] = False,
) -> None:
    """Write a proof of presence or absence of one recording under all keys given.

    Example:
      linernotes presence prove mysong.wav GB-AYE-69-00001 --workspace ws --out song.proof
    """
    from linernotes.workflows.presence import prove as make

    answer = make(keys_or_files, workspace, out, snapshot=snapshot, open_items=open_items, sketch=sketch)
    emit(answer.as_json(), as_json, _show)


@app.command()
def verify(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="Proof file.")],
    root: Annotated[str, typer.Option("--root", help="Corpus root that you trust, from a receipt.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="The recording that the proof must be about.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Hash or identifier that the proof must have checked.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a proof offline; exit code 1 when it does not hold.

    Example:
      linernotes presence verify song.proof --root 3f1c…9a --file mysong.wav
    """
    from linernotes.workflows.presence import verify as check

    emit(check(proof, root, file=file, key=key).as_json(), as_json, _show)


def _show(answer: dict[str, Any]) -> None:
    say("present" if answer["present"] else "absent")
    say(f"root         {answer['root']}")
    for key in answer["keys"]:
        if key["kind"] != "sketch":
            say(f"key          {key['kind']} {key['key']}: {'present' if key['present'] else 'absent'}")
    sketch = [key["present"] for key in answer["keys"] if key["kind"] == "sketch"]
    if sketch:
        found, needed = answer["sketch"]["on_one_item"], answer["sketch"]["needed"]
        say(
            f"sketch       {sum(sketch)} of {len(sketch)} keys present, {found} on one item ({needed} are needed)"
        )
    if answer["not_checked"]:
        say(f"not checked  {', '.join(answer['not_checked'])}")
    say(f"proof        {answer['n_bytes']} bytes")
    say(answer["scope"])
