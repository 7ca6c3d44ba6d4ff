"""The dossier: everything known about some outputs of one generator, as plain facts.

Idea
----
`build_dossier` turns evidence into one checked JSON document: the corpus and its gaps, what the
catalogue recognised, the generator and its quality, each output with its rankings, their reliability,
the musical relations, and the statement. `linernotes.reports.html.write_dossier` prints it. The words
on the page are drawn from the figures (`linernotes.reports.words`), never written beforehand.

Conventions
-----------
The document holds no path and no clock: the same inputs give the same bytes. Field names are those of
the command line's JSON.

Known limits
------------
The dossier reports; it checks that its parts speak of the same corpus, generator and method, and that
the statement adds up, and takes the evidence itself as given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import InputError
from linernotes.evidence.identification import Match
from linernotes.evidence.reliability import Reliability
from linernotes.reports.corpus_facts import corpus_facts, identification_facts
from linernotes.reports.generator_facts import generator_facts
from linernotes.reports.output_facts import OutputFacts, output_facts, reliability_facts
from linernotes.reports.schema import DOSSIER_FORMAT, DOSSIER_REVISION, checked
from linernotes.reports.words import count, listed, long_time

__all__ = ["DossierInputs", "OutputFacts", "audio_files", "build_dossier"]

QUESTIONS = (
    (
        "Is it the same recording?",
        "Each sealed file is compared with a catalogue by its sound.",
        "Identification, with a false-match rate.",
        "Nothing about recordings outside that catalogue.",
    ),
    (
        "Is it the same music, played otherwise?",
        "Melody, harmony, rhythm and texture are aligned second by second.",
        "A musical relation, to be checked by ear.",
        "Who wrote it first, or whether anyone heard it: much music is common property.",
    ),
    (
        "Which disclosed recordings moved the generator towards this output?",
        "Influence is ranked among the sealed recordings, and checked against retraining.",
        "A ranking among known candidates, with its measured reliability.",
        "It cannot find recordings nobody disclosed.",
    ),
    (
        "Does it carry someone’s voice or playing?",
        "Not asked here: that needs the person’s own consent and recordings.",
        "None; this page makes no such statement.",
        "Anything about likeness of a person.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierInputs:
    """What a dossier is made from.

    Parameters
    ----------
    title : str
        Heading of the page.
    corpus : SealedCorpus
        What was disclosed.
    identification : dict of str to tuple of Match
        By item id, best first; an empty tuple means "not in this catalogue".
    catalogue_size : int
        Recordings in the catalogue.
    generator_card : dict
        The generator's ``card.json``, with its ``evaluation``.
    outputs : tuple of OutputFacts
        At least one.
    reliability : dict of str to Reliability
        By method; used where a ranking does not carry its own.
    sanity : dict of str to dict
        By name: ``value``, ``expected``, ``passed``, ``meaning``.
    statement : dict
        From `linernotes.royalties.statement.build_statement`; empty for none.
    receipt : dict, optional
        The audit log's receipt for the statement.
    provenance : dict
        Of the run.
    """

    title: str
    corpus: SealedCorpus
    identification: dict[str, tuple[Match, ...]]
    catalogue_size: int
    generator_card: dict[str, Any]
    outputs: tuple[OutputFacts, ...]
    reliability: dict[str, Reliability] = field(default_factory=dict)
    sanity: dict[str, dict[str, Any]] = field(default_factory=dict)
    statement: dict[str, Any] = field(default_factory=dict)
    receipt: dict[str, Any] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)


def build_dossier(inputs: DossierInputs) -> dict[str, Any]:
    """Return the facts of the dossier as JSON-ready values.

    Parameters
    ----------
    inputs : DossierInputs
        Evidence of one corpus and one generator.

    Returns
    -------
    dict
        Checked by `linernotes.reports.schema`.

    Raises
    ------
    CorpusError
        If a ranking, a version or the generator is about another corpus.
    InputError
        If there is no output, an id occurs twice, or a figure lacks its scope or limits.
    VerificationError
        If the statement does not add up.
    """
    _check_outputs(inputs)
    statement = {
        key: value for key, value in inputs.statement.items() if key != "files"
    }  # places on a machine
    if statement:
        _check_statement(statement, inputs.corpus.root)
    measured = _measured(inputs)
    corpus = corpus_facts(inputs.corpus)
    outputs = [output_facts(output, inputs.corpus, inputs.reliability) for output in inputs.outputs]
    generator = generator_facts(inputs.generator_card, inputs.corpus)
    reliability = sorted(
        (reliability_facts(one) for one in measured.values()), key=lambda one: (-one["lds"], one["method"])
    )
    return checked(
        {
            "format": DOSSIER_FORMAT,
            "revision": DOSSIER_REVISION,
            "title": inputs.title,
            "summary": _summary(corpus, generator, outputs),
            "limits": _limits(inputs, outputs),
            "questions": [
                dict(zip(("question", "answer", "strength", "cannot_say"), row, strict=True))
                for row in QUESTIONS
            ],
            "corpus": corpus,
            "identification": identification_facts(
                inputs.corpus, inputs.identification, inputs.catalogue_size
            ),
            "generator": generator,
            "outputs": outputs,
            "reliability": reliability,
            "reliability_words": _reliability_words(reliability),
            "sanity": [_sanity_facts(name, check) for name, check in inputs.sanity.items()],
            "statement": statement,
            "receipt": inputs.receipt,
            "provenance": dict(inputs.provenance),
        }
    )


def audio_files(inputs: DossierInputs) -> dict[str, Path]:
    """Return the audio that the page plays: outputs by query id, corpus items by item id."""
    items = {item.item_id: inputs.corpus.audio_path(item) for item in inputs.corpus.items}
    return items | {output.query_id: output.audio_path for output in inputs.outputs}


def _check_outputs(inputs: DossierInputs) -> None:
    names = [output.query_id for output in inputs.outputs]
    if not names:
        raise InputError("dossier: 0 outputs; expected at least one generated output")
    taken = {item.item_id for item in inputs.corpus.items}
    for i, name in enumerate(names):
        if name in taken or name in names[:i]:
            raise InputError(f"dossier: query id '{name}' is used twice; give every output a name of its own")


def _check_statement(statement: Mapping[str, Any], root: str) -> None:
    from linernotes.royalties.statement import check_statement

    check_statement(statement)
    if statement.get("corpus_root") != root:
        raise InputError(
            f"statement {statement.get('statement_id')}: about corpus "
            f"{str(statement.get('corpus_root'))[:12]}…, the dossier is about {root[:12]}…; "
            "settle this workspace again"
        )


def _measured(inputs: DossierInputs) -> dict[str, Reliability]:
    carried = {
        ranking.method: ranking.reliability
        for output in inputs.outputs
        for ranking in output.rankings.values()
        if ranking.reliability is not None
    }
    return inputs.reliability | carried


def _sanity_facts(name: str, check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "value": check.get("value"),
        "expected": check.get("expected"),
        "passed": check.get("passed"),
        "meaning": check.get("meaning", ""),
    }


def _summary(corpus: dict[str, Any], generator: dict[str, Any], outputs: list[dict[str, Any]]) -> str:
    nobody = sum(bool(o["rankings"]) and o["rankings"][0]["nobody_in_particular"] for o in outputs)
    named = sum(bool(o["rankings"]) and not o["rankings"][0]["nobody_in_particular"] for o in outputs)
    text = (
        f"{count(len(outputs), 'output')} of the generator {generator['generator_id']}, read against the "
        f"{count(corpus['n_items'], 'recording')} ({long_time(corpus['duration_s'])}) that its provider "
        "disclosed: "
    )
    answers = [f"{named} credit particular recordings"] * bool(named)
    answers += [f"{nobody} credit nobody in particular"] * bool(nobody)
    return text + (listed(answers) if answers else "none has been attributed yet") + "."


def _limits(inputs: DossierInputs, outputs: list[dict[str, Any]]) -> str:
    shares = [ranking["unattributed_share"] for o in outputs for ranking in o["rankings"][:1]]
    mean = f"{100 * sum(shares) / len(shares):.0f} %" if shares else "not measured"
    return (
        "This ranks influence among the recordings that the provider committed in corpus "
        f"{inputs.corpus.root[:12]}. "
        "It cannot find recordings nobody disclosed, is not proof of copying, and is not a legal conclusion. "
        f"Mean unattributed share {mean}; open gaps {len(inputs.corpus.gaps)}."
    )


def _reliability_words(reliability: list[dict[str, Any]]) -> str:
    if not reliability:
        return "No method’s reliability was measured: treat every ranking on this page as unverified."
    groups: dict[str, list[str]] = {}
    for one in reliability:
        groups.setdefault(one["words"], []).append(one["method"])
    return " ".join(f"{listed(methods)}: {words[0].lower()}{words[1:]}" for words, methods in groups.items())
