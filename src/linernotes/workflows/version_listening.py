"""Listen to recordings: profiles are written where they belong, embeddings are returned.

A fold, so that many processes or machines can listen. What cannot be listened to says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from linernotes.audio.files import read_audio
from linernotes.errors import InputError
from linernotes.versions.encoder.embed import Encoder, SegmentEmbeddings, embed
from linernotes.versions.encoder.load import load_encoder
from linernotes.workflows.version_collection import Held
from linernotes.workflows.version_profiles import kept_profile


@dataclass(frozen=True, slots=True)
class Heard:
    """What listening to a recording gave: embeddings, or why there are none."""

    content_sha256: str
    embeddings: SegmentEmbeddings | None
    duration_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Listen:
    """The fold of listening: items are recordings, and whether their embeddings are in the index already.

    Profiles are written where they belong; embeddings are the state.

    Parameters
    ----------
    encoder : str
        As `load_encoder` takes it.
    """

    encoder: str
    shard_size: ClassVar[int] = 1

    def start(self) -> list[Heard]:
        """Return nothing heard."""
        return []

    def add(self, state: list[Heard], items: Sequence[tuple[Held, bool]]) -> list[Heard]:
        """Listen to one recording after the other."""
        return state + [self._hear(one, is_embedded) for one, is_embedded in items]

    def merge(self, left: list[Heard], right: list[Heard]) -> list[Heard]:
        """Put two lists together."""
        return left + right

    def finish(self, state: list[Heard]) -> list[Heard]:
        """Return what was heard."""
        return state

    def _hear(self, one: Held, is_embedded: bool) -> Heard:
        try:
            audio = read_audio(one.path)
            kept_profile(one, audio)
            found = None if is_embedded else embed(audio, _encoder(self.encoder))
        except InputError as error:  # silent, too short or long, no audio
            return Heard(one.content_sha256, None, reason=str(error))
        return Heard(one.content_sha256, found, audio.duration_s)


@lru_cache(maxsize=2)
def _encoder(spec: str) -> Encoder:
    return load_encoder(spec)
