"""The rights registry of a workspace: import, template, export, check, and statements of consent.

Every save is logged: an entry of the audit log holds the SHA-256 of what was saved and the end of the chain
of consents, so that nobody can later slip in, change or drop a statement unseen.

Known limits
------------
A save is written to the registry first and logged then; one that was interrupted in between is covered by
the next entry, and shown as not logged until there is one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linernotes.catalog.consent_record import ConsentRecord, record_id_of
from linernotes.catalog.problem import Problem, in_order
from linernotes.catalog.registry import Imported, Registry
from linernotes.catalog.rights_export import write_rights_file, write_template
from linernotes.catalog.rights_files import read_rights_file
from linernotes.errors import CorpusError, InputError, VerificationError

if TYPE_CHECKING:
    from linernotes.workspace import Workspace
    from linernotes.workspace.consent_history import SavedConsent

SAVED, ADDED, REVOKED = "rights-save", "consent-add", "consent-revoke"
PROBLEM_COLUMNS = ("severity", "code", "where", "value", "expected", "who", "next_step")


def save(workspace: Workspace, registry: Registry, source: str, kind: str = SAVED) -> dict[str, Any]:
    """Join a registry to the workspace's and log it.

    Parameters
    ----------
    workspace : Workspace
        Where to.
    registry : Registry
        What to keep.
    source : str
        Where it came from, for the log.
    kind : str
        Kind of the log entry.

    Returns
    -------
    dict
        ``counts``, ``n_new_consents``, ``history_rows``, ``history_head`` and ``log_index``.

    Raises
    ------
    CorpusError
        If a consent would change a statement saved before, or the log cannot be written.
    """
    from linernotes.workflows.audit import record

    new = workspace.save_registry(registry)
    history = workspace.consent_history()
    body: dict[str, Any] = {
        "source": source[:1000],
        "counts": registry.counts(),
        "n_new_consents": len(new),
        **_end(history),
    }
    if len(new) <= 20:
        body["new_consents"] = [saved.record.record_id for saved in new]
    receipt = record(workspace, kind, _sha256_of(registry), body)
    return body | {"log_index": receipt.leaf_index}


def import_rights(
    files: Sequence[Path | str],
    workspace: Path | str,
    *,
    sheet: str | None = None,
    skip_bad_rows: bool = False,
    dry_run: bool = False,
    progress: Callable[[str, int, int], None] = lambda name, n_done, n_all: None,
) -> dict[str, Any]:
    """Read rights files into a workspace; all of them or nothing.

    Parameters
    ----------
    files : sequence of Path or str
        Workbooks, CSV tables, JSON exports, or folders of CSV tables.
    workspace : Path or str
        Made when there is none.
    sheet : str, optional
        Which sheet a CSV table is.
    skip_bad_rows : bool
        Save the rest where rows could not be read.
    dry_run : bool
        Read and report, save nothing.
    progress : callable, optional
        Called with a name, the number of files done and their number.

    Returns
    -------
    dict
        ``saved``, ``counts`` of what was read, ``problems``, and the fields of `save` where it saved.

    Raises
    ------
    InputError
        If a file cannot be read as a whole.
    CorpusError
        As `save`.
    """
    from linernotes.workspace import Workspace

    if not files:
        raise InputError("no rights file given; expected workbooks, CSV tables, JSON exports or folders")
    parts = []
    for n_done, file in enumerate(files):
        progress("reading", n_done, len(files) + 1)
        parts.append(read_rights_file(file, sheet))
    found = Imported(Registry()).merge(*parts)
    progress("reading", len(files), len(files) + 1)
    answer: dict[str, Any] = {
        "saved": False,
        "counts": found.registry.counts(),
        "problems": [problem.as_json() for problem in in_order(found.problems)],
    }
    if dry_run or not (found.is_clean or skip_bad_rows):
        return answer
    with Workspace.open_or_create(workspace) as opened:
        source = ", ".join(Path(file).name for file in files)
        return answer | save(opened, found.registry, source) | {"saved": True, "counts": answer["counts"]}


def template(out: Path | str) -> dict[str, Any]:
    """Write an empty, documented workbook with an example row in each sheet; returns ``template``.

    Raises
    ------
    InputError
        If *out* does not end in ``.xlsx`` or cannot be written.
    """
    return {"template": write_template(out)}


def export(workspace: Path | str, out: Path | str) -> dict[str, Any]:
    """Write the registry as workbook, JSON or CSV tables; returns ``files`` and ``counts``.

    Raises
    ------
    InputError
        If *out* cannot be written or has an unknown suffix.
    CorpusError
        If there is no workspace, or its history of consent was changed.
    """
    with _open(workspace) as opened:
        registry = opened.registry()
    return {"files": list(write_rights_file(registry, out)), "counts": registry.counts()}


def check(workspace: Path | str | None = None, files: Sequence[Path | str] = ()) -> dict[str, Any]:
    """Look a registry over: conflicts, mis-applied codes, shares, gaps.

    Parameters
    ----------
    workspace : Path or str, optional
        Whose registry.
    files : sequence of Path or str
        Rights files to look at beside it, or alone; nothing is saved.

    Returns
    -------
    dict
        ``ok`` (nothing of high severity), ``counts``, ``n_problems`` by severity, ``by_code`` and
        ``problems``, gravest first.

    Raises
    ------
    InputError
        If neither is given or a file cannot be read.
    """
    if workspace is None and not files:
        raise InputError("nothing to check; give a workspace, rights files, or both")
    found = Imported(Registry()).merge(*(read_rights_file(file) for file in files))
    if workspace is not None:
        with _open(workspace) as opened:
            found = Imported(opened.registry()).merge(found)
    problems = in_order((*found.problems, *found.registry.check()))
    severities = Counter(problem.severity for problem in problems)
    return {
        "ok": not severities["high"],
        "counts": found.registry.counts(),
        "n_problems": {severity: severities[severity] for severity in ("high", "medium", "low")},
        "by_code": dict(sorted(Counter(problem.code for problem in problems).items())),
        "problems": [problem.as_json() for problem in problems],
    }


def write_problems(problems: Sequence[Mapping[str, Any]], out: Path | str) -> str:
    """Write problems as a CSV table whose cells no spreadsheet runs.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    from linernotes.catalog.cells import guarded

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(PROBLEM_COLUMNS)
    writer.writerows([guarded(str(problem[name])) for name in PROBLEM_COLUMNS] for problem in problems)
    out = Path(out)
    partial = out.with_name(out.name + ".partial")
    try:
        partial.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
        os.replace(partial, out)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{out}: cannot be written ({error.strerror}); choose another place") from error
    return str(out)


def add_consent(
    workspace: Path | str, fields: Mapping[str, Any], evidence_file: Path | str | None = None
) -> dict[str, Any]:
    """Enter one statement and log it.

    Parameters
    ----------
    workspace : Path or str
        Made when there is none.
    fields : dict
        Of `ConsentRecord`; ``record_id`` is made from the content where it is missing.
    evidence_file : Path or str, optional
        The document that shows it; its SHA-256 is kept, the document is not.

    Returns
    -------
    dict
        ``record``, ``log_index`` and the fields of `save`.

    Raises
    ------
    InputError
        If a field is not allowed or the document cannot be read.
    CorpusError
        If the id is taken by another statement.
    """
    from linernotes.auditlog.receipt import sha256_of_file
    from linernotes.workspace import Workspace

    values = dict(fields)
    if evidence_file is not None:
        values["evidence_sha256"] = sha256_of_file(Path(evidence_file))
        values["evidence"] = values.get("evidence") or Path(evidence_file).name
    values["record_id"] = values.get("record_id") or record_id_of(**values)
    said = ConsentRecord.from_json(values)
    with Workspace.open_or_create(workspace) as opened:
        saved = save(opened, Registry(consents=(said,)), said.source or "consent add", ADDED)
    return {"record": said.as_json(), **saved}


def revoke_consent(workspace: Path | str, record_id: str, on: str) -> dict[str, Any]:
    """Withdraw a statement from a day on, as a further row of the history, and log it.

    Raises
    ------
    CorpusError
        If there is no such record.
    InputError
        If the day is none, or lies before the record.
    """
    from linernotes.workspace.consent_history import revocation

    with _open(workspace) as opened:
        said = revocation(opened.consent_history(), record_id, on)
        saved = save(opened, Registry(consents=(said,)), f"revocation of {record_id}", REVOKED)
    return {"record": said.as_json(), **saved}


def history(workspace: Path | str, subject: str | None = None) -> dict[str, Any]:
    """Return the history of consent, checked against its own chain and against the audit log.

    Parameters
    ----------
    workspace : Path or str
        Whose.
    subject : str, optional
        Show only rows about this subject, or of this record id; all are checked.

    Returns
    -------
    dict
        ``ok`` (every row is covered by the log), ``n_rows``, ``n_logged``, ``history_head`` and ``rows``, each
        with ``logged``.

    Raises
    ------
    CorpusError
        If the history was changed outside the program.
    VerificationError
        If the log says otherwise.
    """
    with _open(workspace) as opened:
        rows = opened.consent_history()
        n_logged = _check_against_log(opened, rows)
    wanted = [row for row in rows if subject in (None, row.record.subject, row.record.record_id)]
    return {
        "ok": n_logged == len(rows),
        "n_rows": len(rows),
        "n_logged": n_logged,
        "history_head": _end(rows)["history_head"],
        "rows": [row.as_json() | {"logged": row.sequence <= n_logged} for row in wanted],
    }


def _check_against_log(workspace: Workspace, rows: Sequence[SavedConsent]) -> int:
    """Return how many rows the log covers, after comparing every end of the chain that it holds."""
    from linernotes.workflows.audit import open_log

    try:
        log = open_log(workspace)
    except CorpusError:
        return 0  # no log: nothing vouches for any row
    n_logged = 0
    for entry in log.entries():
        body = json.loads(entry).get("body", {})
        if "history_head" not in body or "history_rows" not in body:
            continue
        n_rows, head = body["history_rows"], body["history_head"]
        if n_rows > len(rows) or (n_rows and rows[n_rows - 1].sha256 != head):
            raise VerificationError(
                f"history of consent: the log says that row {n_rows} had the hash {head[:12]}…; the workspace holds "
                f"{len(rows)} rows that do not give it: statements were changed or removed; restore it from a copy"
            )
        n_logged = max(n_logged, n_rows)
    return n_logged


def problems_of(answer: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of an answer of `check` or `import_rights`."""
    return [Problem.from_json(problem) for problem in answer["problems"]]


def _end(rows: Sequence[SavedConsent]) -> dict[str, Any]:
    from linernotes.workspace.consent_history import NO_HASH

    return {"history_rows": len(rows), "history_head": rows[-1].sha256 if rows else NO_HASH}


def _sha256_of(registry: Registry) -> str:
    text = json.dumps(registry.as_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _open(path: Path | str) -> Workspace:
    from linernotes.workspace import Workspace

    return Workspace.open(path)
