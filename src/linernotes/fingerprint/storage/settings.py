"""What an index was made with: two indexes can be searched or merged together only if this agrees."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from linernotes.fingerprint import index, peaks, spectrum

LANDMARKS_REVISION = 2
"""Raised whenever the same audio gives other landmarks than before, for a reason the settings do not show."""


def index_settings() -> dict[str, Any]:
    """Return the landmark settings and the layout of the arrays, JSON-ready.

    Examples
    --------
    >>> sorted(index_settings())
    ['arrays', 'density', 'landmarks_revision', 'n_keys', 'spectrum']
    """
    constants = {
        name: value
        for name, value in vars(spectrum).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int | float)
    }
    settings = {
        "landmarks_revision": LANDMARKS_REVISION,
        "spectrum": constants,
        "density": {"kept": asdict(peaks.KEPT), "reference": asdict(peaks.REFERENCE)},
        "arrays": {name: np.dtype(dtype).name for name, dtype in index.ARRAYS.items()},
        "n_keys": {family: n_keys for family, (n_keys, _) in index.FAMILIES.items()},
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))  # tuples become lists, as they will when read
    return plain


def settings_digest() -> str:
    """Return 16 hexadecimal digits that stand for `index_settings`."""
    return hashlib.sha256(json.dumps(index_settings(), sort_keys=True).encode()).hexdigest()[:16]
