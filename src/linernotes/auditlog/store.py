"""The log as a folder of plain files that only ever grow.

=================  =============================================================================
``checkpoint``     the signed head; replaced whole, and only after everything else is on the disk
``entries.jsonl``  the entries, one canonical JSON per line
``offsets.bin``    where each line ends, 8 bytes big-endian per entry
``hashes.bin``     every complete Merkle subtree once, 32 bytes each, in order of completion
``lock``           held by the one writer
=================  =============================================================================

An append writes entry, offset and hashes, waits for the disk, and then replaces the checkpoint: that
replacement is the moment from which the entry counts. A crash before it leaves a tail that no head
speaks of, which the next append cuts off; a crash after it leaves a whole log. So a log that verifies
never lacks an entry whose append returned.

Cost
----
An append reads and writes O(log² n) hashes and costs five fsyncs; readers take no lock.

References
----------
RFC 6962; Cox (2019), "Transparent Logs for Skeptical Clients" (the stored order of subtrees).

Known limits
------------
Who holds the key and the folder can put back an older state of both. Only a receipt or checkpoint kept
elsewhere shows that: see `AuditLog.check_consistency`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import Entry
from linernotes.auditlog.files import append_durably, sole_writer, write_whole
from linernotes.auditlog.keys import SigningKey, VerifyingKey
from linernotes.auditlog.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    completed_nodes,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    stored_count,
    stored_position,
    tree_root,
    verify_consistency,
)
from linernotes.auditlog.receipt import Receipt
from linernotes.errors import CorpusError, InputError, VerificationError

OFFSET_BYTES = 8
CHECKPOINT_FILE = "checkpoint"
ENTRIES_FILE, OFFSETS_FILE, HASHES_FILE, LOCK_FILE = "entries.jsonl", "offsets.bin", "hashes.bin", "lock"


@dataclass(frozen=True, slots=True)
class AuditLog:
    """An append-only log.

    Parameters
    ----------
    folder : Path
        Where its files are.
    key : VerifyingKey
        Whom its checkpoints must be signed by.

    Examples
    --------
    >>> import tempfile
    >>> signer = SigningKey.generate("example.org/log")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = AuditLog.create(folder, signer)
    ...     index = log.append(Entry("note", None, {"text": "hi"}), signer)
    ...     receipt = log.receipt(index)
    >>> index, receipt.verify(signer.verifying_key()).kind
    (0, 'note')
    """

    folder: Path
    key: VerifyingKey

    @classmethod
    def create(cls, folder: Path | str, signer: SigningKey) -> AuditLog:
        """Begin an empty log in *folder*, signed by *signer*.

        Raises
        ------
        CorpusError
            If *folder* already holds a log.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with sole_writer(folder / LOCK_FILE):
            entries = folder / ENTRIES_FILE
            if (folder / CHECKPOINT_FILE).exists() or (entries.exists() and entries.stat().st_size):
                raise CorpusError(f"{folder}: already holds a log; open it, or choose another folder")
            for name in (OFFSETS_FILE, HASHES_FILE, ENTRIES_FILE):
                write_whole(folder / name, b"")
            write_whole(
                folder / CHECKPOINT_FILE, Checkpoint(signer.name, 0, EMPTY_ROOT).sign(signer).encode()
            )
        return cls(folder, signer.verifying_key())

    @classmethod
    def open(cls, folder: Path | str, key: VerifyingKey) -> AuditLog:
        """Open the log in *folder* and check its head.

        Raises
        ------
        CorpusError
            If there is no log.
        VerificationError
            If its checkpoint is damaged or not signed by *key*.
        """
        log = cls(Path(folder), key)
        log.checkpoint()
        return log

    def checkpoint(self) -> Checkpoint:
        """Return the verified head."""
        return Checkpoint.open(self.checkpoint_note(), self.key)

    def checkpoint_note(self) -> str:
        """Return the head as the signed note on disk."""
        path = self.folder / CHECKPOINT_FILE
        try:
            return path.read_bytes().decode()
        except FileNotFoundError:
            raise CorpusError(f"{self.folder}: no log here (no file '{CHECKPOINT_FILE}')") from None
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from None
        except UnicodeDecodeError:
            raise VerificationError(f"{path}: damaged, not UTF-8 text") from None

    def append(self, entry: Entry, signer: SigningKey) -> int:
        """Add *entry* and return its index; when this returns, the entry is on the disk.

        Raises
        ------
        CorpusError
            If another program is writing the log, or the disk refuses; the log is then as it was before.
        VerificationError
            If the log is damaged or *signer* is not its key.
        """
        if signer.verifying_key() != self.key:
            raise VerificationError(
                f"{self.folder}: signed by {self.key.name}, not by the key {signer.name} given"
            )
        with sole_writer(self.folder / LOCK_FILE):
            head = self.checkpoint()
            self._check_tail(head)
            try:
                self._write(entry.to_bytes(), head, signer)
            except OSError as error:
                raise CorpusError(
                    f"{self.folder}: the entry was not added ({error.strerror or error}); "
                    f"the log still holds {head.size} entries; free the disk and try again"
                ) from error
        return head.size

    def entry_bytes(self, index: int) -> bytes:
        """Return the canonical bytes of one entry.

        Raises
        ------
        InputError
            If there is no such entry.
        VerificationError
            If its bytes do not fit the log's hash of it.
        """
        size = self.checkpoint().size
        if not 0 <= index < size:
            raise InputError(f"entry {index}: the log has {size} entries, expected 0 <= index < {size}")
        start, end = (self._line_end(index - 1) if index else 0), self._line_end(index)
        line = _read_at(self.folder / ENTRIES_FILE, start, end - start)
        if not line.endswith(b"\n") or leaf_hash(line[:-1]) != self._node(0, index):
            raise VerificationError(
                f"{self.folder / ENTRIES_FILE}: entry {index} is damaged; run 'audit fsck'"
            )
        return line[:-1]

    def entry(self, index: int) -> Entry:
        """Return one entry."""
        return Entry.from_bytes(self.entry_bytes(index))

    def receipt(self, index: int) -> Receipt:
        """Return the proof that entry *index* is in the log as now signed.

        Raises
        ------
        InputError
            If there is no such entry.
        VerificationError
            If the log is damaged, so that the receipt would not verify.
        """
        note = self.checkpoint_note()
        head = Checkpoint.open(note, self.key)
        entry = self.entry_bytes(index)
        proof = tuple(prove_inclusion(self._node, index, head.size))
        receipt = Receipt(head.origin, entry, index, proof, note)
        receipt.verify(self.key)
        return receipt

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """Return the hashes that show the first *old_size* entries to be a prefix of the log."""
        return prove_consistency(self._node, old_size, self.checkpoint().size)

    def check_consistency(self, old: Checkpoint) -> None:
        """Check that the log still begins with everything that *old* once signed.

        Raises
        ------
        VerificationError
            If the log was rolled back, rewritten or forked since.
        """
        head = self.checkpoint()
        proof = self.consistency_proof(old.size) if old.size <= head.size else []
        verify_consistency(old.size, head.size, old.root, head.root, proof)

    def _write(self, entry: bytes, head: Checkpoint, signer: SigningKey) -> None:
        start = self._line_end(head.size - 1) if head.size else 0
        hashes = completed_nodes(self._node, head.size, leaf_hash(entry))
        offset = (start + len(entry) + 1).to_bytes(OFFSET_BYTES, "big")
        append_durably(self.folder / ENTRIES_FILE, start, entry + b"\n")
        append_durably(self.folder / OFFSETS_FILE, head.size * OFFSET_BYTES, offset)
        append_durably(self.folder / HASHES_FILE, stored_count(head.size) * HASH_BYTES, b"".join(hashes))
        new_head = Checkpoint(head.origin, head.size + 1, tree_root(self._node, head.size + 1))
        write_whole(self.folder / CHECKPOINT_FILE, new_head.sign(signer).encode())

    def _check_tail(self, head: Checkpoint) -> None:
        # Never build on a head that the stored hashes no longer lead to: that would sign the damage.
        if tree_root(self._node, head.size) != head.root:
            raise VerificationError(
                f"{self.folder / HASHES_FILE}: does not lead to the signed root; run 'audit fsck'"
            )
        if head.size:
            self.entry_bytes(head.size - 1)

    def _node(self, level: int, index: int) -> bytes:
        return _read_at(self.folder / HASHES_FILE, stored_position(level, index) * HASH_BYTES, HASH_BYTES)

    def _line_end(self, index: int) -> int:
        return int.from_bytes(_read_at(self.folder / OFFSETS_FILE, index * OFFSET_BYTES, OFFSET_BYTES), "big")


def _read_at(path: Path, start: int, length: int) -> bytes:
    data = b""
    try:
        if 0 < length <= path.stat().st_size - start:
            with path.open("rb") as stream:
                stream.seek(start)
                data = stream.read(length)
    except OSError as error:
        raise VerificationError(
            f"{path}: cannot be read ({error.strerror}); restore it from a copy"
        ) from None
    if length <= 0 or len(data) != length:
        raise VerificationError(f"{path}: damaged or cut short at byte {start}; run 'audit fsck'")
    return data
