"""``linernotes verifier``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, say


def verifier(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where to write the verifier, a file or a folder.")
    ] = Path("linernotes_verify.py"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write the single-file verifier: it checks receipts and answers without this program or a network.

    It needs Python 3.9 or newer and the package 'cryptography'.

    Example:
      linernotes verifier --out linernotes_verify.py
    """
    from linernotes.workflows.verifier import copy_verifier

    emit(copy_verifier(out), as_json, _print)


def _print(found: dict[str, Any]) -> None:
    say(f"{found['path']}, {found['size_bytes']} bytes")
    say(f"sha256  {found['sha256']}")
    say(f"check a receipt with: python3 {found['path']} receipt RECEIPT --key log.pub")
