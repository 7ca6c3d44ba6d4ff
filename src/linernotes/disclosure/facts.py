"""Everything that the documents need, gathered once, from one manifest.

Idea
----
The sealed corpus says what was committed, the registry what was agreed, the log when it was written down, and
``provider.toml`` what only the provider can know. `gather` reads the four once; every document is made from
what it returns, so that no two documents can differ.

Conventions
-----------
Consent is judged on the day of training, or on the day of sealing where no training date was stated. Hours have four
digits after the point. Nothing here depends on the clock.

Known limits
------------
What the seal does not hold (text, images, video, users' data) is known from the provider's word alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from linernotes.catalog.registry import Registry
from linernotes.corpus.checks import in_order
from linernotes.corpus.commitment import MemoryMap
from linernotes.corpus.commitment_tree import tree_head
from linernotes.corpus.gaps import Gap
from linernotes.corpus.layers import LayerConsent, consent_by_layer, layer_gaps
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus, used_on
from linernotes.disclosure.provider import Provider
from linernotes.disclosure.sources import SourceClass, hours_of, source_classes
from linernotes.errors import CorpusError, InputError, VerificationError
from linernotes.evidence.reliability import Reliability

Level = Literal["aggregate", "identifiers", "full"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """What the audit log says of the seal.

    Parameters
    ----------
    origin : str
        Name of the log.
    n_witnesses : int
        Independent cosignatures on the head that the seal's receipt carries.
    seal_index : int or None
        Place of the seal's entry; None when it was never logged.
    seal_time : str
        Time of that entry, UTC; empty when it was never logged.
    """

    origin: str
    n_witnesses: int
    seal_index: int | None
    seal_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The version of these documents before this one, as the log knows it."""

    version: int
    sha256: str
    log_index: int
    corpus_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What `gather` reads.

    Parameters
    ----------
    corpus : SealedCorpus
        The snapshot.
    registry : Registry
        Works, credits and consent records; may be empty.
    provider : Provider
        From ``provider.toml``.
    log : LogFacts or None
        None when the workspace has no log.
    previous_items : tuple of str or None
        Content hashes of the previous snapshot's items, where it is at hand.
    unmatched : frozenset of str or None
        Item ids that no catalogue recording matched; None when nobody looked.
    n_identified : int
        Items that were compared with a catalogue.
    reliability : tuple of Reliability
        Of the influence methods used in this workspace.
    n_rankings : int
        Influence rankings in this workspace.
    leads : tuple of str or None
        One line for each open contradiction lead; None when nobody looked.
    signal_audit : mapping or None
        Result of the newest opt-out audit of this snapshot; None when there is none.
    recorded : mapping of str to str, optional
        By record id the day on which a consent was entered. Given, a yes that was entered after the day on which
        consent is judged does not count, whatever date it bears.
    """

    corpus: SealedCorpus
    registry: Registry
    provider: Provider
    log: LogFacts | None = None
    previous_items: tuple[str, ...] | None = None
    unmatched: frozenset[str] | None = None
    n_identified: int = 0
    reliability: tuple[Reliability, ...] = ()
    n_rankings: int = 0
    leads: tuple[str, ...] | None = None
    signal_audit: Mapping[str, Any] | None = None
    recorded: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureFacts:
    """What the documents are made of.

    Parameters
    ----------
    material : Material
        What was read.
    level : {"aggregate", "identifiers", "full"}
        How much of single recordings may be printed.
    version : int >= 1
        Number of this version of the documents.
    previous : Previous or None
        The version before.
    day : datetime.date
        Day on which consent is judged.
    hours : float
        Sealed sound.
    sources : tuple of SourceClass
        By class, with datasets.
    layers : tuple of LayerConsent
        Consent per item and layer.
    gaps : tuple of Gap
        Of items and of single layers; those of the documents come later.
    """

    material: Material
    level: Level
    version: int
    previous: Previous | None
    day: dt.date
    hours: float
    sources: tuple[SourceClass, ...]
    layers: tuple[LayerConsent, ...] = field(repr=False)
    gaps: tuple[Gap, ...] = field(repr=False)

    @property
    def corpus(self) -> SealedCorpus:
        """The snapshot."""
        return self.material.corpus

    @property
    def provider(self) -> Provider:
        """What the provider says."""
        return self.material.provider

    @property
    def items(self) -> tuple[Item, ...]:
        """The sealed recordings."""
        return self.material.corpus.items

    def of_class(self, name: str) -> SourceClass | None:
        """Return one source class, or None when no sealed recording has it."""
        return next((one for one in self.sources if one.source_class == name), None)


def gather(
    material: Material, *, level: Level = "aggregate", version: int = 1, previous: Previous | None = None
) -> DisclosureFacts:
    """Return the facts of all documents.

    Raises
    ------
    InputError
        If the level is unknown, or the version and the previous one do not follow each other.
    VerificationError
        If the corpus was changed after sealing.
    """
    if level not in LEVELS:
        raise InputError(f"disclosure level '{level}': expected one of {', '.join(LEVELS)}")
    _check_version(version, previous)
    corpus = material.corpus
    if not corpus.items:
        raise CorpusError(f"corpus {corpus.root[:12]}…: holds no recording; there is nothing to disclose")
    _check_manifest(corpus)
    day = used_on(corpus.training_date, corpus.sealed_at)
    layers = consent_by_layer(corpus.items, material.registry, day, material.recorded)
    found = [*corpus.gaps, *layer_gaps(corpus.items, layers, material.registry, corpus.gaps)]
    return DisclosureFacts(
        material=material,
        level=level,
        version=version,
        previous=previous,
        day=day,
        hours=hours_of(corpus.items),
        sources=source_classes(corpus.items),
        layers=layers,
        gaps=in_order([*found, *_audited(material.signal_audit, found)]),
    )


def with_version(facts: DisclosureFacts, version: int, previous: Previous | None) -> DisclosureFacts:
    """Return the same facts as another version of the documents.

    Raises
    ------
    InputError
        If the version and the previous one do not follow each other.
    """
    _check_version(version, previous)
    return replace(facts, version=version, previous=previous)


def _audited(audit: Mapping[str, Any] | None, found: Iterable[Gap]) -> Iterator[Gap]:
    """Yield the gaps of an opt-out audit that the registry alone did not show."""
    known = {(one.code, one.item_id) for one in found}
    for one in map(Gap.from_json, audit["gaps"] if audit else ()):
        if (one.code, one.item_id) not in known:
            yield one


def _check_version(version: int, previous: Previous | None) -> None:
    if version != (previous.version + 1 if previous else 1):
        raise InputError(
            f"disclosure version {version}: does not follow {previous.version if previous else 0}"
        )


def _check_manifest(corpus: SealedCorpus) -> None:
    """Check the items against the seal; the map of keys, which takes long, follows from them."""
    header = corpus.header
    if header is None:
        corpus.verify()
        return
    made = MemoryMap(corpus.items, bytes.fromhex(corpus.secret))
    if header.root != corpus.root or tree_head(made.commitments).hex() != header.manifest_root:
        raise VerificationError(
            f"sealed corpus {corpus.root[:12]}…: the manifest is not what was sealed; an entry was changed "
            "afterwards: restore the workspace or seal anew"
        )
