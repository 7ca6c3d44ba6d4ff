"""``linernotes demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that the demo makes.")] = Path(
        "demo/output"
    ),
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; the result does not change.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the whole story on the bundled real corpus and write one page to read and listen to.

    Seal, identify, generate, attribute, compare, settle, log, disclose, verify.

    Example:
      linernotes demo --out demo/output
    """
    from linernotes.workflows.demo import run_demo

    with Progress(quiet=as_json) as progress:
        result = run_demo(out, progress=progress, n_workers=workers)
    emit(result.summary, as_json, _print)


def _print(summary: dict[str, Any]) -> None:
    say(f"sealed       {summary['n_items']} recordings, root {summary['root'][:16]}…")
    say(f"consent      {summary['n_without_consent']} without consent to training (public licences only)")
    say(f"identified   {summary['n_identified']} of {summary['n_items']} in the catalogue")
    for ranking in summary["rankings"]:
        _print_ranking(ranking)
    say()
    say(f"statement    {summary['pool']['amount']} in {summary['n_lines']} lines that sum to it exactly")
    say(f"receipts     {summary['receipts_verified']} verified offline")
    say(f"present      {summary['present']['file']}, shown without showing the corpus")
    say(f"absent       {summary['absent']['file']}, under {len(summary['absent']['checked'])} kinds of key")
    say(f"disclosure   {summary['disclosure']['n_gaps']} gaps named, each with who can mend it")
    say(f"page         {summary['page']}")
    say()
    say("It ranks influence among disclosed recordings. It is not proof of copying.")
    say("It cannot find recordings nobody disclosed.")


def _print_ranking(ranking: dict[str, Any]) -> None:
    rows = [
        (
            i["rank"],
            i["item_id"],
            f"{100 * i['share']:.0f} %",
            f"{100 * i['interval'][0]:.0f}–{100 * i['interval'][1]:.0f} %",
        )
        for i in ranking["influences"][:3]
    ]
    trust = ranking["reliability"]
    measured = (
        f"LDS {trust['lds']:.2f} of a possible {trust['ceiling']:.2f}"
        if trust
        else "reliability not measured"
    )
    rest = f"unattributed {100 * ranking['unattributed_share']:.0f} %"
    title = f"{Path(ranking['query']).stem} · {ranking['method']} · {measured} · {rest}"
    say()
    say(title)
    table("", ["rank", "recording", "share", "95 %"], rows)
