"""What a figure depends on besides code and data."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.versions.measures.bootstrap import N_DRAWS, SEED
from linernotes import versions
from linernotes.audio.files import file_sha256
from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder
from linernotes.versions.features import FEATURES_REVISION

LIBRARIES = ("linernotes", "numpy", "scipy", "numba", "soxr", "soundfile", "onnxruntime", "torch", "essentia")


def surroundings() -> dict[str, Any]:
    """Return processor, versions and seeds."""
    processor = platform.processor() or platform.machine()
    with_model = Path("/proc/cpuinfo")
    if with_model.is_file():
        names = [x for x in with_model.read_text(encoding="utf-8").splitlines() if x.startswith("model name")]
        processor = names[0].split(":", 1)[1].strip() if names else processor
    return {
        "processor": processor,
        "n_processors": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "ours": ours_is(),
        "bootstrap": {"draws": N_DRAWS, "seed": SEED},
    }


def ours_is() -> dict[str, Any]:
    """Return which features, encoder and constants the package had."""
    constants = Path(versions.__file__).with_name("calibration.json")
    return {
        "features_revision": FEATURES_REVISION,
        "encoder": load_encoder(DEFAULT_ENCODER).name,
        "calibration_sha256": file_sha256(constants)[:12] if constants.is_file() else None,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
