"""``linernotes index``: build the fast index of a generator and its corpus, and ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table

app = typer.Typer(no_args_is_help=True)

WorkspaceOption = Annotated[Path, typer.Option("--workspace", help="Workspace with the sealed corpus.")]
GeneratorOption = Annotated[Path, typer.Option("--generator", help="Folder of the generator.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Processes.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def index() -> None:
    """Attribute in milliseconds by an index that has learnt from the exact method."""


@app.command()
def build(
    workspace: WorkspaceOption,
    generator: GeneratorOption,
    queries: Annotated[int, typer.Option("--queries", min=8, help="Questions to the exact method.")] = 96,
    segments: Annotated[
        int, typer.Option("--segments", min=2, help="Segments that it scores for each question.")
    ] = 192,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Teach the index and write it into the workspace; resumes where it was interrupted.

    Example:
      linernotes index build --workspace ws --generator g
    """
    from linernotes.workflows.fast_index import BuildRequest
    from linernotes.workflows.fast_index import build as build_index

    request = BuildRequest(str(workspace), str(generator), queries, segments, seed)
    with Progress(quiet=as_json) as progress:
        result = build_index(request, n_workers=workers or 1, progress=progress)
    emit(result, as_json, _show_built)


@app.command()
def query(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Outputs under study.")],
    workspace: WorkspaceOption,
    generator: GeneratorOption,
    prompt: Annotated[
        list[str] | None, typer.Option("--prompt", help="What was asked for; once, or once per file.")
    ] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact/--no-exact", help="Ask the exact method about outputs that the index does not know."
        ),
    ] = True,
    top: Annotated[int, typer.Option("--top", min=1, help="Lines to print per output.")] = 10,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the disclosed recordings by predicted influence, and say how well the output is known.

    Example:
      linernotes index query out.wav --workspace ws --generator g
    """
    from linernotes.workflows.fast_index import QueryRequest
    from linernotes.workflows.fast_index import query as ask

    request = QueryRequest(
        tuple(str(file) for file in files), str(workspace), str(generator), tuple(prompt or ()), exact, seed
    )
    with Progress(quiet=as_json) as progress:
        answers = ask(request, n_workers=workers, progress=progress)
    for answer in answers:
        if answer["fallback"]:
            note(f"{answer['query']}: {answer['why']}; answered by '{answer['answered_by']}'")
    emit(answers, as_json, lambda found: _show_answers(found, top))


def _show_built(result: dict[str, Any]) -> None:
    student = result["student"]
    say(f"index     {result['folder']}")
    say(
        f"holds     {result['n_items']} recordings, {result['n_segments']} segments, {result['n_bytes']} bytes"
    )
    say(f"taught    {student['n_queries']} questions, {student['n_segments']} segments each")
    say(
        f"predicts  rank correlation {student['rank_correlation']:.2f} with the exact method, on questions and "
        "recordings that it had not seen"
    )


def _show_answers(answers: list[dict[str, Any]], top: int) -> None:
    for answer in answers:
        rows = [
            (line["rank"], line["item_id"], f"{100 * line['share']:.0f} %", line["score"])
            for line in answer["influences"][:top]
        ]
        table(f"{answer['query']} by {answer['answered_by']}", ["rank", "item", "share", "score"], rows)
        say(f"unattributed  {100 * answer['unattributed_share']:.0f} %")
        say(f"why           {answer['why']}")
        say(f"scope         {answer['scope']}")
        say()
