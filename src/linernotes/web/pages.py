"""What each page of the portal says, as plain facts; the page and its JSON twin show the same.

Conventions
-----------
A function takes an open workspace and the ids in the address, and returns JSON-ready facts, or None
where there is no such thing. Rankings, reliability and gaps carry the words and limits of
`linernotes.reports`.

Known limits
------------
The corpus is read anew for every page: quick for some thousand recordings, slow for millions.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError
from linernotes.evidence.influence import InfluenceRanking
from linernotes.reports.agreement import agreement
from linernotes.reports.corpus_facts import corpus_facts
from linernotes.reports.further import not_asked
from linernotes.reports.output_facts import RANKING_LIMITS, ranking_facts, reliability_facts
from linernotes.workflows.audit import open_log
from linernotes.workflows.further import Gathered
from linernotes.workspace import Workspace

NEWEST = 200

Facts = dict[str, Any]


def overview(workspace: Workspace) -> Facts:
    """Return what the workspace holds, in numbers."""
    corpus = _corpus(workspace)
    rankings = workspace.rankings()
    return {
        "workspace": workspace.path.name,
        "corpus": _without_items(corpus) if corpus else None,
        "n_recordings": len(workspace.recordings()),
        "n_outputs": len({ranking.query_id for ranking in rankings}),
        "n_rankings": len(rankings),
        "reliability": _reliability(rankings),
        "n_statements": len(workspace.statements()),
        "log": _head(workspace),
    }


def corpus(workspace: Workspace) -> Facts:
    """Return the sealed corpus with all its items."""
    return {"corpus": _corpus(workspace)}


def item(workspace: Workspace, item_id: str) -> Facts | None:
    """Return one item, its gaps, the outputs that credit it and what was found beyond that, and what it is paid."""
    found = _corpus(workspace)
    facts = next((one for one in found["items"] if one["item_id"] == item_id), None) if found else None
    if found is None or facts is None:
        return None
    return {
        "item": facts,
        "gaps": [gap for gap in found["gaps"] if item_id in gap["item_ids"]],
        "twins": [
            one["item_id"]
            for one in found["items"]
            if one["cluster_id"] == facts["cluster_id"] and one["item_id"] != item_id
        ],
        "credits": _credits(workspace, item_id),
        "lines": [
            {"statement_id": statement["statement_id"]} | line
            for statement in workspace.statements()
            for line in statement["lines"]
            if line["item_id"] == item_id
        ],
        "limits": f"{found['limits']} {RANKING_LIMITS}",
    }


def gaps(workspace: Workspace) -> Facts:
    """Return the gaps, grouped by code."""
    found = _corpus(workspace)
    return {
        "gaps": found["gaps"] if found else [],
        "n_items": found["n_items"] if found else 0,
        "items": [{"item_id": one["item_id"], "title": one["title"]} for one in found["items"]]
        if found
        else [],
        "limits": "A check that found nothing says only that the table is filled, not that it is true.",
    }


def outputs(workspace: Workspace) -> Facts:
    """Return all outputs that were attributed, with the answer of each method."""
    grouped: dict[str, list[Facts]] = defaultdict(list)
    titles = _titles(workspace)
    for ranking in workspace.rankings():
        facts = ranking_facts(ranking, ranking.reliability)
        first = next((one for one in facts["influences"] if one["share"] > 0), None)
        facts["first"] = first | titles.get(first["item_id"], _unknown(first["item_id"])) if first else None
        del facts["influences"]
        grouped[ranking.query_id].append(facts)
    return {
        "outputs": [{"query": name, "rankings": rows} for name, rows in sorted(grouped.items())],
        "limits": RANKING_LIMITS,
    }


def output(workspace: Workspace, query_id: str) -> Facts | None:
    """Return all rankings of one output, how far their methods agree, and what was asked beyond them."""
    rankings = [ranking for ranking in workspace.rankings() if ranking.query_id == query_id]
    if not rankings:
        return None
    rankings.sort(key=lambda one: (-(one.reliability.lds if one.reliability else -2), one.method))
    titles = _titles(workspace)
    named = {one.item_id for ranking in rankings for one in ranking.influences}
    gathered = Gathered.from_runs(workspace.path / "runs")
    facts = [
        ranking_facts(one, one.reliability, gathered.of(one)) | {"generator_id": one.generator_id}
        for one in rankings
    ]
    return {
        "query": query_id,
        "rankings": facts,
        "not_asked": not_asked(facts),
        "faults": list(gathered.faults),
        "agreement": [
            agreement(a, b)
            for i, a in enumerate(rankings)
            for b in rankings[i + 1 :]
            if a.generator_id == b.generator_id and a.method != b.method
        ],
        "items": {name: titles.get(name, _unknown(name)) for name in sorted(named)},
        "limits": RANKING_LIMITS,
    }


def statements(workspace: Workspace) -> Facts:
    """Return all statements in brief, newest first."""
    kept = ("statement_id", "created_at", "pool", "total", "generator_id", "methods", "limits")
    return {
        "statements": [
            {key: statement[key] for key in kept}
            | {"policy": statement["policy"]["name"], "n_lines": len(statement["lines"])}
            for statement in reversed(workspace.statements())
        ]
    }


def statement(workspace: Workspace, statement_id: str) -> Facts | None:
    """Return one statement whole."""
    found = (one for one in workspace.statements() if one["statement_id"] == statement_id)
    return next(({"statement": one} for one in found), None)


def log(workspace: Workspace) -> Facts:
    """Return the signed head of the audit log and its newest entries."""
    head = _head(workspace)
    entries = []
    if head:
        found = open_log(workspace)
        for index in range(head["size"] - 1, max(-1, head["size"] - 1 - NEWEST), -1):
            entry = found.entry(index)
            entries.append(
                {
                    "index": index,
                    "kind": entry.kind,
                    "time": entry.time,
                    "subject_sha256": entry.subject_sha256,
                    "body": entry.body,
                }
            )
    return {
        "head": head,
        "entries": entries,
        "limits": "The log shows what was entered and when by its own clock; not that an entry is true.",
    }


def log_entry(workspace: Workspace, index: str) -> Facts | None:
    """Return one entry of the log with its receipt."""
    receipt = receipt_bytes(workspace, index)
    if receipt is None:
        return None
    from linernotes.auditlog import Receipt

    found = Receipt.from_bytes(receipt)
    return {
        "index": found.leaf_index,
        "receipt": found.as_json(),
        "command": f"linernotes audit verify receipt-{found.leaf_index}.json --key log.pub",
        "limits": "A receipt shows that the entry was logged under that head, not that it is true.",
    }


def receipt_bytes(workspace: Workspace, index: str) -> bytes | None:
    """Return the receipt file of one entry, or None when there is no such entry."""
    if not (index.isascii() and index.isdecimal() and len(index) < 16):
        return None
    try:
        return open_log(workspace).receipt(int(index)).to_bytes()
    except (InputError, CorpusError):
        return None


def item_audio(workspace: Workspace, item_id: str) -> Path | None:
    """Return the audio file of one item, or None; never a file outside the corpus's own folder."""
    if not workspace.has_corpus():
        return None
    sealed = workspace.corpus()
    if item_id not in {one.item_id for one in sealed.items}:
        return None
    path = sealed.audio_path(sealed.item(item_id)).resolve()
    inside = path.is_relative_to(Path(sealed.audio_dir).resolve())
    return path if inside and path.is_file() else None


def _corpus(workspace: Workspace) -> Facts | None:
    return corpus_facts(workspace.corpus()) if workspace.has_corpus() else None


def _without_items(facts: Facts) -> Facts:
    n_gaps = sum(len(gap["item_ids"]) for gap in facts["gaps"])
    return {key: value for key, value in facts.items() if key not in ("items", "gaps")} | {"n_gaps": n_gaps}


def _titles(workspace: Workspace) -> dict[str, Facts]:
    sealed: SealedCorpus | None = workspace.corpus() if workspace.has_corpus() else None
    return {
        one.item_id: {
            "item_id": one.item_id,
            "title": one.recording.title,
            "artist": one.recording.artist,
            "duration_s": one.duration_s,
        }
        for one in (sealed.items if sealed else ())
    }


def _unknown(item_id: str) -> Facts:
    return {
        "item_id": item_id,
        "title": item_id,
        "artist": "not in the corpus that is sealed here",
        "duration_s": None,
    }


def _credits(workspace: Workspace, item_id: str) -> list[Facts]:
    rows = []
    gathered = Gathered.from_runs(workspace.path / "runs")
    for ranking in workspace.rankings():
        for one in ranking.influences:
            if one.item_id == item_id:
                facts = ranking_facts(ranking, ranking.reliability, gathered.of(ranking))
                kept = ("method", "unit", "reliability", "reliability_line", "limits")
                rows.append(
                    one.as_json()
                    | {"query": ranking.query_id}
                    | {key: facts[key] for key in kept}
                    | _beyond(facts, item_id)
                )
    return sorted(rows, key=lambda row: (-row["share"], row["rank"], row["query"], row["method"]))


def _beyond(facts: Facts, item_id: str) -> Facts:
    """Return what was found about one recording beyond its place: tests of the claim, and its seconds."""
    maps = facts["where"]["maps"] if facts["where"] else ()
    kept = (
        "by",
        "outcome",
        "e_value",
        "e_value_against",
        "p_value",
        "words",
        "evidence_words",
        "done",
        "scope",
    )
    return {
        "retested": [
            {name: claim[name] for name in kept} | {"limits": tested["limits"]}
            for tested in facts["verification"]
            for claim in tested["claims"]
            if claim["item_id"] == item_id
        ],
        "where": [
            {"words": one["words"], "masked_words": one["masked_words"], "limits": facts["where"]["limits"]}
            for one in maps
            if one["item_id"] == item_id
        ],
    }


def _reliability(rankings: list[InfluenceRanking]) -> list[Facts]:
    found = {(r.method, r.generator_id): r.reliability for r in rankings if r.reliability}
    return sorted(
        (reliability_facts(one) for one in found.values()), key=lambda one: (-one["lds"], one["method"])
    )


def _head(workspace: Workspace) -> Facts | None:
    try:
        found = open_log(workspace)
    except CorpusError:
        return None
    head = found.checkpoint()
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "checkpoint": found.checkpoint_note(),
    }
