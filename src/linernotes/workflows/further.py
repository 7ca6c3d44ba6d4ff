"""Find what was asked of a ranking beyond itself, in the run folders of a workspace.

A workspace keeps rankings; seconds, tests and groups lie in the run folders of the commands that asked for them,
each asked at its own time. `Gathered` reads those folders once and gives to each ranking what belongs to it.

Conventions
-----------
Evidence belongs to a ranking when query, method, generator, corpus and seed are the same and every recording has the
same place, score and share. Of several runs, the maps of which most were tested count; of tests by one means, the
run that tested most claims, whatever came out; of groups, one of each kind. A result that was changed
after its run was finished is not shown, and `Gathered.faults` says so.

Known limits
------------
Hashes in a run folder tell of damage and of careless editing, not of somebody who changes them too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.evidence.influence import InfluenceRanking
from linernotes.reports.further import FurtherEvidence
from linernotes.workspace.runs import PROVENANCE

# as `attribute` and `verify` write them; those modules load the methods, which a page does without
RESULT = "rankings.json"
GROUPS = "groups.json"
VERIFIED = "verify.json"
WHERE = "where.json"


@dataclass(frozen=True, slots=True)
class Gathered:
    """All further evidence of a folder of runs, and what could not be read.

    Parameters
    ----------
    answers : tuple of (mapping, mapping or None)
        Answers with something beyond their ranking, each with its whole maps where there are any.
    faults : tuple of str
        One sentence for each run folder that was passed over.
    """

    answers: tuple[tuple[Mapping[str, Any], Mapping[str, Any] | None], ...]
    faults: tuple[str, ...]

    @classmethod
    def from_runs(cls, runs: Path) -> Gathered:
        """Read every finished run below a folder that was asked for more than a ranking; none is no fault."""
        answers, faults = [], []
        for folder in sorted(path.parent for path in runs.glob(f"*/{PROVENANCE}")):
            if not any((folder / name).is_file() for name in (VERIFIED, WHERE, GROUPS)):
                continue
            try:
                answers += _answers(folder)
            except (OSError, ValueError, KeyError, TypeError) as error:
                faults.append(
                    f"What run {folder.name} found beyond its ranking is not shown: {_reason(error)}. "
                    "Move the folder away and repeat its command."
                )
        return cls(tuple(answers), tuple(faults))

    def of(self, ranking: InfluenceRanking) -> FurtherEvidence:
        """Return what belongs to one ranking."""
        found = [(answer, maps) for answer, maps in self.answers if _is_about(answer, ranking)]
        where = [FurtherEvidence.of(answer, maps["maps"] if maps else None).where for answer, maps in found]
        return FurtherEvidence(
            where=max((one for one in where if one is not None), key=_n_tested, default=None),
            verification=_fullest(answer.get("verification") for answer, _ in found),
            groups=_fullest(answer.get("groups") for answer, _ in found),
        )


def _answers(folder: Path) -> list[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    expected = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))["results"]
    answers = _unchanged(folder / RESULT, expected)
    maps = _unchanged(folder / WHERE, expected) if (folder / WHERE).is_file() else [None] * len(answers)
    return list(zip(answers, maps, strict=True))


def _unchanged(path: Path, expected: Mapping[str, str]) -> Any:
    """Return a result of a finished run if it still is what the run wrote."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected[path.name]:
        raise ValueError(f"{path.name} was changed after the run was finished")
    return json.loads(content)


def _reason(error: Exception) -> str:
    """Say what is wrong without saying where on this machine."""
    if isinstance(error, OSError):
        return f"{Path(str(error.filename)).name}: {error.strerror}"
    return str(error) if isinstance(error, ValueError) else "it is not in the form that this release writes"


def _is_about(answer: Mapping[str, Any], ranking: InfluenceRanking) -> bool:
    same = {
        "query": ranking.query_id,
        "method": ranking.method,
        "generator_id": ranking.generator_id,
        "corpus_root": ranking.corpus_root,
        "seed": ranking.seed,
    }
    if any(answer.get(name) != value for name, value in same.items()):
        return False
    rows = [(one.item_id, one.rank, one.score, one.share) for one in ranking.influences]
    return rows == [(one["item_id"], one["rank"], one["score"], one["share"]) for one in answer["influences"]]


def _n_tested(maps: Iterable[Mapping[str, Any]]) -> int:
    return sum(one.get("masked") is not None for one in maps)


def _fullest(lists: Iterable[list[dict[str, Any]] | None]) -> tuple[tuple[Mapping[str, Any], ...], ...]:
    """Return of each ``by`` the longest list; the first of equals."""
    kept: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for rows in lists:
        if rows and len(rows) > len(kept.get(rows[0]["by"], ())):
            kept[rows[0]["by"]] = tuple(rows)
    return tuple(kept[by] for by in sorted(kept))
