"""``linernotes credentials``: signed records inside generated files, written and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, note, say

app = typer.Typer(
    help="Write and check content credentials (C2PA) on generated files.",
    no_args_is_help=True,
    add_completion=False,
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A WAV, FLAC, MP3 or M4A file.")]
TrustOption = Annotated[
    Path | None, typer.Option("--trust", metavar="PEM", help="Authorities whose signers you trust.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]
_MARKS = {True: "yes", False: "NO", None: "not checked"}


@app.command()
def keys(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the three files go.")],
    as_json: JsonOption = False,
) -> None:
    """Make a signer for trials; its certificate says TEST, and nobody trusts it.

    Example: linernotes credentials keys --out trial-signer
    """
    from linernotes.workflows.credentials import make_keys

    emit(make_keys(out), as_json, _show_keys)


@app.command()
def write(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The generated file.")],
    workspace: Annotated[Path, typer.Option("--workspace", metavar="WS", help="The workspace.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the signed copy goes.")],
    certificate: Annotated[
        Path, typer.Option("--certificate", metavar="PEM", help="Certificate chain, the signer's own first.")
    ],
    key: Annotated[Path, typer.Option("--key", metavar="PEM", help="The signer's private key, unencrypted.")],
    rights: Annotated[
        str, typer.Option("--rights", metavar="R", help="Training on it: notAllowed, allowed or constrained.")
    ] = "notAllowed",
    rights_info: Annotated[
        str, typer.Option("--rights-info", metavar="TEXT", help="The constraint, or where it stands.")
    ] = "",
    method: Annotated[
        str | None, typer.Option("--method", metavar="M", help="Which ranking, where there are several.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Log the output's attribution record and write a signed copy that points to it.

    Example: linernotes credentials write out.wav --workspace WS --certificate chain.pem --key key.pem --out signed.wav
    """
    from linernotes.workflows.credentials import CredentialRequest, write_credentials

    request = CredentialRequest(
        output=output,
        workspace=workspace,
        out=out,
        certificates=certificate,
        private_key=key,
        rights=rights,
        rights_info=rights_info,
        method=method,
    )
    emit(write_credentials(request), as_json, _show_written)


@app.command()
def read(file: FileArgument, trust: TrustOption = None, as_json: JsonOption = False) -> None:
    """Print what credentials a file carries.

    Example: linernotes credentials read signed.wav
    """
    from linernotes.workflows.credentials_check import read_credentials

    emit(read_credentials(file, trust), as_json, _show_read)


@app.command()
def verify(
    file: FileArgument,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", metavar="WS", help="Check against this workspace's log.")
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option("--receipt", metavar="FILE", help="Check against this receipt, offline.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEY", help="The log's verifying key, for --receipt.")
    ] = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that the sound is unchanged and the record is the one in the log; exit code 1 when not.

    Example: linernotes credentials verify signed.wav --receipt receipt.json --key log.pub
    """
    from linernotes.workflows.credentials_check import verify_credentials

    report = verify_credentials(file, workspace=workspace, receipt=receipt, key=key, trust=trust)
    emit(report, as_json, _show_verified)
    if not report["ok"]:
        raise typer.Exit(1)


def _show_keys(found: dict[str, Any]) -> None:
    say(f"certificate chain: {found['certificates']}")
    say(f"private key: {found['private_key']} (keep it)")
    note("this signer is for trials: its certificate says TEST, and readers show it as not trusted")


def _show_written(found: dict[str, Any]) -> None:
    made = found["record"]
    say(f"{found['file']}: credentials written, signed by {found['signer']} ({found['state']})")
    _show_record(made)
    say(f"training on this file: {found['rights']}")
    say(f"record is entry {found['log']['index']} of {found['log']['origin']}; receipt: {found['receipt']}")
    say(found["scope"])


def _show_record(made: dict[str, Any]) -> None:
    say(
        f"corpus {made['corpus']['root'][:12]}…, {made['corpus']['n_items']} recordings, {made['corpus']['stage']}"
    )
    ranked = made["attribution"]
    if ranked is not None:
        known = ranked["reliability"]
        said = f"LDS {known['lds']:.2f}" if known else "reliability not measured"
        say(
            f"ranking by {ranked['method']} ({said}), run {ranked['run']}, "
            f"credited to nobody: {ranked['unattributed_share']:.0%}"
        )
    say(made["limitation"])


def _show_read(found: dict[str, Any]) -> None:
    held = found["credentials"]
    if held is None:
        say(f"{found['file']}: no content credentials; that says nothing about how it was made")
        return
    say(f"{found['file']}: {held['state']}, signed by {held['signer']}, made by {held['generator']}")
    for kind in held["digital_source_types"]:
        say(f"source type: {kind}")
    for one in held["assertions"]:
        say(f"assertion: {one['label']}")
    for one in held["faults"]:
        note(f"{one['code']}: {one['explanation']}")
    if found["attribution"] is not None:
        _show_record(found["attribution"]["record"])
    say(found["scope"])


def _show_verified(report: dict[str, Any]) -> None:
    say(f"{report['file']}: {'verified' if report['ok'] else 'NOT verified'}")
    for row in report["checks"]:
        say(f"  {row['check']}: {_MARKS[row['ok']]}" + (f" ({row['detail']})" if row["detail"] else ""))
    if report["record"] is not None:
        say(report["record"]["limitation"])
    say(report["scope"])
