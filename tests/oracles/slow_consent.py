"""The consent rules once more, one `if` each, without index, normal forms or early exits."""

from __future__ import annotations

from linernotes.catalog.consent_record import ConsentRecord

EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"  # members of 2020 on
SIGNALS = ("aipref", "c2pa", "cawg", "content-usage", "iscc", "robots.txt", "rsl", "tdm-ai", "tdmrep")
SPEAKS = {
    # (authority, kind of subject): layers, for records whose own layer is "all"
    "owner": {
        "recording": "m",
        "release": "m",
        "location": "m",
        "work": "p",
        "party": "mp",
        "contribution": "",
    },
    "publisher": dict.fromkeys(("recording", "release", "location", "work", "party", "contribution"), "p"),
    "performer": dict.fromkeys(("recording", "release", "location", "work", "party", "contribution"), "av"),
    "agent": {
        "recording": "m",
        "release": "m",
        "location": "m",
        "work": "p",
        "party": "av",
        "contribution": "av",
    },
}
LETTERS = {"master": "m", "publishing": "p", "performer": "a", "voice-likeness": "v"}


def slow_decide(
    records: list[ConsentRecord], subject: tuple[str, str], layer: str, use: str, on: str, territory: str
) -> tuple[str, bool]:
    """Return value and whether anybody agreed, for one exact subject."""
    about = [r for r in records if (r.subject_kind, r.subject) == subject and r.layer in (layer, "all")]
    live = [r for r in about if _live(r, on) and _touches(r.territory, territory)]
    said = [r for r in live if _bears(r, use) and _speaks(r, layer) != "no"]
    grants = [r for r in said if _grants(r, layer, use, on, territory)]
    contract = any(r.signed_contract and (r.evidence or r.evidence_sha256) for r in grants)
    denies = conditionals = 0
    for r in said:
        word = _word(r, on)
        if word == "withdrawn" and any(_renews(g, r) for g in grants):
            continue
        if word == "deny" and _yields_to_own_source(r, live, use, layer, on, territory):
            continue
        own = (
            layer in ("performer", "voice-likeness")
            and r.authority in ("performer", "agent")
            and word == "deny"
        )
        if word in ("deny", "conditional") and contract and _signal(r) and not own:
            continue
        denies += word in ("deny", "withdrawn")
        conditionals += word == "conditional"
    plain = [g for g in grants if not (contract and _signal(g) and g.value == "conditional")]
    if denies:
        return "deny", False
    if conditionals:
        return "conditional", bool(plain)
    return ("allow", True) if plain else ("unknown", False)


def _word(r: ConsentRecord, on: str) -> str:
    if r.revoked_on and r.revoked_on <= on:
        return "withdrawn" if r.value in ("allow", "conditional") else "unknown"
    return r.value


def _live(r: ConsentRecord, on: str) -> bool:
    return (
        (not r.given_on or r.given_on <= on)
        and (not r.valid_from or r.valid_from <= on)
        and (not r.valid_until or r.valid_until >= on)
    )


def _bears(r: ConsentRecord, use: str) -> bool:
    if r.use in (use, "all"):
        return True
    if use == "all":
        return r.value in ("deny", "conditional") or r.revoked_on is not None
    training = use in ("generative-training", "other-training")
    return training and r.use == "data-mining" and r.value == "deny" and _signal(r)


def _speaks(r: ConsentRecord, layer: str) -> str:
    if r.authority == "unknown":
        return "perhaps"
    if r.authority == "cmo" and layer == "voice-likeness":
        return "no"
    if r.authority in ("agent", "cmo") and r.layer != "all":
        return "yes"
    table = {"licensee": "owner", "cmo": "agent"}.get(r.authority, r.authority)
    return "yes" if LETTERS[layer] in SPEAKS[table][r.subject_kind] else "no"


def _grants(r: ConsentRecord, layer: str, use: str, on: str, territory: str) -> bool:
    held, asked = _codes(r.territory), _codes(territory)
    return (
        _word(r, on) in ("allow", "conditional")
        and _speaks(r, layer) == "yes"
        and r.given_on is not None
        and (use != "all" or r.use == "all")
        and (not held or (bool(asked) and all(code in held for code in asked)))
    )


def _renews(grant: ConsentRecord, withdrawn: ConsentRecord) -> bool:
    if not grant.granted_by.strip() or (grant.layer, grant.use) != (withdrawn.layer, withdrawn.use):
        return False
    same = grant.granted_by.strip().casefold() == withdrawn.granted_by.strip().casefold()
    return same and (grant.given_on or "") > (withdrawn.revoked_on or "")


def _yields_to_own_source(
    r: ConsentRecord, live: list[ConsentRecord], use: str, layer: str, on: str, territory: str
) -> bool:
    """A reservation of data mining, beside a laxer word of the same source on training itself."""
    if not (
        _signal(r) and r.source.strip() and r.use == "data-mining" and use != "data-mining" and use != "all"
    ):
        return False
    return any(
        other.source == r.source
        and other.granted_by == r.granted_by
        and other.use == use
        and _signal(other)
        and _word(other, on) in ("allow", "conditional")
        and _covers(other.territory, territory)
        for other in live
    )


def _covers(held: str, asked: str) -> bool:
    return not held or (bool(asked) and set(_codes(asked)) <= set(_codes(held)))


def _touches(held: str, asked: str) -> bool:
    return not held or not asked or any(code in _codes(held) for code in _codes(asked))


def _codes(text: str) -> list[str]:
    return text.split() + (EU.split() if "EU" in text.split() else [])


def _signal(r: ConsentRecord) -> bool:
    words = r.source.split()
    return not r.signed_contract and (
        r.subject_kind == "location" or (bool(words) and words[0].lower() in SIGNALS)
    )
