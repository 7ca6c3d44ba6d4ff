"""Hand out the single-file verifier: the program that checks receipts and answers without this package."""

from __future__ import annotations

import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import Any

from linernotes.errors import InputError

FILE_NAME = "linernotes_verify.py"


def verifier_bytes() -> bytes:
    """Return the verifier's source as it is shipped.

    Examples
    --------
    >>> verifier_bytes().startswith(b"#!/usr/bin/env python3")
    True
    """
    return (resources.files("linernotes") / "verifier" / FILE_NAME).read_bytes()


def copy_verifier(out: Path | str) -> dict[str, Any]:
    """Write the verifier to a file and return its ``path``, ``sha256`` and ``size_bytes``.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    out = Path(out)
    target = out / FILE_NAME if out.is_dir() else out
    data = verifier_bytes()
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); choose another place") from error
    return {"path": str(target), "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
