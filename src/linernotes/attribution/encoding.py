"""Which recordings stand for election: the disclosed ones that the generator says it was trained on.

A generator's card lists the SHA-256 of each file it was trained on. Candidates are the items of the
sealed corpus on that list. Where the corpus holds only some of them the ranking is among those, and
its scope says so; where it holds none there is nothing to rank.

Any adapter of `generators.base.Generator` will do that also has the two members of `DisclosedGenerator`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.audio.files import Audio, read_audio
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import NotDisclosed, TooShort
from linernotes.evidence.influence import SCOPE_INFLUENCE
from linernotes.generators.base import Generator, Segments

ItemProgress = Callable[[str, int, int], None]


class TrainedFile(Protocol):
    """One file that a generator was trained on."""

    @property
    def item_id(self) -> str:
        """The recording's id in the corpus that was trained on."""
        ...

    @property
    def content_sha256(self) -> str:
        """SHA-256 of the file's bytes, in hex."""
        ...


@runtime_checkable
class DisclosedGenerator(Generator, Protocol):
    """A generator that says which weights it has and what they were trained on.

    A third party's adapter offers these two members beside those of `Generator`, and a class method
    ``load(folder)`` by which `linernotes.workflows.generators.load_generator` reads it.
    """

    @property
    def trained(self) -> Sequence[TrainedFile]:
        """Every file that the weights were trained on."""
        ...

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights, whatever file holds them."""
        ...


def candidates(generator: DisclosedGenerator, corpus: SealedCorpus) -> tuple[Item, ...]:
    """Return the items of the corpus that the generator was trained on.

    Raises
    ------
    NotDisclosed
        If there are none: a ranking among them would be about nothing.
    """
    trained = {entry.content_sha256 for entry in generator.trained}
    found = tuple(item for item in corpus.items if item.content_sha256 in trained)
    if not found:
        raise NotDisclosed(
            f"generator {generator.generator_id}: none of its {len(trained)} training files is in the sealed corpus "
            f"{corpus.root[:12]}… ({len(corpus.items)} items); seal the corpus that it was trained on, "
            "or train a generator on this one with 'linernotes generator train'"
        )
    return found


def scope_of(generator: DisclosedGenerator, corpus: SealedCorpus) -> str:
    """Return the sentence that says what a ranking for this generator and corpus does not say."""
    n_trained = len({entry.content_sha256 for entry in generator.trained})
    n_found = len({item.content_sha256 for item in candidates(generator, corpus)})
    if n_found == n_trained:
        return SCOPE_INFLUENCE
    return f"{SCOPE_INFLUENCE} Only {n_found} of the {n_trained} files that the generator names are disclosed here."


def encode_corpus(
    generator: DisclosedGenerator, corpus: SealedCorpus, progress: ItemProgress | None = None
) -> EncodedCorpus:
    """Read and encode every candidate recording.

    Raises
    ------
    NotDisclosed
        As `candidates`.
    InputError
        If a file of the corpus is missing or no longer readable.
    """
    items = candidates(generator, corpus)
    parts = []
    for number, item in enumerate(items, start=1):
        audio = read_audio(corpus.audio_path(item), generator.sample_rate, allow_silence=True)
        parts.append(generator.encode(audio, " ".join(item.recording.tags)))
        if progress is not None:
            progress("encoding", number, len(items))
    owners = np.repeat(np.arange(len(items)), [len(part) for part in parts])
    return EncodedCorpus(tuple(item.item_id for item in items), join(parts), owners, corpus.root)


def encode_query(generator: Generator, query_id: str, audio: Audio, prompt: str = "") -> Query:
    """Encode an output under study.

    Raises
    ------
    TooShort
        If it holds less than one segment.
    """
    if audio.duration_s < generator.segment_s - 1e-3:
        raise TooShort(
            f"{query_id}: {audio.duration_s:.2f} s; influence needs at least one segment of {generator.segment_s:.2f} s: "
            "give a longer output"
        )
    return Query(query_id, generator.encode(audio, prompt))


def join(parts: list[Segments]) -> Segments:
    """Return the segments of several recordings, in order."""
    return Segments(
        torch.cat([part.latents for part in parts]),
        torch.cat([part.audible for part in parts]),
        torch.cat([part.conditions for part in parts]),
        tuple(start for part in parts for start in part.start_s),
    )
