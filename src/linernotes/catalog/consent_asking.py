"""Ask the consent engine about every right in a recording, with what the registry knows of it.

The master is asked once, publishing once per work, performer and voice-likeness once per credited performer.
Owners who hold a share and were not heard keep a layer open, and one performer's word is not another's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from linernotes.catalog.consent_decision import Answer, Decision
from linernotes.catalog.consent_engine import ConsentIndex, decide
from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.links import Links
from linernotes.catalog.recording import Recording
from linernotes.catalog.subjects import Key, subject_key
from linernotes.catalog.territory import touches

VOCAL_ROLES = frozenset(
    ["vocalist", "singer", "rapper", "background-vocalist", "choir", "narrator", "actor", "performer"]
)
INSTRUMENTAL = "instrumental"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question about one recording, with what is needed to answer it; ask with `layer`."""

    links: Links
    index: ConsentIndex
    recording: Recording
    use: str
    on: dt.date
    territory: str
    recorded: Mapping[str, str] | None

    def layer(self, layer: str, locations: Collection[str]) -> Iterator[Answer]:
        """Yield the answer on each right in a layer."""
        about = self.links.codes("recording", self.recording.recording_id)
        for release in self.links.releases_of.get(self.recording.recording_id, ()):
            about += self.links.codes("release", release.release_id)
        about += [("location", place) for place in locations]
        if layer == "master":
            yield self._owned(
                layer, "", self.recording.title, about, "recording", self.recording.recording_id
            )
        elif layer == "publishing":
            yield from self._publishing(about)
        else:
            yield from self._performers(layer, about)

    def _decide(self, records: Iterable[ConsentRecord], subjects: list[Key], layer: str) -> Decision:
        return decide(
            records,
            subjects=subjects,
            layer=layer,
            use=self.use,
            on=self.on,
            territory=self.territory,
            recorded=self.recorded,
        )

    def _publishing(self, about: list[Key]) -> Iterator[Answer]:
        works = self.links.works_of.get(self.recording.recording_id, ())
        for work in works:
            subjects = [*about, *self.links.codes("work", work.work_id)]
            yield self._owned("publishing", work.work_id, work.title, subjects, "work", work.work_id)
        if not works:
            subjects = [*about, *([("work", self.recording.iswc)] if self.recording.iswc else [])]
            decision = self._decide(self.index.about(subjects), subjects, "publishing")
            yield Answer(layer="publishing", holder="", name="", decision=decision, gaps=("work-unknown",))

    def _owned(
        self, layer: str, holder: str, name: str, subjects: list[Key], kind: str, subject_id: str
    ) -> Answer:
        splits = [s for s in self.links.splits_of.get((kind, subject_id), ()) if self._holds(s, layer)]
        owners = {split.party_id for split in splits}
        if layer == "publishing":
            owners |= {c.party_id for c in self.links.credits_of.get((kind, subject_id), ()) if c.is_writer}
        subjects = [*subjects, *(key for owner in sorted(owners) for key in self.links.codes("party", owner))]
        records = self.index.about(subjects)
        decision = self._decide(records, subjects, layer)
        decision, gaps = self._heard(decision, records, {split.party_id for split in splits}, layer)
        return Answer(layer=layer, holder=holder, name=name, decision=decision, gaps=gaps)

    def _holds(self, split: Split, layer: str) -> bool:
        day = self.on.isoformat()
        return (
            split.layer == layer
            and split.share > 0
            and touches(split.territory, self.territory)
            and (split.valid_from or "") <= day <= (split.valid_until or "9999-12-31")
        )

    def _heard(
        self, decision: Decision, records: list[ConsentRecord], owners: set[str], layer: str
    ) -> tuple[Decision, tuple[str, ...]]:
        """Count a yes for the owners who gave it; the others' shares stay unanswered."""
        if not decision.granted or not owners:
            return decision, () if owners else ("owners-unknown",)
        givers = [r for r in records if r.record_id in self._granting(decision, records, layer)]
        if any(record.authority in ("cmo", "agent") for record in givers):
            return decision, ()
        names = {owner: self.links.names_of(owner) for owner in owners}
        said_by = {subject_key("party", record.granted_by) for record in givers if record.granted_by}
        said_by |= {
            subject_key("party", record.subject) for record in givers if record.subject_kind == "party"
        }
        if not said_by and len(owners) == 1:
            return decision, ("grantor-not-named",)
        silent = sorted(owner for owner in owners if not names[owner] & said_by)
        if not silent:
            return decision, ()
        code = "grantor-not-owner" if len(silent) == len(owners) else "co-owner-not-heard"
        who = ", ".join(self._name(owner) for owner in silent)
        reason = f"{decision.reason}; no yes from {who}, who hold{'s' if len(silent) == 1 else ''} a share"
        return replace(decision, value="unknown", granted=False, reason=reason), (code,)

    def _granting(self, decision: Decision, records: list[ConsentRecord], layer: str) -> set[str]:
        """Return the ids of all records that are a yes by themselves."""
        return {
            record.record_id
            for record in records
            if record.value in ("allow", "conditional")
            and self._decide([record], [(record.subject_kind, record.subject)], layer).granted
        }

    def _name(self, party_id: str) -> str:
        party = self.links.parties.get(party_id)
        return party.name if party else party_id

    def _performers(self, layer: str, about: list[Key]) -> Iterator[Answer]:
        credits = [
            credit
            for credit in self.links.credits_of.get(("recording", self.recording.recording_id), ())
            if credit.is_performer
        ]
        performers = sorted({c.party_id for c in credits if layer == "performer" or c.role in VOCAL_ROLES})
        names = {party_id: self.links.names_of(party_id, credits) for party_id in performers}
        for party_id in performers:
            others = frozenset().union(*(n for other, n in names.items() if other != party_id))
            subjects = self._subjects_of(party_id, credits, about)
            records = [
                heard
                for record in self.index.about(subjects)
                if (heard := _heard_from(record, names[party_id], others - names[party_id])) is not None
            ]
            decision = self._decide(records, subjects, layer)
            yield Answer(layer=layer, holder=party_id, name=self._name(party_id), decision=decision)
        if not performers and not (layer == "voice-likeness" and self._no_voice(credits)):
            records = [r for r in map(_restriction, self.index.about(about)) if r is not None]
            decision = self._decide(records, about, layer)
            yield Answer(layer=layer, holder="", name="", decision=decision, gaps=("performers-unknown",))

    def _subjects_of(self, party_id: str, credits: list[Credit], about: list[Key]) -> list[Key]:
        parts = [("contribution", credit.contribution) for credit in credits if credit.party_id == party_id]
        return [*about, *self.links.codes("party", party_id), *parts]

    def _no_voice(self, credits: list[Credit]) -> bool:
        """Whether the recording is known to carry no voice."""
        return INSTRUMENTAL in {tag.casefold() for tag in self.recording.tags} and not any(
            credit.role in VOCAL_ROLES - {"performer"} for credit in credits
        )


def _heard_from(record: ConsentRecord, own: frozenset[Key], others: frozenset[Key]) -> ConsentRecord | None:
    """Return a record as far as it speaks for one performer: another performer's word is not theirs."""
    if record.subject_kind in ("party", "contribution"):
        return record
    giver = subject_key("party", record.granted_by) if record.granted_by else None
    if giver in own or (record.authority == "cmo" and giver not in others):
        return record
    return None if giver in others else _restriction(record)


def _restriction(record: ConsentRecord) -> ConsentRecord | None:
    """Return a record as a no or as terms, never as a yes: nobody knows for whom it was given."""
    if record.value in ("deny", "unknown"):
        return record
    if record.authority in ("performer", "agent", "cmo"):
        return replace(record, authority="unknown")
    return record
