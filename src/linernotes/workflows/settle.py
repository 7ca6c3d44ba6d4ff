"""Settle: divide a pool of money by a declared policy, write the statement, log it, and add the receipt.

A statement is written once. Settling the same thing again finds the statement that is there and gives
it back; a folder that holds another statement is refused, so that nobody's statement changes after they
got it.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linernotes.auditlog.files import write_whole
from linernotes.auditlog.receipt import Receipt, check_subject
from linernotes.errors import CorpusError, InputError, VerificationError
from linernotes.evidence.influence import InfluenceRanking
from linernotes.royalties.export import statement_csv
from linernotes.royalties.money import Money, parse_money
from linernotes.royalties.policy import Policy, default_policy, load_policy
from linernotes.royalties.statement import build_statement, check_statement
from linernotes.workflows.audit import open_log, record, trusted_key_path

if TYPE_CHECKING:
    from linernotes.workspace import Workspace

STATEMENT_FILE, TABLE_FILE, RECEIPT_FILE = "statement.json", "statement.csv", "receipt.json"


def settle(
    workspace_path: Path | str,
    pool: str | Money,
    policy_path: Path | str | None = None,
    *,
    out: Path | str | None = None,
    method: str | None = None,
    generator_id: str | None = None,
    outputs_path: Path | str | None = None,
) -> dict[str, Any]:
    """Divide *pool* among the recordings of the workspace's sealed corpus.

    Parameters
    ----------
    workspace_path : path
        A workspace with a sealed corpus, and with rankings unless the policy is presence_only.
    pool : str or Money
        Such as ``"1000.00EUR"``.
    policy_path : path, optional
        Policy in TOML; the packaged default when None.
    out : path, optional
        Folder for statement.json, statement.csv and receipt.json; by default
        ``statements/STATEMENT_ID`` in the workspace.
    method, generator_id : str, optional
        Which rankings count, where the workspace holds several kinds.
    outputs_path : path, optional
        CSV with the columns ``query`` and ``weight``: what each output earned. Only these outputs are paid
        on. All outputs, equally, when None.

    Returns
    -------
    dict
        The statement, and under ``files`` where statement, table, receipt and verifying key lie.

    Raises
    ------
    PolicyRefusal
        If the policy forbids it: no measured reliability, no consent, no rightsholder.
    InputError
        If pool, policy or outputs are malformed, the rankings are ambiguous, or *out* holds another
        statement.
    CorpusError, NotFitted
        If corpus or rankings are missing or do not fit each other.
    """
    from linernotes.workspace import Workspace

    money = parse_money(pool) if isinstance(pool, str) else pool
    policy = load_policy(policy_path) if policy_path is not None else default_policy()
    weights = read_output_weights(outputs_path) if outputs_path is not None else None
    with Workspace.open(workspace_path) as workspace:
        statement = _build(workspace, money, policy, method, generator_id, weights)
        folder = Path(out) if out is not None else workspace.folder("statements") / statement["statement_id"]
        return _publish(workspace, statement, folder)


def choose_rankings(
    rankings: Sequence[InfluenceRanking], method: str | None = None, generator_id: str | None = None
) -> list[InfluenceRanking]:
    """Return one ranking per output, the latest of each, all of one method and one generator.

    Parameters
    ----------
    rankings : sequence of InfluenceRanking
        Oldest first.
    method, generator_id : str, optional
        Keep only these.

    Raises
    ------
    InputError
        If rankings of several methods or generators remain, or none of those that there are.
    """
    left = [r for r in rankings if method in (None, r.method) and generator_id in (None, r.generator_id)]
    if rankings and not left:
        known = sorted({f"{r.method} on {r.generator_id}" for r in rankings})
        raise InputError(f"no ranking by {method} on {generator_id}; the workspace has {'; '.join(known)}")
    for name, option in (("method", "--method"), ("generator_id", "--generator-id")):
        found = sorted({getattr(ranking, name) for ranking in left})
        if len(found) > 1:
            raise InputError(
                f"the workspace has rankings with {len(found)} values of {name}: {', '.join(found)}; "
                f"choose one with {option}"
            )
    return list({ranking.query_id: ranking for ranking in left}.values())


def read_output_weights(path: Path | str) -> dict[str, Fraction]:
    """Read a CSV with the columns ``query`` and ``weight``; InputError names the line at fault."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV in UTF-8 ({error})") from None
    weights: dict[str, Fraction] = {}
    for number, row in enumerate(rows, start=2):
        query, weight = row.get("query"), row.get("weight")
        if not query or weight is None or query in weights:
            raise InputError(f"{path}: line {number}: expected the columns query and weight, each query once")
        try:
            value = Decimal(weight)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or value < 0 or abs(value.adjusted()) > 30:
            raise InputError(f"{path}: line {number}: weight {weight!r}, expected a number from 0")
        weights[query] = Fraction(value)
    if not weights:
        raise InputError(f"{path}: no rows; expected the columns query and weight")
    return weights


def _build(
    workspace: Workspace,
    pool: Money,
    policy: Policy,
    method: str | None,
    generator_id: str | None,
    weights: Mapping[str, Fraction] | None,
) -> dict[str, Any]:
    rankings = workspace.rankings()
    if policy.mode == "presence_only" and method is generator_id is None:
        rankings = []  # influence plays no part, so several kinds of ranking are no ambiguity
    rankings = choose_rankings(rankings, method, generator_id)
    if weights is not None:
        rankings = [ranking for ranking in rankings if ranking.query_id in weights]
    return build_statement(pool, workspace.corpus(), rankings, policy, output_weights=weights)


def _publish(workspace: Workspace, statement: dict[str, Any], folder: Path) -> dict[str, Any]:
    path, table, receipt = (folder / name for name in (STATEMENT_FILE, TABLE_FILE, RECEIPT_FILE))
    if path.exists():
        statement = _existing(path, statement["statement_id"])
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, _statement_bytes(statement))
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written ({error.strerror}); choose another --out"
            ) from None
    if not table.exists():  # it is here already when the same statement is settled again
        write_whole(table, statement_csv(statement).encode())
    if not receipt.exists() or not _holds(workspace, receipt, path):
        _log(workspace, statement, path, table).write(receipt)
    workspace.save_statement(statement)
    files = {"statement": path, "table": table, "receipt": receipt, "key": trusted_key_path(workspace)}
    return statement | {"files": {name: str(place) for name, place in files.items()}}


def _existing(path: Path, statement_id: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
        check_statement(found)
    except (OSError, ValueError, VerificationError) as error:
        raise InputError(f"{path}: there already and damaged ({error}); choose another --out") from None
    if found["statement_id"] != statement_id:
        raise InputError(
            f"{path}: holds another statement, {found['statement_id']}; statements are never overwritten, "
            "choose another --out"
        )
    return dict(found)


def _statement_bytes(statement: Mapping[str, Any]) -> bytes:
    return (
        json.dumps(statement, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    ).encode()


def _log(workspace: Workspace, statement: Mapping[str, Any], path: Path, table: Path) -> Receipt:
    body = {
        "statement_id": statement["statement_id"],
        "pool": statement["pool"]["amount"],
        "corpus_root": statement["corpus_root"],
        "policy_sha256": statement["policy"]["sha256"],
        "table_sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
    }
    return record(workspace, "statement", hashlib.sha256(path.read_bytes()).hexdigest(), body)


def _holds(workspace: Workspace, receipt: Path, path: Path) -> bool:
    try:
        check_subject(Receipt.load(receipt).verify(open_log(workspace).key), path)
    except (VerificationError, CorpusError):  # of another log, or there is no log yet
        return False
    return True
