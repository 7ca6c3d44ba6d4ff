"""The opt-out audit: for every recording of the sealed corpus, which signals exist, and which contradict its consent.

Asked are: the files that were imported for the item's address (robots.txt with AIPREF and content signals, RSL,
TDMRep, response heads), the registry's statements about its recording, work and address, and the credentials inside the
audio file itself. What is found is weighed on the day of training, by the rules of the consent engine.

Known limits
------------
An item without an address in ``source_url`` can have no location signal here. Only what was imported is known: a site whose
files nobody brought was not asked, and is counted as such. A signal seen after training is listed, and does not count.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.files import write_whole
from linernotes.catalog.authority import is_signal
from linernotes.catalog.consent_bridge import records_of_rights_row
from linernotes.catalog.consent_decision import Decision
from linernotes.catalog.consent_engine import ConsentIndex, decide
from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.links import Links
from linernotes.catalog.subjects import subject_key
from linernotes.corpus.gaps import Gap, gap
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import InputError
from linernotes.signals import c2pa_manifest
from linernotes.signals.c2pa_files import can_read, media_type, read_manifest
from linernotes.signals.locations import holding_at, site_key
from linernotes.signals.origin import Origin
from linernotes.signals.paths import is_address, split_location
from linernotes.signals.robots import parse_robots
from linernotes.signals.tdmrep import PLACES
from linernotes.workflows.audit import record
from linernotes.workflows.signal_store import FOLDER, StoredSignal, kept
from linernotes.workspace import Workspace

Progress = Callable[[str, int, int], None]
USE = "generative-training"
RESULT = "audit.json"
WIDER = ("all", "data-mining")  # what reserves mining reserves training too
SCOPE = (
    "Signals that were brought to this workspace, weighed on the day named. A signal that is not listed was not looked for "
    "or not found; its absence is no consent."
)
CHECKED = (
    "AIPREF rules and headers",
    "Content Signals",
    "robots.txt of training crawlers",
    "RSL licences",
    "TDMRep files, headers and pages",
    "statements of the registry about recording, work and address",
)


def audit_signals(
    workspace: Path | str, *, use: str = USE, credentials: bool = True, progress: Progress | None = None
) -> dict[str, Any]:
    """Audit the sealed corpus against every known signal; the result is kept and logged.

    Parameters
    ----------
    workspace : path
        With a sealed corpus.
    use : str
        Use that is asked about.
    credentials : bool
        Whether to read the content credentials inside the audio files too.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``root``, ``use``, ``on``, ``n_items``, ``n_with_address``, ``n_with_signals``, ``n_opted_out``,
        ``n_conflicts``, ``checked``, ``not_checked``, ``files``, ``items`` (those with signals), ``gaps``, ``scope``,
        ``log_index``. It lies in the workspace as ``signals/audit.json``.

    Raises
    ------
    CorpusError
        If no corpus is sealed, or a kept signal was changed.
    """
    with Workspace.open(workspace) as opened:
        corpus = opened.corpus()
        auditor = SignalAuditor(opened, corpus, use, credentials)
        rows = []
        for n_done, item in enumerate(corpus.items, start=1):
            rows.append(auditor.weigh(item))
            if progress is not None:
                progress("auditing signals", n_done, len(corpus.items))
        result = auditor.result(rows)
        data = json.dumps(result, sort_keys=True, ensure_ascii=False, indent=2).encode() + b"\n"
        path = opened.folder(FOLDER) / RESULT
        write_whole(path, data)
        summary = {name: value for name, value in result.items() if isinstance(value, int | str)}
        receipt = record(opened, "signal-audit", _sha256(data), summary)
    return result | {"log_index": receipt.leaf_index, "result": str(path)}


@dataclass(frozen=True, slots=True)
class Weighed:
    """One item: the signals about it, what they and its consent amount to, and the gaps."""

    item: Item
    signals: tuple[ConsentRecord, ...]
    decision: Decision
    gaps: tuple[Gap, ...]
    problems: tuple[dict[str, Any], ...]


class SignalAuditor:
    """Weighs what is known about the items of a corpus.

    Parameters
    ----------
    workspace : Workspace
        Open; its registry and kept signals are read once.
    corpus : SealedCorpus
        Whose items are asked about.
    use : str
        Use that is asked about.
    credentials : bool
        Whether to read the credentials inside the audio files.
    """

    def __init__(self, workspace: Workspace, corpus: SealedCorpus, use: str, credentials: bool) -> None:
        self._corpus, self._use, self._credentials = corpus, use, credentials and can_read()
        self.on = dt.date.fromisoformat((corpus.training_date or corpus.sealed_at)[:10])
        self._files = [(one, one.data()) for one in kept(workspace) if one.kind != "c2pa"]
        self._by_site: dict[str, list[tuple[StoredSignal, bytes]]] = defaultdict(list)
        for file, data in self._files:
            self._by_site[site_key(file.origin.site)].append((file, data))
        registry = workspace.registry()
        self._links = Links(registry)
        self._by_isrc: dict[tuple[str, str], set[str]] = defaultdict(set)
        for claim in registry.claims():
            if claim.kind == "isrc":
                self._by_isrc[subject_key("recording", claim.value)].add(claim.subject_id)
        hashes = {one.origin.sha256 for one, _ in self._files}
        # what a kept file says of places is asked of the file itself, by the rules of its format
        self._index = ConsentIndex(
            one
            for one in registry.consents
            if not (one.subject_kind == "location" and one.evidence_sha256 in hashes)
        )
        self._unread: list[str] = []

    def weigh(self, item: Item) -> Weighed:
        """Return everything that is known about one item, weighed on the day of training."""
        url = address_of(item)
        subjects = self._subjects(item, url)
        found = self._located(url) if url else []
        inside, problems = self._inside(item)
        spoken = self._index.about(subjects)
        signals = [*found, *inside, *(one for one in spoken if is_signal(one))]
        own = [*(one for one in spoken if not is_signal(one)), *_declared(item)]
        decision = decide([*signals, *own], subjects=subjects, layer="master", use=self._use, on=self.on)
        gaps = self._gaps(item, signals, decision) + _synthetic(item, problems)
        bearing = tuple(one for one in dict.fromkeys(signals) if one.use in (self._use, *WIDER))
        return Weighed(item, bearing, decision, gaps, problems)

    def _subjects(self, item: Item, url: str) -> list[tuple[str, str]]:
        recording = self._links.recordings.get(item.item_id)
        if recording is None and item.recording.isrc:
            named = self._by_isrc.get(subject_key("recording", item.recording.isrc), set())
            recording = self._links.recordings.get(next(iter(named))) if len(named) == 1 else None
        names = [item.item_id, *([item.recording.isrc] if item.recording.isrc else []), item.iscc]
        subjects = [("recording", name) for name in names if name]
        if item.recording.iswc:
            subjects.append(("work", item.recording.iswc))
        if recording is not None:
            subjects += self._links.codes("recording", recording.recording_id)
            for work in self._links.works_of.get(recording.recording_id, ()):
                subjects += self._links.codes("work", work.work_id)
        return [*dict.fromkeys(subjects), *([("location", url)] if url else [])]

    def _located(self, url: str) -> list[ConsentRecord]:
        """Return what the kept files say about an address; of several TDMRep places the strongest alone."""
        said = [
            (file.kind, one)
            for file, data in self._by_site.get(site_key(split_location(url)[0]), ())
            for one in holding_at(file.kind, data, url, file.origin)
        ]
        ranks = [PLACES.index(kind) for kind, one in said if _is_tdmrep(one)]
        return [one for kind, one in said if not _is_tdmrep(one) or PLACES.index(kind) == max(ranks)]

    def _inside(self, item: Item) -> tuple[tuple[ConsentRecord, ...], tuple[dict[str, Any], ...]]:
        if not self._credentials:
            return (), ()
        path = self._corpus.audio_path(item)
        try:
            media_type(path)
        except InputError:
            return (), ()  # a container that can hold none
        try:
            store = read_manifest(path)
        except InputError as error:
            self._unread.append(item.item_id)
            return (), ({"code": "unreadable-credential", "value": str(error)},)
        if store is None:
            return (), ()
        origin = Origin(name=path.name, sha256=item.content_sha256, target=item.item_id)
        found = c2pa_manifest.imported(store, origin)
        return found.registry.consents, tuple(one.as_json() for one in found.problems)

    def _gaps(self, item: Item, signals: Iterable[ConsentRecord], decision: Decision) -> tuple[Gap, ...]:
        restricting = {one.record_id: one for one in signals if one.value in ("deny", "conditional")}
        counting = [restricting[name] for name in decision.deciding if name in restricting]
        overridden = [restricting[name] for name in decision.overridden if name in restricting]
        if not counting and not overridden:
            return ()
        detail = "; ".join(f"{one.source}: {one.value}" for one in (counting or overridden)[:5])
        status = item.consent.status if item.consent else "unknown"
        if overridden or status in ("yes", "licence"):
            return (gap("opt-out-conflict", item.item_id, detail),)
        code = "consent-refused" if decision.value == "deny" else "consent-conditional"
        return (gap(code, item.item_id, detail),)

    def result(self, rows: list[Weighed]) -> dict[str, Any]:
        """Return the fields of `audit_signals` for all items."""
        spoken = [row for row in rows if row.signals or row.problems]
        addresses = [url for row in rows if (url := address_of(row.item))]
        sites = {site_key(split_location(url)[0]) for url in addresses}
        asked = set(self._by_site)
        return {
            "root": self._corpus.root,
            "use": self._use,
            "on": self.on.isoformat(),
            "n_items": len(rows),
            "n_with_address": len(addresses),
            "n_with_signals": len([row for row in rows if row.signals]),
            "n_opted_out": len([row for row in rows if _opted_out(row)]),
            "n_conflicts": len([g for row in rows for g in row.gaps if g.code == "opt-out-conflict"]),
            "n_sites": len(sites),
            "n_sites_asked": len(sites & asked),
            "checked": [
                *CHECKED,
                *(["content credentials in WAV, FLAC, MP3 and M4A"] if self._credentials else []),
            ],
            "not_checked": self._not_checked(sites - asked, len(rows) - len(addresses)),
            "files": [
                {
                    "name": one.origin.name,
                    "kind": one.kind,
                    "for": one.origin.target,
                    "seen_on": one.origin.seen_on,
                }
                for one, _ in self._files
            ],
            "items": [_item_json(row) for row in spoken],
            "gaps": [g.as_json() for row in rows for g in row.gaps],
            "scope": SCOPE,
        }

    def _unread_licences(self) -> set[str]:
        read = {one.origin.site for one, _ in self._files if one.kind == "rsl"}
        robots = [(one.origin.site, parse_robots(data)) for one, data in self._files if one.kind == "robots"]
        return {site for site, file in robots if file.all_licences and site not in read}

    def _not_checked(self, sites: set[str], n_without_address: int) -> list[str]:
        found = [f"sites without any imported file: {', '.join(sorted(sites)[:20])}"] if sites else []
        if n_without_address:
            found.append(
                f"location signals of {n_without_address} items without a well-formed address in source_url"
            )
        if not self._credentials:
            found.append("content credentials inside the audio files (linernotes[credentials] reads them)")
        for site in sorted(self._unread_licences()):
            found.append(f"RSL licence that the robots.txt of {site} names: it was not imported")
        if self._unread:
            found.append(f"unreadable credentials of {', '.join(self._unread[:20])}")
        return found


def _declared(item: Item) -> tuple[ConsentRecord, ...]:
    if item.consent is None:
        return ()
    return records_of_rights_row(
        item.item_id,
        status=item.consent.status,
        scope=item.consent.scope,
        date=item.consent.date,
        evidence=item.consent.evidence,
        until=item.consent.until,
        granted_by=item.recording.rightsholder,
        licence=item.recording.licence,
        licence_url=item.recording.licence_url,
    )


def address_of(item: Item) -> str:
    """Return the address that an item came from; empty where there is none, or it is malformed."""
    url = item.source.url if item.source else ""
    try:
        return url if is_address(url) and split_location(url) else ""
    except InputError:
        return ""


def _is_tdmrep(record: ConsentRecord) -> bool:
    return record.source.startswith("tdmrep ")


def _synthetic(item: Item, problems: Iterable[dict[str, Any]]) -> tuple[Gap, ...]:
    """Return a gap where the file says that a machine made it and nobody named the machine."""
    kinds = [one["value"] for one in problems if one["code"] == "synthetic-upstream"]
    named = item.source is not None and item.source.synthetic_from
    return (gap("synthetic-upstream", item.item_id, kinds[0]),) if kinds and not named else ()


def _opted_out(row: Weighed) -> bool:
    deciding = set(row.decision.deciding) | set(row.decision.overridden)
    return any(one.record_id in deciding and one.value == "deny" for one in row.signals)


def _item_json(row: Weighed) -> dict[str, Any]:
    aside = {one.record_id: f"{one.code}: {one.note}" for one in row.decision.set_aside}
    return {
        "item_id": row.item.item_id,
        "url": row.item.source.url if row.item.source else "",
        "declared": row.item.consent.status if row.item.consent else "unknown",
        "value": row.decision.value,
        "reason": row.decision.reason,
        "signals": [
            {
                "source": one.source,
                "use": one.use,
                "value": one.value,
                "terms": one.terms,
                "granted_by": one.granted_by,
                "seen_on": one.given_on,
                "overridden": one.record_id in row.decision.overridden,
                "does_not_count": aside.get(one.record_id, ""),
            }
            for one in row.signals
        ],
        "problems": list(row.problems),
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
