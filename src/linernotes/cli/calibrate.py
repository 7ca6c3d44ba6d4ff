"""``linernotes generator calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table


def calibrate(
    generator: Annotated[Path, typer.Option("--generator", help="Generator folder.")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with the corpus trained on.")],
    methods: Annotated[
        str, typer.Option("--methods", help="Methods to calibrate, separated by commas.")
    ] = "unlearning",
    outside: Annotated[
        Path | None,
        typer.Option(
            "--outside",
            metavar="DIR",
            help="Recordings from outside the corpus; else what of the catalogue was not trained on.",
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", metavar="FILE", help="Output of the generator, repeatedly; else made anew."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who is left out in turn: artist (default) or rightsholder.")
    ] = None,
    groups: Annotated[
        int | None, typer.Option("--groups", help="How many are left out, the largest first (default 16).")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", help="Models without each (default 2).")] = None,
    full: Annotated[int | None, typer.Option("--full", help="Models of everybody (default 6).")] = None,
    outputs: Annotated[
        int | None, typer.Option("--outputs", help="Outputs to generate (default 32).")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Training steps of a model (default: the generator's).")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", help="Segments per step (default: the generator's).")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes, one per core; the result does not change.")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Print how long this would take, and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Turn scores into statements: retrain without artists in turn, and see what their scores meant.

    Writes calibration.json beside the generator; `attribute` then says of every recording what leaving it out would
    do, with an interval and a chance, and says when the answer is nobody in particular. It takes a retraining for
    each artist and seed. The losses are kept beside the generator: a further method takes minutes. Interrupted, the
    same command resumes.

    Example:
      linernotes generator calibrate --generator g --workspace ws --outside music --methods unlearning --estimate
    """
    from linernotes.workflows.calibrate import CalibrateRequest, calibrate_generator

    sizes = {
        "by": by, "n_groups": groups, "n_seeds": seeds, "n_full": full, "n_outputs": outputs, "n_steps": steps,
        "batch_size": batch,
    }  # fmt: skip
    names = tuple(name.strip() for name in methods.split(",") if name.strip())
    request = CalibrateRequest(generator, workspace, names, outside, tuple(output or ()), sizes)
    if estimate:
        from linernotes.workflows.calibrate_cost import estimate_calibration

        emit(estimate_calibration(request, n_workers=workers), as_json, _print_estimate)
        return
    with Progress(quiet=as_json) as progress:
        report = calibrate_generator(request, n_workers=workers, progress=progress)
    emit(report, as_json, _print_report)


def _print_estimate(cost: dict[str, Any]) -> None:
    say(
        f"{cost['n_models']} models to train: {cost['n_groups']} groups left out × {cost['n_seeds']} seeds and "
        f"{cost['n_full']} of everybody"
        if cost["n_models"]
        else "no model to train: losses lie beside the generator"
    )
    if cost["n_models"]:
        say(f"  {cost['seconds_per_model']:.0f} s each, on {cost['n_workers']} cores at a time")
    say(f"  {cost['n_outputs']} outputs and {cost['n_outside']} recordings from outside to score")
    for name, seconds in cost["scoring_seconds"].items():
        said = (
            f"{_minutes(seconds['low'])} to {_minutes(seconds['high'])}"
            if seconds
            else "does not tell its cost"
        )
        say(f"    {name}: {said}")
    say(f"  in all {_minutes(cost['seconds']['low'])} to {_minutes(cost['seconds']['high'])}")
    say(f"  on {cost['machine']}")


def _minutes(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _print_report(report: dict[str, Any]) -> None:
    table(
        f"Left out in turn, by {report['config']['by']}; rise of the loss of {report['config']['n_outputs']} outputs",
        ["group", "recordings", "mean rise", "mattered for"],
        [
            (group["name"], group["n_items"], f"{group['effect']:.1%}", f"{group['mattered']:.0%}")
            for group in report["groups"]
        ],
    )
    table(
        "Statements, each tested by a calibration that saw neither output nor group",
        ["method", "in the 90 % intervals", "95 % of that", "median width", "Brier", "always base rate"],
        [(name, *_coverage(found["coverage"])) for name, found in report["methods"].items()],
    )
    table(
        "Nobody in particular",
        ["method", "music from outside", "without calibration", "outputs", "those where somebody mattered"],
        [(name, *_abstention(found["abstention"])) for name, found in report["methods"].items()],
    )
    for name, found in report["methods"].items():
        for remark in found["remarks"]:
            say(f"{name}: {remark}")
    say(f"written to {next(iter(report['methods'].values()))['file']}")


def _coverage(held: dict[str, Any]) -> tuple[str, ...]:
    low, high = held["interval"]
    return (
        f"{held['coverage']:.1%}", f"{low:.0%} to {high:.0%}", f"{held['width']:.3g}", f"{held['brier']:.3f}",
        f"{held['brier_base']:.3f}",
    )  # fmt: skip


def _abstention(nobody: dict[str, Any]) -> tuple[str, ...]:
    mattering = nobody["mattering"]
    return (
        f"{nobody['null_queries']:.0%} of {nobody['n_null_queries']}",
        f"{nobody['shares_alone']:.0%}",
        f"{nobody['outputs']:.0%} of {nobody['n_outputs']}",
        "–" if mattering is None else f"{mattering:.0%} of {nobody['n_mattering']}",
    )
