"""The index on disk: the doors to `linernotes.fingerprint.storage`.

An index is a folder of immutable *segments* (each a `FingerprintIndex`, memory-mapped), a *journal* of
recordings that are not in a segment yet, and a *manifest* that says which of them count. It grows and
shrinks in small steps, each of which is whole or did not happen, and readers never wait.

- `open_index` gives a `Catalogue` to search;
- `IndexFolder` adds, removes, merges and compacts;
- `check_index` reads every byte and names what is damaged, `drop_damaged` takes that out;
- `ShardedCatalogue` searches several folders as one;
- `index_statistics` says how large it is, and of what.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> import numpy as np
>>> from linernotes.audio.files import Audio
>>> from linernotes.fingerprint.landmarks import find_landmarks
>>> noise = Audio(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32), 8000)
>>> with tempfile.TemporaryDirectory() as place:
...     with IndexFolder(Path(place)) as writer:
...         writer.append("noise", "ab" * 32, find_landmarks(noise))
...     [recording.recording_id for recording in open_index(Path(place)).recordings]
['noise']

References
----------
O'Neil, Cheng, Gawlick, O'Neil (1996), "The log-structured merge-tree", Acta Informatica 33.
Pillai et al. (2014), "All file systems are not created equal", OSDI.

Known limits
------------
One writer at a time. A writer holds the id and hash of every recording in memory. Folders on network
file systems may lie about locks and fsync: write on a local disk, read from anywhere.
"""

from __future__ import annotations

from linernotes.fingerprint.storage.catalogue import Catalogue, open_index
from linernotes.fingerprint.storage.checking import CheckReport, check_index, drop_damaged
from linernotes.fingerprint.storage.folder import IndexFolder
from linernotes.fingerprint.storage.manifest import MANIFEST
from linernotes.fingerprint.storage.sharded import ShardedCatalogue
from linernotes.fingerprint.storage.statistics import index_statistics
from linernotes.fingerprint.storage.verifying import Fault

__all__ = [
    "MANIFEST",
    "Catalogue",
    "CheckReport",
    "Fault",
    "IndexFolder",
    "ShardedCatalogue",
    "check_index",
    "drop_damaged",
    "index_statistics",
    "open_index",
]
