"""All documents of one disclosure, made together so that they agree.

Idea
----
The number of open gaps stands in every document's limitation, and some gaps are only found by reading the finished
answers: so the answers come first, then their reading, then all gaps, then every document with the same statement.

Conventions
-----------
Each document is checked by its model before it leaves; JSON is sorted, indented, and ends in a newline. Equal facts give
equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linernotes.corpus.checks import in_order
from linernotes.corpus.checks_run import AT_SEALING, CheckRun, checks_run
from linernotes.corpus.gaps import Gap
from linernotes.disclosure.ab2013 import Ab2013, build_ab2013
from linernotes.disclosure.answers53 import answers53
from linernotes.disclosure.article53 import Article53, build_article53, status_words, to_markdown
from linernotes.disclosure.completeness import Completeness, Scored, build_completeness, score_answers
from linernotes.disclosure.croissant import build_croissant
from linernotes.disclosure.facts import DisclosureFacts
from linernotes.disclosure.limitation import Limitation, limitation
from linernotes.disclosure.page import build_page
from linernotes.disclosure.page_schema import DisclosurePage
from linernotes.disclosure.redaction import FORMAT as RECORDINGS_FORMAT
from linernotes.disclosure.redaction import GAPS_FORMAT, GapList, Recordings, public_gaps, recordings
from linernotes.disclosure.wide_gaps import wide_checks

DOCUMENT_CODES = ("vague-list-field", "vague-range", "field-unknown", "audio-inside-video")
"""Gaps that the reading of the answers adds; the others are found in the facts."""
LAYER_CHECKS = ("consent-layers", "opt-outs", "performers", "any-identifier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Every document, its gaps and the checks behind them."""

    article53: Article53
    ab2013: Ab2013
    completeness: Completeness
    page: DisclosurePage
    recordings: Recordings
    gap_list: GapList
    croissant: dict[str, Any]
    gaps: tuple[Gap, ...]
    limitation: Limitation

    def texts(self) -> dict[str, str]:
        """Return the files that need no template: JSON, and the summary in Markdown."""
        return {
            "article53.json": json_text(self.article53.model_dump(mode="json")),
            "article53.md": to_markdown(self.article53),
            "ab2013.json": json_text(self.ab2013.model_dump(mode="json")),
            "completeness.json": json_text(self.completeness.model_dump(mode="json")),
            "index.json": json_text(self.page.model_dump(mode="json")),
            "recordings.json": json_text(self.recordings.model_dump(mode="json")),
            "gaps.json": json_text(self.gap_list.model_dump(mode="json")),
            "croissant.json": json_text(self.croissant),
        }


def build(facts: DisclosureFacts) -> Bundle:
    """Return every document of a disclosure."""
    answers = answers53(facts)
    scored = score_answers(answers)
    wide = wide_checks(facts)
    written = [one for one in scored.gaps if one.code in DOCUMENT_CODES]
    gaps = in_order([*facts.gaps, *wide.gaps, *written])
    ran = [*AT_SEALING, *LAYER_CHECKS, *wide.ran, "document"]
    checks = checks_run(gaps, ran, wide.notes | _strictness(facts) | {"document": f"{len(answers)} fields"})
    said = limitation(facts, len(gaps))
    rows = Recordings(
        format=RECORDINGS_FORMAT, revision=1, level=facts.level, limitation=said, rows=recordings(facts)
    )
    status = status_words(facts.provider["summary.status"])
    return Bundle(
        article53=build_article53(facts, answers, said),
        ab2013=build_ab2013(facts, said),
        completeness=build_completeness(scored, said),
        page=build_page(facts, scored, gaps, checks, said, status),
        recordings=rows,
        gap_list=_gap_list(facts, gaps, checks, said),
        croissant=build_croissant(facts, said, rows.rows, json_text(rows.model_dump(mode="json")).encode()),
        gaps=gaps,
        limitation=said,
    )


def score_summary(answers: Mapping[str, Any], said: Limitation | None = None) -> tuple[Completeness, Scored]:
    """Return the score of a summary that somebody else filled in."""
    from linernotes.disclosure.limitation import foreign_limitation

    scored = score_answers(answers)
    return build_completeness(scored, said or foreign_limitation(len(scored.gaps))), scored


def json_text(value: Any) -> str:
    """Return JSON as it is written to files."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _strictness(facts: DisclosureFacts) -> dict[str, str]:
    """Say where a yes counted only if it had been entered in time; without it, stated dates are taken as they are."""
    if facts.material.recorded is None:
        return {}
    return {"consent-layers": f"no yes counts that was entered after {facts.day.isoformat()}"}


def _gap_list(
    facts: DisclosureFacts, gaps: tuple[Gap, ...], checks: tuple[CheckRun, ...], said: Limitation
) -> GapList:
    ran = [one for one in checks if one.ran]
    words = f"{len(gaps)} gaps" if gaps else "No gap was found"
    asked = "; ".join(one.check for one in ran)
    skipped = "; ".join(f"{one.check} ({one.note})" for one in checks if not one.ran)
    return GapList(
        format=GAPS_FORMAT,
        revision=1,
        level=facts.level,
        limitation=said,
        n_gaps=len(gaps),
        gaps=public_gaps(facts, gaps),
        checks_run=[one.as_json() for one in checks],
        words=f"{words}. Checks made: {asked}." + (f" Not made: {skipped}." if skipped else ""),
    )
