"""``linernotes leads``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say


def leads(
    outputs: Annotated[list[Path], typer.Argument(help="Outputs to search.", metavar="OUTPUT...")],
    workspace: Annotated[
        Path, typer.Option("--workspace", help="Workspace with a sealed corpus and a catalogue.")
    ],
    max_false_match_rate: Annotated[
        float, typer.Option("--max-false-match-rate", help="Highest chance per output of a false match.")
    ] = 1e-3,
    controls: Annotated[
        int, typer.Option("--controls", help="Unrelated excerpts searched in the same way.")
    ] = 20,
    versions: Annotated[
        bool, typer.Option("--versions/--no-versions", help="Also look for music played otherwise.")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", help="Of the choice of controls.")] = 0,
    log: Annotated[bool, typer.Option("--log/--no-log", help="Write records and log them.")] = True,
    html: Annotated[Path | None, typer.Option("--html", help="Also write a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find outputs that hold catalogue recordings which the sealed corpus does not list.

    A lead is a reason to ask, never more. For its seconds of the output attribution is refused.

    Example:
      linernotes leads out-1.wav out-2.wav --workspace ws --html leads.html
    """
    from linernotes.disclosure.leads import LeadConfig
    from linernotes.workflows.leads import find_leads

    config = LeadConfig(
        max_false_match_rate=max_false_match_rate, n_controls=controls, versions=versions, seed=seed
    )
    with Progress(quiet=as_json) as progress:
        found = find_leads(outputs, workspace, config=config, log=log, progress=progress)
    if html is not None:
        from linernotes.reports.leads_page import write_leads_page

        write_leads_page(found, html)
        note(f"page: {html}, facts: {html.with_suffix('.json')}")
    emit(found, as_json, _print)


def _print(found: dict[str, Any]) -> None:
    by_id = {lead["lead_id"]: lead for lead in found["leads"]}
    for output in found["outputs"]:
        say(output["query"])
        for lead_id in output["leads"]:
            lead = by_id[lead_id]
            say(f"  lead {lead_id}: {lead['words']}")
            if "receipt" in lead:
                say(f"    record {lead['record']}, receipt {lead['receipt']}")
        for part in output["attribution"]["refused"]:
            say(f"  {part['start_s']:.1f}–{part['end_s']:.1f} s {part['words']}")
        for one in output["not_raised"]:
            say(f"  no lead on {one['recording_id']}: {one['words']}")
        if not output["leads"] and not output["not_raised"]:
            say("  holds no recording of this catalogue that the corpus lacks")
    say()
    say(f"batch      {found['batch']['words']}")
    say(f"controls   {found['controls']['words']}")
    say(f"corpus     {found['corpus']['n_items']} recordings, root {found['corpus']['root'][:16]}…")
    say(f"scope      {found['scope']}")
