"""The record of a lead, its place in the workspace, its entry in the log, and the refusal that follows from it."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256
from linernotes.auditlog.canonical import canonical_json, parse_canonical_json
from linernotes.catalog.recording import Recording
from linernotes.corpus.gaps import gap
from linernotes.corpus.seal import SealedCorpus
from linernotes.disclosure.leads import (
    FORMAT,
    GAP_CODE,
    NEXT_STEP,
    REFUSAL,
    SCOPE_LEAD,
    LeadConfig,
    Observation,
    lead_words,
    refused_parts,
)
from linernotes.disclosure.leads_keys import KeyCheck, checked_words
from linernotes.errors import CorpusError, LinernotesError, NotDisclosed
from linernotes.workflows.audit import record as log_entry
from linernotes.workflows.leads_controls import ControlCounts
from linernotes.workspace import Workspace

FOLDER = "leads"
ENTRY_KIND = "contradiction-lead"


def record_of(
    query: str,
    query_sha256: str,
    duration_s: float,
    reference: Recording,
    reference_sha256: str,
    corpus: SealedCorpus,
    observations: Sequence[Observation],
    checks: Sequence[KeyCheck],
    controls: ControlCounts,
    config: LeadConfig,
    n_outputs: int,
    absence: bytes | None = None,
) -> dict[str, Any]:
    """Return the whole record of one lead; it names the output by its file name and hash, never by its place.

    ``absence`` is the proof that the reference's keys are not in the committed map; the record holds its hash.
    """
    name = Path(query).name
    asked = {
        "query": query_sha256,
        "reference": reference_sha256 or reference.recording_id,
        "root": corpus.root,
    }
    lead_id = hashlib.sha256(canonical_json(asked)).hexdigest()[:16]
    return {
        "format": FORMAT,
        "lead_id": lead_id,
        "query": {"name": name, "sha256": query_sha256, "duration_s": round(duration_s, 3)},
        "reference": {
            "recording_id": reference.recording_id,
            "title": reference.title,
            "artist": reference.artist,
            "isrc": reference.isrc,
            "iswc": reference.iswc,
            "content_sha256": reference_sha256 or None,
        },
        "corpus": {
            "root": corpus.root,
            "n_items": len(corpus.items),
            "sealed_at": corpus.sealed_at,
            "stage": corpus.stage,
        },
        "observations": [one.as_json(n_outputs) for one in observations],
        "keys": [one.as_json() for one in checks],
        "keys_words": checked_words(checks),
        "controls": controls.as_json()
        | {"this_reference": list(controls.by_reference.get(reference.recording_id, ()))},
        "absence_proof_sha256": hashlib.sha256(absence).hexdigest() if absence else None,
        "absence": base64.b64encode(absence).decode() if absence else None,
        "refused": refused_parts(observations),
        "gap": gap(GAP_CODE, name, f"{reference.recording_id} in {name}").as_json(),
        "config": asdict(config),
        "n_outputs": n_outputs,
        "words": lead_words(reference.title, reference.artist, observations, checks),
        "next_step": NEXT_STEP,
        "scope": SCOPE_LEAD,
    }


def keep_leads(workspace: Workspace, leads: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write each record and log it; one that stands there already with the same words is not logged again.

    Raises
    ------
    CorpusError
        If the workspace cannot be written to, or another program is writing its log.
    """
    folder = workspace.folder(FOLDER)
    return [_keep(workspace, folder, lead) for lead in leads]


def kept_leads(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the records of a workspace, by lead id; what cannot be read is refused.

    Raises
    ------
    CorpusError
        If a record is damaged.
    """
    folder = workspace.path / FOLDER
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        if not path.name.endswith(".receipt.json"):
            try:
                found.append(parse_canonical_json(path.read_bytes().rstrip(b"\n"), str(path)))
            except (OSError, LinernotesError) as error:
                raise CorpusError(f"{path}: damaged lead ({error}); restore it from a copy") from error
    return found


def refused_for(workspace: Workspace, file: Path | str) -> list[dict[str, Any]]:
    """Return the parts of an output for which no ranking may be given, from the leads on record.

    Returns
    -------
    list of dict
        ``start_s``, ``end_s``, ``words``, ``lead_id``, ``recording_id``; empty when there is no lead on this file
        under the sealed corpus of this workspace.
    """
    if not (workspace.path / FOLDER).is_dir() or not workspace.has_corpus():
        return []
    digest, root = file_sha256(Path(file)), workspace.corpus().root
    return [
        part | {"lead_id": lead["lead_id"], "recording_id": lead["reference"]["recording_id"]}
        for lead in kept_leads(workspace)
        if lead["query"]["sha256"] == digest and lead["corpus"]["root"] == root
        for part in lead["refused"]
    ]


def refuse_attribution(workspace: Workspace, file: Path | str) -> None:
    """Raise where a lead on record says that part of an output cannot be attributed.

    Raises
    ------
    NotDisclosed
        With the seconds and the reference of each such part.
    """
    parts = refused_for(workspace, file)
    if parts:
        listed = "; ".join(
            f"{part['start_s']:.1f}–{part['end_s']:.1f} s ({part['recording_id']}, lead {part['lead_id']})"
            for part in parts
        )
        raise NotDisclosed(
            f"{Path(file).name}: {listed}: {REFUSAL}; rank the rest of the output alone, or ask the provider "
            "about the recording ('linernotes requests open')"
        )


def _keep(workspace: Workspace, folder: Path, lead: dict[str, Any]) -> dict[str, Any]:
    from linernotes.auditlog import Receipt

    lead = dict(lead)
    absence = lead.pop("absence", None)
    if absence is not None:
        _write(folder / f"{lead['lead_id']}.absence.proof", base64.b64decode(absence))
    path = folder / f"{lead['lead_id']}.json"
    receipt_path = folder / f"{lead['lead_id']}.receipt.json"
    data = canonical_json(lead) + b"\n"
    if path.is_file() and receipt_path.is_file() and path.read_bytes() == data:
        receipt = Receipt.load(receipt_path)
    else:
        _write(path, data)
        receipt = log_entry(workspace, ENTRY_KIND, hashlib.sha256(data).hexdigest(), _body(lead))
        receipt.write(receipt_path)
    return lead | {"record": str(path), "receipt": str(receipt_path), "log_index": receipt.leaf_index}


def _body(lead: dict[str, Any]) -> dict[str, Any]:
    rates = [one["false_match_rate"] for one in lead["observations"] if one["false_match_rate"] is not None]
    return {
        "lead_id": lead["lead_id"],
        "query_sha256": lead["query"]["sha256"],
        "reference": lead["reference"]["recording_id"],
        "reference_sha256": lead["reference"]["content_sha256"],
        "corpus_root": lead["corpus"]["root"],
        "kinds": sorted({one["kind"] for one in lead["observations"]}),
        "least_false_match_rate": min(rates, default=None),
        "keys": {one["kind"]: one["status"] for one in lead["keys"]},
        "scope": SCOPE_LEAD,
    }


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be written ({error.strerror}); free space, or its rights"
        ) from error
