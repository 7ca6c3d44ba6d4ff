"""The folder that is mailed: written whole, with a receipt for every step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linernotes.auditlog import Receipt
from linernotes.disclosure.requests_state import Ticket
from linernotes.errors import CorpusError, InputError
from linernotes.workflows import audit
from linernotes.workflows.requests_folder import private_folder, receipts_of, write_private
from linernotes.workspace import Workspace

SEAL_RECEIPT = "corpus-seal.json"


def write_receipts(workspace: Workspace, ticket: Ticket, draft: Path) -> None:
    """Put the receipts of all steps and of the seal, and the log's key, into a folder."""
    folder = draft / "receipts"
    folder.mkdir()
    for name, receipt in receipts_of(workspace, ticket).items():
        receipt.write(folder / name)
    seal = workspace.path / "receipts" / SEAL_RECEIPT
    if seal.is_file():
        index = Receipt.load(seal).leaf_index
        audit.open_log(workspace).receipt(index).write(folder / SEAL_RECEIPT)
    shutil.copyfile(audit.trusted_key_path(workspace), draft / "log.pub")


def fresh_folder(folder: Path) -> Path:
    """Return an empty folder that its owner alone may enter."""
    if folder.exists():
        shutil.rmtree(folder)
    return private_folder(folder)


def copy_folder(folder: Path, out: Path) -> None:
    """Copy a folder, whole or not at all.

    Raises
    ------
    InputError
        If the place cannot be written to.
    """
    partial = out.with_name(out.name + ".partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        shutil.copytree(folder, partial)
        partial.rename(out)
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written ({error.strerror}); the answer lies in {folder}"
        ) from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write sorted JSON that its owner alone may read.

    Raises
    ------
    CorpusError
        If it cannot be written.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    try:
        write_private(path, text.encode())
    except UnicodeEncodeError as error:
        raise CorpusError(f"{path.name}: a text in it cannot be written as UTF-8 ({error.reason})") from error
