"""Answer a request: look up, extract, prove, log, and put into one folder what can be mailed.

::

    answers/000007/
    ├── answer.json        the answer; its hash is in the log
    ├── answer.html        the same in plain words
    ├── extract.json       everything on the requester's own works; its hash is in the log
    ├── request.json       the request, with the salt of the hashes in the log
    ├── proofs/            presence or absence of each work in the committed map
    ├── receipts/          one per step of the request, and that of the seal
    ├── log.pub            the log's verifying key, to be compared with the one that is published
    └── linernotes_verify.py   checks the folder, without us and without a network

Conventions
-----------
``answer.json`` lists the SHA-256 of every other file but the receipts; the log entry names the hash of ``answer.json``.

Known limits
------------
The folder holds personal data of the requester. Mail it to nobody else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from linernotes.auditlog import Receipt
from linernotes.auditlog.receipt import sha256_of_file
from linernotes.disclosure.disputes import REASONS
from linernotes.disclosure.leads_keys import SOUND_KEYS
from linernotes.disclosure.requests import Request
from linernotes.disclosure.requests_state import ANSWERED, EXTRACT, Ticket, check_step
from linernotes.errors import InputError
from linernotes.execution.shards import Progress
from linernotes.reports.answer_page import answer_page
from linernotes.workflows.leads_lookup import CorpusLookup, open_lookup
from linernotes.workflows.presence import open_snapshot
from linernotes.workflows.requests import utc_today
from linernotes.workflows.requests_extract import OwnerFacts, open_owner_facts
from linernotes.workflows.requests_folder import (
    REQUEST_FILE,
    desk_of,
    folder_of,
    load_request,
    log_step,
    private_folder,
    ticket_of,
    words_of,
)
from linernotes.workflows.requests_mail import copy_folder, fresh_folder, write_json, write_receipts
from linernotes.workflows.requests_proofs import prove_work
from linernotes.workflows.verifier import copy_verifier
from linernotes.workspace import Workspace

FORMAT, EXTRACT_FORMAT = "linernotes-answer-v1", "linernotes-extract-v1"
VERIFIER = "linernotes_verify.py"
SCOPE = (
    "Answers whether the works named here are in the recordings that the provider committed under this root, under the "
    "keys that are listed. It does not show what else was used, is not proof of copying or of its absence, and is not "
    "a legal conclusion."
)


def answer(
    workspace: Path | str,
    request_id: str,
    *,
    confirm: Collection[str] = (),
    note: str = "",
    out: Path | str | None = None,
    listen: bool = True,
    today: date | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Answer a request, log extract and answer, and write the folder to mail.

    Parameters
    ----------
    workspace : Path or str
        Workspace with the request and a sealed corpus.
    request_id : str
        The request.
    confirm : collection of str
        Labels of works for which a person has confirmed that they are the requester's, though the name is not on file.
    note : str
        A remark of the desk, printed in the answer.
    out : Path or str, optional
        Where to put a copy of the folder; it must not be there yet.
    listen : bool
        Whether sound is compared with the corpus; without it the codes and the map alone answer, and the answer says so.
    today : date, optional
        The desk's day, in UTC; the clock of the machine when None.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``request_id``, ``folder``, ``works`` (label and result), ``n_present``, ``answer_sha256``, ``log_index``,
        ``late``, ``corpus_root``.

    Raises
    ------
    InputError
        If a label to confirm is not one of the request's, a file is no audio, or *out* exists.
    CorpusError
        If there is no such request, it is closed, or no corpus is sealed.
    VerificationError
        If the private request, the log or the manifest was changed.
    """
    day = today or utc_today()
    if out is not None and Path(out).exists():
        raise InputError(f"{out}: is there already; give a folder that does not exist yet")
    with Workspace.open(workspace) as opened, desk_of(opened):
        ticket = ticket_of(opened, request_id)
        check_step(ticket, EXTRACT)
        request = load_request(opened, ticket)
        unknown = set(confirm) - {work.label for work in request.works}
        if unknown:
            raise InputError(
                f"work '{min(unknown)}': not one of the request's, so there is nothing to confirm"
            )
        lookup = open_lookup(opened, progress=progress, listen=listen)
        facts = open_owner_facts(opened, lookup)
        home = private_folder(folder_of(opened, request_id) / "answers")
        draft = fresh_folder(home / "next.partial")
        extract = _extract(facts, request, ticket, confirm, opened, draft, progress)
        told = _answer(request, ticket, extract, lookup, day, note, draft)
        receipt = _log(opened, request_id, extract, told, draft)
        write_receipts(opened, ticket_of(opened, request_id), draft)
        final = home / f"{receipt.leaf_index:06d}"
        draft.rename(final)
        if out is not None:
            copy_folder(final, Path(out))
    return {
        "request_id": request_id,
        "folder": str(out if out is not None else final),
        "works": [{"label": one["label"], "result": one["result"]} for one in extract["works"]],
        "n_present": sum(one["result"] == "present" for one in extract["works"]),
        "answer_sha256": sha256_of_file(final / "answer.json"),
        "log_index": receipt.leaf_index,
        "late": ticket.due_on is not None and day > ticket.due_on and ticket.answered_at is None,
        "corpus_root": extract["corpus"]["root"],
    }


def _extract(
    facts: OwnerFacts,
    request: Request,
    ticket: Ticket,
    confirm: Collection[str],
    workspace: Workspace,
    draft: Path,
    progress: Progress | None,
) -> dict[str, Any]:
    """Look every work up, write its proof, and write the extract."""
    (draft / "proofs").mkdir()
    snapshot = open_snapshot(workspace.path, facts.corpus.root)
    works = []
    for number, work in enumerate(request.works, start=1):
        found = facts.extract(work, request, confirm)
        proof = prove_work(snapshot, found["codes"])
        if proof is not None:
            found["proof"] = f"proofs/{number:05d}.proof"
            (draft / found["proof"]).write_bytes(proof)
        works.append(found)
        if progress is not None:
            progress("looking works up", number, len(request.works))
    corpus = facts.corpus
    extract = {
        "format": EXTRACT_FORMAT,
        "request_id": request.request_id,
        "corpus": {
            "root": corpus.root,
            "n_items": len(corpus.items),
            "sealed_at": corpus.sealed_at,
            "stage": corpus.stage,
            "training_date": corpus.training_date,
        },
        "works": works,
        "history": _history(workspace, request, ticket),
        "marks": ticket.as_json(ticket.opened_on)["marks"],
        "scope": SCOPE,
    }
    write_json(draft / "extract.json", extract)
    return extract


def _history(workspace: Workspace, request: Request, ticket: Ticket) -> list[dict[str, Any]]:
    """Return every step so far, with the words of disputes and corrections: they are the requester's to see."""
    steps = []
    for step in ticket.history:
        told = step.as_json()
        digest = step.body.get("words_salted_sha256")
        if digest:
            told["words"] = words_of(workspace, request, digest)
        if step.body.get("reason") in REASONS:
            told["reason_words"] = REASONS[step.body["reason"]]
        steps.append(told)
    return steps


def _answer(
    request: Request,
    ticket: Ticket,
    extract: Mapping[str, Any],
    lookup: CorpusLookup,
    day: date,
    note: str,
    draft: Path,
) -> dict[str, Any]:
    (draft / REQUEST_FILE).write_bytes(request.to_bytes())
    copy_verifier(draft / VERIFIER)
    results = [one["result"] for one in extract["works"]]
    listened = [key for one in extract["works"] for key in one["keys"] if key["kind"] in SOUND_KEYS]
    told = {
        "format": FORMAT,
        "request_id": request.request_id,
        "request_sha256": request.sha256,
        "answered_on": day.isoformat(),
        "due_on": ticket.due_on.isoformat() if ticket.due_on else None,
        "clock": ticket.clock.words,
        "corpus": extract["corpus"],
        "works": [
            {
                "label": one["label"],
                "result": one["result"],
                "words": one["words"],
                "keys_words": one["keys_words"],
                "proof": one["proof"],
                "withheld": [item["item_id"] for item in one["items"] if "withheld" in item],
                "n_leads": len(one["leads"]),
            }
            for one in extract["works"]
        ],
        "counts": {name: results.count(name) for name in sorted(set(results))},
        "sound_compared": sum(key["status"] != "not-checked" for key in listened),
        "unheard_items": len(lookup.unheard),
        "note": note,
        "next_steps": _next_steps(results),
        "scope": SCOPE,
    }
    page = answer_page(told, extract, request.requester)
    (draft / "answer.html").write_text(page, encoding="utf-8")
    told["files"] = {
        str(path.relative_to(draft).as_posix()): sha256_of_file(path)
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    write_json(draft / "answer.json", told)
    return told


def _next_steps(results: list[str]) -> list[str]:
    steps = [f"Check this folder without us: python3 {VERIFIER} folder . --key log.pub"]
    if "not-found-by-codes" in results:
        steps.append("Send the recording or its fingerprint: codes alone cannot find a file without codes.")
    if "not-found" in results:
        steps.append(
            "If you have heard your recording in an output, send the output: it can raise a reason to ask."
        )
    steps.append(
        "If anything here is wrong, dispute it: the dispute is logged and stands in every later answer."
    )
    return steps


def _log(
    workspace: Workspace, request_id: str, extract: Mapping[str, Any], told: Mapping[str, Any], draft: Path
) -> Receipt:
    extract_sha256 = sha256_of_file(draft / "extract.json")
    root = extract["corpus"]["root"]
    body = {"request_id": request_id, "corpus_root": root, "n_works": len(extract["works"])}
    log_step(workspace, request_id, EXTRACT, extract_sha256, body)
    body |= {"extract_sha256": extract_sha256, "counts": told["counts"], "answered_on": told["answered_on"]}
    return log_step(workspace, request_id, ANSWERED, sha256_of_file(draft / "answer.json"), body)
