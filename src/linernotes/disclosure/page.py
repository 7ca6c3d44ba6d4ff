"""The page for creators: what was used, who agreed, what is not known, and how to check one recording.

Idea
----
One page in plain words, made from the same facts as the forms. Every figure on it is in its JSON twin, and the model
refuses a page without its limitation or without a word on what it cannot tell.

Conventions
-----------
Gaps are grouped by code, gravest first, with the number of recordings; the gaps of corpus, log and documents count 0
recordings. Nothing here names a recording below the disclosure level ``full``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from linernotes.corpus.checks_run import CheckRun
from linernotes.corpus.gaps import GAP_KINDS, Gap
from linernotes.disclosure.answer import Answer, n_recordings, value_text
from linernotes.disclosure.completeness import Scored
from linernotes.disclosure.counts import beside_the_sound, layer_counts, snapshot_facts
from linernotes.disclosure.facts import DisclosureFacts, Level
from linernotes.disclosure.limitation import RECEIPT_FILE, SEAL_RECEIPT_FILE, Limitation
from linernotes.disclosure.page_schema import (
    DisclosurePage,
    Document,
    GapRow,
    LayerRow,
    RecordingRow,
    SourceRow,
    Step,
)
from linernotes.disclosure.redaction import recordings

FORMAT: Final = "linernotes-disclosure-page"
WEAKEST = 6
LAYER_WORDS = {
    "master": "The recording",
    "publishing": "The song",
    "performer": "The people who play and sing",
    "voice-likeness": "Voice and likeness",
}
LAYER_EXPLAINED = {
    "master": "whoever owns the master",
    "publishing": "writers and their publishers",
    "performer": "each performer, session players included",
    "voice-likeness": "the person whose voice it is",
}


DOCUMENTS: tuple[tuple[str, str], ...] = (
    ("article53.html", "The summary in the form of the EU template, field by field."),
    ("ab2013.html", "The twelve items of California's AB 2013."),
    ("completeness.html", "How definite each field is, with the reason for every point."),
    ("article53.md", "The same summary as plain text."),
    ("gaps.json", "Every gap, for programs."),
    ("croissant.json", "A description for dataset catalogues (Croissant 1.1)."),
    ("recordings.json", "Amounts by source and consent, or the recordings, as far as they are published."),
    (RECEIPT_FILE, "Shows that these documents are in the audit log."),
    (SEAL_RECEIPT_FILE, "Shows that the sealed list is in the audit log, and since when."),
    ("disclosure.json", "The list of these files with their hashes."),
)
CANNOT_TELL = (
    "Whether anything was used that is not in this list. A seal fixes a list; nobody can seal what was left out.",
    "Whether a given song that the generator makes draws on a given recording. That is a question of its own, asked "
    "with 'linernotes attribute', and its answer carries its own error.",
    "Whether the use was lawful. No figure here is a legal conclusion.",
)


def build_page(
    facts: DisclosureFacts,
    scored: Scored,
    gaps: Sequence[Gap],
    checks: Sequence[CheckRun],
    limitation: Limitation,
    status: str,
) -> DisclosurePage:
    """Return the page's facts."""
    provider = facts.provider
    name = provider["provider.name"]
    models = provider["model.names"]
    title = f"Training content of {value_text(models.value) if models.known else 'a generator'}"
    return DisclosurePage(
        format=FORMAT,
        revision=1,
        title=title,
        lead=_lead(facts, name),
        status=status,
        level=facts.level,
        version=facts.version,
        limitation=limitation,
        provider={
            key: provider[full]
            for key, full in (
                ("name", "provider.name"),
                ("contact", "provider.contact"),
                ("representative", "provider.representative"),
                ("models", "model.names"),
                ("requests", "provider.requests"),
                ("answer_days", "provider.answer_days"),
                ("address", "provider.address"),
            )
        },
        snapshot=snapshot_facts(facts),
        day=facts.day.isoformat(),
        n_items=len(facts.items),
        hours=facts.hours,
        sources=[_source_row(one.as_json()) for one in facts.sources],
        sources_sentence=_sources_sentence(facts),
        beside=beside_the_sound(facts.items),
        layers=[_layer_row(row) for row in layer_counts(facts.layers)],
        gaps=group_gaps(gaps, facts.level),
        checks=[one.as_json() for one in checks],
        completeness=round(scored.score, 4),
        weakest=_weakest(scored),
        cannot_tell=list(CANNOT_TELL),
        steps=_steps(facts),
        documents=[
            Document(file=file, about=about)
            for file, about in DOCUMENTS
            if file != SEAL_RECEIPT_FILE or limitation.rung > 0
        ],
        recordings=[RecordingRow(**_page_row(row)) for row in recordings(facts)]
        if facts.level != "aggregate"
        else None,
    )


def _page_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in RecordingRow.model_fields if name in row}


def _lead(facts: DisclosureFacts, name: Answer) -> str:
    who = str(name.value) if name.known else "a provider who gives no name"
    asked = [one for one in facts.layers if one.layer == "master"]
    agreed = sum(one.value == "allow" for one in asked)
    n = len(facts.items)
    return (
        f"A list of {n_recordings(n)}, {_hours(facts.hours)} of sound, committed by {who}. "
        f"For {agreed or 'none'} of them the owner's consent to training is on file and counts."
    )


def _hours(hours: float) -> str:
    return f"{hours:,.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"


def _sources_sentence(facts: DisclosureFacts) -> str:
    without = facts.of_class("unknown")
    if without is None:
        return "Every recording says where it came from."
    return (
        f"Of {n_recordings(len(facts.items))}, {without.n_items} without a word on where they came from. That is a gap, "
        "not an answer."
    )


def _source_row(row: Mapping[str, Any]) -> SourceRow:
    listed = row["source_class"] in ("public", "private", "crawled")
    return SourceRow(
        source_class=row["source_class"],
        words=row["words"],
        n_items=row["n_items"],
        hours=row["hours"],
        share=row["share"],
        datasets=[one["name"] for one in row["datasets"] if one["name"]] if listed else [],
    )


def _layer_row(row: Mapping[str, Any]) -> LayerRow:
    return LayerRow(
        words=LAYER_WORDS[row["layer"]],
        asked=LAYER_EXPLAINED[row["layer"]],
        sentence=_layer_sentence(row),
        **row,
    )


def _layer_sentence(row: Mapping[str, Any]) -> str:
    n, unknown = row["n_items"], row["unknown"]
    if unknown == n:
        return "Nobody's answer is on file. Silence is not consent."
    licence, terms = row["n_by_licence"], row["conditional"] - row["n_by_licence"]
    parts = [f"{row['allow']} of {n} agreed"]
    parts += [f"{terms} under terms"] * (terms > 0)
    parts += [f"{licence} with a public licence alone, which is no consent to training"] * bool(licence)
    parts += [f"{row['deny']} refused"] * bool(row["deny"])
    parts += [f"{unknown} not known"] * bool(unknown)
    text = ", ".join(parts) + "."
    return text + (
        f" {row['n_conflicts']} with statements that contradict each other." if row["n_conflicts"] else ""
    )


def group_gaps(gaps: Sequence[Gap], level: Level) -> list[GapRow]:
    """Return gaps by code, gravest first; details of single recordings only where the level allows titles."""
    groups: dict[str, list[Gap]] = defaultdict(list)
    for one in gaps:
        groups[one.code].append(one)
    return [
        GapRow(
            code=code,
            severity=groups[code][0].severity,
            who=groups[code][0].who,
            next_step=groups[code][0].next_step,
            n_items=len({one.item_id for one in groups[code] if one.item_id}),
            details=sorted(
                {one.detail for one in groups[code] if one.detail and (level == "full" or not one.item_id)}
            )[:12],
        )
        for code in GAP_KINDS
        if code in groups
    ]


def _weakest(scored: Scored) -> list[dict[str, Any]]:
    lost = sorted(scored.fields, key=lambda one: (-one.weight * (1 - one.score), one.id))
    return [one.model_dump(mode="json") for one in lost[:WEAKEST] if one.score < 1]


def _steps(facts: DisclosureFacts) -> list[Step]:
    requests, days = facts.provider["provider.requests"], facts.provider["provider.answer_days"]
    ask = f"Write to: {requests.value}." if requests.known else f"No address is given ({requests.reason})."
    ask += f" The provider says that it answers within {days.value} days." if days.known else ""
    ask += (
        " Ask for an entry in the request desk ('linernotes requests'): a request there has a clock, and its answer is "
        "signed and logged, so that you hold a receipt for it."
    )
    return [
        Step(
            title="Look up one recording",
            text=(
                "Ask the provider for a presence proof of your recording. It says whether the recording is in the "
                "sealed list, names the keys that were checked, and shows nothing else of the list. You need no "
                "account, and you do not have to trust the answer: you can check it."
            ),
            command="linernotes presence prove YOUR_FILE_OR_ISRC --workspace WS --out song.proof",
        ),
        Step(
            title="Check the proof yourself",
            text=(
                f"Compare the root in the proof with the one on this page ({facts.corpus.root[:12]}…) and in the receipt of "
                "the seal, then check the proof against it. 'linernotes verifier' writes a single file that does so "
                "for people who have Python and the package 'cryptography', and nothing of ours."
            ),
            command=f"linernotes presence verify song.proof --root {facts.corpus.root}",
        ),
        Step(
            title="Check these documents",
            text=(
                "The receipt beside this page shows that these documents were entered in the provider's log, and the "
                "receipt of the seal since when the list has been fixed. A later change would not match them. Without our "
                "program: python3 linernotes_verify.py receipt receipt.json --key log.pub --subject disclosure.json"
            ),
            command="linernotes disclose check . --key log.pub",
        ),
        Step(title="Ask the provider", text=ask, command=""),
    ]
