"""Publish what is known of a sealed corpus: every document at once, logged, and linked to the version before.

The steps in order: read ``provider.toml``, gather the facts from the workspace, make every document, write them to a
partial folder, log the index, put the receipts beside it, rename the folder. Equal input gives equal documents: where
nothing has changed since the last version, that version is written again and nothing is logged.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from linernotes.auditlog.files import sole_writer
from linernotes.corpus.seal import SealedCorpus
from linernotes.disclosure.bundle import Bundle, build, json_text, score_summary
from linernotes.disclosure.envelope import INDEX_FILE, build_index
from linernotes.disclosure.facts import DisclosureFacts, Level, Material, gather, with_version
from linernotes.disclosure.foreign import read_summary
from linernotes.disclosure.limitation import RECEIPT_FILE, SEAL_RECEIPT_FILE
from linernotes.disclosure.page import group_gaps
from linernotes.disclosure.provider import read_provider, template
from linernotes.disclosure.questions import QUESTIONS
from linernotes.errors import CorpusError, InputError
from linernotes.reports.disclosure_pages import disclosure_pages
from linernotes.workflows.audit import open_log, record
from linernotes.workflows.disclose_material import Logged, material_of, past_disclosures, seal_entry
from linernotes.workspace import Workspace

ENTRY_KIND = "disclosure"
LOCK_FILE = "disclose.lock"
PATIENCE_S = 60.0


def disclose(
    workspace: Path | str,
    provider: Path | str,
    out: Path | str,
    *,
    level: Level = "aggregate",
    policy: Path | str | None = None,
    logged_before: bool = False,
) -> dict[str, Any]:
    """Write and log every document of a disclosure; one program at a time for a workspace.

    Parameters
    ----------
    workspace : Path or str
        Workspace with the sealed corpus.
    provider : Path or str
        The filled ``provider.toml``.
    out : Path or str
        Folder to write; one that holds an earlier disclosure is replaced whole.
    level : {"aggregate", "identifiers", "full"}
        How much of single recordings is printed.
    policy : Path or str, optional
        Witness policy (C2SP tlog-policy) by which cosignatures of the log are counted.
    logged_before : bool
        Count no consent that was entered after the day on which consent is judged, whatever date it bears.

    Returns
    -------
    dict
        ``folder``, ``version``, ``level``, ``corpus_root``, ``n_gaps``, ``gaps`` (as in ``gaps.json``), ``gap_groups``
        (by code), ``completeness``, ``traceability``, ``documents``, ``sha256``, ``log_index``, ``previous_version``,
        ``logged`` (false where nothing has changed), ``limitation``, ``checks_run``.

    Raises
    ------
    InputError
        If ``provider.toml``, the level or the folder is not usable.
    CorpusError
        If the workspace holds no sealed corpus, its log cannot be written, or another program goes on publishing it.
    VerificationError
        If corpus or log were changed.
    """
    out = Path(out)
    said = read_provider(provider)
    _check_place(out)
    with Workspace.open(workspace) as opened, _alone(opened):
        corpus = opened.corpus()
        material = material_of(opened, corpus, said, policy, logged_before=logged_before)
        past = list(past_disclosures(opened))
        facts, files, bundle, again = _documents(material, level, past)
        data = _index_of(facts, bundle, files)
        digest = hashlib.sha256(data).hexdigest()
        partial = _write_partial(out, files | {INDEX_FILE: data})
        try:
            log_index = past[-1].index if again else _log(opened, facts, digest, bundle)
            _write_receipts(opened, partial, log_index, corpus)
            _take_place(partial, out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return {
        "folder": str(out),
        "version": facts.version,
        "level": facts.level,
        "corpus_root": facts.corpus.root,
        "n_gaps": len(bundle.gaps),
        "gaps": bundle.gap_list.gaps,
        "gap_groups": [one.model_dump(mode="json") for one in group_gaps(bundle.gaps, facts.level)],
        "completeness": bundle.completeness.score,
        "traceability": bundle.completeness.traceability,
        "documents": sorted([*files, INDEX_FILE]),
        "sha256": digest,
        "log_index": log_index,
        "previous_version": facts.previous.version if facts.previous else None,
        "logged": not again,
        "limitation": bundle.limitation.statement,
        "checks_run": bundle.gap_list.checks_run,
    }


def write_template(out: Path | str) -> dict[str, Any]:
    """Write a ``provider.toml`` that asks every question and answers none.

    Raises
    ------
    InputError
        If something lies there already, or the place cannot be written to.
    """
    out = Path(out)
    text = template()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(f"{out}: is there already; give another name, or move it away first") from error
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); choose another place") from error
    return {"template": str(out), "n_questions": len(QUESTIONS)}


def score(file: Path | str) -> dict[str, Any]:
    """Score a summary that anybody filled into our JSON form.

    Returns
    -------
    dict
        The fields of `linernotes.disclosure.completeness.Completeness`, and ``gaps``.

    Raises
    ------
    InputError
        If the file is no such summary.
    """
    document, scored = score_summary(read_summary(file))
    return document.model_dump(mode="json") | {"gaps": [one.as_json() for one in scored.gaps]}


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Let one program at a time choose a version and log it: two would log the same number twice."""
    place = workspace.path / LOCK_FILE
    with ExitStack() as held:
        try:
            held.enter_context(sole_writer(place, patience_s=PATIENCE_S))
        except CorpusError as error:
            raise CorpusError(
                f"{workspace.path}: another program is publishing this workspace; wait until it is done, then try again"
            ) from error
        yield


def _documents(
    material: Material, level: Level, past: list[Logged]
) -> tuple[DisclosureFacts, dict[str, bytes], Bundle, bool]:
    """Return the documents: of the last version where they have not changed, else of a new one."""
    gathered = gather(material, level=level)
    for n_before, again in ((len(past) - 1, True), (len(past), False)):
        if n_before < 0:
            continue
        previous = past[n_before - 1].as_previous(n_before) if n_before else None
        facts = with_version(gathered, n_before + 1, previous)
        bundle = build(facts)
        files = _files(bundle)
        if not again or hashlib.sha256(_index_of(facts, bundle, files)).hexdigest() == past[-1].sha256:
            break
    return facts, files, bundle, again


def _index_of(facts: DisclosureFacts, bundle: Bundle, files: dict[str, bytes]) -> bytes:
    index = build_index(facts, bundle.limitation, bundle.completeness.score, files)
    return json_text(index.model_dump(mode="json")).encode()


def _files(bundle: Bundle) -> dict[str, bytes]:
    texts = bundle.texts()
    pages = disclosure_pages(
        {name: json.loads(text) for name, text in texts.items() if name.endswith(".json")}
    )
    return {name: text.encode() for name, text in (texts | pages).items()}


def _log(workspace: Workspace, facts: DisclosureFacts, digest: str, bundle: Bundle) -> int:
    body: dict[str, Any] = {
        "version": facts.version,
        "level": facts.level,
        "corpus_root": facts.corpus.root,
        "n_gaps": len(bundle.gaps),
        "completeness": f"{bundle.completeness.score:.4f}",
        "previous_sha256": facts.previous.sha256 if facts.previous else None,
    }
    return record(workspace, ENTRY_KIND, digest, body).leaf_index


def _write_receipts(workspace: Workspace, folder: Path, log_index: int, corpus: SealedCorpus) -> None:
    log = open_log(workspace)
    log.receipt(log_index).write(folder / RECEIPT_FILE)
    seal = seal_entry(log, corpus.root)
    if seal is not None:
        log.receipt(seal[0]).write(folder / SEAL_RECEIPT_FILE)


def _check_place(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()) and not (out / INDEX_FILE).is_file():
        raise InputError(
            f"{out}: not empty, and no earlier disclosure; give a folder that does not exist yet"
        )
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file; give a folder that does not exist yet")


def _write_partial(out: Path, files: dict[str, bytes]) -> Path:
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, data in files.items():
            with (partial / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written ({error.strerror}); choose a folder you may write to"
        ) from error
    return partial


def _take_place(partial: Path, out: Path) -> None:
    """Rename the finished folder; an earlier disclosure steps aside and is then removed."""
    aside = out.with_name(out.name + ".replaced")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        if out.exists():
            os.replace(out, aside)
        os.replace(partial, out)
    except OSError as error:
        raise InputError(
            f"{out}: cannot be put in place ({error.strerror}); the log holds the new version"
        ) from error
    shutil.rmtree(aside, ignore_errors=True)
