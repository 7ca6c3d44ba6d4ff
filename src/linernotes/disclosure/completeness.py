"""How definite and complete a summary is: 0, 0.5 or 1 for every field, with the reason for each point.

Idea
----
Each field is read four ways: is there an answer (*completeness*), does it say something definite (*clarity*), does it
agree with the other fields (*consistency*), and can somebody check it (*traceability*). The field's score is the lowest
of the first three; the whole is the weighted mean. Traceability is reported beside it, because a form can be complete
on the provider's word alone.

Conventions
-----------
A field that another one closes ("crawled: no" closes the list of domains) is not counted, so that a no earns nothing; a
reasoned "not applicable" elsewhere is a full answer. A reasoned "unknown" is half an answer, and none where the form itself
says that the thing exists. A blank is none.
`WEIGHTS` are ours, 1 to 25; they follow the order of the AI Accountability Lab's rubric, not its figures.

References
----------
AI Accountability Lab, "GPAI training transparency" (arXiv 2603.13270): 0, 0.5, 1 per metric, weights of 1 to 25, six
dimensions, of which *accessibility* and *comprehension* need a human reader and are not scored here.

Known limits
------------
A definite lie scores 1. The tests of wording know English only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from linernotes.corpus.checks import in_order
from linernotes.corpus.gaps import Gap, gap
from linernotes.disclosure.answer import Answer, Count, Facts, Mark, Said
from linernotes.disclosure.fields53 import FIELD_BY_ID, FIELDS_53, FormField
from linernotes.disclosure.limitation import Limitation
from linernotes.disclosure.reading import Reading, read_field

FORMAT: Final = "linernotes-completeness"
DIMENSIONS = ("completeness", "clarity", "consistency")
WEIGHTS: dict[str, int] = {
    "2.3.h": 25,
    "2.1.c": 20,
    "2.2.2.c": 20,
    "1.2.b": 10,
    "1.3.b": 10,
    "2.5.c": 10,
    "2.3.d": 8,
    "2.4.b": 8,
    "2.4.c": 8,
    "3.1.b": 8,
    "1.1.a": 5,
    "1.2.a": 5,
    "1.3.d": 5,
    "2.1.a": 5,
    "2.2.1.a": 5,
    "2.2.2.a": 5,
    "2.3.a": 5,
    "2.3.b": 5,
    "2.3.e": 5,
    "2.3.f": 5,
    "2.4.a": 5,
    "2.5.a": 5,
    "2.5.d": 5,
    "3.1.c": 5,
    "0": 3,
    "1.3.c": 3,
    "2.1.d": 3,
    "2.2.2.d": 3,
    "2.6.a": 3,
    "2.6.b": 3,
    "3.1.a": 3,
    "3.2.a": 3,
}
"""Our weights; a field that is not named weighs 1."""


class FieldScore(Facts):
    """One field's points, and why."""

    id: Said
    label: Said
    weight: Count
    score: Mark
    completeness: Mark
    clarity: Mark
    consistency: Mark
    traceability: Mark
    counted: bool
    why: Said


class SectionScore(Facts):
    """The weighted mean of one section of the form."""

    section: Said
    score: float | None
    weight: Count


class Completeness(Facts):
    """The score of a summary."""

    format: Literal["linernotes-completeness"]
    revision: Literal[1]
    limitation: Limitation
    score: float
    dimensions: dict[str, float]
    traceability: float
    not_scored: Said
    weights: Said
    sections: list[SectionScore]
    fields: list[FieldScore]


@dataclass(frozen=True, slots=True)
class Scored:
    """Fields with their points, and the gaps that the reading found."""

    fields: tuple[FieldScore, ...]
    gaps: tuple[Gap, ...]

    @property
    def score(self) -> float:
        """Weighted mean of the fields, in [0, 1]."""
        return self.mean("score")

    def mean(self, name: str) -> float:
        """Return the weighted mean of one mark over the fields that count."""
        return _mean([(one.weight, getattr(one, name)) for one in self.fields if one.counted]) or 0.0


def score_answers(answers: Mapping[str, Answer | None]) -> Scored:
    """Score a summary.

    Parameters
    ----------
    answers : mapping of str to Answer or None
        By field id; a field that is missing or None was left blank.

    Examples
    --------
    >>> from linernotes.disclosure.answer import stated
    >>> scored = score_answers({"2.3.a": stated(True), "2.3.h": stated("forums and repositories")})
    >>> next(one.why for one in scored.fields if one.id == "2.3.h")
    'words in place of a list: forums and repositories'
    >>> scored.score < 0.1
    True
    """
    readings = {one.field_id: read_field(one, answers) for one in FIELDS_53}
    gaps = [
        gap(code, "", f"field {name}: {reading.why}")
        for name, reading in readings.items()
        for code in reading.gap_codes
    ]
    return Scored(tuple(_field(FIELD_BY_ID[name], one) for name, one in readings.items()), in_order(gaps))


def build_completeness(scored: Scored, limitation: Limitation) -> Completeness:
    """Return the score as a document."""
    sections = list(dict.fromkeys(one.section for one in FIELDS_53))
    return Completeness(
        format=FORMAT,
        revision=1,
        limitation=limitation,
        score=round(scored.score, 4),
        dimensions={name: round(scored.mean(name), 4) for name in DIMENSIONS},
        traceability=round(scored.mean("traceability"), 4),
        not_scored="Accessibility and comprehension need a human reader. Truth is not scored at all.",
        weights="Our own, from 1 to 25: most for the list of domains, then lists of datasets, then base models and sizes.",
        sections=[_section(name, scored) for name in sections],
        fields=list(scored.fields),
    )


def _field(form: FormField, reading: Reading) -> FieldScore:
    return FieldScore(
        id=form.field_id,
        label=form.label,
        weight=WEIGHTS.get(form.field_id, 1),
        score=min(reading.completeness, reading.clarity, reading.consistency),
        completeness=reading.completeness,
        clarity=reading.clarity,
        consistency=reading.consistency,
        traceability=reading.traceability,
        counted=reading.counted,
        why=reading.why,
    )


def _section(name: str, scored: Scored) -> SectionScore:
    ids = {one.field_id for one in FIELDS_53 if one.section == name}
    members = [(one.weight, one.score) for one in scored.fields if one.id in ids and one.counted]
    mean = _mean(members)
    return SectionScore(
        section=name, score=None if mean is None else round(mean, 4), weight=sum(w for w, _ in members)
    )


def _mean(pairs: list[tuple[int, float]]) -> float | None:
    if not pairs:
        return None
    return sum(weight * value for weight, value in pairs) / sum(weight for weight, _ in pairs)
