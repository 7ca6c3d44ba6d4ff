"""One page of the house style in one file, and its facts as JSON of the same name beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from linernotes.errors import InputError
from linernotes.reports.html import TEMPLATES, environment, unbroken


def write_with_facts(page: Callable[[], str], facts: Mapping[str, Any], out: Path | str) -> Path:
    """Write a page and its facts, and return the page's path.

    Parameters
    ----------
    page : callable
        Makes the page's text; asked only when the name of the file will do.
    facts : mapping
        What the page shows, JSON-ready.
    out : Path or str
        The page, ending in ``.html``.

    Raises
    ------
    InputError
        If the name ends otherwise, or a place cannot be written to.
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            f"{out}: expected a file name that ends in .html; the facts get the same name with .json"
        )
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write_texts({out: page(), out.with_suffix(".json"): text})
    return out


def rendered(template: str, **values: Any) -> str:
    """Return a page of the house style with its style and script inside."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    page = (
        environment()
        .get_template(template)
        .render(
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            **values,
        )
    )
    return unbroken(page)


def write_texts(files: Mapping[Path, str]) -> None:
    """Write texts whole or not at all.

    Raises
    ------
    InputError
        If a place cannot be written to.
    """
    for path, text in files.items():
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, path)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror}); choose a place you may write to"
            ) from error
