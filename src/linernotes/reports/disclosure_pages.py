"""The disclosure's documents as pages of the house: no script, no address, light and dark, made for a phone.

Conventions
-----------
Each page is made from its JSON twin and from nothing else, and names it. A content security policy forbids every
address; links lead to the files beside the page or, where the provider gave one, to an http address that the reader
chooses to follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linernotes.reports.html import environment, unbroken

PAGES: dict[str, tuple[str, str]] = {
    "index.html": ("disclosure.html", "index.json"),
    "article53.html": ("article53.html", "article53.json"),
    "ab2013.html": ("ab2013.html", "ab2013.json"),
    "completeness.html": ("completeness.html", "completeness.json"),
}
"""Page to its template and its JSON twin."""


def disclosure_pages(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the pages by file name.

    Parameters
    ----------
    documents : mapping of str to mapping
        The JSON documents by file name; each page's twin must be among them.
    """
    made = environment()
    pages = {}
    for page, (template, twin) in PAGES.items():
        facts = dict(documents[twin])
        facts.setdefault("title", "How definite is the disclosure?")
        pages[page] = unbroken(made.get_template(template).render(d=facts, twin=twin))
    return pages
