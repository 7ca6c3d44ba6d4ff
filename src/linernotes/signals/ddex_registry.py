"""From a DDEX message to the registry: recordings, works, releases, parties, credits, splits, and what is wrong.

Conventions
-----------
A recording keeps the id that the registry already has for its ISRC; a new one is named by its ISRC, else by its title.
Parties are named by ISNI, else IPI, else their name. Writers' parts are credits on the work, all others on the recording.
A featured artist is one whom the message bills so; ``HasMadeFeaturedContribution`` false makes a player non-featured.

Known limits
------------
No consent is drawn from any element: DDEX has none that grants training. What a message declares about AI is kept as
text (`linernotes.signals.ddex_message.ai_statements`); the registry has no field for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from linernotes.catalog.consent_record import is_day
from linernotes.catalog.credits import Billing, Credit, Split
from linernotes.catalog.entities import Identifier, Party, PartyKind, Release, Work, is_partial_day
from linernotes.catalog.problem import Problem
from linernotes.catalog.recording import Recording, slug
from linernotes.catalog.registry import Imported, Registry
from linernotes.signals.ddex_codes import digest, fault_of, party_id_of, plain
from linernotes.signals.ddex_message import (
    AI_VALUES,
    UNDECLARED,
    Contribution,
    DdexMessage,
    DdexParty,
    DdexRecording,
    DdexRelease,
    DdexWork,
    Share,
)
from linernotes.signals.ddex_roles import apart, roles_of
from linernotes.signals.origin import Origin


def imported(message: DdexMessage, origin: Origin, known: Mapping[str, str] | None = None) -> Imported:
    """Return what a message says as registry entries, with every malformed code as a problem.

    Parameters
    ----------
    message : DdexMessage
        From `linernotes.signals.ern` or `linernotes.signals.rin`.
    origin : Origin
        The file.
    known : mapping of str to str, optional
        Recording ids that the registry has, by ISRC in its normalised form.

    Examples
    --------
    >>> message = DdexMessage(family="ERN", version="4.3.2", recordings=(
    ...     DdexRecording(reference="A1", title="Rain", isrcs=("USS1Z9900001",)),))
    >>> imported(message, Origin(name="m.xml")).registry.recordings[0].recording_id
    'uss1z9900001'
    """
    build = _Build(message, origin, dict(known or {}))
    build.run()
    return Imported(build.registry(), tuple(dict.fromkeys(build.problems)))


@dataclass
class _Build:
    message: DdexMessage
    origin: Origin
    known: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    entries: dict[str, list[Any]] = field(default_factory=dict)
    party_ids: dict[str, str] = field(default_factory=dict)
    recording_ids: dict[str, str] = field(default_factory=dict)
    work_ids: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"ddex {self.message.family.lower()} {self.message.version} {self.origin.name}"

    def registry(self) -> Registry:
        return Registry(**{name: tuple(dict.fromkeys(rows)) for name, rows in self.entries.items()})

    def run(self) -> None:
        if self.message.is_test:
            self._problem(
                "test-message",
                "header",
                "TestMessage",
                "LiveMessage",
                "Do not rely on it: the sender marked it as a test.",
                "medium",
            )
        for party in self.message.parties:
            self._party(party)
        for recording in self.message.recordings:
            self._recording(recording)
        for work in self.message.works:
            self._listed_work(work)
        for recording in self.message.recordings:
            self._credits_of_recording(recording)
        for session in self.message.sessions:
            for reference in session.recordings:
                self._credits(
                    session.contributions, "recording", self.recording_ids.get(reference), "session"
                )
        for release in self.message.releases:
            self._release(release)

    def _add(self, kind: str, entry: Any) -> None:
        self.entries.setdefault(kind, []).append(entry)

    def _problem(
        self, code: str, where: str, value: str, expected: str, next_step: str, severity: Any
    ) -> None:
        place = f"{self.origin.name}, {where}"
        self.problems.append(Problem(code, place, value[:200], expected, next_step, severity, "sender"))

    def _code(self, kind: str, value: str, where: str) -> str | None:
        """Return a code as written, None for an empty one; a malformed one is reported and kept."""
        if not value:
            return None
        fault = fault_of(kind, value)
        if fault:
            self._problem(
                f"malformed-{kind.replace('_', '-')}",
                where,
                value,
                fault,
                "Ask the sender for the code as it was assigned; sample messages often hold made-up ones.",
                "medium",
            )
        return value[:255]

    def _party(self, party: DdexParty) -> None:
        where = f"party {party.reference}"
        if not party.name:
            self._problem(
                "unnamed-party",
                where,
                "",
                "a PartyName with a FullName",
                "Ask the sender who it is.",
                "medium",
            )
        codes = {
            kind: self._code(kind, getattr(party, kind), where)
            for kind in ("isni", "ipi_name", "ipn", "dpid")
        }
        self.party_ids[party.reference] = party_id = party_id_of(party)
        kind: PartyKind = "unknown"
        if party.is_organisation is not None:
            kind = "organisation" if party.is_organisation else "person"
        self._add(
            "parties",
            Party(
                party_id=party_id,
                name=party.name or party.reference,
                kind=kind,
                isni=codes["isni"],
                ipi_name=codes["ipi_name"],
                ipn=codes["ipn"],
                dpid=codes["dpid"],
                names=party.names,
                source=self.source,
            ),
        )

    def _recording(self, one: DdexRecording) -> None:
        where = f"recording {one.reference}"
        codes = [code for isrc in one.isrcs if (code := self._code("isrc", isrc, where))]
        if not codes:
            self._problem(
                "missing-isrc", where, one.title, "an ISRC", "Ask the sender for the recording's ISRC.", "low"
            )
        if one.contains_ai not in (*AI_VALUES, UNDECLARED):
            self._problem(
                "unknown-ai-value",
                where,
                one.contains_ai,
                ", ".join(AI_VALUES),
                "Ask the sender: the value is no word of ERN 4.3.2.",
                "low",
            )
        recording_id = self._recording_id(one, codes)
        self.recording_ids[one.reference] = recording_id
        iswc = next((self._code("iswc", code, where) for code in one.iswcs), None)
        self._add(
            "recordings",
            Recording(
                recording_id=recording_id,
                title=one.title or one.reference,
                artist=one.display_artist,
                rightsholder=one.p_line,
                isrc=codes[0] if codes else None,
                iswc=iswc,
            ),
        )
        for code in codes[1:]:
            self._add(
                "identifiers",
                Identifier(
                    subject_kind="recording",
                    subject_id=recording_id,
                    kind="isrc",
                    value=code,
                    source=self.source,
                ),
            )
        self._splits(one.shares, "recording", recording_id, "master")

    def _recording_id(self, one: DdexRecording, codes: Iterable[str]) -> str:
        isrcs = [plain("isrc", code) for code in codes]
        for code in isrcs:
            if code in self.known:
                return self.known[code]
        if isrcs:
            return slug(isrcs[0])
        return f"{slug(one.title)}-{digest(self.message.message_id, self.message.sender, one.reference)}"

    def _listed_work(self, work: DdexWork) -> None:
        where = f"work {work.reference}"
        iswc = next((self._code("iswc", code, where) for code in work.iswcs), None)
        performed = [one for one in self.message.recordings if work.reference and work.reference in one.works]
        self.work_ids[work.reference] = work_id = self._work_id(iswc, work.title, work.reference)
        self._add_work(work_id, work.title, iswc, [self.recording_ids[one.reference] for one in performed])
        self._credits(work.contributions, "work", work_id, where)
        self._splits(work.shares, "work", work_id, "publishing")

    def _credits_of_recording(self, one: DdexRecording) -> None:
        recording_id, where = self.recording_ids[one.reference], f"recording {one.reference}"
        writers, others = apart(one.contributions)
        publishing = tuple(share for share in one.shares if share.layer == "publishing")
        works = [self.work_ids[name] for name in one.works if name in self.work_ids]
        if not works and (writers or publishing or one.iswcs):
            iswc = next((code for code in one.iswcs), None)
            works = [self._work_id(iswc, one.title, recording_id)]
            self._add_work(works[0], one.title, iswc, [recording_id])
        for work_id in works:
            self._credits(writers, "work", work_id, where)
            self._splits(publishing, "work", work_id, "publishing")
        self._credits(others, "recording", recording_id, where)

    def _work_id(self, iswc: str | None, title: str, reference: str) -> str:
        if iswc:
            return slug(plain("iswc", iswc))
        return f"work-{slug(title)}-{digest(self.message.message_id, self.message.sender, reference)}"

    def _add_work(self, work_id: str, title: str, iswc: str | None, recordings: list[str]) -> None:
        self._add(
            "works",
            Work(
                work_id=work_id,
                title=title or work_id,
                iswc=iswc,
                recordings=tuple(dict.fromkeys(recordings)),
                source=self.source,
            ),
        )

    def _credits(
        self, contributions: Iterable[Contribution], kind: Any, subject_id: str | None, where: str
    ) -> None:
        for one in contributions:
            party_id = self.party_ids.get(one.party)
            if party_id is None or subject_id is None:
                self._problem(
                    "unknown-reference",
                    where,
                    one.party or ", ".join(one.roles),
                    "a party and a recording of this message",
                    "Ask the sender for the whole message: a credit points to nobody.",
                    "medium",
                )
                continue
            for role in dict.fromkeys(role for word in one.roles or ("",) for role in roles_of(word)):
                self._add("credits", self._credit(one, kind, subject_id, party_id, role))

    def _credit(self, one: Contribution, kind: Any, subject_id: str, party_id: str, role: str) -> Credit:
        billing: Billing = ""
        if one.featured is not None and kind == "recording":
            billing = "featured" if one.featured else "non-featured"
        return Credit(
            subject_kind=kind,
            subject_id=subject_id,
            party_id=party_id,
            role=role,
            billing=billing,
            instruments=one.instruments if kind == "recording" else (),
            source=self.source,
        )

    def _splits(self, shares: Iterable[Share], kind: Any, subject_id: str, layer: str) -> None:
        for one in shares:
            party_id = self.party_ids.get(one.party)
            if one.layer == layer and party_id is not None:
                self._add(
                    "splits",
                    Split(
                        subject_kind=kind,
                        subject_id=subject_id,
                        layer="master" if layer == "master" else "publishing",
                        party_id=party_id,
                        share=one.share,
                        territory=one.territory,
                        source=self.source,
                    ),
                )

    def _release(self, one: DdexRelease) -> None:
        where = f"release {one.reference}"
        upc, grid = self._code("icpn", one.icpn, where), self._code("grid", one.grid, where)
        held = tuple(self.recording_ids[name] for name in one.recordings if name in self.recording_ids)
        day = one.date[:10]
        label = next((p.name for p in self.message.parties if p.reference == one.label), one.label)
        self._add(
            "releases",
            Release(
                release_id=slug(plain("icpn", upc))
                if upc
                else f"{slug(one.title)}-{digest(*held, one.reference)}",
                title=one.title or one.reference,
                upc=upc,
                grid=grid,
                date=day if day and (is_day(day) or is_partial_day(day)) else None,
                label=label,
                recordings=held,
                source=self.source,
            ),
        )
