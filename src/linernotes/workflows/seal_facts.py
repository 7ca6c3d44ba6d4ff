"""Seal a corpus from a manifest of facts: hashes and rights that a developer's own pipeline has collected.

The steps: index the manifest, commit to its items shard by shard in several processes, sort and hash the map part
by part, write the header, then put the snapshot into the workspace and log it. Work in progress lies beside
the workspace, in ``NAME.sealing``; after an interruption the same command goes on there. The workspace changes
in one step at the end.

Known limits
------------
Corpora above 50,000 items are kept as a snapshot alone: presence proofs and the chain of snapshots work on them;
commands that need every item in memory, such as ``attribute``, do not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.corpus.commitment import vrf_key_of
from linernotes.corpus.commitment_tree import block_heads, tree_head
from linernotes.corpus.consent import parse_date
from linernotes.corpus.facts import csv_to_facts, index_facts
from linernotes.corpus.header import Header
from linernotes.corpus.ingest import Progress
from linernotes.corpus.keyed_map import depth_of
from linernotes.corpus.map_whole import KeyedMap
from linernotes.corpus.seal import Stage
from linernotes.corpus.sealing import (
    ITEMS_PER_SHARD,
    MAPS,
    Sealed,
    SealParts,
    SealShards,
    check_shards,
)
from linernotes.corpus.snapshot import (
    COMMITMENTS_FILE,
    GAPS_FILE,
    ITEMS_FILE,
    MAP_FOLDER,
    OFFSETS_FILE,
    SealFacts,
    Snapshot,
    write_seal,
)
from linernotes.corpus.snapshots import take_place
from linernotes.errors import CorpusError
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.folds import Runner
from linernotes.workflows.seal import SNAPSHOTS
from linernotes.workflows.sealing_place import chain_head, plan_of, secret_of, work_folder
from linernotes.workflows.snapshots import alone, is_unchanged, keep_in_registry, log_snapshot, log_unlogged
from linernotes.workspace import Workspace

MAX_GAPS_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class FactsSealed:
    """A snapshot sealed from facts, and where the log's receipt lies."""

    snapshot: Snapshot
    receipt: Path

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract; of many gaps, the first thousand."""
        facts, header = self.snapshot.facts, self.snapshot.header
        return {
            "root": facts.root,
            "n_items": header.n_items,
            "n_without_consent": facts.n_without_consent,
            "gaps": [gap.as_json() for gap in self.snapshot.gaps(MAX_GAPS_SHOWN)],
            "n_gaps": sum(facts.gap_counts.values()),
            "gap_counts": dict(facts.gap_counts),
            "duplicates": [],
            "duration_s": facts.duration_s,
            "sealed_at": facts.sealed_at,
            "stage": facts.stage,
            "training_date": header.training_date,
            "previous_root": header.previous_root,
            "n_keys": header.n_keys,
            "key_kinds": list(header.key_kinds),
            "notes": ["sealed from a manifest of facts: sound was neither read nor compared"],
            "receipt": str(self.receipt),
        }


def seal_facts(
    manifest: Path | str,
    out: Path | str,
    *,
    training_date: str | None = None,
    secret_file: Path | str | None = None,
    as_snapshot: bool = False,
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> FactsSealed:
    """Seal a manifest of facts into a workspace.

    Parameters
    ----------
    manifest : Path or str
        JSON Lines, or CSV when its name ends in ``.csv``; see `linernotes.corpus.facts`.
    out : Path or str
        Workspace to make, or one that is there.
    training_date : str, optional
        Day of training, ``yyyy-mm-dd``.
    secret_file : Path or str, optional
        64 hexadecimal digits; the same secret and manifest give the same root.
    as_snapshot : bool
        Whether the workspace holds a corpus already, whose next snapshot this is.
    n_workers : int, optional
        Processes; as many as the machine has cores when None. The result does not depend on it.
    progress : callable, optional
        Called as ``progress(name, n_done, n_all)``.

    Returns
    -------
    FactsSealed
        With the corpus root.

    Raises
    ------
    InputError
        If the manifest, a line of it, the date or the secret is not usable.
    CorpusError
        If *out* is no place for a workspace, holds another corpus, or nothing changed since its last snapshot.
    """
    manifest, out = Path(manifest), Path(out)
    day = parse_date(training_date) if training_date else None
    before = chain_head(out, as_snapshot)
    with work_folder(out, manifest, training_date, before, secret_file) as work:
        secret = secret_of(work, secret_file, before)
        return _seal(manifest, out, work, day, before, secret, n_workers, progress)


def _seal(
    manifest: Path,
    out: Path,
    work: Path,
    day: date | None,
    before: Snapshot | None,
    secret: bytes,
    n_workers: int | None,
    progress: Progress | None,
) -> FactsSealed:
    now = datetime.now(UTC)
    if manifest.suffix.lower() == ".csv":
        csv_to_facts(manifest, work / "facts.jsonl")
        manifest = work / "facts.jsonl"
    np.save(work / "places.npy", index_facts(manifest))
    n_items = len(np.load(work / "places.npy", mmap_mode="r"))
    with ProcessRunner(n_workers or os.cpu_count() or 1, 1, ShardStore(work / "done"), progress) as run:
        sealed = _pass_over_items(run, work, manifest, secret, (day or now.date()), n_items)
        folder = _assemble(work, sealed, n_items)
        exact, sketch = (_pass_over_parts(run, work, folder, name, sealed) for name in MAPS)
    heads = _add_heads(folder / COMMITMENTS_FILE)
    header = _header(sealed, heads, exact, sketch, secret, day, before)
    if before is not None and is_unchanged(before, header):
        shutil.rmtree(work, ignore_errors=True)
        return FactsSealed(before, log_unlogged(out, before))
    stage: Stage = "after-training" if day and now.date() >= day else "before-training"
    facts = SealFacts(
        root=header.root,
        sealed_at=now.isoformat(timespec="seconds"),
        stage=stage,
        n_without_consent=sealed.n_without_consent,
        duration_s=round(sealed.duration_s, 3),
        gap_counts=dict(sealed.gap_counts),
        exact_tops=exact,
        sketch_tops=sketch,
    )
    write_seal(folder, header, facts, secret)
    receipt = _into_workspace(out, work, folder, Snapshot.open(folder))
    shutil.rmtree(work, ignore_errors=True)
    return FactsSealed(Snapshot.open(out / SNAPSHOTS / header.root), receipt)


def _pass_over_items(
    run: Runner, work: Path, manifest: Path, secret: bytes, used_on: Any, n_items: int
) -> Sealed:
    shards = work / "shards"
    shards.mkdir(exist_ok=True)
    n_shards = -(-n_items // ITEMS_PER_SHARD)
    plan = plan_of(work)
    fold = SealShards(
        facts=str(manifest.absolute()),
        places=str(work / "places.npy"),
        digest=plan["manifest"],
        folder=str(shards),
        secret=secret,
        used_on=used_on,
    )
    sealed: Sealed = run(fold, range(n_shards), name="sealing")
    check_shards(shards, n_shards)
    return sealed


def _assemble(work: Path, sealed: Sealed, n_items: int) -> Path:
    """Join the shards' files into those of a snapshot; the map comes after."""
    folder = work / "snapshot"
    (folder / MAP_FOLDER).mkdir(parents=True)
    n_shards = len(sealed.shards)
    for name, target in (("items", ITEMS_FILE), ("commitments", COMMITMENTS_FILE), ("gaps", GAPS_FILE)):
        with (folder / target).open("wb") as stream:
            for number in range(n_shards):
                with (work / "shards" / f"{number}.{name}").open("rb") as part:
                    shutil.copyfileobj(part, stream, 1 << 20)
    lengths = [np.fromfile(work / "shards" / f"{number}.lengths", "<u4") for number in range(n_shards)]
    offsets = np.zeros(n_items + 1, "<u8")
    np.cumsum(np.concatenate(lengths), out=offsets[1:])
    (folder / OFFSETS_FILE).write_bytes(offsets.tobytes())
    return folder


def _pass_over_parts(run: Runner, work: Path, folder: Path, name: str, sealed: Sealed) -> tuple[str, ...]:
    done = work / "parts"
    done.mkdir(exist_ok=True)
    fold = SealParts(
        name=name,
        depth=depth_of(sealed.n_exact_keys if name == "exact" else sealed.n_sketch_keys),
        shards=str(work / "shards"),
        n_shards=len(sealed.shards),
        commitments=str(folder / COMMITMENTS_FILE),
        folder=str(done),
        digest=f"{plan_of(work)['manifest']} {_sha256(folder / COMMITMENTS_FILE)}",
    )
    tops: dict[int, str] = run(fold, range(1 << fold.cut), name=f"{name} map")
    for number in tops:  # linked, not moved: a run that is interrupted now finds them again
        file = f"{name}-{number:02x}.part"
        os.link(done / file, folder / MAP_FOLDER / file)
    return tuple(tops[number] for number in range(len(tops)))


def _header(
    sealed: Sealed,
    heads: list[bytes],
    exact: tuple[str, ...],
    sketch: tuple[str, ...],
    secret: bytes,
    day: date | None,
    before: Snapshot | None,
) -> Header:
    return Header(
        n_items=sealed.n_items,
        manifest_root=tree_head(heads).hex(),
        exact_root=_root_of(exact),
        n_exact_keys=sealed.n_exact_keys,
        sketch_root=_root_of(sketch),
        n_sketch_keys=sealed.n_sketch_keys,
        key_kinds=sealed.key_kinds,
        vrf_public=vrf_key_of(secret).public.hex(),
        training_date=day.isoformat() if day else None,
        previous_root=before.facts.root if before else None,
    )


def _root_of(tops: tuple[str, ...]) -> str:
    depth = len(tops).bit_length() - 1
    return KeyedMap([bytes.fromhex(top) for top in tops], depth, _no_part).root.hex()


def _no_part(number: int) -> Any:
    raise CorpusError(f"map: part {number} is not opened while it is sealed")


def _add_heads(path: Path) -> list[bytes]:
    """Write the tree heads over each 1,024 commitments after them, and return them."""
    heads = block_heads(_commitments(path))
    with path.open("ab") as stream:
        stream.write(b"".join(heads))
    return heads


def _commitments(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(32 << 10):
            yield from (block[i : i + 32] for i in range(0, len(block), 32))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _into_workspace(out: Path, work: Path, folder: Path, snapshot: Snapshot) -> Path:
    """Put the snapshot into the workspace and log it; a new workspace appears whole."""
    is_new = not out.exists() or not any(out.iterdir())
    with ExitStack() as stack:
        workspace = stack.enter_context(
            Workspace.create(work / "workspace") if is_new else Workspace.open(out)
        )
        snapshots = stack.enter_context(alone(workspace.folder(SNAPSHOTS)))
        take_place(folder, snapshots / snapshot.facts.root)
        placed = Snapshot.open(snapshots / snapshot.facts.root)
        keep_in_registry(workspace, placed)
        receipt = log_snapshot(workspace, placed)
    if is_new:
        os.replace(work / "workspace", out)
    return out / "receipts" / receipt.name
