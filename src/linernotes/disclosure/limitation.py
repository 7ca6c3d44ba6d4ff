"""The sentence that no document leaves without: what it covers, and what it does not show.

Idea
----
A document about training content is easily read for more than it says. Each carries one `Limitation`, made here and
nowhere else, and its model refuses one whose words lack the snapshot, the number of open gaps or the receipt.

Conventions
-----------
Rungs of the claim ladder: 0 declared (the provider's word alone) and 1 committed (sealed, and entered in the log).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from linernotes.disclosure.answer import Count, Facts, Said
from linernotes.disclosure.facts import DisclosureFacts

RECEIPT_FILE, SEAL_RECEIPT_FILE = "receipt.json", "seal-receipt.json"
FORBIDDEN = ("copied", "stolen", "proves", "trained on your", "guarantees", "detected")
"""Words that no document of ours may print: they claim what no document shows."""
SHORT = 12
RUNGS = {0: "declared", 1: "committed"}


class Limitation(Facts):
    """What a document covers and what it does not show.

    Parameters
    ----------
    statement : str
        The sentence, in our words.
    snapshot : str
        Root of the sealed corpus, or empty for somebody else's document without one.
    rung : {0, 1}
        0 declared, 1 committed.
    open_gaps : int
        Gaps that nobody has closed.
    receipt : str
        File that shows the entry in the log; empty where there is none.
    """

    statement: Said
    snapshot: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    rung: Literal[0, 1]
    open_gaps: Count
    receipt: str

    @model_validator(mode="after")
    def _says_what_it_must(self) -> Self:
        needed = [f"gaps: {self.open_gaps}", "does not show what else was used", "not a legal conclusion"]
        needed += [self.snapshot[:SHORT]] * bool(self.snapshot) + [self.receipt] * bool(self.receipt)
        for words in needed:
            if words not in self.statement:
                raise ValueError(f"the statement of limitation lacks {words!r}")
        return self


def limitation(facts: DisclosureFacts, open_gaps: int) -> Limitation:
    """Return the statement of a document made from sealed facts."""
    corpus = facts.corpus
    logged = facts.material.log is not None and facts.material.log.seal_index is not None
    how = "sealed and logged" if logged else "sealed but not logged"
    when = (
        "before the stated day of training"
        if corpus.stage == "before-training" and corpus.training_date
        else "after training"
        if corpus.training_date
        else "without a stated day of training"
    )
    return Limitation(
        statement=(
            f"This describes the recordings that the provider committed in snapshot {corpus.root[:SHORT]} ({how}, "
            f"{when}) and what the provider says about them. It does not show what else was used, nor that a "
            f"generator was trained on exactly this list, and it is not a legal conclusion. Unresolved gaps: "
            f"{open_gaps}. Verify with receipt {RECEIPT_FILE}."
        ),
        snapshot=corpus.root,
        rung=1 if logged else 0,
        open_gaps=open_gaps,
        receipt=RECEIPT_FILE,
    )


def foreign_limitation(open_gaps: int) -> Limitation:
    """Return the statement of a score of somebody else's document."""
    return Limitation(
        statement=(
            "This scores how definite and complete the fields of one document are. It does not show whether they are "
            "true; the document does not show what else was used; a score is not a legal conclusion. Unresolved gaps: "
            f"{open_gaps}."
        ),
        snapshot="",
        rung=0,
        open_gaps=open_gaps,
        receipt="",
    )
