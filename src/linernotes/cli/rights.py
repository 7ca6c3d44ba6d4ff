"""``linernotes rights``: who made it, whose it is, who agreed to what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table

app = typer.Typer(no_args_is_help=True, help="Keep works, credits, splits and consent; decide on a use.")
consent_app = typer.Typer(no_args_is_help=True, help="Enter or withdraw one statement of consent.")
app.add_typer(consent_app, name="consent")

WorkspaceOption = Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]
N_SHOWN = 50


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Workbooks, CSV tables, JSON exports, or folders.")
    ],
    workspace: WorkspaceOption,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="Which sheet a CSV table is.")
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Save the rest where rows cannot be read.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report; save nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read rights files into a workspace: all rows or, with exit code 3, none.

    Example: linernotes rights import rights.xlsx --workspace WS
    """
    from linernotes.workflows.rights import import_rights

    with Progress(quiet=as_json) as progress:
        answer = import_rights(
            files, workspace, sheet=sheet, skip_bad_rows=skip_bad_rows, dry_run=dry_run, progress=progress
        )
    emit(answer, as_json, _show_imported)
    if not answer["saved"] and not dry_run:
        note(
            "error: nothing was saved: correct the rows of high severity, or save the others with --skip-bad-rows"
        )
        raise typer.Exit(3)


@app.command()
def template(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the workbook goes (.xlsx).")],
    as_json: JsonOption = False,
) -> None:
    """Write an empty, documented workbook with an example row in each sheet.

    Example: linernotes rights template --out rights.xlsx
    """
    from linernotes.workflows.rights import template as write

    emit(write(out), as_json, lambda answer: say(answer["template"]))


@app.command()
def export(
    workspace: WorkspaceOption,
    out: Annotated[
        Path, typer.Option("--out", metavar="PATH", help="A .xlsx or .json file, or a folder for CSV.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Write the registry as a workbook, JSON, or CSV tables; cells that would run are guarded.

    Example: linernotes rights export --workspace WS --out rights.xlsx
    """
    from linernotes.workflows.rights import export as write

    emit(write(workspace, out), as_json, _show_exported)


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE…]", help="Rights files; nothing is saved.")
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", metavar="WS", help="The workspace, beside or instead.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write all problems as a CSV table.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Report conflicts, mis-applied codes, shares that make no whole; exit code 1 for grave ones.

    Example: linernotes rights check --workspace WS --csv problems.csv
    """
    from linernotes.workflows.rights import check as look
    from linernotes.workflows.rights import write_problems

    answer = look(workspace, files or ())
    if csv_file is not None:
        write_problems(answer["problems"], csv_file)
    emit(answer, as_json, _show_checked)
    if not answer["ok"]:
        raise typer.Exit(1)


@app.command()
def decide(
    recording: Annotated[str, typer.Argument(metavar="RECORDING", help="Recording id or ISRC.")],
    workspace: WorkspaceOption,
    on: Annotated[str, typer.Option("--on", metavar="DAY", help="Day of the use, yyyy-mm-dd.")],
    use: Annotated[
        str, typer.Option("--use", metavar="USE", help="Such as generative-training or voice-model.")
    ] = "generative-training",
    territory: Annotated[
        str, typer.Option("--territory", metavar="CODES", help="Two-letter codes; empty is the world.")
    ] = "",
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", metavar="LAYER", help="Needed layer, in place of the use's own; repeatable."),
    ] = None,
    location: Annotated[
        list[str] | None,
        typer.Option("--location", metavar="URL", help="Where it was taken from, for signals; repeatable."),
    ] = None,
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="Count consent under terms, which you meet.")
    ] = False,
    logged_before: Annotated[
        bool, typer.Option("--logged-before", help="Count no yes that was entered after the day.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say per rights layer and performer what was agreed to; exit code 1 when a needed one is not allowed.

    Example: linernotes rights decide rain --use generative-training --on 2026-01-01 --workspace WS
    """
    from linernotes.workflows.rights_decide import decide_rights

    answer = decide_rights(
        recording,
        workspace,
        use=use,
        on=on,
        territory=territory,
        layers=layer,
        locations=location or (),
        accept_terms=accept_terms,
        logged_before=logged_before,
    )
    emit(answer, as_json, _show_decided)
    if not answer["allowed"]:
        raise typer.Exit(1)


@app.command()
def history(
    workspace: WorkspaceOption,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="TEXT", help="Only this subject or record id.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every statement and revocation; exit code 1 when chain or audit log do not vouch for all of them.

    Example: linernotes rights history --workspace WS --subject rain
    """
    from linernotes.workflows.rights import history as read

    answer = read(workspace, subject)
    emit(answer, as_json, _show_history)
    if not answer["ok"]:
        n_open = answer["n_rows"] - answer["n_logged"]
        note(
            f"error: {n_open} rows are not covered by the audit log; if a save was interrupted, repeat it: it is "
            "logged then; else restore the log from a copy"
        )
        raise typer.Exit(1)


@consent_app.command()
def add(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Id, code, rec/party/role, or address.")],
    workspace: WorkspaceOption,
    layer: Annotated[str, typer.Option("--layer", metavar="LAYER", help="Rights layer, or all.")],
    use: Annotated[str, typer.Option("--use", metavar="USE", help="Use, or all.")],
    value: Annotated[
        str, typer.Option("--value", metavar="VALUE", help="allow, deny, conditional, unknown.")
    ],
    subject_kind: Annotated[
        str, typer.Option("--subject-kind", metavar="KIND", help="recording, work, release, party, …")
    ] = "recording",
    granted_by: Annotated[str, typer.Option("--granted-by", metavar="WHO", help="Who said so.")] = "",
    authority: Annotated[
        str, typer.Option("--authority", metavar="WORD", help="As what: owner, performer, publisher, …")
    ] = "unknown",
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="TEXT", help="Contract number or address.")
    ] = "",
    evidence_file: Annotated[
        Path | None, typer.Option("--evidence-file", metavar="FILE", help="Document; its hash is kept.")
    ] = None,
    given_on: Annotated[str | None, typer.Option("--given-on", metavar="DAY", help="yyyy-mm-dd.")] = None,
    valid_from: Annotated[str | None, typer.Option("--valid-from", metavar="DAY", help="First day.")] = None,
    valid_until: Annotated[str | None, typer.Option("--valid-until", metavar="DAY", help="Last day.")] = None,
    territory: Annotated[
        str, typer.Option("--territory", metavar="CODES", help="Two-letter codes; empty is the world.")
    ] = "",
    terms: Annotated[str, typer.Option("--terms", metavar="TEXT", help="Conditions.")] = "",
    signed_contract: Annotated[
        bool, typer.Option("--signed-contract", help="A signed contract says it.")
    ] = False,
    record_id: Annotated[
        str | None, typer.Option("--record-id", metavar="ID", help="Id; made from the content otherwise.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Enter one statement, and log it.

    Example: linernotes rights consent add rain --layer all --use all --value deny --granted-by Ada --workspace WS
    """
    from linernotes.catalog.territory import parse_territory
    from linernotes.workflows.rights import add_consent

    fields: dict[str, Any] = {
        "subject_kind": subject_kind,
        "subject": subject,
        "layer": layer,
        "use": use,
        "value": value,
        "granted_by": granted_by,
        "authority": authority,
        "evidence": evidence,
        "given_on": given_on,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "territory": parse_territory(territory),
        "terms": terms,
        "signed_contract": signed_contract,
        "source": "entered by hand",
    }
    if record_id:
        fields["record_id"] = record_id
    emit(add_consent(workspace, fields, evidence_file), as_json, _show_saved)


@consent_app.command()
def revoke(
    record_id: Annotated[str, typer.Argument(metavar="RECORD_ID", help="The statement.")],
    workspace: WorkspaceOption,
    on: Annotated[str, typer.Option("--on", metavar="DAY", help="First day on which it no longer holds.")],
    as_json: JsonOption = False,
) -> None:
    """Withdraw a statement; what was said stays in the history, and the withdrawal is logged.

    Example: linernotes rights consent revoke c-17 --on 2026-05-01 --workspace WS
    """
    from linernotes.workflows.rights import revoke_consent

    emit(revoke_consent(workspace, record_id, on), as_json, _show_saved)


def _show_imported(answer: dict[str, Any]) -> None:
    _show_problems(answer["problems"])
    counts = ", ".join(f"{n} {name}" for name, n in answer["counts"].items() if n)
    say(f"read {counts or 'nothing'}")
    if answer["saved"]:
        say(f"saved; {answer['n_new_consents']} new consents; log entry {answer['log_index']}")
    else:
        say("nothing saved")


def _show_exported(answer: dict[str, Any]) -> None:
    for file in answer["files"]:
        say(file)


def _show_problems(problems: list[dict[str, Any]]) -> None:
    if problems:
        rows = [
            (p["severity"], p["code"], p["where"], p["value"], p["expected"], p["who"], p["next_step"])
            for p in problems[:N_SHOWN]
        ]
        table("", ["severity", "code", "where", "value", "expected", "who", "next step"], rows)
    if len(problems) > N_SHOWN:
        say(f"… and {len(problems) - N_SHOWN} more; --json gives all")


def _show_checked(answer: dict[str, Any]) -> None:
    _show_problems(answer["problems"])
    counts = ", ".join(f"{n} {severity}" for severity, n in answer["n_problems"].items())
    say(f"checked {', '.join(f'{n} {name}' for name, n in answer['counts'].items() if n) or 'nothing'}")
    say(f"problems: {counts}")


def _show_decided(answer: dict[str, Any]) -> None:
    place = answer["territory"] or "the world"
    say(f"{answer['recording_id']}: {answer['use']} on {answer['on']} in {place}")
    rows = []
    for one in answer["answers"]:
        decision = one["decision"]
        remarks = [decision["reason"], *one["gaps"], *one["notes"]]
        remarks += [f"{c['code']}: {', '.join(c['records'])}" for c in decision["conflicts"]]
        rows.append(
            (
                one["layer"],
                one["name"] or "–",
                decision["value"],
                "needed" if one["needed"] else "",
                ", ".join(decision["deciding"]),
                "; ".join(remarks),
            )
        )
    table("", ["layer", "of", "decision", "", "by", "because"], rows)
    say("allowed" if answer["allowed"] else "not allowed")
    say(answer["scope"])


def _show_history(answer: dict[str, Any]) -> None:
    rows = []
    for row in answer["rows"]:
        said = row["record"]
        what = f"revoked on {said['revoked_on']}" if said["revoked_on"] else said["value"]
        subject = f"{said['subject_kind']} {said['subject']}"
        rows.append(
            (row["sequence"], row["saved_at"], said["record_id"], subject, said["layer"], said["use"], what)
        )
    table("", ["row", "saved", "record", "about", "layer", "use", "says"], rows)
    say(f"{answer['n_rows']} rows, {answer['n_logged']} of them covered by the audit log; the chain holds")


def _show_saved(answer: dict[str, Any]) -> None:
    said = answer["record"]
    what = f"revoked on {said['revoked_on']}" if said["revoked_on"] else said["value"]
    say(
        f"{said['record_id']}: {said['subject_kind']} {said['subject']}, {said['layer']}, {said['use']}: {what}"
    )
    say(f"log entry {answer['log_index']}")
