"""The answer to an owner's request as one page in plain words: it opens without a network and asks for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linernotes.reports.single_page import rendered

LAYER_WORDS = {
    "master": "the recording (master)",
    "publishing": "the song (publishing)",
    "performer": "the performance",
    "voice-likeness": "the voice",
}
CONSENT_VALUE_WORDS = {
    "allow": "agreed",
    "deny": "refused",
    "conditional": "agreed under terms",
    "unknown": "not known: nobody was asked, or nobody answered",
}


def answer_page(answer: Mapping[str, Any], extract: Mapping[str, Any], requester: str) -> str:
    """Return the page as text.

    Parameters
    ----------
    answer, extract : mapping
        What `linernotes.workflows.requests_answer.answer` writes as ``answer.json`` and ``extract.json``.
    requester : str
        Whom it addresses.
    """
    return rendered(
        "answer.html",
        answer=answer,
        extract=extract,
        requester=requester,
        layer_words=LAYER_WORDS,
        value_words=CONSENT_VALUE_WORDS,
    )
