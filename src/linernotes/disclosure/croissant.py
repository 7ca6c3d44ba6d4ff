"""The corpus as a Croissant 1.1 dataset: JSON-LD for catalogues, without handing out a single recording.

Idea
----
Croissant describes datasets that can be downloaded; a training corpus of other people's music usually cannot. What is
distributed here is ``recordings.json``: amounts at the lowest disclosure level, rows at the higher ones. Conditions of use
stand in ``usageInfo``: the licences of the rights table, and the state of consent in CAWG's words. Provenance is PROV-O:
the seal as an activity, public datasets and the previous snapshot as sources.

Conventions
-----------
JSON-LD with the context of the specification's appendix, conforming to Croissant 1.1 and RAI 1.0. The statement of
limitation is the first of ``rai:dataLimitations``. What the provider does not know is written as such, not left out.

References
----------
MLCommons, "Croissant Format Specification 1.1" (2026) and "Croissant RAI 1.0"; W3C PROV-O; CAWG, "Training and Data Mining
Assertion" 1.1. The specification is linked, not reproduced.

Known limits
------------
``license`` is required by the format: where the table names none, the field says so in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from linernotes.disclosure.answer import Answer, value_text
from linernotes.disclosure.counts import layer_counts, licence_counts
from linernotes.disclosure.facts import DisclosureFacts
from linernotes.disclosure.limitation import Limitation
from linernotes.disclosure.sources import LARGE_SHARE, period
from linernotes.errors import InputError

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
FILE = "recordings.json"
_CR = (
    *(
        "annotation",
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "excludes",
        "extract",
    ),
    *("field", "fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset"),
    *(
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "readLines",
        "repeated",
    ),
    *(
        "replace",
        "samplingRate",
        "sdVersion",
        "separator",
        "source",
        "subField",
        "transform",
        "unArchive",
        "value",
    ),
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _CR},
}
CAWG = {"allow": "allowed", "deny": "notAllowed", "conditional": "constrained"}
_TYPES = ((bool, "sc:Boolean"), (int, "sc:Integer"), (float, "sc:Float"))


def build_croissant(
    facts: DisclosureFacts, limitation: Limitation, rows: Sequence[Mapping[str, Any]], file: bytes
) -> dict[str, Any]:
    """Return the description.

    Parameters
    ----------
    facts : DisclosureFacts
        What was gathered.
    limitation : Limitation
        Becomes the first of the data limitations.
    rows : sequence of mapping
        The rows of ``recordings.json``.
    file : bytes
        That file, whose hash is recorded.
    """
    provider, corpus = facts.provider, facts.corpus
    name = provider["provider.name"]
    models = provider["model.names"]
    agent = {"@type": "Organization", "name": str(name.value) if name.known else f"unknown: {name.reason}"}
    return checked_croissant(
        {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": list(CONFORMS_TO),
            "name": f"training-corpus-{corpus.root[:12]}",
            "description": (
                f"Sealed corpus of {len(facts.items)} recordings, {facts.hours:.2f} hours of audio, as committed for "
                f"{value_text(models.value) if models.known else 'a generator of music'}. The recordings are not "
                f"distributed. {limitation.statement}"
            ),
            "url": str(provider["provider.address"].value or f"urn:sha256:{corpus.root}"),
            "license": _licences(facts),
            "creator": agent,
            "datePublished": str(provider["summary.last_update"].value or corpus.sealed_at[:10]),
            "dateCreated": corpus.sealed_at[:10],
            "citeAs": f"{agent['name']}, sealed training corpus {corpus.root}, {corpus.sealed_at[:10]}",
            "version": f"{facts.version}.0.0",
            "isLiveDataset": provider.is_true("content.continuous") is True,
            "inLanguage": provider["content.languages"].value or "und",
            "usageInfo": _usage(facts),
            "prov:wasGeneratedBy": {
                "@type": "prov:Activity",
                "prov:label": f"Sealing of corpus {corpus.root}, {corpus.stage}",
                "prov:endedAtTime": corpus.sealed_at,
            },
            "prov:wasAttributedTo": {"@type": "prov:Agent", "prov:label": agent["name"]},
            **_derived(facts),
            **_rai(facts, limitation),
            "distribution": [
                {
                    "@type": "cr:FileObject",
                    "@id": FILE,
                    "name": FILE,
                    "description": f"What is published about the recordings (level: {facts.level}).",
                    "contentUrl": FILE,
                    "contentSize": f"{len(file)} B",
                    "encodingFormat": "application/json",
                    "sha256": hashlib.sha256(file).hexdigest(),
                }
            ],
            "recordSet": [_record_set(rows)],
        },
        limitation.statement,
    )


def checked_croissant(document: dict[str, Any], statement: str) -> dict[str, Any]:
    """Return the description, after checking that it carries its statement of limitation.

    Raises
    ------
    InputError
        If it does not.
    """
    limits = document.get("rai:dataLimitations")
    if not isinstance(limits, list) or not limits or limits[0] != statement:
        raise InputError("croissant: its first data limitation must be the statement of limitation")
    return document


def _licences(facts: DisclosureFacts) -> Any:
    rows = licence_counts(facts.items)
    found = [row["url"] or row["licence"] for row in rows if row["licence"] != "not stated"]
    unstated = sum(row["n_items"] for row in rows if row["licence"] == "not stated")
    if unstated:
        found.append(f"unknown for {unstated} of {len(facts.items)} recordings")
    return found[0] if len(found) == 1 else found


def _usage(facts: DisclosureFacts) -> list[dict[str, Any]]:
    terms: list[dict[str, Any]] = [
        {
            "@type": "CreativeWork",
            "name": f"{row['licence']}: {row['n_items']} of {len(facts.items)} recordings",
            **({"url": row["url"]} if row["url"] else {}),
        }
        for row in licence_counts(facts.items)
    ]
    for row in layer_counts(facts.layers):
        for value in ("allow", "conditional", "deny", "unknown"):
            if row[value]:
                terms.append(
                    {
                        "@type": "DefinedTerm",
                        "name": f"Consent to generative training, {row['layer']}: {value} for {row[value]} "
                        f"of {row['n_items']} recordings on {facts.day.isoformat()}",
                        "termCode": f"cawg.ai_generative_training={CAWG.get(value, 'unknown')}",
                        "inDefinedTermSet": "https://cawg.io/training-and-data-mining/",
                    }
                )
    return terms


def _derived(facts: DisclosureFacts) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    for one in facts.sources:
        for dataset in one.datasets:
            if one.source_class == "public" and dataset.name and dataset.share > LARGE_SHARE:
                entity = {"@type": "prov:Entity", "prov:label": dataset.name}
                found.append(entity | ({"@id": dataset.url} if dataset.url else {}))
    before = facts.corpus.previous_root
    if before:
        found.append(
            {"@id": f"urn:sha256:{before}", "@type": "prov:Entity", "prov:label": "previous snapshot"}
        )
    return {"prov:wasDerivedFrom": found} if found else {}


def _rai(facts: DisclosureFacts, limitation: Limitation) -> dict[str, Any]:
    said = facts.provider
    first, last = period(facts.items)
    collected = ", ".join(f"{one.words} ({one.n_items})" for one in facts.sources)
    return {
        "rai:dataLimitations": [limitation.statement, _words(said["content.limitations"])],
        "rai:dataCollection": f"Recordings by source: {collected}.",
        "rai:dataCollectionType": [one.words for one in facts.sources],
        "rai:dataCollectionTimeframe": [day for day in (first, last) if day] or ["unknown"],
        "rai:dataPreprocessingProtocol": [_words(said["content.cleaning"])],
        "rai:dataManipulationProtocol": _words(said["content.cleaning"]),
        "rai:personalSensitiveInformation": [_words(said["content.personal_information"])],
        "rai:dataBiases": [_words(said["content.biases"])],
        "rai:dataUseCases": [_words(said["content.use_cases"])],
        "rai:dataSocialImpact": _words(said["content.social_impact"]),
        "rai:dataReleaseMaintenancePlan": _words(said["content.maintenance"]),
    }


def _words(answer: Answer) -> str:
    if not answer.known:
        return f"{answer.state.replace('-', ' ')}: {answer.reason}"
    if isinstance(answer.value, Mapping) and "answer" in answer.value:
        text = str(answer.value.get("text", ""))
        return ("yes" if answer.value["answer"] else "no") + (f": {text}" if text else "")
    return value_text(answer.value)


def _record_set(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {
        "@type": "cr:RecordSet",
        "@id": "recordings",
        "name": "recordings",
        "description": "One row for each recording or group of recordings.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"recordings/{name}",
                "name": f"recordings/{name}",
                "description": name.replace("_", " "),
                "dataType": _data_type([row.get(name) for row in rows]),
                "source": {"fileObject": {"@id": FILE}, "extract": {"jsonPath": f"$.rows[*].{name}"}},
            }
            for name in names
        ],
    }


def _data_type(values: Sequence[object]) -> str:
    told = [value for value in values if value is not None]
    for kind, name in _TYPES:
        if told and all(isinstance(value, kind) for value in told):
            return name
    if told and all(isinstance(value, int | float) for value in told):
        return "sc:Float"
    return "sc:Text"
