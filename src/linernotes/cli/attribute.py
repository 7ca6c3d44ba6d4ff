"""``linernotes attribute``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table

if TYPE_CHECKING:
    from linernotes.workflows.attribute import AttributeRequest


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
    verify: Annotated[
        int, typer.Option("--verify", metavar="K", help="Test the first K claims again, by other means.")
    ] = 0,
    verify_by: Annotated[
        str,
        typer.Option("--verify-by", help="tail-patch: a few more steps; retrain: train without it, dear."),
    ] = "tail-patch",
    where: Annotated[
        bool, typer.Option("--where", help="Tell which seconds, of the output and the first recordings.")
    ] = False,
    group_by: Annotated[
        str,
        typer.Option(
            "--group-by", help="Also score groups: artist, rightsholder, or label (of the rights registry)."
        ),
    ] = "",
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Print what this would cost, and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank the disclosed recordings by influence on each output.

    It ranks among disclosed recordings only. It is not proof of copying, and cannot find recordings nobody
    disclosed. Interrupted, the same command resumes with the same result.

    Example:
      linernotes attribute out.wav --workspace ws --generator g --method unlearning --verify 3 --where
    """
    from linernotes.workflows.attribute import AttributeRequest, attribute_in_full

    request = AttributeRequest(
        tuple(str(file) for file in files),
        str(workspace),
        str(generator),
        method,
        tuple(prompt or ()),
        seed,
        verify,
        verify_by,
        where,
        group_by,
    )
    if estimate:
        _estimate(request, as_json)
        return
    with Progress(quiet=as_json) as progress:
        rankings = attribute_in_full(request, n_workers=workers, progress=progress)
    emit(rankings, as_json, lambda answers: _print(answers, top))


def _estimate(request: AttributeRequest, as_json: bool) -> None:
    from linernotes.workflows.check_cost import estimate_checks
    from linernotes.workflows.cost import estimate

    found = estimate(request).as_json()
    if request.verify or request.where:
        found["checks"] = estimate_checks(request)
    emit(found, as_json, _print_estimate)


def _print_estimate(cost: dict[str, Any]) -> None:
    table("cost, estimated", ["what", "value"], [(name, _number(value)) for name, value in _flat(cost)])


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _print(answers: list[dict[str, Any]], top: int) -> None:
    for answer in answers:
        shown = answer["influences"][:top]
        columns, rows = ["rank", "item", "share", "95 % interval", "score"], [_row(one) for one in shown]
        if answer.get("calibration"):
            columns += ["chance that it mattered", "effect", "effect, range"]
            rows = [[*row, *_stated(one)] for row, one in zip(rows, shown, strict=True)]
        table(f"{answer['query']} by {answer['method']}", columns, rows)
        say(f"unattributed  {_percent(answer['unattributed_share'])}{_nobody(answer)}")
        say(f"reliability   {_reliability(answer['reliability'])}")
        say(f"scope         {answer['scope']}")
        _print_groups(answer.get("groups", []), top)
        _print_verification(answer.get("verification", []))
        _print_where(answer.get("where", []))
        say()


def _print_groups(groups: list[dict[str, Any]], top: int) -> None:
    if groups:
        rows = [(g["rank"], g["name"], _percent(g["share"]), g["n_items"], g["score"]) for g in groups[:top]]
        say()
        table(f"by {groups[0]['by']}", ["rank", "name", "share", "recordings", "score"], rows)


def _print_verification(claims: list[dict[str, Any]]) -> None:
    if not claims:
        return
    rows = [
        (
            claim["rank"],
            claim["item_id"],
            claim["outcome"],
            f"{claim['win_rate'] * claim['n_repeats']:g} of {claim['n_repeats']}",
            claim["e_value"],
            claim["effect"],
        )
        for claim in claims
    ]
    say()
    table(f"tested again by {claims[0]['by']}", ["rank", "item", "outcome", "won", "e-value", "effect"], rows)
    say(f"a claim is confirmed when it beats more than {_percent(claims[0]['level'])} of matched recordings,")
    say(f"at level {claims[0]['alpha']:g}, however long one looked; it is not proof of copying")


def _print_where(places: list[dict[str, Any]]) -> None:
    rows = [
        (
            place["item_id"],
            f"{cell['query_start_s']:.1f}–{cell['query_end_s']:.1f}",
            f"{cell['item_start_s']:.1f}–{cell['item_end_s']:.1f}",
            _percent(cell["share"]),
            cell["score"],
        )
        for place in places
        for cell in place["cells"]
    ]
    if rows:
        say()
        columns = ["item", "seconds of the output", "of the recording", "share of its map", "score"]
        table("where", columns, rows)


def _row(one: dict[str, Any]) -> list[Any]:
    low, high = one["interval"]
    return [
        one["rank"],
        one["item_id"],
        _percent(one["share"]),
        f"{_percent(low)}–{_percent(high)}",
        one["score"],
    ]


def _stated(one: dict[str, Any]) -> list[Any]:
    low, high = one["effect_interval"]
    return [_percent(one["probability"]), one["effect"], f"{low:.2g} to {high:.2g}"]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _nobody(answer: dict[str, Any]) -> str:
    if answer["unattributed_share"] < 1 - 1e-9:
        return ""
    because = answer.get("nobody_because")
    return f"  (nobody in particular: {because})" if because else "  (nobody in particular)"


def _reliability(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "not measured for this generator and method; 'linernotes generator evaluate --subsets 32' measures it"
    low, high = figure["interval"]
    chance = figure["baselines"].get("similarity")
    beside = f"; similarity {chance:.2f}" if chance is not None else ""
    return f"LDS {figure['lds']:.2f} [{low:.2f}, {high:.2f}], ceiling {figure['ceiling']:.2f}{beside}"
