"""Keys that come from the sound itself: the ISCC audio code, and sketch keys that outlast coding and trims.

Idea
----
Three peaks of the spectrum that stand out, with their tones and the delays between them, are a small
constellation. Of all constellations of a recording the 32 with the smallest hashes are its sketch (bottom-k
min-hash): two recordings that share most constellations choose mostly the same ones, whatever the rest is. A
constellation is kept or lost whole; so a copy brings back the keys whose peaks survived coding.

The ISCC audio code is a hash of the Chromaprint; equal codes are asked for here, so it finds gentle re-encodings.

Conventions
-----------
A sketch key is 16 hexadecimal digits: the beginning of the SHA-256 of the constellation. Peaks are the ten
tallest a second on the axes of `linernotes.fingerprint` (16 ms, quarter tones); delays are told in cells of 64 ms.
The ISCC has 256 bits over the whole length.

Cost
----
About 0.1 s per minute of audio.

References
----------
Broder (1997), "On the resemblance and containment of documents"; Wang (2003), "An industrial-strength audio
search algorithm"; ISO 24138:2024 (ISCC).

Known limits
------------
Changed pitch or tempo moves every constellation, and a short part of a recording brings back few keys; see
``docs/methods/seal.md`` for rates. Sound shorter than 2 s gives few keys or none.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio, read_audio
from linernotes.corpus.ingest import Listen
from linernotes.corpus.lookup_keys import SKETCH, Key, parse_iscc, parse_sketch_key
from linernotes.corpus.manifest import Item
from linernotes.corpus.presence import keys_of_file
from linernotes.errors import InputError, TooShort
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.peaks import Density, find_peaks
from linernotes.fingerprint.spectrum import centred_spectrum
from linernotes.ids import parse_content_hash

N_SKETCH_KEYS = 32
ISCC_BITS = 256
PEAKS = Density(10.0, (17, 7))  # few and tall: what a low bit rate leaves standing
_AHEAD = 9  # peaks after the first that a constellation may take in
_MIN_DELAY, _MAX_DELAY = 8, 120  # frames: between neighbours at least, over all at most
_CELL = 4  # frames in which delays count as equal: a trim moves the frames against the sound


@dataclass(frozen=True, slots=True)
class SoundKeys:
    """What one sound is looked up under, besides its hashes; empty where it is too short."""

    iscc: str
    sketch: tuple[str, ...]


def sound_keys(audio: Audio) -> SoundKeys:
    """Return the ISCC audio code and the sketch keys of a sound.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, 40000).astype(np.float32)
    >>> keys = sound_keys(Audio(noise, 8000))
    >>> keys.iscc[:6], len(keys.sketch) == N_SKETCH_KEYS, len(keys.sketch[0])
    ('ISCC:E', True, 16)
    """
    try:
        iscc = _iscc(extract(audio, None).values)
    except TooShort:
        iscc = ""
    return SoundKeys(iscc, sketch_of(*find_peaks(centred_spectrum(audio), PEAKS)))


def listener(known: Path | None = None) -> Listen:
    """Return what `linernotes.corpus.ingest.ingest` asks for ISCC code and sketch keys.

    Parameters
    ----------
    known : Path, optional
        JSON written by `write_sound_keys`: what stands there is not computed again. Processors round
        differently, and a root that must come out alike everywhere needs the keys of one of them.

    Raises
    ------
    InputError
        If the file is not of that form.
    """
    table = _read_sound_keys(known) if known is not None else {}

    def listen(audio: Audio, content_sha256: str) -> tuple[str, tuple[str, ...]]:
        keys = table.get(content_sha256) or sound_keys(audio)
        return keys.iscc, keys.sketch

    return listen


def write_sound_keys(items: Sequence[Item], path: Path) -> None:
    """Write the sound keys of items as JSON, by the hash of the file's bytes."""
    content = {item.content_sha256: {"iscc": item.iscc, "sketch": list(item.sketch)} for item in items}
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=0, sort_keys=True) + "\n", "utf-8")
    os.replace(partial, path)


def _read_sound_keys(path: Path) -> dict[str, SoundKeys]:
    try:
        return {
            parse_content_hash(name): SoundKeys(
                parse_iscc(row["iscc"]) if row["iscc"] else "", tuple(map(parse_sketch_key, row["sketch"]))
            )
            for name, row in json.loads(path.read_bytes()).items()
        }
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a file of sound keys") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not a file of sound keys ({error!r}); write it anew") from error


def sketch_of(times: NDArray[np.int32], bands: NDArray[np.int32]) -> tuple[str, ...]:
    """Return the sketch keys of peaks: the smallest hashes of constellations of three.

    Parameters
    ----------
    times, bands : NDArray[np.int32] [shape=(n_peaks,)]
        Frames, ascending, and bands 0 to 95.

    Returns
    -------
    tuple of str
        Up to 32, ascending.
    """
    smallest = constellation_codes(times, bands)[:N_SKETCH_KEYS]
    return tuple(sorted(hashlib.sha256(int(code).to_bytes(8, "big")).hexdigest()[:16] for code in smallest))


def constellation_codes(times: NDArray[np.int32], bands: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Return the codes of all constellations of peaks, those that a sketch chooses first; parameters as `sketch_of`."""
    found = [
        _constellations(times, bands, near, far)
        for near, far in itertools.combinations(range(1, _AHEAD + 1), 2)
        if far < len(times)
    ]
    codes = np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)
    ordered: NDArray[np.uint64] = codes[np.argsort(_mixed(codes), kind="stable")]
    return ordered


def lookup_keys_of_file(path: Path | str) -> list[Key]:
    """Return every key that an audio file can be looked up under.

    Raises
    ------
    InputError
        If the file is not readable as audio.
    """
    exact = keys_of_file(path)
    of_sound = sound_keys(read_audio(path, allow_silence=True))
    keys = [*exact.items(), *((SKETCH, key) for key in of_sound.sketch)]
    return [*keys, ("iscc", of_sound.iscc)] if of_sound.iscc else keys


def _constellations(
    times: NDArray[np.int32], bands: NDArray[np.int32], near: int, far: int
) -> NDArray[np.uint64]:
    """Return the codes of (peak, near-th after it, far-th after it) that are kept."""
    n = len(times) - far
    t, b = times.astype(np.int64), bands.astype(np.int64)
    first, second, third = b[:n], b[near : near + n], b[far : far + n]
    early, late = t[near : near + n] - t[:n], t[far : far + n] - t[:n]
    kept = (early >= _MIN_DELAY) & (late - early >= _MIN_DELAY) & (late <= _MAX_DELAY)
    kept &= (first != second) & (second != third) & (first != third)
    codes = (((first * 128 + second) * 128 + third) * 64 + early // _CELL) * 64 + late // _CELL
    found: NDArray[np.uint64] = codes[kept].astype(np.uint64)
    return found


def _mixed(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a fixed scrambling of the codes, by which the sketch is chosen (splitmix64)."""
    mixed = (codes ^ (codes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scrambled: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return scrambled


def _iscc(values: NDArray[np.uint32]) -> str:
    from iscc_core import gen_audio_code_v0

    return str(gen_audio_code_v0([int(value) for value in values.view(np.int32)], bits=ISCC_BITS)["iscc"])
