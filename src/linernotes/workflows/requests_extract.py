"""What the workspace holds about one owner's works, and nothing about anybody else's.

Each work is looked up under every key; what is found is told as far as the requester is on file for it: consent by
rights layer, influence on outputs, lines of statements, gaps, leads. Where the requester is not on file, presence is
answered and the rest is withheld until a person at the desk confirms the claim.

Conventions
-----------
``result`` is ``present``, ``not-found`` (codes and sound compared) or ``not-found-by-codes`` (no sound to compare).

Known limits
------------
"On file" compares names as printed, folded in case; a name that two people share passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linernotes.audio.files import read_audio
from linernotes.auditlog.canonical import canonical_json
from linernotes.catalog.registry import Registry
from linernotes.corpus.gaps import Gap
from linernotes.corpus.lookup_keys import normalised
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus, used_on
from linernotes.disclosure.leads_keys import KeyCheck, checked_words, is_absent, is_present
from linernotes.disclosure.requests import AskedWork, Request
from linernotes.evidence.influence import InfluenceRanking
from linernotes.fingerprint.chromaprint.codec import decode
from linernotes.workflows.leads_lookup import CorpusLookup, codes_of_file
from linernotes.workflows.leads_prints import iscc_of
from linernotes.workflows.leads_records import kept_leads
from linernotes.workspace import Workspace

RESULT_WORDS = {
    "present": "In the committed corpus.",
    "not-found": "Not found in the committed corpus: neither its codes nor its sound.",
    "not-found-by-codes": "Not found under its codes. Its sound was not compared: send the file or a fingerprint.",
}
NOT_SEEN = (
    "Another master, an edit or a re-recording can escape these keys, and nothing is said of music that was never "
    "committed."
)


@dataclass(frozen=True)
class OwnerFacts:
    """What a workspace knows, opened once for all works of a request.

    Parameters
    ----------
    lookup : CorpusLookup
        The sealed corpus.
    registry : Registry or None
        Consents and credits; None where the workspace has none.
    rankings, statements, leads
        All of the workspace; each work gets its own lines only.
    """

    lookup: CorpusLookup
    registry: Registry | None = None
    rankings: Sequence[InfluenceRanking] = ()
    statements: Sequence[Mapping[str, Any]] = ()
    leads: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def corpus(self) -> SealedCorpus:
        """Return the sealed corpus."""
        return self.lookup.corpus

    def extract(self, work: AskedWork, request: Request, confirmed: Collection[str]) -> dict[str, Any]:
        """Return what is known about one work."""
        codes = codes_of_work(work)
        checks = look_up(self.lookup, work, codes)
        items = sorted({item_id for one in checks if one.status == "present" for item_id in one.item_ids})
        result = (
            "present" if is_present(checks) else "not-found" if is_absent(checks) else "not-found-by-codes"
        )
        told = [self._item(item_id, request, work.label in confirmed) for item_id in items]
        return {
            "label": work.label,
            "title": work.title,
            "artist": work.artist,
            "asked": {kind: list(values) for kind, values in sorted(work.codes.items())},
            "result": result,
            "words": RESULT_WORDS[result] if result == "present" else f"{RESULT_WORDS[result]} {NOT_SEEN}",
            "codes": codes,
            "keys": [one.as_json() for one in checks],
            "keys_words": checked_words(checks),
            "proof": None,
            "items": told,
            "leads": self._leads(codes),
        }

    def _item(self, item_id: str, request: Request, confirmed: bool) -> dict[str, Any]:
        item = self.corpus.item(item_id)
        on_file = is_on_file(request.requester, item, self.registry)
        found: dict[str, Any] = {"item_id": item_id, "entitled": "on-file" if on_file else "confirmed"}
        if not on_file and not confirmed:
            withheld = (
                "The requester's name is not on file for this recording: presence is answered, the rest is withheld "
                "until the desk has confirmed the claim."
            )
            return found | {"entitled": "not-on-file", "withheld": withheld}
        recording = item.recording
        return found | {
            "title": recording.title,
            "artist": recording.artist,
            "rightsholder": recording.rightsholder,
            "isrc": recording.isrc,
            "iswc": recording.iswc,
            "licence": recording.licence,
            "duration_s": round(item.duration_s, 3),
            "consent": self._consent(item),
            "gaps": [_gap(one) for one in self.corpus.gaps if one.item_id == item_id],
            "influence": self._influence(item_id),
            "settlement": self._settlement(item_id),
        }

    def _consent(self, item: Item) -> dict[str, Any]:
        day = used_on(self.corpus.training_date, self.corpus.sealed_at)
        found: dict[str, Any] = {
            "on": day.isoformat(),
            "rights_table": item.consent.as_json() if item.consent else None,
            "doubt": item.consent.doubt(day) if item.consent else "no-rights-row",
            "layers": [],
        }
        if self.registry is not None and any(
            one.recording_id == item.item_id for one in self.registry.recordings
        ):
            from linernotes.catalog.consent_view import explain

            told = explain(self.registry, item.item_id, use="generative-training", on=day).as_json()
            found["layers"] = [
                {
                    "layer": one["layer"],
                    "holder": one["name"] or one["holder"],
                    "value": one["decision"]["value"],
                    "reason": one["decision"]["reason"],
                    "needed": one["needed"],
                }
                for one in told["answers"]
            ]
            found["allowed"] = told["allowed"]
        return found

    def _influence(self, item_id: str) -> list[dict[str, Any]]:
        lines = []
        for ranking in self.rankings:
            if ranking.corpus_root != self.corpus.root:
                continue
            for one in ranking.influences:
                if one.item_id == item_id and one.share > 0:
                    reliability = ranking.reliability
                    lines.append(
                        {
                            "query": Path(ranking.query_id).name,
                            "method": ranking.method,
                            "generator_id": ranking.generator_id,
                            "share": one.share,
                            "interval": list(one.interval),
                            "rank": one.rank,
                            "unattributed_share": ranking.unattributed_share,
                            "reliability": reliability.as_json() if reliability else None,
                            "scope": ranking.scope,
                        }
                    )
        return lines

    def _settlement(self, item_id: str) -> list[dict[str, Any]]:
        lines = []
        for statement in self.statements:
            for line in statement.get("lines", ()):
                if line.get("item_id") == item_id:
                    lines.append(
                        {
                            "statement_sha256": hashlib.sha256(canonical_json(dict(statement))).hexdigest(),
                            "statement_id": statement.get("statement_id"),
                            "created_at": statement.get("created_at"),
                            **{name: line[name] for name in _LINE if name in line},
                        }
                    )
        return lines

    def _leads(self, codes: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
        own = {value for kind in ("content_sha256", "isrc", "iswc") for value in codes.get(kind, ())}
        return [
            {
                "lead_id": lead["lead_id"],
                "query": lead["query"]["name"],
                "words": lead["words"],
                "scope": lead["scope"],
            }
            for lead in self.leads
            if own & {lead["reference"].get(name) for name in ("content_sha256", "isrc", "iswc")}
        ]


_LINE = ("line_id", "layer", "party", "amount", "interval", "status", "why", "limits")


def open_owner_facts(workspace: Workspace, lookup: CorpusLookup) -> OwnerFacts:
    """Return what a workspace knows beyond its corpus."""
    return OwnerFacts(
        lookup,
        workspace.registry(),
        workspace.rankings(),
        workspace.statements(),
        tuple(kept_leads(workspace)),
    )


def codes_of_work(work: AskedWork) -> dict[str, list[str]]:
    """Return every key of a work, normalised: those given, and those of its file or fingerprint.

    Raises
    ------
    InputError
        If a code is malformed or the file is not audio.
    """
    codes = {kind: [normalised(kind, value) for value in values] for kind, values in work.codes.items()}
    found = codes_of_file(work.file) if work.file else {}
    if work.fingerprint:
        found.setdefault("iscc", []).append(iscc_of(decode(work.fingerprint)))
    for kind, values in found.items():
        held = codes.setdefault(kind, [])
        held += [value for value in values if value not in held]
    return codes


def look_up(
    lookup: CorpusLookup, work: AskedWork, codes: Mapping[str, Sequence[str]]
) -> tuple[KeyCheck, ...]:
    """Look one work up in the corpus, by its codes and by its sound."""
    audio = read_audio(work.file) if work.file else None
    return lookup.look_up(codes, audio, decode(work.fingerprint) if work.fingerprint else None)


def is_on_file(requester: str, item: Item, registry: Registry | None) -> bool:
    """Tell whether a name is on file for an item: its rightsholder, its artist, or a credited party.

    Examples
    --------
    >>> from linernotes.catalog.recording import Recording
    >>> item = Item(item_id="a", path="a.wav", content_sha256="", audio_sha256="", duration_s=1.0, sample_rate=8000,
    ...             n_channels=1, coding="", recording=Recording(recording_id="a", title="A", artist="Ada"))
    >>> is_on_file("ADA", item, None), is_on_file("Bob", item, None)
    (True, False)
    """
    name = _folded(requester)
    on_file = {_folded(item.recording.rightsholder), _folded(item.recording.artist)} - {""}
    if registry is not None:
        parties = {one.party_id: one.name for one in registry.parties}
        credited = {one.party_id for one in registry.credits if one.subject_id == item.item_id}
        on_file |= {_folded(parties[party_id]) for party_id in credited if party_id in parties}
    return name in on_file


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _gap(one: Gap) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("code", "severity", "who", "next_step", "detail")}
