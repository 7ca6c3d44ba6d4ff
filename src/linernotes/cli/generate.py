"""``linernotes generate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, note, say


def generate(
    generator: Annotated[Path, typer.Option("--generator", help="Generator folder.")],
    out: Annotated[
        Path, typer.Option("--out", help="Audio file to write: .wav, .flac, .ogg, .opus or .mp3.")
    ],
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 0,
    seconds: Annotated[float, typer.Option("--seconds", help="Length.")] = 12.288,
    prompt: Annotated[
        str, typer.Option("--prompt", help="Words that the generator learnt; others are named and ignored.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make music from a seed and a few words, with a record of how it was made beside it.

    Example:
      linernotes generate --generator g --prompt "calm orchestral" --seed 7 --seconds 12 --out out.wav
    """
    from linernotes.workflows.generator import generate as make

    record = make(generator, out, seed=seed, seconds=seconds, prompt=prompt)
    if record["unknown_words"]:
        note(f"ignored, never learnt: {', '.join(record['unknown_words'])}")
    emit(record, as_json, lambda made: _print(made, out))


def _print(record: dict[str, Any], out: Path) -> None:
    said = f"'{record['prompt']}'" if record["prompt"] else "without words"
    say(f"{out}: {record['seconds']:.1f} s, {said}, seed {record['seed']}, by {record['generator_id']}")
