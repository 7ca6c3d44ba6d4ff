"""What a figure depends on besides code and data."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.versions.measures.bootstrap import N_DRAWS, SEED

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
        "bootstrap": {"draws": N_DRAWS, "seed": SEED},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
