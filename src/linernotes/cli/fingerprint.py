"""``linernotes fingerprint``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say


def fingerprint(
    files: Annotated[list[Path], typer.Argument(help="Audio files.", metavar="FILE...")],
    length_s: Annotated[
        float, typer.Option("--length-s", help="Seconds of the beginning that are read; 0 reads all.")
    ] = 120.0,
    raw: Annotated[bool, typer.Option("--raw", help="Print the numbers instead of the string.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the Chromaprint fingerprint of each file, as fpcalc does.

    AcoustID compares the first two minutes, the default. 'linernotes catalog import-fingerprints' reads
    what this prints, as text or as JSON.

    Example:
      linernotes fingerprint song.flac --json
    """
    from linernotes.errors import InputError
    from linernotes.workflows.export_fingerprints import fingerprint_files

    if length_s < 0:
        raise InputError(f"length {length_s} s: expected seconds, or 0 for the whole file")
    with Progress(quiet=as_json) as progress:
        answers = fingerprint_files(files, length_s=length_s or None, progress=progress)
    for answer in answers:
        values = answer.pop("values")
        if raw:
            answer["fingerprint"] = values
    emit(answers, as_json, _print)


def _print(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        held = answer["fingerprint"]
        say(f"FILE={answer['file']}")
        say(f"DURATION={int(answer['duration_s'])}")
        say(f"FINGERPRINT={held if isinstance(held, str) else ','.join(map(str, held))}")
