"""``linernotes generator probe``: bound how often a generator gives back what it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table

EXAMPLE = (
    "Example: linernotes generator probe --generator g --workspace ws --outputs 300 --prompts prompts.txt"
)


def probe(
    generator: Annotated[Path, typer.Option("--generator", help="Generator folder.")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with the sealed corpus.")],
    outputs: Annotated[int, typer.Option("--outputs", help="Outputs to make and search.")],
    prompts: Annotated[
        Path | None, typer.Option("--prompts", help="Text file, one prompt per line, used in turn.")
    ] = None,
    conditions: Annotated[
        bool, typer.Option("--conditions", help="Prompt with the tags of the corpus items, in turn.")
    ] = False,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of each output.")] = 12.288,
    planted: Annotated[
        int, typer.Option("--planted", help="Outputs that get an excerpt planted, to measure recall.")
    ] = 20,
    planted_seconds: Annotated[
        float, typer.Option("--planted-seconds", help="Length of those excerpts.")
    ] = 5.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first output.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make outputs, search each for passages of the corpus, and bound the rate; interrupted, it resumes.

    When nothing is found the upper bound says what the true rate can still be, the detector's misses included.
    """
    from linernotes.workflows.probe import ProbeConfig, probe_folder
    from linernotes.workflows.probe_prompts import read_prompts

    config = ProbeConfig(
        n_outputs=outputs,
        prompts=read_prompts(prompts, workspace if conditions else None),
        seconds=seconds,
        n_planted=planted,
        planted_s=planted_seconds,
        seed=seed,
    )
    with Progress(quiet=as_json) as progress:
        report = probe_folder(generator, workspace, config, progress=progress)
    emit(report, as_json, _print)


def _print(report: dict[str, Any]) -> None:
    say(f"{report['generator_id']}: {report['words']}")
    if report["outputs"]:
        table(
            "Outputs with passages",
            ["output", "prompt", "recording", "known as", "seconds", "by", "false-match rate"],
            [
                (
                    output["output"],
                    output["prompt"] or "–",
                    one["recording_id"],
                    one["known_as"],
                    one["duration_s"],
                    one["detector"],
                    one["false_match_rate"],
                )
                for output in report["outputs"]
                for one in output["passages"]
            ],
        )
    if len(report["by_prompt"]) > 1:
        table(
            "By prompt",
            ["prompt", "outputs", "holding a passage"],
            [(row["prompt"] or "–", row["n_outputs"], row["n_holding"]) for row in report["by_prompt"]],
        )
    say(f"kept in {report['folder']}")
