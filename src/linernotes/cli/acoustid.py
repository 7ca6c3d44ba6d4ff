"""``linernotes acoustid``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say

EXIT_DATA = 3
MOST_RECORDINGS = 5  # printed for people; --json has all


def acoustid(
    files: Annotated[list[Path], typer.Argument(help="Audio files to look up.", metavar="FILE...")],
    key: Annotated[
        str,
        typer.Option(
            "--key",
            envvar="LINERNOTES_ACOUSTID_KEY",
            help="Your AcoustID application key.",
            show_default=False,
        ),
    ] = "",
    server: Annotated[
        str, typer.Option("--server", help="Address of the service.")
    ] = "https://api.acoustid.org",
    timeout_s: Annotated[
        float, typer.Option("--timeout-s", help="Longest wait for one answer, in seconds.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Ask an AcoustID service which recordings the files hold.

    Sends the Chromaprint fingerprint of the first two minutes, the duration and your key; never audio, never
    names of files. AcoustID's own service is free for non-commercial use. The key may also stand in the
    environment variable LINERNOTES_ACOUSTID_KEY, where other users of the machine do not see it.

    Example:
      linernotes acoustid song.flac --key YOUR_KEY
    """
    from linernotes.fingerprint.chromaprint.acoustid import AcoustidClient
    from linernotes.workflows.acoustid import look_up_files

    client = AcoustidClient(key, server=server, timeout_s=timeout_s)
    with Progress(quiet=as_json) as progress:
        answers = look_up_files(files, client, progress)
    emit(answers, as_json, _print)
    return EXIT_DATA if any(answer["error"] for answer in answers) else 0


def _print(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        say(f"{answer['query']} ({answer['duration_s']:.0f} s)")
        if answer["error"]:
            say(f"  no answer: {answer['error']}")
        elif not answer["results"]:
            say(f"  not known to {answer['service']}")
        for result in answer["results"]:
            say(f"  AcoustID {result['acoustid']}, score {result['score']:.2f}")
            for one in result["recordings"][:MOST_RECORDINGS]:
                say(f"    {one['artist'] or '–'}: {one['title'] or '–'}, recording {one['mbid']}")
            left = len(result["recordings"]) - MOST_RECORDINGS
            if left > 0:
                say(f"    and {left} more recordings; --json names them")
            if not result["recordings"]:
                say("    no recording is linked to it")
