"""Reading a log in its folder: heads, entries, receipts and proofs; needs no private key and takes no lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import Entry
from linernotes.auditlog.keys import VerifyingKey
from linernotes.auditlog.merkle import leaf_hash, prove_consistency, prove_inclusion, verify_consistency
from linernotes.auditlog.receipt import Receipt
from linernotes.auditlog.tile_folder import read_tile_file
from linernotes.auditlog.tiles import TILE_WIDTH, TileReader, bundle_path, decode_bundle
from linernotes.errors import CorpusError, InputError, VerificationError

CHECKPOINT_FILE, WITNESSED_FILE = "checkpoint", "checkpoint.witnessed"


@dataclass(frozen=True, slots=True)
class LogReader:
    """A log that is read, not written.

    Parameters
    ----------
    folder : Path
        Where its files are.
    key : VerifyingKey
        Whom its checkpoints must be signed by.
    """

    folder: Path
    key: VerifyingKey

    @classmethod
    def open(cls, folder: Path | str, key: VerifyingKey) -> Self:
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
        note = _read_note(self.folder / CHECKPOINT_FILE)
        if note is None:
            raise CorpusError(f"{self.folder}: no log here (no file '{CHECKPOINT_FILE}')")
        return note

    def witnessed_note(self) -> str | None:
        """Return the newest head that witnesses cosigned, or None where none did."""
        return _read_note(self.folder / WITNESSED_FILE)

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the canonical bytes of the entries from *start* to before *end*, each checked.

        Raises
        ------
        InputError
            If there are no such entries.
        VerificationError
            If an entry's bytes do not fit the log's hash of it.
        """
        size = self.checkpoint().size
        end = size if end is None else end
        if not 0 <= start <= end <= size:
            raise InputError(f"entries {start} to {end}: the log has {size} entries")
        reader = TileReader(self._read, size)
        for number in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = number * TILE_WIDTH
            bundle = self._bundle(reader, number)
            for index in range(max(start, first), min(end, first + len(bundle))):
                yield self._checked(reader, index, bundle[index - first])

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
        self._check_index(index, size)
        return self._entry_bytes(TileReader(self._read, size), index)

    def entry(self, index: int) -> Entry:
        """Return one entry."""
        return Entry.from_bytes(self.entry_bytes(index))

    def receipt(self, index: int) -> Receipt:
        """Return the proof that entry *index* is in the log, under its newest cosigned head that has it.

        Where no witness has cosigned a head with the entry, the proof is under the head as now signed.

        Raises
        ------
        InputError
            If there is no such entry.
        VerificationError
            If the log is damaged, so that the receipt would not verify.
        """
        return next(self.receipts([index]))

    def receipts(self, indices: Iterable[int]) -> Iterator[Receipt]:
        """Yield the receipts of many entries, as `receipt` makes them, under one head each."""
        note, witnessed = self.checkpoint_note(), self.witnessed_note()
        heads = [(Checkpoint.open(one, self.key), one) for one in (witnessed, note) if one]
        readers = [TileReader(self._read, head.size) for head, _ in heads]
        for index in indices:
            self._check_index(index, heads[-1][0].size)
            place = next(n for n, (head, _) in enumerate(heads) if index < head.size)
            (head, note), reader = heads[place], readers[place]
            proof = tuple(prove_inclusion(reader.node, index, head.size))
            receipt = Receipt(head.origin, self._entry_bytes(reader, index), index, proof, note)
            receipt.verify(self.key)
            yield receipt

    def consistency_proof(self, old_size: int, new_size: int | None = None) -> list[bytes]:
        """Return the hashes that show the first *old_size* entries to be a prefix of the log.

        Raises
        ------
        InputError
            If *old_size* is negative or above *new_size* (the log's size, by default).
        """
        size = self.checkpoint().size if new_size is None else new_size
        return prove_consistency(TileReader(self._read, size).node, old_size, size)

    def check_consistency(self, old: Checkpoint) -> None:
        """Check that the log still begins with everything that *old* once signed.

        Raises
        ------
        VerificationError
            If the log was rolled back, rewritten or forked since.
        """
        head = self.checkpoint()
        proof = self.consistency_proof(old.size, head.size) if old.size <= head.size else []
        verify_consistency(old.size, head.size, old.root, head.root, proof)

    def _entry_bytes(self, reader: TileReader, index: int) -> bytes:
        number, place = divmod(index, TILE_WIDTH)
        return self._checked(reader, index, self._bundle(reader, number)[place])

    def _bundle(self, reader: TileReader, number: int) -> list[bytes]:
        width = reader.width(0, number)
        path = bundle_path(number, width)
        return decode_bundle(self._read(path), width, f"{path}: damaged")

    def _checked(self, reader: TileReader, index: int, entry: bytes) -> bytes:
        if leaf_hash(entry) != reader.node(0, index):
            path = self.folder / bundle_path(index // TILE_WIDTH, reader.width(0, index // TILE_WIDTH))
            raise VerificationError(f"{path}: entry {index} is damaged; run 'audit fsck'")
        return entry

    def _check_index(self, index: int, size: int) -> None:
        if not 0 <= index < size:
            raise InputError(f"entry {index}: the log has {size} entries, expected 0 <= index < {size}")

    def _read(self, path: str) -> bytes:
        return read_tile_file(self.folder, path)


def _read_note(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from None
    except UnicodeDecodeError:
        raise VerificationError(f"{path}: damaged, not UTF-8 text") from None
