"""A log as revision 1 wrote it, for the tests that carry it over."""

from __future__ import annotations

from pathlib import Path

import pytest

from linernotes.auditlog import Checkpoint, SigningKey
from linernotes.auditlog.merkle import Tree, completed_nodes, leaf_hash


def write_old_form(folder: Path, signer: SigningKey, entries: list[bytes]) -> None:
    """Put *entries* into the files of revision 1: lines, where they end, and every complete subtree."""
    tree, hashes, ends, end = Tree(), [], [], 0
    for entry in entries:
        hashes += completed_nodes(tree.node, len(tree), leaf_hash(entry))
        tree.append(leaf_hash(entry))
        end += len(entry) + 1
        ends.append(end.to_bytes(8, "big"))
    folder.mkdir(parents=True)
    (folder / "entries.jsonl").write_bytes(b"".join(entry + b"\n" for entry in entries))
    (folder / "offsets.bin").write_bytes(b"".join(ends))
    (folder / "hashes.bin").write_bytes(b"".join(hashes))
    head = Checkpoint(signer.name, len(entries), tree.root())
    (folder / "checkpoint").write_text(head.sign(signer))


@pytest.fixture
def old_form():
    return write_old_form
