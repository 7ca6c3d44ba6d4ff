"""What a dossier must hold before a page is made of it.

Every figure that leaves this package says how it was made, how sure it is, and what it does not say.
These models enforce it: a ranking without limits, a match without its false-match rate or an influence
without its interval is refused, and so is any field that nobody described.

Conventions
-----------
JSON names follow the command line's contract. Shares and rates are fractions in [0, 1]; spans are seconds.

Known limits
------------
The models check that limits are stated, not that they are well chosen.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from linernotes.reports.schema_base import Facts, Fraction01, Interval, Said, checked_by
from linernotes.reports.schema_further import GroupingFacts, NotAskedFacts, RetestFacts, WhereFacts
from linernotes.reports.schema_versions import RelationFacts

DOSSIER_FORMAT = "linernotes-dossier"
DOSSIER_REVISION = 1


class QuestionFacts(Facts):
    """One of the four questions: what the page answers, and what it cannot say."""

    question: Said
    answer: Said
    strength: Said
    cannot_say: Said


class ConsentFacts(Facts):
    """What is on file about one item, and whether it counts on the day of training."""

    status: str
    words: Said
    counts: bool
    doubt: str | None
    date: str | None
    evidence: str


class ItemFacts(Facts):
    """One sealed recording."""

    item_id: Said
    title: str
    artist: str
    rightsholder: str
    licence: str
    licence_url: str
    attribution: str
    isrc: str | None
    duration_s: Annotated[float, Field(ge=0)]
    content_sha256: Said
    cluster_id: str
    consent: ConsentFacts
    gaps: list[str]


class GapFacts(Facts):
    """All gaps of one code."""

    code: Said
    severity: Literal["high", "medium", "low"]
    who: Said
    next_step: Said
    item_ids: list[str]


class CorpusFacts(Facts):
    """The sealed corpus."""

    root: Said
    sealed_at: Said
    stage: Literal["before-training", "after-training"]
    stage_words: Said
    training_date: str | None
    n_items: Annotated[int, Field(ge=1)]
    duration_s: float
    n_without_consent: int
    consent_words: Said
    items: list[ItemFacts]
    gaps: list[GapFacts]
    limits: Said


class MatchFacts(Facts):
    """The same recording in aligned seconds."""

    recording_id: Said
    score: float
    false_match_rate: Fraction01
    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float
    time_ratio: float
    pitch_shift_semitones: float
    method: Said
    unit: Said
    scope: Said
    second_look_nats: float | None = None
    alikeness: float | None = None


class IdentifiedFacts(Facts):
    """One corpus item with the catalogue recordings it was matched to, best first."""

    item_id: Said
    matches: Annotated[list[MatchFacts], Field(min_length=1)]


class IdentificationFacts(Facts):
    """What the catalogue could say about the corpus."""

    catalogue_size: Annotated[int, Field(ge=0)]
    identified: list[IdentifiedFacts]
    unmatched: list[str]
    limits: Said


class GeneratorFacts(Facts):
    """The generator's card, with words for its measured quality."""

    generator_id: Said
    weights_sha256: str
    same_corpus: bool | None
    seed: int | None
    recipe: dict[str, Any]
    n_trained_items: int
    card: dict[str, Any]
    held_out_loss: dict[str, float | str] | None
    held_out_words: str
    frechet: list[dict[str, Any]]
    frechet_words: str
    limits: Said


class ReliabilityFacts(Facts):
    """One method's measured trust, in figures and in words drawn from them."""

    method: Said
    generator_id: str
    corpus_root: str
    lds: float
    interval: Interval
    ceiling: float
    baselines: dict[str, float]
    n_subsets: int
    n_seeds: int
    n_queries: int
    alpha: float
    verdict: Literal["better", "unclear", "not-better", "not-beyond-chance", "no-baseline"]
    words: Said


class InfluenceFacts(Facts):
    """One recording's place in a ranking; never without its interval."""

    item_id: Said
    rank: Annotated[int, Field(ge=1)]
    score: float
    share: Fraction01
    interval: Interval
    probability: Fraction01 | None = None
    effect: float | None = None
    effect_interval: Interval | None = None
    cluster_id: Said | None = None

    @model_validator(mode="after")
    def _effect_has_its_interval(self) -> InfluenceFacts:
        if (self.effect is None) != (self.effect_interval is None):
            raise ValueError("an effect without its interval, or an interval without its effect")
        return self


class CalibrationFacts(Facts):
    """What probabilities and effects rest on."""

    confidence: Fraction01
    coverage: Fraction01
    effect_unit: Said
    noise: float
    matters: float
    n_queries: int
    n_removals: int
    n_seeds: int


class RankingFacts(Facts):
    """One method's answer for one output."""

    method: Said
    unit: Said
    seed: int
    corpus_root: Said
    reliability: ReliabilityFacts | None
    reliability_line: Said
    unattributed_share: Fraction01
    nobody_in_particular: bool
    words: Said
    influences: list[InfluenceFacts]
    scope: Said
    limits: Said
    calibration: CalibrationFacts | None = None
    calibration_words: Said | None = None
    nobody_because: Said | None = None
    cluster_rule: Said | None = None
    cluster_words: Said | None = None
    where: WhereFacts | None = None
    verification: list[RetestFacts] = Field(default_factory=list)
    groups: list[GroupingFacts] = Field(default_factory=list)

    @model_validator(mode="after")
    def _shares_add_up(self) -> RankingFacts:
        total = self.unattributed_share + sum(one.share for one in self.influences)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares and the unattributed part add to {total}, expected 1")
        return self

    @model_validator(mode="after")
    def _calibration_is_said(self) -> RankingFacts:
        if (self.calibration is None) != (self.calibration_words is None):
            raise ValueError("a calibration without its words, or words without a calibration")
        return self


class AgreementFacts(Facts):
    """How alike two methods rank one output."""

    methods: tuple[str, str]
    spearman: float | None
    top5_overlap: int
    top_k: int
    overlap_by_chance: float
    n_items: int
    words: Said


class VersionFacts(RelationFacts):
    """What an output and one recording share musically."""

    item_id: Said


class OutputModel(Facts):
    """One generated output under study."""

    query_id: Said
    prompt: str
    seed: int
    duration_s: Annotated[float, Field(gt=0)]
    audio_sha256: str
    headline: Said
    rankings: list[RankingFacts]
    not_asked: list[NotAskedFacts] = Field(default_factory=list)
    agreement: list[AgreementFacts]
    versions: list[VersionFacts]
    matches: list[MatchFacts]
    limits: Said


class SanityFacts(Facts):
    """One check that a sound method must pass."""

    name: Said
    value: Any
    expected: Any
    passed: bool | None
    meaning: Said


class Dossier(Facts):
    """Everything that the page says."""

    format: Literal["linernotes-dossier"]
    revision: Literal[1]
    title: Said
    summary: Said
    limits: Said
    questions: list[QuestionFacts]
    corpus: CorpusFacts
    identification: IdentificationFacts
    generator: GeneratorFacts
    outputs: list[OutputModel]
    reliability: list[ReliabilityFacts]
    reliability_words: Said
    sanity: list[SanityFacts]
    statement: dict[str, Any]
    receipt: dict[str, Any] | None
    provenance: dict[str, Any]


def checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return *facts* as plain JSON values, after checking every field.

    Raises
    ------
    InputError
        Naming the first field that is missing, unknown or out of range.
    """
    return checked_by(Dossier, facts, "dossier", "its method, interval, scope and limits")
