"""``linernotes attribute``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table


def attribute(
    files: Annotated[list[Path], typer.Argument(help="Outputs under study.", metavar="FILE...")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with the sealed corpus.")],
    generator: Annotated[Path, typer.Option("--generator", help="Generator folder.")],
    method: Annotated[
        str, typer.Option("--method", help="unlearning, mucs, similarity, random, or an installed plugin.")
    ] = "unlearning",
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", help="What the generator was asked for; once, or once per file."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 0,
    top: Annotated[int, typer.Option("--top", help="Rows to show; JSON has all.")] = 8,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; the result does not change.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank the disclosed recordings by influence on each output.

    It ranks among disclosed recordings only. It is not proof of copying, and cannot find recordings nobody
    disclosed. Interrupted, the same command resumes with the same result.

    Example:
      linernotes attribute out.wav --workspace ws --generator g --method unlearning
    """
    from linernotes.workflows.attribute import AttributeRequest
    from linernotes.workflows.attribute import attribute as rank

    request = AttributeRequest(
        tuple(str(file) for file in files), str(workspace), str(generator), method, tuple(prompt or ()), seed
    )
    with Progress(quiet=as_json) as progress:
        rankings = rank(request, n_workers=workers, progress=progress)
    emit([ranking.as_json() for ranking in rankings], as_json, lambda answers: _print(answers, top))


def _print(answers: list[dict[str, Any]], top: int) -> None:
    for answer in answers:
        rows = [
            (
                i["rank"],
                i["item_id"],
                _percent(i["share"]),
                f"{_percent(i['interval'][0])}–{_percent(i['interval'][1])}",
                i["score"],
            )
            for i in answer["influences"][:top]
        ]
        table(
            f"{answer['query']} by {answer['method']}",
            ["rank", "item", "share", "95 % interval", "score"],
            rows,
        )
        say(f"unattributed  {_percent(answer['unattributed_share'])}{_nobody(answer)}")
        say(f"reliability   {_reliability(answer['reliability'])}")
        say(f"scope         {answer['scope']}")
        say()


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _nobody(answer: dict[str, Any]) -> str:
    return "  (nobody in particular)" if answer["unattributed_share"] >= 1 - 1e-9 else ""


def _reliability(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "not measured for this generator and method; 'linernotes generator evaluate --subsets 32' measures it"
    low, high = figure["interval"]
    chance = figure["baselines"].get("similarity")
    beside = f"; similarity {chance:.2f}" if chance is not None else ""
    return f"LDS {figure['lds']:.2f} [{low:.2f}, {high:.2f}], ceiling {figure['ceiling']:.2f}{beside}"
