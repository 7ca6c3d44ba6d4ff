"""The part of a dossier that speaks of one generated output.

Conventions
-----------
Methods stand in the order of their measured reliability, best first; a method whose reliability nobody
measured stands last. "Nobody in particular" is an answer: it is given when the whole credit is
unattributed.

Known limits
------------
A headline names the first recording of the most reliable method; the ranking below it carries the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError
from linernotes.evidence.identification import Match
from linernotes.evidence.influence import InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.evidence.versions import VersionMatch
from linernotes.reports.agreement import agreement
from linernotes.reports.further import FurtherEvidence, further_facts, not_asked
from linernotes.reports.words import (
    VERDICT_WORDS,
    calibration_words,
    cluster_words,
    commonplace_words,
    count,
    listed,
    per_cent,
    per_cent_range,
    reliability_line,
    verdict,
)

NOBODY = 1 - 1e-9
DIMENSION_WORDS = {
    "overall": "the whole texture",
    "melody": "a line of melody",
    "harmony": "a run of chords",
    "rhythm": "a rhythm",
}
RANKING_LIMITS = (
    "Ranks influence among the disclosed recordings of one sealed corpus, for one generator. "
    "It is not proof of copying, and it cannot find recordings nobody disclosed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFacts:
    """One generated output with everything that was found about it.

    Parameters
    ----------
    query_id : str
        Its name, unique in the dossier.
    audio_path : Path
        Its audio file.
    prompt : str
        What the generator was asked for; may be empty.
    seed : int
        Seed of the generation.
    duration_s : float > 0
        Length in seconds.
    rankings : dict of str to InfluenceRanking
        By method.
    versions : tuple of (str, VersionMatch)
        Corpus item id and what the output shares with it musically.
    matches : tuple of Match
        Near-verbatim matches with recordings; empty when none.
    further : dict of str to FurtherEvidence
        By method, what was asked of its ranking beyond itself.
    """

    query_id: str
    audio_path: Path
    prompt: str
    seed: int
    duration_s: float
    rankings: dict[str, InfluenceRanking]
    versions: tuple[tuple[str, VersionMatch], ...] = ()
    matches: tuple[Match, ...] = ()
    further: dict[str, FurtherEvidence] = field(default_factory=dict)


def output_facts(
    output: OutputFacts, corpus: SealedCorpus, reliability: Mapping[str, Reliability]
) -> dict[str, Any]:
    """Return one output as the dossier's facts.

    Raises
    ------
    CorpusError
        If a ranking is about another corpus, or names an item that this one does not hold.
    InputError
        If a reliability was measured for another method, generator or corpus, or further evidence belongs to
        another ranking.
    """
    if strange := sorted(output.further.keys() - output.rankings.keys()):
        raise InputError(
            f"query {output.query_id}: further evidence for method '{strange[0]}', which has no ranking here; "
            "give the ranking it belongs to"
        )
    known = {item.item_id for item in corpus.items}
    for name, version in output.versions:
        _refuse_unknown(name, known, output.query_id, version.method)
    trusted = {
        method: _trusted(ranking, corpus, known, reliability.get(method))
        for method, ranking in output.rankings.items()
    }
    order = sorted(trusted, key=lambda method: (-_lds(trusted[method]), method))
    rankings = [
        ranking_facts(output.rankings[method], trusted[method], output.further.get(method, FurtherEvidence()))
        for method in order
    ]
    return {
        "query_id": output.query_id,
        "prompt": output.prompt,
        "seed": output.seed,
        "duration_s": output.duration_s,
        "audio_sha256": file_sha256(output.audio_path),
        "headline": _headline(rankings, corpus),
        "rankings": rankings,
        "not_asked": not_asked(rankings),
        "agreement": [agreement(output.rankings[a], output.rankings[b]) for a, b in combinations(order, 2)],
        "versions": [version_facts(name, version) for name, version in output.versions],
        "matches": [match.as_json() for match in output.matches],
        "limits": RANKING_LIMITS,
    }


def reliability_facts(reliability: Reliability) -> dict[str, Any]:
    """Return a measured trust with the sentence that its figures support."""
    kind = verdict(reliability)
    return reliability.as_json() | {"verdict": kind, "words": VERDICT_WORDS[kind]}


def _lds(reliability: Reliability | None) -> float:
    return reliability.lds if reliability else float("-inf")


def _trusted(
    ranking: InfluenceRanking, corpus: SealedCorpus, known: set[str], measured: Reliability | None
) -> Reliability | None:
    if ranking.corpus_root != corpus.root:
        raise CorpusError(
            f"query {ranking.query_id}, method {ranking.method}: ranks corpus "
            f"{ranking.corpus_root[:12]}…, the dossier is about {corpus.root[:12]}…; "
            "attribute it again with this workspace"
        )
    for one in ranking.influences:
        _refuse_unknown(one.item_id, known, ranking.query_id, ranking.method)
    found = ranking.reliability or measured
    if found is None:
        return None
    about = (ranking.method, ranking.generator_id, ranking.corpus_root)
    measured_on = (found.method, found.generator_id, found.corpus_root)
    if about != measured_on:
        raise InputError(
            f"query {ranking.query_id}: reliability measured for {', '.join(measured_on)}; "
            f"expected {', '.join(about)}: a reliability never travels to another method, generator or corpus"
        )
    return found


def _refuse_unknown(item_id: str, known: set[str], query_id: str, method: str) -> None:
    if item_id not in known:
        raise CorpusError(
            f"query {query_id}, method {method}: names item '{item_id}', "
            "which the sealed corpus does not hold"
        )


def ranking_facts(
    ranking: InfluenceRanking, reliability: Reliability | None, further: FurtherEvidence | None = None
) -> dict[str, Any]:
    """Return one method's answer with its measured trust, its words and its limits.

    With *further*, also the sections ``where``, ``verification`` and ``groups``, empty where nobody asked.
    """
    nobody = ranking.unattributed_share >= NOBODY
    line = reliability_line(reliability)
    facts = {
        "method": ranking.method,
        "unit": ranking.unit,
        "seed": ranking.seed,
        "corpus_root": ranking.corpus_root,
        "reliability": reliability_facts(reliability) if reliability else None,
        "reliability_line": line,
        "unattributed_share": ranking.unattributed_share,
        "nobody_in_particular": nobody,
        **_statement_facts(ranking),
        "words": _ranking_words(ranking, nobody),
        "influences": [one.as_json() for one in sorted(ranking.influences, key=lambda one: one.rank)],
        "scope": ranking.scope,
        "limits": RANKING_LIMITS,
    }
    return facts if further is None else facts | further_facts(ranking, further, line)


def _statement_facts(ranking: InfluenceRanking) -> dict[str, Any]:
    """Return what a calibration and near-duplicates add to an answer; nothing where there are none."""
    facts: dict[str, Any] = {}
    if ranking.calibration is not None:
        facts["calibration"] = ranking.calibration.as_json()
        facts["calibration_words"] = calibration_words(ranking.calibration)
    if ranking.nobody_because is not None:
        facts["nobody_because"] = ranking.nobody_because
    if ranking.cluster_rule is not None:
        facts["cluster_rule"] = ranking.cluster_rule
        facts["cluster_words"] = cluster_words(ranking.cluster_rule)
    return facts


def _ranking_words(ranking: InfluenceRanking, nobody: bool) -> str:
    if nobody and ranking.nobody_because:
        return f"Nobody in particular: {ranking.nobody_because.rstrip('.')}."
    if nobody:
        return (
            "Nobody in particular: no disclosed recording moved the generator towards this output more than "
            "the noise of the measurement."
        )
    credited = [one for one in ranking.influences if one.share > 0]
    return (
        f"{count(len(credited), 'recording')} credited with {per_cent(1 - ranking.unattributed_share)} "
        f"of the influence; {per_cent(ranking.unattributed_share)} goes to nobody in particular."
    )


def version_facts(item_id: str, version: VersionMatch) -> dict[str, Any]:
    """Return a musical relation with each span's commonplace in plain words."""
    segments = [
        segment.as_json() | {"words": commonplace_words(segment.commonplace)} for segment in version.segments
    ]
    return version.as_json() | {"item_id": item_id, "words": _version_words(version), "segments": segments}


def _version_words(version: VersionMatch) -> str:
    if not version.segments:
        return "No aligned seconds were found: nothing to compare by ear."
    dimensions = list(dict.fromkeys(segment.dimension for segment in version.segments))
    text = f"Alike in {listed([DIMENSION_WORDS[name] for name in dimensions])}"
    if version.transposition_semitones:
        direction = "up" if version.transposition_semitones > 0 else "down"
        text += f", {count(abs(version.transposition_semitones), 'semitone')} {direction}"
    if version.probability is None:
        return text + ". No calibrated chance holds for this pair."
    return text + f". Calibrated chance that the two share substance: {per_cent(version.probability)}."


def _headline(rankings: list[dict[str, Any]], corpus: SealedCorpus) -> str:
    if not rankings:
        return "Not yet attributed."
    best = rankings[0]
    if best["nobody_in_particular"] or not best["influences"]:
        return "Nobody in particular."
    first = best["influences"][0]
    recording = corpus.item(first["item_id"]).recording
    low, high = first["interval"]
    title, artist = recording.title or first["item_id"], recording.artist or "artist not stated"
    trust = best["reliability_line"].split(" (")[0]
    return (
        f"First of the {len(corpus.items)} sealed recordings: “{title}”, {artist}, share "
        f"{per_cent(first['share'])} (95 % interval {per_cent_range(low, high)}; {best['method']}, {trust})."
    )
