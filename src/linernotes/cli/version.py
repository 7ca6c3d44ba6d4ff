"""``linernotes version``."""

from __future__ import annotations

from typing import Annotated

import typer

from linernotes.cli.output import emit, say


def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the version of Linernotes and of what it computes with.

    Example:
      linernotes version --json
    """
    from linernotes.workspace.provenance import machine_facts

    facts = machine_facts()
    emit(facts, as_json, lambda found: say(f"linernotes {found['linernotes']}"))
