"""The identification of a corpus on one page: counts, conflicts, doubles, and every file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linernotes.reports.single_page import rendered, write_with_facts


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
    return write_with_facts(lambda: rendered("corpus_identity.html", facts=facts), facts, out)
