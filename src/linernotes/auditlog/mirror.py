"""A copy of a log that is only ever extended, and only by what the log signed and what continues it.

The source's head is checked against the copy's: fewer entries, or another history, and the copy stays as
it is, with both signed heads kept as evidence (`linernotes.auditlog.fork`). Otherwise the new entries are
fetched, the tree is computed from them here, and the source's head is taken over when its root is the
one that they lead to. Until then no head speaks of them, so that an interrupted run goes on where it
stopped.

A copy has the form of the log itself: it can be served, checked with fsck, and mirrored.

Cost
----
Each entry is fetched once, 256 to a file; memory for 4,096 entries.

Known limits
------------
A mirror sees what it is shown. That everybody is shown the same is what witnesses are for, or mirrors of
different people whose heads are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.files import sole_writer, write_all_whole, write_whole
from linernotes.auditlog.fork import Evidence, fork_of
from linernotes.auditlog.growth import grow
from linernotes.auditlog.keys import VerifyingKey
from linernotes.auditlog.merkle import prove_consistency, tree_root, verify_consistency
from linernotes.auditlog.note import split_note, with_signatures
from linernotes.auditlog.policy import Policy
from linernotes.auditlog.reader import CHECKPOINT_FILE
from linernotes.auditlog.sources import Source
from linernotes.auditlog.store import LOCK_FILE, AuditLog
from linernotes.auditlog.tile_folder import read_tile_file, remove_beyond, remove_partial_tiles
from linernotes.auditlog.tiles import TILE_WIDTH, TileReader, bundle_path, decode_bundle
from linernotes.errors import PolicyRefusal, VerificationError

CHUNK_BUNDLES = 16
FETCH_THREADS = 8


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """What a run did.

    Parameters
    ----------
    origin : str
        Name of the log.
    old_size, size : int
        Entries before and after.
    root : str
        Root in hexadecimal.
    n_fetched : int
        Entries that were fetched; fewer than were added when an interrupted run was resumed.
    """

    origin: str
    old_size: int
    size: int
    root: str
    n_fetched: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "origin": self.origin,
            "old_size": self.old_size,
            "size": self.size,
            "root": self.root,
            "n_fetched": self.n_fetched,
        }


def mirror(
    source: Source,
    out: Path | str,
    key: VerifyingKey,
    *,
    policy: Policy | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MirrorReport:
    """Bring the copy in *out* up to the head of *source*.

    Parameters
    ----------
    source : Source
        The log, from `linernotes.auditlog.sources.open_source`.
    out : path
        The copy; made if it is not there.
    key : VerifyingKey
        Whom the log's heads must be signed by.
    policy : Policy, optional
        Heads below its quorum are not taken over.
    progress : callable, optional
        Called with the number of entries in the copy and that of the head.

    Raises
    ------
    InputError
        If the source cannot be read; run it again to go on.
    CorpusError
        If *out* is being written by another program, or holds a log in the form of revision 1.
    VerificationError
        If the source was rolled back, forked or is damaged. Evidence is then written into *out*.
    PolicyRefusal
        If the head is below the quorum.
    """
    out = Path(out)
    note = source.note()
    head = Checkpoint.open(note, key)
    if policy is not None and not (found := policy.judge(note)).witnessed:
        raise PolicyRefusal(
            f"{head.origin}: its head has {len(found.cosigned)} of {found.n_witnesses} cosignatures, "
            f"below the quorum {found.quorum!r}; try again when witnesses have signed"
        )
    out.mkdir(parents=True, exist_ok=True)
    with sole_writer(out / LOCK_FILE):
        return _Mirror(source, out, key, note, head, progress or (lambda done, size: None)).run()


class _Mirror:
    """One run, under the copy's lock."""

    def __init__(
        self,
        source: Source,
        out: Path,
        key: VerifyingKey,
        note: str,
        head: Checkpoint,
        progress: Callable[[int, int], None],
    ) -> None:
        self.source, self.out, self.key = source, out, key
        self.note, self.head, self.progress = note, head, progress
        self.n_fetched = 0
        self.finished: set[tuple[int, int]] = set()

    def run(self) -> MirrorReport:
        held_note = AuditLog(self.out, self.key).checkpoint_note() if self._has_copy() else None
        old_size = 0
        if held_note is not None:
            held = Checkpoint.open(held_note, self.key)
            old_size = held.size
            self._check_continues(held, held_note)
        if old_size < self.head.size and not self._fetch_all(old_size):
            # What an earlier run left may be what was wrong: fetch everything once more, without it.
            remove_beyond(self.out, old_size)
            if not self._fetch_all(old_size):
                remove_beyond(self.out, old_size)
                raise VerificationError(
                    f"{self.head.origin}: its entries do not lead to its signed root; the source is damaged, "
                    "the copy was left as it was"
                )
        note = self.note
        if held_note is not None and held_note.startswith(split_note(note)[0] + "\n"):
            note = with_signatures(
                held_note, split_note(note)[1]
            )  # keep cosignatures that it no longer shows
        write_whole(self.out / CHECKPOINT_FILE, note.encode())
        remove_partial_tiles(self.out, self.finished)
        return MirrorReport(self.head.origin, old_size, self.head.size, self.head.root.hex(), self.n_fetched)

    def _has_copy(self) -> bool:
        return (self.out / CHECKPOINT_FILE).exists()

    def _check_continues(self, held: Checkpoint, held_note: str) -> None:
        """Refuse a head that does not continue the copy's, and keep both."""
        if self.head.size < held.size:
            self._refuse(
                Evidence("rollback", held_note, self.note),
                f"the log has {self.head.size} entries and once had {held.size}: it was rolled back",
            )
        if self.head.size == held.size:
            if self.head.root != held.root:
                self._refuse(
                    fork_of(held_note, self.note),
                    f"two roots for the same {held.size} entries: it was forked",
                )
            return
        reader = TileReader(self.source.read, self.head.size)
        proof = prove_consistency(reader.node, held.size, self.head.size)
        try:
            verify_consistency(held.size, self.head.size, held.root, self.head.root, proof)
            return
        except VerificationError as error:
            reason = str(error)
        if tree_root(reader.node, self.head.size) != self.head.root:
            raise VerificationError(
                f"{self.head.origin}: its tiles do not lead to its signed root; the source is damaged"
            )
        self._refuse(fork_of(held_note, self.note, tree_root(reader.node, held.size), proof), reason)

    def _refuse(self, evidence: Evidence, reason: str) -> None:
        path = evidence.write(self.out)
        raise VerificationError(
            f"{self.head.origin}: {reason}; the copy was left as it was, both signed heads are in {path}"
        )

    def _fetch_all(self, size: int) -> bool:
        """Extend the tiles of the copy to the head; say whether they lead to its root."""
        with ThreadPoolExecutor(FETCH_THREADS) as pool:
            while size < self.head.size:
                first = size // TILE_WIDTH
                last = min(first + CHUNK_BUNDLES, -(-self.head.size // TILE_WIDTH))
                bundles = list(pool.map(self._bundle, range(first, last)))
                entries = [entry for bundle in bundles for entry in bundle][size - first * TILE_WIDTH :]
                growth = grow(self._read_copy, size, entries)
                write_all_whole(self.out, growth.files)
                self.finished.update(growth.finished)
                size = growth.size
                self.progress(size, self.head.size)
        return tree_root(TileReader(self._read_copy, size).node, size) == self.head.root

    def _bundle(self, number: int) -> list[bytes]:
        width = min(TILE_WIDTH, self.head.size - number * TILE_WIDTH)
        path = bundle_path(number, width)
        if width == TILE_WIDTH and (self.out / path).exists():  # of an interrupted run
            try:
                return decode_bundle((self.out / path).read_bytes(), width, path)
            except VerificationError:
                pass
        entries = decode_bundle(self.source.read(path), width, path)
        self.n_fetched += width
        return entries

    def _read_copy(self, path: str) -> bytes:
        return read_tile_file(self.out, path)
