"""Where a seal from facts is worked on and where it goes: the workspace's chain, and the folder beside it.

Work in progress lies in ``NAME.sealing`` beside the workspace, readable by its owner alone. A plan in it says what
it is for; work for another manifest, day or chain is thrown away.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linernotes.corpus.commitment import SECRET_BYTES
from linernotes.corpus.snapshot import Snapshot
from linernotes.corpus.snapshots import snapshot_chain
from linernotes.errors import CorpusError, InputError
from linernotes.workflows.seal import SNAPSHOTS, read_secret
from linernotes.workflows.snapshots import LOCK_FILE, alone
from linernotes.workspace import Workspace


def chain_head(out: Path, as_snapshot: bool) -> Snapshot | None:
    """Return the head of the workspace's snapshots, after refusing a place that cannot take this seal."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        if as_snapshot:
            raise CorpusError(f"{out}: no such workspace; seal a first corpus with 'linernotes corpus seal'")
        return None
    with Workspace.open(out) as workspace:
        chain = snapshot_chain(workspace.folder(SNAPSHOTS))
    if bool(chain) != as_snapshot:
        next_step = "seal the next state with 'linernotes corpus snapshot --manifest'"
        raise CorpusError(
            f"{out}: holds {'a' if chain else 'no'} sealed corpus; "
            + (next_step if chain else "seal a first one with 'linernotes corpus seal'")
        )
    return chain[-1] if chain else None


@contextmanager
def work_folder(
    out: Path, manifest: Path, day: str | None, before: Snapshot | None, secret_file: Path | str | None
) -> Iterator[Path]:
    """Hold the folder of work in progress: what an interrupted run of the same seal left, or a new one.

    Raises
    ------
    InputError
        If there is no manifest, or the secret is not usable.
    CorpusError
        If the folder cannot be made, or another program works in it.
    """
    work = out.absolute().parent / f"{out.name}.sealing"
    given = hashlib.sha256(read_secret(Path(secret_file))).hexdigest() if secret_file else None
    root = before.facts.root if before else None
    try:
        with manifest.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise InputError(f"{manifest}: no such file; give a manifest of facts") from error
    except OSError as error:
        raise CorpusError(
            f"{work}: cannot be made or read ({error.strerror}); choose another --out"
        ) from error
    with alone(work):
        _make_ready(work, {"manifest": digest, "training_date": day, "before": root, "secret": given})
        yield work


def _make_ready(work: Path, plan: dict[str, Any]) -> None:
    """Throw away what belongs to another seal, or was being put together when a run was killed."""
    same = plan_of(work) == plan
    for path in work.iterdir():
        if path.name != LOCK_FILE and (not same or path.name in ("snapshot", "workspace")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (work / "plan.json").write_text(json.dumps(plan, sort_keys=True), "utf-8")


def plan_of(work: Path) -> Any:
    """Return what a folder of work in progress is for; None when it does not say."""
    try:
        return json.loads((work / "plan.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def secret_of(work: Path, secret_file: Path | str | None, before: Snapshot | None) -> bytes:
    """Return the secret that was given, that of the snapshot before, or one kept with the work in progress."""
    kept = work / "secret.key"
    if secret_file is not None:
        return read_secret(Path(secret_file))
    if before is not None:
        return before.secret
    if not kept.exists():
        with open(os.open(kept, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            stream.write(secrets.token_hex(SECRET_BYTES))
    return read_secret(kept)
