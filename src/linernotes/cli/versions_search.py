"""``linernotes versions search`` and ``linernotes versions index``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table
from linernotes.errors import InputError

index_app = typer.Typer(no_args_is_help=True, help="Build, check and describe the index that search asks.")

EncoderOption = Annotated[
    str | None,
    typer.Option("--encoder", help="mini, chroma2d or clews:PATH; the shipped default if left out."),
]
WorkspaceOption = Annotated[Path, typer.Option("--workspace", help="Workspace with a corpus or a catalogue.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def search(
    files: Annotated[list[Path], typer.Argument(help="Audio files to search for.", metavar="FILE...")],
    workspace: Annotated[
        list[Path],
        typer.Option(
            "--workspace", help="Workspace with a corpus or a catalogue; may be repeated: searched as one."
        ),
    ],
    top: Annotated[int, typer.Option("--top", help="Recordings to show for each file.")] = 10,
    from_s: Annotated[
        float | None, typer.Option("--from", help="Second at which the searched part of the file begins.")
    ] = None,
    to_s: Annotated[float | None, typer.Option("--to", help="Second at which it ends.")] = None,
    encoder: EncoderOption = None,
    candidates: Annotated[
        int, typer.Option("--candidates", help="Recordings that the index brings; all are glanced at.")
    ] = 400,
    aligned: Annotated[
        int, typer.Option("--aligned", help="Those of them, the best at a glance, that are aligned.")
    ] = 100,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Align every recording, whatever it costs.")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that align.")] = 1,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write pages into this folder, for the best three.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the recordings of workspaces by the musical substance they share with each file.

    Up to 200 recordings are all aligned; above that an index of segments names the candidates, and is made where it is
    missing, and those that look best are aligned. The answer says which.

    Example:
      linernotes versions search output.wav --workspace ws --top 5
      linernotes versions search song.mp3 --from 62 --to 85 --workspace label-a --workspace label-b
    """
    from linernotes.versions.encoder.load import DEFAULT_ENCODER
    from linernotes.workflows.versions import SearchConfig, search_versions

    if html is not None and (len(workspace) > 1 or from_s is not None or to_s is not None):
        raise InputError("--html shows whole files against one --workspace; leave --from and --to out")
    span = None if from_s is None and to_s is None else (from_s or 0.0, to_s)
    config = SearchConfig(
        encoder=encoder or DEFAULT_ENCODER,
        n_candidates=candidates,
        n_aligned=aligned,
        exhaustive=exhaustive,
        span_s=span,
    )
    with Progress(quiet=as_json) as progress:
        if workers > 1:
            from linernotes.execution import ProcessRunner

            with ProcessRunner(workers, progress=progress) as run:
                answers = search_versions(
                    files, workspace, top=top, config=config, run=run, progress=progress
                )
        else:
            answers = search_versions(files, workspace, top=top, config=config, progress=progress)
        if html is not None:
            from linernotes.workflows.version_search_report import write_search_pages

            page = write_search_pages(answers, workspace[0], html, progress=progress)
    emit(answers, as_json, _print_answers)
    if html is not None:
        note(f"page: {page}")


@index_app.command()
def add(
    workspace: WorkspaceOption,
    encoder: EncoderOption = None,
    store: Annotated[
        str | None,
        typer.Option("--store", help="embedded (default), or qdrant:ADDRESS for a new index on a server."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that listen.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Add what the index lacks, remove what the workspace no longer has; resumes where it was interrupted.

    Example:
      linernotes versions index add --workspace ws --workers 4
    """
    from linernotes.versions.encoder.load import DEFAULT_ENCODER
    from linernotes.workflows.version_index import add_to_index

    with Progress(quiet=as_json) as progress:
        done = add_to_index(
            workspace, encoder=encoder or DEFAULT_ENCODER, store=store, n_workers=workers, progress=progress
        )
    emit(done, as_json, _print_added)


@index_app.command()
def check(
    workspace: WorkspaceOption,
    encoder: EncoderOption = None,
    drop_damaged: Annotated[
        bool, typer.Option("--drop-damaged", help="Take damaged recordings out, for 'add' to make them anew.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read every byte of the index and name what is damaged; exit code 1 if something is.

    Example:
      linernotes versions index check --workspace ws
    """
    from linernotes.versions.encoder.load import DEFAULT_ENCODER
    from linernotes.workflows.version_index import check_index

    found = check_index(workspace, encoder=encoder or DEFAULT_ENCODER, drop_damaged=drop_damaged)
    emit(found, as_json, _print_checked)
    if found["damaged"] and not found["n_dropped"]:
        raise typer.Exit(1)


@index_app.command()
def stats(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """Say what each index of a workspace holds.

    Example:
      linernotes versions index stats --workspace ws
    """
    from linernotes.workflows.version_index import index_stats

    emit(index_stats(workspace), as_json, _print_stats)


def _print_answers(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        columns = ("recording", "of", "score", "probability", "best span (query s : recording s)")
        table(answer["query"], columns, [_result_row(result) for result in answer["results"]])
        for skipped in answer["skipped"]:
            say(f"not compared: {skipped['recording_id']}: {skipped['reason']}")
        say(_searched_words(answer["searched"]))
    scopes = {result["scope"] for answer in answers for result in answer["results"]}
    for scope in sorted(scopes):
        say(scope)


def _searched_words(facts: dict[str, Any]) -> str:
    if facts["by"] == "everything":
        return f"searched: all {facts['n_recordings']} recordings, each aligned"
    return (
        f"searched: {facts['n_segments']} segments of {facts['n_recordings']} recordings by encoder "
        f"{facts['encoder']}; {facts['n_aligned']} of {facts['n_candidates']} candidates aligned (--exhaustive aligns all)"
    )


def _result_row(result: dict[str, Any]) -> tuple[object, ...]:
    best = next(iter(result["segments"]), None)
    sides = ("a", "b")
    spans = [f"{best[f'{s}_start_s']:.1f}–{best[f'{s}_end_s']:.1f}" for s in sides] if best else ["–"]
    chance = result["probability"]
    shown = None if chance is None else round(chance, 3)
    where = "corpus" if result["item_id"] else "catalogue"
    return (result["recording_id"], where, round(result["score"], 2), shown, " : ".join(spans))


def _print_added(done: dict[str, Any]) -> None:
    say(f"added {done['n_added']}, removed {done['n_removed']}")
    for skipped in done["skipped"]:
        say(f"not indexed: {skipped['recording_id']}: {skipped['reason']}")
    _print_stats([done])


def _print_checked(found: dict[str, Any]) -> None:
    for one in found["damaged"]:
        say(f"damaged: {one['content_sha256']}: {one['reason']}")
    if found["n_dropped"]:
        say(f"taken out: {found['n_dropped']}; run 'linernotes versions index add' to make them anew")
    elif found["damaged"]:
        say("run it again with --drop-damaged, and then 'linernotes versions index add'")
    else:
        say("sound")
    _print_stats([found])


def _print_stats(indexes: list[dict[str, Any]]) -> None:
    columns = ("encoder", "store", "recordings", "segments", "hours", "MB")
    rows = [
        (
            one["encoder"],
            one["store"],
            one["n_recordings"],
            one["n_segments"],
            one["hours"],
            one["n_bytes"] / 1e6,
        )
        for one in indexes
    ]
    table("", columns, rows)
