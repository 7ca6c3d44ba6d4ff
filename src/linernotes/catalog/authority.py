"""Who may speak for which rights layer, which layers a use needs, and what counts as a mere signal.

A label's yes is a yes for its master; it says nothing about the song, and nothing about the voice. The rules
here are cautious in one direction: **a no is heeded even where nobody knows in what capacity it was said; a
yes counts only from somebody who may say it.**

=============  ==========================================================================
authority      speaks for
=============  ==========================================================================
owner          the right in the thing that the record is about: master for a recording,
licensee       release or location; publishing for a work; both for a party
publisher      publishing
performer      performer, voice-likeness
agent          the named layer; with layer ``all`` as far as the subject tells it
cmo            as agent, but never for voice-likeness, which no society manages
unknown        may refuse, may not allow
=============  ==========================================================================

Known limits
------------
Whether a contract assigns one layer's right to the owner of another is for people to read; such a contract
is entered with the layer that it assigns and the authority of the one who signed it.
"""

from __future__ import annotations

from linernotes.catalog.consent_record import ConsentRecord

SINGLE_LAYERS = ("master", "publishing", "performer", "voice-likeness")
LAYERS_NEEDED: dict[str, tuple[str, ...]] = {
    "generative-training": ("master", "publishing", "performer"),
    "other-training": ("master", "publishing", "performer"),
    "data-mining": ("master", "publishing"),
    "inference-reference": ("master", "publishing", "performer"),
    "voice-model": ("master", "performer", "voice-likeness"),
    "style-prompt": ("voice-likeness",),
    "commercial-output": SINGLE_LAYERS,
    "all": SINGLE_LAYERS,
}
"""For each use, the layers whose consent it needs; a policy, to be argued about in one place."""
TRAINING_USES = ("generative-training", "other-training")
SIGNAL_SOURCES = frozenset(
    ["aipref", "c2pa", "cawg", "content-usage", "iscc", "robots.txt", "rsl", "tdm-ai", "tdmrep"]
)
"""First words of ``source`` that mark a machine-readable preference rather than a party's own word."""

_BY_SUBJECT: dict[str, tuple[str, ...]] = {
    "recording": ("master",),
    "release": ("master",),
    "location": ("master",),
    "work": ("publishing",),
    "party": ("master", "publishing"),
    "contribution": (),
}
_PERFORMER_LAYERS = ("performer", "voice-likeness")


def may_speak(record: ConsentRecord, layer: str) -> bool | None:
    """Tell whether the record's authority speaks for a layer; None where the authority is unknown.

    Parameters
    ----------
    record : ConsentRecord
        Statement.
    layer : str
        One of the four layers.

    Examples
    --------
    >>> said = ConsentRecord(record_id="c1", subject_kind="recording", subject="rain", layer="all",
    ...                      use="all", value="allow", authority="owner")
    >>> may_speak(said, "master"), may_speak(said, "voice-likeness")
    (True, False)
    """
    authority, kind = record.authority, record.subject_kind
    if authority == "unknown":
        return None
    if authority == "performer":
        return layer in _PERFORMER_LAYERS
    if authority == "publisher":
        return layer == "publishing"
    if authority in ("owner", "licensee"):
        return layer in _BY_SUBJECT[kind]
    if authority == "cmo" and layer == "voice-likeness":
        return False
    if record.layer == "all":
        return layer in (_PERFORMER_LAYERS if kind in ("party", "contribution") else _BY_SUBJECT[kind])
    return True


def is_signal(record: ConsentRecord) -> bool:
    """Tell whether a statement is a machine-readable preference, which a signed contract may override.

    Examples
    --------
    >>> is_signal(ConsentRecord(record_id="c1", subject_kind="location", subject="/music/", layer="all",
    ...                         use="all", value="deny", source="aipref robots.txt"))
    True
    """
    first = record.source.split(maxsplit=1)[0].casefold() if record.source.strip() else ""
    return not record.signed_contract and (record.subject_kind == "location" or first in SIGNAL_SOURCES)
