"""Contradiction leads on one page: what agrees, under which keys the corpus was asked, and what controls showed.

Conventions
-----------
`write_leads_page` writes ``OUT`` and, beside it, the facts as JSON of the same name. A section for other pages is the
macro ``lead_section`` of ``leads_section.html``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linernotes.errors import InputError
from linernotes.reports.passage_page import rendered, write_texts


def write_leads_page(facts: Mapping[str, Any], out: Path | str) -> Path:
    """Write the page and its facts, and return the page's path.

    Parameters
    ----------
    facts : mapping
        From `linernotes.workflows.leads.find_leads`.
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
    write_texts({out: rendered("leads.html", facts=facts), out.with_suffix(".json"): text})
    return out
