"""One entry of the manifest: a file, its hashes, its recording and the consent that came with it.

Conventions
-----------
Hashes are lower-case hexadecimal SHA-256. ``content_sha256`` is of the file's bytes;
``audio_sha256`` is of the decoded sound: mono, 16-bit little-endian PCM at the file's own rate, so it
survives re-tagging and a lossless change of container. Paths are POSIX and relative to the audio folder.

Known limits
------------
Two releases of a lossy decoder may differ in the last bit; ``audio_sha256`` of MP3, Vorbis, Opus and
AAC files is reproducible with one release of libsndfile and PyAV, not across all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from linernotes.audio.files import Audio
from linernotes.catalog.recording import Recording
from linernotes.corpus.consent import Consent
from linernotes.corpus.lookup_keys import SKETCH, Key, well_formed
from linernotes.corpus.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One corpus entry.

    Parameters
    ----------
    item_id : str
        Slug of the file's stem, unique in the corpus.
    path : str
        POSIX path relative to the audio folder.
    content_sha256, audio_sha256 : str
        Hash of the bytes and of the decoded sound.
    duration_s : float
        Length in seconds.
    sample_rate : int
        Samples per second of the file.
    n_channels : int
        Channels of the file.
    coding : str
        Container and coding, such as ``FLAC/PCM_16``.
    recording : Recording
        Title, artist, rightsholder, identifiers.
    consent : Consent or None
        None when the rights table has no row for the file.
    cluster_id : str
        Item id of the first member of its near-duplicate cluster; its own id when it has no twin.
    source : Source or None
        Where it came from; None when nobody said.
    identifiers : tuple of str
        Further identifiers, ``kind:value``, such as ``mbid:…`` or a second ``isrc:…``.
    iscc : str
        ISCC audio code; empty when none was computed.
    sketch : tuple of str
        Sketch keys (16 hexadecimal digits each); see `linernotes.corpus.lookup_keys`.
    """

    item_id: str
    path: str
    content_sha256: str
    audio_sha256: str
    duration_s: float
    sample_rate: int
    n_channels: int
    coding: str
    recording: Recording
    consent: Consent | None = None
    cluster_id: str = ""
    source: Source | None = None
    identifiers: tuple[str, ...] = ()
    iscc: str = ""
    sketch: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return {name: getattr(self, name) for name in _FIELDS} | {
            "recording": self.recording.as_json(),
            "consent": self.consent.as_json() if self.consent else None,
            "source": self.source.as_json() if self.source else None,
            "identifiers": list(self.identifiers),
            "sketch": list(self.sketch),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Item:
        """Read what `as_json` wrote."""
        consent, source = data.get("consent"), data.get("source")
        return cls(
            **(
                dict(data)
                | {
                    "recording": Recording.from_json(data["recording"]),
                    "consent": Consent.from_json(consent) if consent else None,
                    "source": Source.from_json(source) if source else None,
                    "identifiers": tuple(data.get("identifiers", ())),
                    "sketch": tuple(data.get("sketch", ())),
                }
            )
        )

    def lookup_keys(self) -> list[Key]:
        """Return the keys under which the item is entered, as (kind, normalised key), each once.

        Examples
        --------
        >>> rain = Recording(recording_id="rain", title="Rain", artist="Ada", isrc="gb-aye-69-00001")
        >>> item = Item(item_id="rain", path="rain.wav", content_sha256="", audio_sha256="", duration_s=1.0,
        ...     sample_rate=8000, n_channels=1, coding="", recording=rain, identifiers=("isrc:USS1Z9900001",))
        >>> item.lookup_keys()
        [('isrc', 'GBAYE6900001'), ('isrc', 'USS1Z9900001')]
        """
        written = [("content_sha256", self.content_sha256), ("audio_sha256", self.audio_sha256)]
        written += [("isrc", self.recording.isrc or ""), ("iswc", self.recording.iswc or "")]
        written += [(kind, key) for kind, _, key in (one.partition(":") for one in self.identifiers)]
        return well_formed([*written, ("iscc", self.iscc), *((SKETCH, key) for key in self.sketch)])


_FIELDS = tuple(Item.__dataclass_fields__)


def audio_sha256(audio: Audio) -> str:
    r"""Return the hash of the sound: mono 16-bit little-endian PCM at the audio's own rate.

    Examples
    --------
    >>> quiet = Audio(np.zeros(4, np.float32), 8000)
    >>> audio_sha256(quiet) == hashlib.sha256(b"linernotes-pcm16 8000\n" + bytes(8)).hexdigest()
    True
    """
    # 32768, not 32767: a 16-bit file decodes to k / 32768, and must hash alike in every lossless container
    pcm = np.clip(np.rint(audio.samples.astype(np.float64) * 32768), -32768, 32767).astype("<i2")
    return hashlib.sha256(f"linernotes-pcm16 {audio.sample_rate}\n".encode() + pcm.tobytes()).hexdigest()
