"""The parts of a dossier that speak of the corpus: its seal, its rights, its gaps, its identification.

Conventions
-----------
Consent is judged on the day of training, or on the day of sealing where no training date was stated.
Gaps are grouped by code, gravest first.

Known limits
------------
The page prints the titles of the private manifest; it is for readers who may see the corpus.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from linernotes.corpus.gaps import GAP_KINDS
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus, used_on
from linernotes.errors import InputError
from linernotes.evidence.identification import Match
from linernotes.reports.words import consent_words, count, per_cent

CORPUS_LIMITS = (
    "The root commits the provider to this list. It does not show that the generator was trained on this "
    "list and on nothing else."
)
LICENCE_ONLY = "consent-by-licence-only"
STAGE_WORDS = {
    "before-training": "Sealed before training: the list was fixed before the stated day of training.",
    "after-training": "Sealed after training: the list was fixed once the generator existed, a weaker seal.",
}
NO_DAY_WORDS = "No day of training was stated, so nobody can check whether the list was fixed before it."


def corpus_facts(corpus: SealedCorpus) -> dict[str, Any]:
    """Return the sealed corpus as the dossier's facts."""
    codes: dict[str, list[str]] = defaultdict(list)
    for gap in corpus.gaps:
        codes[gap.item_id].append(gap.code)
    items = [item_facts(corpus, item, codes[item.item_id]) for item in corpus.items]
    without = sum(not item["consent"]["counts"] for item in items)
    return {
        "root": corpus.root,
        "sealed_at": corpus.sealed_at,
        "stage": corpus.stage,
        "stage_words": STAGE_WORDS[corpus.stage] if corpus.training_date else NO_DAY_WORDS,
        "training_date": corpus.training_date,
        "n_items": len(items),
        "duration_s": sum(item["duration_s"] for item in items),
        "n_without_consent": without,
        "consent_words": _consent_summary(items),
        "items": items,
        "gaps": gap_facts(corpus),
        "limits": CORPUS_LIMITS,
    }


def item_facts(corpus: SealedCorpus, item: Item, gap_codes: list[str]) -> dict[str, Any]:
    """Return one sealed recording as facts, with its consent honestly named."""
    recording, consent = item.recording, item.consent
    day = used_on(corpus.training_date, corpus.sealed_at)
    doubt = consent.doubt(day) if consent else "consent-unknown"
    return {
        "item_id": item.item_id,
        "title": recording.title,
        "artist": recording.artist,
        "rightsholder": recording.rightsholder,
        "licence": recording.licence,
        "licence_url": recording.licence_url,
        "attribution": recording.attribution,
        "isrc": recording.isrc,
        "duration_s": item.duration_s,
        "content_sha256": item.content_sha256,
        "cluster_id": item.cluster_id or item.item_id,
        "consent": {
            "status": consent.status if consent else "unknown",
            "words": consent_words(doubt),
            "counts": doubt is None,
            "doubt": doubt,
            "date": consent.date if consent else None,
            "evidence": consent.evidence if consent else "",
        },
        "gaps": gap_codes,
    }


def gap_facts(corpus: SealedCorpus) -> list[dict[str, Any]]:
    """Return the gaps grouped by code, gravest first."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for gap in corpus.gaps:
        groups[gap.code].append(gap)
    order = list(GAP_KINDS)
    return [
        {
            "code": code,
            "severity": found[0].severity,
            "who": found[0].who,
            "next_step": found[0].next_step,
            "item_ids": sorted({gap.item_id for gap in found}),
        }
        for code, found in sorted(groups.items(), key=lambda pair: order.index(pair[0]))
    ]


def identification_facts(
    corpus: SealedCorpus, identification: Mapping[str, tuple[Match, ...]], catalogue_size: int
) -> dict[str, Any]:
    """Return which items the catalogue knows and which it does not.

    Raises
    ------
    InputError
        If a result is about an item that is not in the corpus.
    """
    known = {item.item_id for item in corpus.items}
    if strange := sorted(identification.keys() - known):
        raise InputError(f"identification of '{strange[0]}': not an item of corpus {corpus.root[:12]}…")
    asked = [item.item_id for item in corpus.items if item.item_id in identification]
    matched = [name for name in asked if identification[name]]
    return {
        "catalogue_size": catalogue_size,
        "identified": [
            {"item_id": name, "matches": [match.as_json() for match in identification[name]]}
            for name in matched
        ],
        "unmatched": [name for name in asked if not identification[name]],
        "limits": _identification_limits(len(matched), len(asked), catalogue_size),
    }


def _identification_limits(n_matched: int, n_asked: int, catalogue_size: int) -> str:
    return (
        f"{n_matched} of {count(n_asked, 'item')} matched in a catalogue of "
        f"{count(catalogue_size, 'recording')}. No match means: not in this catalogue. The false-match "
        "rate is an estimate for one query against this catalogue."
    )


def _consent_summary(items: list[dict[str, Any]]) -> str:
    n = len(items)
    agreed = sum(item["consent"]["counts"] for item in items)
    public = sum(item["consent"]["doubt"] == LICENCE_ONLY for item in items)
    rest = n - agreed - public
    text = (
        f"Of {count(n, 'recording')}: dated, evidenced consent to training {agreed}; a public licence alone "
        f"{public}; nothing on file that counts {rest} ({per_cent(rest / n)})."
    )
    return text + (" A licence to share is not consent to training." if public else "")
