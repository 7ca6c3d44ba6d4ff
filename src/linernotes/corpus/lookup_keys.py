r"""The keys under which a recording can be looked up, and where in the map they stand.

==================  =====================================================================  ==============
kind                what it is                                                             form
==================  =====================================================================  ==============
content_sha256      hash of the file's bytes                                               64 hex digits
audio_sha256        hash of the decoded sound                                              64 hex digits
isrc, iswc, mbid    recording code, work code, MusicBrainz id; several are possible        normalised
iscc                ISCC audio code                                                        ``ISCC:…``
sketch              one of up to 32 hashes of small constellations of peaks in the sound   16 hex digits
==================  =====================================================================  ==============

All but the sketch are exact. Sketch keys outlast coding, equalisers and trims one by one: some of them go,
some stay, and enough that stay on *one* item say that its sound is here (`linernotes.corpus.presence`).

::

    alpha    = "linernotes/map-key/v3\n" ‖ kind ‖ 0x00 ‖ key
    position = first 16 bytes of the VRF output of alpha

    alpha    = "linernotes/map-key/v3\n" ‖ "sketch" ‖ 0x00 ‖ first 4 digits of the key
    position = first 16 bytes of SHA-256("linernotes/sketch-position/v3\n" ‖ the 64 bytes of the VRF output ‖ key)

Sketch keys share their VRF output with the others that begin alike: there are 65,536 beginnings, and a
corpus of millions is sealed in minutes instead of hours.

Known limits
------------
Whoever has been answered about every beginning can compute positions of sketch keys, and look for them among the
handful of entries that each answer shows beside the one that was asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

from linernotes.corpus.keyed_map import POSITION_BYTES
from linernotes.corpus.vrf import VrfKey
from linernotes.errors import InputError
from linernotes.ids import parse_content_hash, parse_isrc, parse_iswc, parse_mbid

EXACT_KINDS = ("content_sha256", "audio_sha256", "isrc", "iswc", "mbid", "iscc")
SKETCH = "sketch"
KINDS = (*EXACT_KINDS, SKETCH)

_ALPHA = b"linernotes/map-key/v3\n"
_SKETCH_POSITION = b"linernotes/sketch-position/v3\n"
SKETCH_BEGINNING = 4  # digits by which sketch keys share a VRF output
_OUTPUTS: dict[bytes, dict[str, bytes]] = {}  # by public key: VRF outputs of sketch beginnings

Key = tuple[str, str]


def parse_iscc(text: str) -> str:
    """Return an ISCC with its prefix, in capitals.

    Raises
    ------
    InputError
        If it is not ``ISCC:`` and base-32 characters.

    Examples
    --------
    >>> parse_iscc("iscc:eiax22fre5ds3ybc")
    'ISCC:EIAX22FRE5DS3YBC'
    """
    code = text.strip().upper()
    code = code if code.startswith("ISCC:") else f"ISCC:{code}"
    if not re.fullmatch(r"ISCC:[A-Z2-7]{10,73}", code, re.ASCII):
        raise InputError(f"ISCC '{text[:80]}': expected 'ISCC:' and base-32 characters")
    return code


def parse_sketch_key(text: str) -> str:
    """Return a sketch key: 16 lower-case hexadecimal digits.

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> parse_sketch_key("00ff00ff00ff00ff")
    '00ff00ff00ff00ff'
    """
    if not re.fullmatch(r"[0-9a-f]{16}", text):
        raise InputError(f"sketch key '{text[:40]}': expected 16 lower-case hexadecimal digits")
    return text


_PARSERS: Mapping[str, Callable[[str], str]] = {
    "content_sha256": parse_content_hash,
    "audio_sha256": parse_content_hash,
    "isrc": parse_isrc,
    "iswc": parse_iswc,
    "mbid": parse_mbid,
    "iscc": parse_iscc,
    SKETCH: parse_sketch_key,
}


def normalised(kind: str, key: str) -> str:
    """Return a key in the form in which it is entered.

    Raises
    ------
    InputError
        If there is no such kind, or the key has another form.

    Examples
    --------
    >>> normalised("isrc", "us-s1z-99-00001")
    'USS1Z9900001'
    """
    if kind not in _PARSERS:
        raise InputError(f"key kind '{kind}': expected one of {', '.join(KINDS)}")
    return _PARSERS[kind](key)


def parse_key(text: str) -> list[Key]:
    """Read what a person typed as a key: which kinds it can be, in its normalised form.

    A SHA-256 may be of the bytes or of the sound, so it gives two keys. ``kind:key`` names the kind.

    Raises
    ------
    InputError
        If it can be none.

    Examples
    --------
    >>> parse_key("GB-AYE-69-00001"), parse_key("iswc:T-034.524.680-1")
    ([('isrc', 'GBAYE6900001')], [('iswc', 'T0345246801')])
    """
    kind, _, rest = text.partition(":")
    if kind.lower() in KINDS and kind.lower() != "iscc":
        return [(kind.lower(), normalised(kind.lower(), rest))]
    found = []
    for candidate in EXACT_KINDS:
        if candidate != "iscc" or kind.lower() == "iscc":
            try:
                found.append((candidate, normalised(candidate, text)))
            except InputError:
                continue
    if not found:
        raise InputError(
            f"'{text[:100]}': neither a readable file nor a key; expected an audio file, a SHA-256, an ISRC, "
            "ISWC, MBID or ISCC, or KIND:KEY with a kind of " + ", ".join(KINDS)
        )
    return found


def alpha_of(kind: str, key: str) -> bytes:
    """Return the VRF's input for a normalised key."""
    return _ALPHA + kind.encode() + b"\0" + (key[:SKETCH_BEGINNING] if kind == SKETCH else key).encode()


def position_from(kind: str, key: str, output: bytes) -> bytes:
    """Return the position of a normalised key from the VRF's output for it."""
    if kind == SKETCH:
        return hashlib.sha256(_SKETCH_POSITION + output + key.encode()).digest()[:POSITION_BYTES]
    return output[:POSITION_BYTES]


def position_of(kind: str, key: str, vrf_key: VrfKey) -> bytes:
    """Return the position of a normalised key; only the holder of the VRF key can.

    Examples
    --------
    >>> position_of("isrc", "GBAYE6900001", VrfKey(bytes(32))).hex()[:8]
    '6d0751cd'
    """
    if kind != SKETCH:
        return position_from(kind, key, vrf_key.output(alpha_of(kind, key)))
    known = _OUTPUTS.setdefault(vrf_key.public, {})
    output = known.get(key[:SKETCH_BEGINNING])
    if output is None:
        output = known[key[:SKETCH_BEGINNING]] = vrf_key.output(alpha_of(kind, key))
    return position_from(kind, key, output)


def well_formed(keys: Iterable[tuple[str, str | None]]) -> list[Key]:
    """Return the keys that can be entered, normalised, each once; empty and malformed ones are left out.

    Examples
    --------
    >>> well_formed([("isrc", "GBAYE6900001"), ("isrc", "gb-aye-69-00001"), ("isrc", "?"), ("iswc", None)])
    [('isrc', 'GBAYE6900001')]
    """
    found: dict[Key, None] = {}
    for kind, key in keys:
        if key:
            try:
                found[kind, normalised(kind, key)] = None
            except InputError:
                continue  # the corpus reports it as a gap: malformed-isrc and its like
    return list(found)
