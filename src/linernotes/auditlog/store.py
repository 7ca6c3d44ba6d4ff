"""The log as a folder of plain files that any web host can serve.

==========================  ====================================================================
``checkpoint``              the signed head; replaced whole, after everything else is on the disk
``checkpoint.witnessed``    the newest head that witnesses cosigned, where there is one
``tile/…``                  hashes and entries as C2SP tiles: see `linernotes.auditlog.tiles`
``lock``                    held by the one writer; nothing to serve
==========================  ====================================================================

An append writes new tiles and bundles under new names, waits for the disk, and then replaces the
checkpoint: that replacement is the moment from which the entries count. A crash before it leaves files
that no head speaks of, which the next append removes; a crash after it leaves a whole log. So a log that
verifies never lacks an entry whose append returned.

Cost
----
An append costs a fixed few hashes and eight or so fsyncs, and two hashes per entry: add many at once
(`append_many`). Readers take no lock.

References
----------
RFC 6962; C2SP tlog-tiles (https://c2sp.org/tlog-tiles). The tiles that an earlier head needs stay until
the full tile is there, as the specification asks.

Known limits
------------
Who holds the key and the folder can put back an older state of both. Only a receipt or checkpoint kept
elsewhere shows that (`AuditLog.check_consistency`), or witnesses (`linernotes.auditlog.policy`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import Entry
from linernotes.auditlog.files import sole_writer, write_all_whole, write_whole
from linernotes.auditlog.growth import Growth, grow
from linernotes.auditlog.keys import SigningKey
from linernotes.auditlog.merkle import EMPTY_ROOT, tree_root
from linernotes.auditlog.note import NoteSignature, signature_line, split_note, with_signatures
from linernotes.auditlog.old_form import carry_over, has_old_files
from linernotes.auditlog.reader import CHECKPOINT_FILE, WITNESSED_FILE, LogReader
from linernotes.auditlog.tile_folder import remove_leftovers, remove_partial_tiles
from linernotes.auditlog.tiles import MAX_BUNDLED_BYTES, TILE_FOLDER, TILE_WIDTH, TileReader
from linernotes.errors import CorpusError, InputError, VerificationError

LOCK_FILE = "lock"
WRITER_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class AuditLog(LogReader):
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

    @classmethod
    def create(cls, folder: Path | str, signer: SigningKey, *others: SigningKey) -> AuditLog:
        """Begin an empty log in *folder*, signed by *signer* and, where given, by further keys of its name.

        Raises
        ------
        CorpusError
            If *folder* already holds a log.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with sole_writer(folder / LOCK_FILE):
            standing = (CHECKPOINT_FILE, f"{TILE_FOLDER}/0", f"{TILE_FOLDER}/entries")
            if has_old_files(folder) or any((folder / name).exists() for name in standing):
                raise CorpusError(f"{folder}: already holds a log; open it, or choose another folder")
            head = Checkpoint(signer.name, 0, EMPTY_ROOT)
            write_whole(folder / CHECKPOINT_FILE, head.sign(signer, *others).encode())
        return cls(folder, signer.verifying_key())

    def append(self, entry: Entry, signer: SigningKey, *others: SigningKey) -> int:
        """Add *entry* and return its index; when this returns, the entry is on the disk.

        Raises
        ------
        InputError, CorpusError, VerificationError
            As `append_many`.
        """
        return self.append_many([entry], signer, *others)[0]

    def append_many(self, entries: Iterable[Entry], signer: SigningKey, *others: SigningKey) -> range:
        """Add *entries* as one: when this returns, all are on the disk; when it raises, none is in the log.

        Parameters
        ----------
        entries : iterable of Entry
            In their order. An empty one changes nothing.
        signer : SigningKey
            The log's key.
        *others : SigningKey
            Further keys of the log that sign its head, such as one for ML-DSA-44.

        Returns
        -------
        range
            The indices of the entries.

        Raises
        ------
        InputError
            If an entry is larger than 65,535 bytes, or *others* are of another name.
        CorpusError
            If another program keeps writing the log for ten seconds, or the disk refuses; the log is then
            as it was before.
        VerificationError
            If the log is damaged or *signer* is not its key.
        """
        if signer.verifying_key() != self.key:
            raise VerificationError(
                f"{self.folder}: signed by {self.key.name}, not by the key {signer.name} given"
            )
        if any(other.name != signer.name for other in others):
            raise InputError(f"{self.folder}: every key that signs its head must be named {signer.name}")
        data = [_bundled(entry, index) for index, entry in enumerate(entries)]
        with sole_writer(self.folder / LOCK_FILE, patience_s=WRITER_PATIENCE_S):
            head = self.checkpoint()
            if not data:
                return range(head.size, head.size)
            try:
                self._prepare(head)
                growth = grow(self._read, head.size, data)
                self._write(growth, head, (signer, *others))
            except OSError as error:
                raise self._disk_refused(error, head, len(data)) from error
        return range(head.size, growth.size)

    def upgrade(self) -> bool:
        """Carry a log in the form of revision 1 over to tiles; says whether there was anything to do.

        Raises
        ------
        CorpusError
            If another program is writing the log, or an entry is too large for a tile.
        VerificationError
            If the log is damaged; it is left as it is.
        """
        with sole_writer(self.folder / LOCK_FILE, patience_s=WRITER_PATIENCE_S):
            head = self.checkpoint()
            if not has_old_files(self.folder):
                return False
            carry_over(self.folder, head)
            return True

    def add_signatures(self, text: str, signatures: Sequence[NoteSignature]) -> None:
        """Keep *signatures* below the head whose text is *text*; the caller has checked them.

        Raises
        ------
        CorpusError
            If another program keeps writing the log for ten seconds.
        VerificationError
            If the log has not signed that head.
        """
        with sole_writer(self.folder / LOCK_FILE, patience_s=WRITER_PATIENCE_S):
            note, kept = self.checkpoint_note(), self.witnessed_note()
            for standing in (note, kept):
                if standing and standing.startswith(text + "\n"):
                    cosigned = with_signatures(standing, signatures)
                    break
            else:
                raise VerificationError(
                    f"{self.folder}: the log has moved on from the head that was cosigned; ask again"
                )
            if not kept or Checkpoint.open(kept, self.key).size <= Checkpoint.open(cosigned, self.key).size:
                write_whole(self.folder / WITNESSED_FILE, cosigned.encode())
            if note.startswith(text + "\n"):
                write_whole(self.folder / CHECKPOINT_FILE, cosigned.encode())

    def sign_again(self, *signers: SigningKey) -> None:
        """Put the signatures of *signers*, further keys of this log, below its present head.

        Raises
        ------
        InputError
            If one of them is of another name.
        CorpusError
            If another program keeps writing the log for ten seconds.
        """
        if any(signer.name != self.key.name for signer in signers):
            raise InputError(f"{self.folder}: every key that signs its head must be named {self.key.name}")
        with sole_writer(self.folder / LOCK_FILE, patience_s=WRITER_PATIENCE_S):
            text, _ = split_note(self.checkpoint_note())
            self.checkpoint()
            lines = [NoteSignature.parse(signature_line(text, each)[:-1]) for each in signers]
            note = with_signatures(self.checkpoint_note(), lines)
            write_whole(self.folder / CHECKPOINT_FILE, note.encode())

    def _disk_refused(self, error: OSError, head: Checkpoint, n_added: int) -> CorpusError:
        what = "entry" if n_added == 1 else f"{n_added} entries"
        size, reason = self.checkpoint().size, error.strerror or error
        if size != head.size:  # the head was replaced, and then its folder could not be synced
            return CorpusError(
                f"{self.folder}: the {what} added may be lost if the machine stops now ({reason}); "
                f"the log holds {size} entries; see to the disk and run 'audit fsck'"
            )
        return CorpusError(
            f"{self.folder}: the {what} to add did not get into the log ({reason}); "
            f"it still holds {size} entries; free the disk and try again"
        )

    def _prepare(self, head: Checkpoint) -> None:
        """Remove what a crash left, and see that the tiles lead to the signed root."""
        if has_old_files(self.folder):
            carry_over(self.folder, head)
        remove_leftovers(self.folder, head.size)
        # Never build on a head that the stored hashes no longer lead to: that would sign the damage.
        reader = TileReader(self._read, head.size)
        if tree_root(reader.node, head.size) != head.root:
            raise VerificationError(
                f"{self.folder / TILE_FOLDER}: does not lead to the signed root; run 'audit fsck'"
            )
        if head.size:
            number = (head.size - 1) // TILE_WIDTH
            for place, entry in enumerate(self._bundle(reader, number)):
                self._checked(reader, number * TILE_WIDTH + place, entry)

    def _write(self, growth: Growth, head: Checkpoint, signers: Sequence[SigningKey]) -> None:
        root = tree_root(growth.reader(self._read).node, growth.size)
        note = Checkpoint(head.origin, growth.size, root).sign(*signers)
        write_all_whole(self.folder, growth.files)
        write_whole(self.folder / CHECKPOINT_FILE, note.encode())
        remove_partial_tiles(self.folder, growth.finished)


def _bundled(entry: Entry, index: int) -> bytes:
    data = entry.to_bytes()
    if len(data) > MAX_BUNDLED_BYTES:
        raise InputError(
            f"entry {index} of those to add: {len(data)} bytes, a log holds at most {MAX_BUNDLED_BYTES}; "
            "log the hash of a file instead"
        )
    return data
