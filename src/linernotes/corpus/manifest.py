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
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from linernotes.audio.files import Audio
from linernotes.catalog.recording import Recording
from linernotes.corpus.consent import Consent


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

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self) | {
            "recording": self.recording.as_json(),
            "consent": self.consent.as_json() if self.consent else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Item:
        """Read what `as_json` wrote."""
        consent = data.get("consent")
        return cls(
            **(
                dict(data)
                | {
                    "recording": Recording.from_json(data["recording"]),
                    "consent": Consent.from_json(consent) if consent else None,
                }
            )
        )


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
