"""The EU summary of training content (Art. 53(1)(d)) as a document: its schema, and how it reads in Markdown.

Idea
----
The form is used here as a voluntary common schema: whether a generator of music falls under the article is a legal
question, so "required by law" is printed only where the provider says so, with the reason.

Conventions
-----------
The JSON holds every field of `linernotes.disclosure.fields53.FIELDS_53` once, in order, each with an answer that is
stated, computed, unknown or not applicable.

References
----------
Regulation (EU) 2024/1689, Art. 53(1)(d); European Commission, template for the public summary of training content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import model_validator

from linernotes.disclosure.answer import Answer, Facts, Said, answer_text
from linernotes.disclosure.facts import DisclosureFacts, Level
from linernotes.disclosure.fields53 import FIELDS_53, FieldKind
from linernotes.disclosure.limitation import Limitation

FORMAT: Final = "linernotes-article53"
TITLE = "Public summary of training content"
NOT_CLAIMED = (
    "Published voluntarily, in the form of the EU template. Whether the law requires it of this generator is not "
    "claimed here."
)


class FormAnswer(Facts):
    """One field of the form, answered."""

    id: Said
    section: Said
    label: Said
    kind: FieldKind
    answer: Answer


class Article53(Facts):
    """The summary."""

    format: Literal["linernotes-article53"]
    revision: Literal[1]
    title: Said
    status: Said
    level: Level
    limitation: Limitation
    fields: list[FormAnswer]

    @model_validator(mode="after")
    def _every_field_once(self) -> Self:
        found, wanted = [one.id for one in self.fields], [one.field_id for one in FIELDS_53]
        if found != wanted:
            missing = [name for name in wanted if name not in found]
            raise ValueError(
                f"fields {missing or found}: expected every field of the form once, in its order"
            )
        return self


def build_article53(
    facts: DisclosureFacts, answers: Mapping[str, Answer], limitation: Limitation
) -> Article53:
    """Return the summary.

    Parameters
    ----------
    facts : DisclosureFacts
        What was gathered.
    answers : mapping of str to Answer
        From `linernotes.disclosure.answers53.answers53`.
    limitation : Limitation
        From `linernotes.disclosure.limitation.limitation`.
    """
    return Article53(
        format=FORMAT,
        revision=1,
        title=TITLE,
        status=status_words(facts.provider["summary.status"]),
        level=facts.level,
        limitation=limitation,
        fields=[
            FormAnswer(
                id=one.field_id,
                section=one.section,
                label=one.label,
                kind=one.kind,
                answer=answers[one.field_id],
            )
            for one in FIELDS_53
        ],
    )


def status_words(status: Answer) -> str:
    """Say why the summary is published, in the provider's words where there are any.

    Examples
    --------
    >>> from linernotes.disclosure.answer import stated, unknown
    >>> status_words(unknown("not filled in yet"))[:21]
    'Published voluntarily'
    >>> status_words(stated({"required_by_law": True, "reason": "Our counsel, 2026-10-01."}))
    'The provider states that the law requires this summary: Our counsel, 2026-10-01.'
    """
    value = status.value
    if isinstance(value, Mapping) and value.get("required_by_law"):
        return f"The provider states that the law requires this summary: {value['reason']}"
    return NOT_CLAIMED


def to_markdown(document: Article53) -> str:
    """Return the summary as Markdown, one heading for each section of the form."""
    lines = [f"# {document.title}", "", document.status, "", f"> {document.limitation.statement}", ""]
    section = ""
    for one in document.fields:
        if one.section != section:
            section = one.section
            lines += [f"## {section}", ""]
        lines += [f"**{one.id}** {plain_markdown(one.label)}", "", *_answer_lines(one.answer), ""]
    return "\n".join(lines)


def _answer_lines(answer: Answer) -> list[str]:
    source = f" *({answer.state}, {answer.source})*" if answer.source else ""
    if isinstance(answer.value, list) and len(answer.value) > 1:
        lines = [
            f"- {plain_markdown(answer_text(Answer(state='stated', value=one)))}" for one in answer.value
        ]
        return [*lines, "", (plain_markdown(answer.reason) + source).strip()]
    return [plain_markdown(answer_text(answer)) + source]


def plain_markdown(text: str) -> str:
    r"""Return text that Markdown prints as it is: no markup, no HTML, one line.

    Examples
    --------
    >>> plain_markdown("a *b* <script>\n[x](y)")
    'a \\*b\\* &lt;script&gt; \\[x\\](y)'
    """
    escaped = "".join("\\" + c if c in "\\`*_[]#|~!" else c for c in " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
