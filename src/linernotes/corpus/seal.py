"""The sealed corpus: a manifest whose every entry hangs under one published number.

Idea
----
Each item becomes a canonical JSON text (RFC 8785) with a private 128-bit salt and is hashed as a leaf
of a Merkle tree (RFC 6962 hashing). A keyed map holds the lookup keys at positions that only the holder of a
secret key can compute, so that presence *and* absence can be shown (`linernotes.corpus.presence`). A short
public header carries both roots and the root of the snapshot before; the corpus root is the hash of that
header; `linernotes.corpus.header` and `linernotes.corpus.commitment` have the formulas.

Conventions
-----------
Items are sorted by id. The salts come from one secret kept in the private manifest, so sealing the
same folder again with that secret gives the same root. The time of sealing is *not* under the root:
the audit log dates it.

References
----------
RFC 6962, "Certificate Transparency", section 2.1; RFC 8785, "JSON Canonicalization Scheme".

Known limits
------------
A root commits to a list; nothing here shows that a generator was trained on exactly that list.
`SealedCorpus.to_json` is the *private* manifest: it holds titles and the secret.
"""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from linernotes.corpus.commitment import SECRET_BYTES, MemoryMap, build_header, header_of
from linernotes.corpus.gaps import Gap
from linernotes.corpus.header import FORMAT, Header
from linernotes.corpus.manifest import Item
from linernotes.errors import CorpusError, InputError, NewerRevision, VerificationError

REVISION = 3
Stage = Literal["before-training", "after-training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCorpus:
    """A corpus that can no longer change without its root changing.

    Parameters
    ----------
    root : str
        Hexadecimal SHA-256 that commits to every item.
    items : tuple of Item
        Sorted by ``item_id``.
    gaps : tuple of Gap
        What is missing.
    sealed_at : str
        UTC time of sealing, ISO 8601.
    stage : {"before-training", "after-training"}
        ``after-training`` unless the stated training date lies after the day of sealing, or none is stated.
    audio_dir : str
        Folder that the items' paths are relative to.
    training_date : str, optional
        Day of training, where the provider stated one.
    secret : str
        Hexadecimal secret of the salts; private.
    header : Header, optional
        Public header whose hash is the root.
    previous_root : str, optional
        Root of the snapshot before this one.
    """

    root: str
    items: tuple[Item, ...]
    gaps: tuple[Gap, ...]
    sealed_at: str
    stage: Stage
    audio_dir: str
    training_date: str | None = None
    secret: str = field(default="", repr=False)
    header: Header | None = None
    previous_root: str | None = None

    def item(self, item_id: str) -> Item:
        """Return one item.

        Raises
        ------
        CorpusError
            If the corpus has no item of that id.
        """
        place = bisect_left(self.items, item_id, key=lambda item: item.item_id)
        if place < len(self.items) and self.items[place].item_id == item_id:
            return self.items[place]
        raise CorpusError(
            f"item '{item_id}': not in sealed corpus {self.root[:12]}… ({len(self.items)} items)"
        )

    def audio_path(self, item: Item) -> Path:
        """Return where the item's audio file lies."""
        return Path(self.audio_dir) / item.path

    @property
    def without_consent(self) -> tuple[Item, ...]:
        """Items whose consent does not count on the day of training (or of sealing)."""
        day = used_on(self.training_date, self.sealed_at)
        return tuple(i for i in self.items if i.consent is None or i.consent.doubt(day) is not None)

    def verify(self) -> Header:
        """Compute the root again from the manifest, compare, and return the header.

        Raises
        ------
        VerificationError
            If any item, the secret or the header was changed after sealing.
        """
        return self.verified_map()[0]

    def verified_map(self) -> tuple[Header, MemoryMap]:
        """Return the header and the map, computed anew and compared with the root.

        Raises
        ------
        VerificationError
            As `verify`.
        """
        header, made = self._rebuilt()
        if header.root != self.root or (self.header is not None and self.header != header):
            raise VerificationError(
                f"sealed corpus: the manifest gives root {header.root}, the seal says {self.root}; "
                "an entry was changed after sealing: restore the manifest or seal anew"
            )
        return header, made

    def rebuilt_header(self) -> Header:
        """Return the header computed anew from the items and the secret.

        Raises
        ------
        VerificationError
            If the manifest is so damaged that no header comes of it.
        """
        return self._rebuilt()[0]

    def _rebuilt(self) -> tuple[Header, MemoryMap]:
        try:
            made = MemoryMap(self.items, bytes.fromhex(self.secret))
            header = header_of(made, self.training_date, self.previous_root)
            return Header.from_json(header.as_json()), made  # checked: the days in it come from the manifest
        except (ValueError, TypeError, AttributeError, InputError) as error:
            raise VerificationError(f"sealed corpus {self.root[:12]}…: bad manifest ({error})") from error

    def to_json(self) -> dict[str, Any]:
        """Return the private manifest as JSON-ready values."""
        return {
            "format": FORMAT,
            "revision": REVISION,
            "root": self.root,
            "header": self.header.as_json() if self.header else None,
            "sealed_at": self.sealed_at,
            "stage": self.stage,
            "training_date": self.training_date,
            "previous_root": self.previous_root,
            "audio_dir": self.audio_dir,
            "secret": self.secret,
            "items": [item.as_json() for item in self.items],
            "gaps": [gap.as_json() for gap in self.gaps],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SealedCorpus:
        """Read what `to_json` wrote.

        Raises
        ------
        CorpusError
            If a field is missing or of the wrong form.
        NewerRevision
            If a later revision of Linernotes wrote it.
        """
        revision = data.get("revision")
        if type(revision) is not int:
            raise CorpusError(f"sealed corpus: damaged (revision {revision!r}); restore it or seal anew")
        if revision > REVISION:
            raise NewerRevision(
                f"sealed corpus of revision {revision}: expected up to {REVISION}; upgrade Linernotes"
            )
        if revision < REVISION:
            raise CorpusError(
                f"sealed corpus {str(data.get('root'))[:12]}… was made by an earlier revision of the seal, whose "
                "root and receipts stand as they are; seal the same folder into a new workspace "
                "('linernotes corpus seal AUDIO_DIR --rights rights.csv --out NEW') for proofs of this revision"
            )
        try:
            return cls(
                root=data["root"],
                items=tuple(Item.from_json(item) for item in data["items"]),
                gaps=tuple(Gap.from_json(gap) for gap in data["gaps"]),
                sealed_at=data["sealed_at"],
                stage=data["stage"],
                audio_dir=data["audio_dir"],
                training_date=data.get("training_date"),
                secret=data.get("secret", ""),
                header=Header.from_json(data["header"]) if data.get("header") else None,
                previous_root=data.get("previous_root"),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise CorpusError(f"sealed corpus: damaged ({error!r}); restore it or seal anew") from error


def seal_items(
    items: Sequence[Item],
    gaps: Sequence[Gap] = (),
    *,
    audio_dir: Path | str,
    training_date: date | None = None,
    secret: bytes | None = None,
    now: datetime | None = None,
    previous_root: str | None = None,
) -> SealedCorpus:
    """Commit to a list of items.

    Parameters
    ----------
    items, gaps : sequence
        What `linernotes.corpus.ingest` found.
    audio_dir : Path or str
        Folder that the items' paths are relative to.
    training_date : date, optional
        Day of training; consent must not be later.
    secret : bytes [length 32], optional
        Seed of the salts; drawn anew when None.
    now : datetime, optional
        Time of sealing, for tests; the clock when None.
    previous_root : str, optional
        Root of the snapshot before this one.

    Returns
    -------
    SealedCorpus
        With its root.

    Raises
    ------
    InputError
        If there is no item, two items share an id, or the secret has another length.
    """
    secret = secrets.token_bytes(SECRET_BYTES) if secret is None else secret
    sealed_at = (now or datetime.now(UTC)).astimezone(UTC)
    ordered = tuple(sorted(items, key=lambda item: item.item_id))
    day = training_date.isoformat() if training_date else None
    header = build_header(ordered, secret, day, previous_root)
    return SealedCorpus(
        root=header.root,
        items=ordered,
        gaps=tuple(gaps),
        sealed_at=sealed_at.isoformat(timespec="seconds"),
        stage="after-training" if training_date and sealed_at.date() >= training_date else "before-training",
        audio_dir=str(audio_dir),
        training_date=day,
        secret=secret.hex(),
        header=header,
        previous_root=previous_root,
    )


def used_on(training_date: str | None, sealed_at: str) -> date:
    """Return the day on which consent must have stood: of training, or else of sealing."""
    return date.fromisoformat(training_date) if training_date else datetime.fromisoformat(sealed_at).date()
