"""What a workspace can tell the documents of a disclosure: log, snapshots, identification, rankings, leads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog import AuditLog, Entry
from linernotes.corpus.seal import SealedCorpus
from linernotes.disclosure.facts import LogFacts, Material, Previous
from linernotes.disclosure.provider import Provider
from linernotes.errors import CorpusError
from linernotes.evidence.reliability import Reliability
from linernotes.workflows.audit import open_log
from linernotes.workflows.leads_records import FOLDER as LEADS_FOLDER
from linernotes.workflows.leads_records import kept_leads
from linernotes.workflows.rights_decide import known_rights
from linernotes.workflows.signal_audit import RESULT as AUDIT_FILE
from linernotes.workflows.signal_store import FOLDER as SIGNALS_FOLDER
from linernotes.workspace import Workspace

AUDIT_KIND = "signal-audit"
DISCLOSURE_KIND = "disclosure"
SEAL_KIND = "corpus-seal"


@dataclass(frozen=True, slots=True)
class Logged:
    """A disclosure that the log knows: its place, the hash of its index, and its snapshot."""

    index: int
    sha256: str
    corpus_root: str

    def as_previous(self, version: int) -> Previous:
        """Return it as the version before another."""
        return Previous(
            version=version, sha256=self.sha256, log_index=self.index, corpus_root=self.corpus_root
        )


def material_of(
    workspace: Workspace,
    corpus: SealedCorpus,
    provider: Provider,
    policy: Path | str | None = None,
    *,
    logged_before: bool = False,
) -> Material:
    """Gather what the workspace holds; with ``logged_before`` also the day on which each consent was entered.

    Raises
    ------
    InputError
        If the witness policy is not readable.
    CorpusError, VerificationError
        If the workspace or its log is damaged.
    """
    unmatched, n_identified = _identification(workspace, corpus.root)
    rankings = [one for one in workspace.rankings() if one.corpus_root == corpus.root]
    measured: dict[tuple[str, str], Reliability] = {
        (one.method, one.generator_id): one.reliability for one in rankings if one.reliability is not None
    }
    return Material(
        corpus=corpus,
        registry=workspace.registry(),
        provider=provider,
        log=_log_facts(workspace, corpus.root, policy),
        previous_items=_previous_items(workspace, corpus),
        unmatched=unmatched,
        n_identified=n_identified,
        reliability=tuple(measured[key] for key in sorted(measured)),
        n_rankings=len(rankings),
        leads=_leads(workspace, corpus.root),
        signal_audit=_signal_audit(workspace, corpus.root),
        recorded=known_rights(workspace)[1] if logged_before else None,
    )


def past_disclosures(workspace: Workspace) -> Iterator[Logged]:
    """Yield every disclosure in the workspace's log, oldest first."""
    if not has_log(workspace):
        return
    for index, entry in _entries_of(open_log(workspace), DISCLOSURE_KIND):
        root = entry.body.get("corpus_root")
        if entry.subject_sha256 and isinstance(root, str) and "version" in entry.body:
            yield Logged(index, entry.subject_sha256, root)


def seal_entry(log: AuditLog, root: str) -> tuple[int, Entry] | None:
    """Return the first entry by which a corpus was sealed, with its place."""
    for index, entry in _entries_of(log, SEAL_KIND):
        if entry.subject_sha256 == root:
            return index, entry
    return None


def has_log(workspace: Workspace) -> bool:
    """Tell whether the workspace has a log yet."""
    try:
        open_log(workspace)
    except CorpusError:
        return False
    return True


def _entries_of(log: AuditLog, kind: str) -> Iterator[tuple[int, Entry]]:
    marked = f'"kind":"{kind}"'.encode()
    for index, data in enumerate(log.entries()):
        if marked in data and (entry := Entry.from_bytes(data)).kind == kind:
            yield index, entry


def _log_facts(workspace: Workspace, root: str, policy: Path | str | None) -> LogFacts | None:
    if not has_log(workspace):
        return None
    log = open_log(workspace)
    found = seal_entry(log, root)
    return LogFacts(
        origin=log.checkpoint().origin,
        n_witnesses=_n_witnesses(log, policy),
        seal_index=found[0] if found else None,
        seal_time=found[1].time if found else "",
    )


def _n_witnesses(log: AuditLog, policy: Path | str | None) -> int:
    if policy is None:
        return 0
    from linernotes.auditlog.policy import Policy

    note = log.witnessed_note() or log.checkpoint_note()
    return len(Policy.load(policy).judge(note).cosigned)


def _previous_items(workspace: Workspace, corpus: SealedCorpus) -> tuple[str, ...] | None:
    if corpus.previous_root is None:
        return None
    return tuple(item.content_sha256 for item in workspace.corpus(corpus.previous_root).items)


def _identification(workspace: Workspace, root: str) -> tuple[frozenset[str] | None, int]:
    """Read the newest report of ``linernotes corpus identify`` on this corpus."""
    from linernotes.workflows.corpus_identify import REPORT

    found: list[tuple[float, tuple[frozenset[str], int]]] = []
    for path in (workspace.path / "runs").glob(f"corpus*/{REPORT}"):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            if report.get("corpus_root") == root:
                found.append((path.stat().st_mtime, _unmatched(report["items"])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusError(
                f"{path}: damaged report ({error!r}); delete its folder and identify again"
            ) from error
    if not found:
        return None, 0
    return max(found, key=lambda pair: pair[0])[1]


def _unmatched(rows: list[dict[str, Any]]) -> tuple[frozenset[str], int]:
    """Return the items that no release was found for, and how many items a report speaks of."""
    return frozenset(row["item_id"] for row in rows if row["status"] == "unmatched"), len(rows)


def _leads(workspace: Workspace, root: str) -> tuple[str, ...] | None:
    if not (workspace.path / LEADS_FOLDER).is_dir():
        return None
    try:
        return tuple(
            f"lead {one['lead_id']}" for one in kept_leads(workspace) if one["corpus"]["root"] == root
        )
    except (KeyError, TypeError) as error:
        raise CorpusError(f"{workspace.path / LEADS_FOLDER}: damaged lead ({error!r}); restore it") from error


def _signal_audit(workspace: Workspace, root: str) -> dict[str, Any] | None:
    """Read the newest opt-out audit, when it is of this snapshot and as it was logged."""
    path = workspace.path / SIGNALS_FOLDER / AUDIT_FILE
    if not path.is_file():
        return None
    data = path.read_bytes()
    logged = [entry.subject_sha256 for _, entry in _entries_of(open_log(workspace), AUDIT_KIND)]
    if not logged or logged[-1] != hashlib.sha256(data).hexdigest():
        raise CorpusError(f"{path}: not as it was logged; repeat 'linernotes signals audit'")
    found: dict[str, Any] = json.loads(data)
    return found if found["root"] == root else None
