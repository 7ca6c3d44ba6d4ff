"""The attribution record of one generated file: what it was ranked against, and how far that goes.

A ranking is found by the hash of the file that was attributed, never by its name.

Known limits
------------
Only rankings in the workspace's own run folder are found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256, read_audio
from linernotes.auditlog.entry import canonical_json
from linernotes.corpus.manifest import audio_sha256
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError, LinernotesError
from linernotes.evidence.influence import SCOPE_INFLUENCE
from linernotes.signals.attribution_assertion import REVISION
from linernotes.workflows.attribute import RESULT
from linernotes.workspace import Workspace
from linernotes.workspace.runs import RunFolder

RUNS = "runs"
UNRANKED = "No ranking was made for this output, so it says nothing about what moved it."


@dataclass(frozen=True, slots=True)
class FoundRanking:
    """A ranking and the run that made it."""

    run: str
    ranking: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Hash of the ranking's canonical JSON."""
        return hashlib.sha256(canonical_json(self.ranking)).hexdigest()


def rankings_of(workspace: Workspace, content_sha256: str) -> list[FoundRanking]:
    """Return every ranking of a file among the workspace's finished runs, ordered by run."""
    found = []
    for folder in sorted(workspace.folder(RUNS).glob("attribute-*")):
        if folder.suffix == ".partial" or not folder.is_dir():
            continue
        try:
            run = RunFolder.open(folder)
            inputs, answers = run.question()["inputs"], run.read_json(RESULT)
        except (LinernotesError, KeyError):
            continue  # a damaged run is no ranking; `rerun` tells what is wrong with it
        found += [
            FoundRanking(folder.name, answer)
            for i, answer in enumerate(answers)
            if inputs.get(f"query {i}") == content_sha256
        ]
    return found


def choose_ranking(found: list[FoundRanking], method: str | None, name: str) -> FoundRanking | None:
    """Return the one ranking that is meant; None where there is none.

    Raises
    ------
    InputError
        If there are several, or none by the method that was named.
    """
    chosen = [one for one in found if method is None or one.ranking["method"] == method]
    if method is not None and not chosen:
        raise InputError(
            f"{name}: no ranking by '{method}' in this workspace; make one with 'linernotes attribute {name} "
            f"--method {method}'"
        )
    different = {one.sha256: one for one in chosen}
    if len(different) > 1:
        methods = ", ".join(sorted({str(one.ranking["method"]) for one in different.values()}))
        raise InputError(f"{name}: {len(different)} rankings ({methods}); say which with --method")
    return next(iter(different.values()), None)


def attribution_record(workspace: Workspace, output: Path, method: str | None = None) -> dict[str, Any]:
    """Return the record of one output.

    Raises
    ------
    InputError
        If the file is no audio, or it is not clear which ranking is meant.
    CorpusError
        If no corpus is sealed, or the ranking is of another one.
    """
    corpus = workspace.corpus()
    digest = file_sha256(output)
    audio = read_audio(output, allow_silence=True)
    chosen = choose_ranking(rankings_of(workspace, digest), method, output.name)
    if chosen is not None and chosen.ranking["corpus_root"] != corpus.root:
        raise CorpusError(
            f"{output.name}: its ranking is of corpus {chosen.ranking['corpus_root'][:12]}…, this workspace holds "
            f"{corpus.root[:12]}…; attribute it anew"
        )
    severities = Counter(gap.severity for gap in corpus.gaps)
    return {
        "record_revision": REVISION,
        "output": {
            "file": output.name,
            "content_sha256": digest,
            "audio_sha256": audio_sha256(audio),
            "duration_s": round(audio.duration_s, 6),
        },
        "corpus": {
            "root": corpus.root,
            "stage": corpus.stage,
            "sealed_at": corpus.sealed_at,
            "n_items": len(corpus.items),
        },
        "attribution": _attribution(chosen),
        "gaps": {severity: severities[severity] for severity in ("high", "medium", "low")},
        "limitation": _limitation(chosen, corpus),
    }


def record_sha256(record: dict[str, Any]) -> str:
    """Return the hash of a record's canonical JSON, which the log entry names."""
    return hashlib.sha256(canonical_json(record)).hexdigest()


def _attribution(chosen: FoundRanking | None) -> dict[str, Any] | None:
    if chosen is None:
        return None
    ranking, reliability = chosen.ranking, chosen.ranking.get("reliability")
    return {
        "run": chosen.run,
        "ranking_sha256": chosen.sha256,
        "method": ranking["method"],
        "unit": ranking["unit"],
        "generator_id": ranking["generator_id"],
        "seed": ranking["seed"],
        "n_influences": len(ranking["influences"]),
        "unattributed_share": float(ranking["unattributed_share"]),
        "reliability": None
        if reliability is None
        else {
            "lds": float(reliability["lds"]),
            "interval": dict(zip(("low", "high"), map(float, reliability["interval"]), strict=True)),
            "ceiling": float(reliability["ceiling"]),
        },
    }


def _limitation(chosen: FoundRanking | None, corpus: SealedCorpus) -> str:
    n_open = len(corpus.gaps)
    common = (
        f"It does not show what else was used, and is not a legal conclusion. Snapshot {corpus.root[:12]}; unresolved "
        f"gaps: {n_open}. Verify it with the log's receipt."
    )
    if chosen is None:
        return f"{UNRANKED} {common}"
    ranking = chosen.ranking
    reliability = ranking.get("reliability")
    known = (
        f"reliability {reliability['lds']:.2f} (LDS against retraining; ceiling {reliability['ceiling']:.2f})"
        if reliability
        else "reliability not measured"
    )
    return (
        f"{ranking.get('scope') or SCOPE_INFLUENCE} Method {ranking['method']}; {known}; unattributed share "
        f"{float(ranking['unattributed_share']):.0%}. {common}"
    )
