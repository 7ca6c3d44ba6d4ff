"""The identification of a corpus on one page: counts, conflicts, doubles, and every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linernotes.errors import InputError
from linernotes.reports.passage_page import rendered, write_texts


def write_corpus_page(facts: Mapping[str, Any], out: Path | str) -> Path:
    """Write the page and, beside it, the facts as JSON of the same name; return the page's path.

    Parameters
    ----------
    facts : mapping
        From `linernotes.workflows.corpus_identify.identify_corpus`.
    out : Path or str
        The page, ending in ``.html``.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            f"{out}: expected a file name that ends in .html; the facts get the same name with .json"
        )
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write_texts({out: rendered("corpus_identity.html", facts=facts), out.with_suffix(".json"): text})
    return out
