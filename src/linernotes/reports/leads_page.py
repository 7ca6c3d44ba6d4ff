"""Contradiction leads on one page: what agrees, under which keys the corpus was asked, and what controls showed.

Conventions
-----------
`write_leads_page` writes ``OUT`` and, beside it, the facts as JSON of the same name. A section for other pages is the
macro ``lead_section`` of ``leads_section.html``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linernotes.reports.single_page import rendered, write_with_facts


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
    return write_with_facts(lambda: rendered("leads.html", facts=facts), facts, out)
