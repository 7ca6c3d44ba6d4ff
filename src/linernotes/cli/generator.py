"""``linernotes generator``: train, evaluate, calibrate, probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.calibrate import calibrate
from linernotes.cli.output import Progress, emit, say, table
from linernotes.cli.probe import EXAMPLE as PROBE_EXAMPLE
from linernotes.cli.probe import probe

app = typer.Typer(
    no_args_is_help=True, help="Train, evaluate, calibrate or probe a generator.", rich_markup_mode=None
)
app.command("calibrate")(calibrate)
app.command("probe", epilog=PROBE_EXAMPLE)(probe)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WorkspacePath = Annotated[Path, typer.Option("--workspace", help="Workspace with a sealed corpus.")]


@app.command("train", epilog="Example: linernotes generator train --workspace ws --out g --steps 3000")
def train(
    workspace: WorkspacePath,
    out: Annotated[Path, typer.Option("--out", help="Folder to make for the generator.")],
    steps: Annotated[int | None, typer.Option("--steps", help="Training steps.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", help="Segments per step.")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Width of the network.")] = None,
    depth: Annotated[int | None, typer.Option("--depth", help="Number of layers.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, or auto.")] = "cpu",
    as_json: Json = False,
) -> None:
    """Train the reference generator on the sealed corpus; interrupted, the same command resumes."""
    from linernotes.workflows.generator import recipe_with, train_generator

    recipe = recipe_with(n_steps=steps, batch_size=batch, width=width, depth=depth, seed=seed)
    with Progress(quiet=as_json) as progress:
        card = train_generator(workspace, out, recipe, progress=progress, device=device)
    emit(card, as_json, lambda made: _print_card(made, out))


@app.command(
    "evaluate", epilog="Example: linernotes generator evaluate --generator g --workspace ws --subsets 32"
)
def evaluate(
    generator: Annotated[Path, typer.Option("--generator", help="Generator folder.")],
    workspace: WorkspacePath,
    subsets: Annotated[
        int | None,
        typer.Option(
            "--subsets",
            help="Also measure reliability: retrain on this many halves of the corpus, two seeds each.",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Training steps of each retraining.")] = None,
    queries: Annotated[int | None, typer.Option("--queries", help="Outputs to score.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; the result does not change.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure held-out loss, Fréchet distances and, on request, the reliability of influence methods.

    Held out are the catalogue's recordings that the generator was not trained on. Reliability takes one
    retraining per half and seed: minutes each. It resumes when interrupted.
    """
    from linernotes.workflows.generator import measure_quality

    report: dict[str, Any] = {}
    with Progress(quiet=as_json) as progress:
        report["quality"] = measure_quality(generator, workspace)
        if subsets is not None:
            from linernotes.evaluation.reliability import ReliabilityConfig
            from linernotes.workflows.generator import recipe_with
            from linernotes.workflows.reliability import measure_reliability

            default = ReliabilityConfig()
            config = ReliabilityConfig(
                n_subsets=subsets,
                n_queries=queries or default.n_queries,
                recipe=recipe_with(default.recipe, n_steps=steps),
            )
            report["reliability"] = measure_reliability(
                generator, workspace, config, n_workers=workers, progress=progress
            )
    emit(report, as_json, _print_report)


def _print_card(card: dict[str, Any], out: Path) -> None:
    say(f"{card['generator_id']} in {out}")
    say(
        f"  {card['recipe']['n_steps']} steps on {len(card['trained_on']['items'])} recordings, "
        f"seed {card['recipe']['seed']}"
    )
    say(f"  weights {card['weights_sha256']}")
    say(f"  knows the words {', '.join(card['vocabulary'])}")


def _print_report(report: dict[str, Any]) -> None:
    loss = report["quality"]["held_out_loss"]
    names = ("trained", "untrained", "mean_predictor", "linear_predictor")
    table(
        f"Loss on {loss['n_segments']} held-out segments",
        ["predictor", "loss"],
        [(n, loss[n]) for n in names],
    )
    distances = {k: v for k, v in report["quality"]["frechet"].items() if isinstance(v, dict)}
    table(
        "Fréchet distance from held-out recordings",
        ["clips", "distance", "from", "to"],
        [(name, v["value"], *v["interval"]) for name, v in distances.items()],
    )
    if "reliability" in report:
        test = report["reliability"]["test"]
        table(
            f"LDS on {test['n_queries']} test queries; ceiling {test['ceiling']:.2f}",
            ["method", "lds", "from", "to"],
            [(name, row["lds"], *row["interval"]) for name, row in sorted(test["methods"].items())],
        )
