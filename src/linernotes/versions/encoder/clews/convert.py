"""Turn a downloaded CLEWS checkpoint into two files that hold numbers and text, and read them back.

``NAME.safetensors`` has the weights alone (0.8 GB of the download's 2.4), ``NAME.json`` the source's SHA-256, its sizes and
the licence text that came with it. Weights and licence are their makers': Linernotes ships neither.

Conventions
-----------
Entries keep their published names.

Known limits
------------
`configuration.yaml` beside the checkpoint is read line by line for the five settings that matter, not parsed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import file_sha256
from linernotes.errors import InputError
from linernotes.versions.encoder.clews.checkpoint import open_checkpoint
from linernotes.versions.encoder.clews.layout import Layout, matched, published

if TYPE_CHECKING:
    from linernotes.versions.encoder.network import NetworkConfig

SETTINGS = {
    "samplerate": 16000.0,
    "len": 20.0,
    "hoplen": 0.02,
    "noctaves": 7.0,
    "nbinsoct": 12.0,
    "pool": 5.0,
}
LICENCES = (
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "LICENCE",
    "LICENCE.txt",
    "LICENCE.md",
    "COPYING",
    "README.md",
)
NO_LICENCE = "No licence text lay beside the checkpoint; read the terms of the page you downloaded it from."
LONGEST_TEXT = 64 << 10


@dataclass(frozen=True, slots=True)
class Weights:
    """A CLEWS network's numbers.

    Parameters
    ----------
    arrays : dict[str, NDArray[np.float32]]
        By published name.
    network : NetworkConfig
        Sizes.
    sha256 : str
        Of the checkpoint as downloaded.
    licence : str
        Text found beside it.
    """

    arrays: dict[str, NDArray[np.float32]]
    network: NetworkConfig
    sha256: str
    licence: str


def read_weights(path: Path, layout: Layout | None = None) -> Weights:
    """Read a checkpoint as downloaded, or one that `convert` wrote.

    Parameters
    ----------
    path : Path
        The checkpoint, or ``NAME.safetensors`` with ``NAME.json`` beside it.
    layout : Layout, optional
        Sizes expected; those of the published networks by default.

    Raises
    ------
    InputError
        If the file is not a CLEWS checkpoint.
    """
    layout = layout or published()
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; expected a CLEWS checkpoint, see docs/methods/version-encoder.md"
        )
    return _converted(path, layout) if path.suffix == ".safetensors" else _downloaded(path, layout)


def convert(source: Path, target: Path, layout: Layout | None = None) -> Path:
    """Write the weights of a checkpoint as safetensors, with a card beside them.

    Parameters
    ----------
    source : Path
        The checkpoint as downloaded.
    target : Path
        ``NAME.safetensors``.
    layout : Layout, optional
        As for `read_weights`.

    Returns
    -------
    Path
        *target*.

    Raises
    ------
    InputError
        If *source* is not a CLEWS checkpoint or *target* does not end in ``.safetensors``.
    """
    import safetensors.numpy

    if target.suffix != ".safetensors":
        raise InputError(f"{target}: expected a name that ends in .safetensors")
    weights = read_weights(source, layout)
    facts = {
        "source_sha256": weights.sha256,
        "network": asdict(weights.network),
        "licence_found_beside": weights.licence,
        "made_by": "converted by Linernotes; weights by the authors of CLEWS (Serra et al. 2025)",
    }
    partial = target.with_name(target.name + ".partial")
    data = safetensors.numpy.save(weights.arrays)
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    partial.write_bytes(data)
    target.with_suffix(".json").write_text(
        json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    os.replace(partial, target)
    return target


def _downloaded(path: Path, layout: Layout) -> Weights:
    checkpoint = open_checkpoint(path)
    shapes = {name: record.shape for name, record in checkpoint.tensors.items()}
    config = matched(shapes, layout, str(path))
    _check_settings(path.with_name("configuration.yaml"))
    arrays = {name: checkpoint.read(name) for name in shapes}
    return Weights(_finite(arrays, path), config, file_sha256(path), _licence_beside(path))


def _converted(path: Path, layout: Layout) -> Weights:
    import safetensors
    import safetensors.numpy

    card = path.with_suffix(".json")
    try:
        facts: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
        digest, source, licence = (
            facts["sha256"],
            str(facts["source_sha256"]),
            str(facts["licence_found_beside"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{card}: {error}; expected the card that lies beside converted weights") from error
    if file_sha256(path) != digest:
        raise InputError(f"{path}: not the file that {card.name} describes; convert the checkpoint again")
    try:
        arrays = safetensors.numpy.load_file(path)
    except safetensors.SafetensorError as error:
        raise InputError(f"{path}: {error}; convert the checkpoint again") from error
    config = matched({name: array.shape for name, array in arrays.items()}, layout, str(path))
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    return Weights(_finite(arrays, path), config, source, licence)


def _finite(arrays: dict[str, NDArray[np.float32]], path: Path) -> dict[str, NDArray[np.float32]]:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise InputError(f"{path}: {name} holds values that are not finite; download it again")
    return arrays


def _check_settings(path: Path) -> None:
    """Refuse a configuration of another front end than the one built here; none at all is fine."""
    if not path.is_file():
        return
    text = path.read_bytes()[:LONGEST_TEXT].decode("utf-8", "replace")
    for name, expected in SETTINGS.items():
        found = re.search(rf"^\s*{name}:\s*([0-9.eE+-]+)\s*(?:#.*)?$", text, re.MULTILINE)
        if found and not np.isclose(_number(found[1]), expected):
            raise InputError(
                f"{path}: {name} is {found[1]}; expected {expected:g}, as in the published networks"
            )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _licence_beside(path: Path) -> str:
    for name in LICENCES:
        beside = path.with_name(name)
        if beside.is_file():
            return f"{name}:\n" + beside.read_bytes()[:LONGEST_TEXT].decode("utf-8", "replace")
    return NO_LICENCE
