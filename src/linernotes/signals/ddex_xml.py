"""Parts that every DDEX message is built of: names, codes, parties, contributions, shares.

Conventions
-----------
Elements are found by their local name: in these messages only the root carries a namespace, and who writes them does
not always keep to that. Where an element may stand more than once, one marked as default comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from xml.etree.ElementTree import Element

from linernotes.errors import InputError
from linernotes.signals.ddex_message import UNDECLARED, Contribution, DdexParty, Share, version_of
from linernotes.signals.wire import local_name, namespace, shown, xml_of

MAX_BYTES = 64 << 20
MAX_ENTRIES = 100_000
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")


def message_root(data: bytes | str, family: str, roots: tuple[str, ...]) -> tuple[Element, str]:
    """Return the root of a message and its version.

    Raises
    ------
    InputError
        If the text is no XML, or no message of that family.
    """
    root = xml_of(data, f"DDEX {family} message", MAX_BYTES)
    found = version_of(namespace(root))
    if found is None or found[0] != family or local_name(root) not in roots:
        raise InputError(
            f"DDEX {family} message: root element '{shown(root.tag)}'; expected {' or '.join(roots)} in a "
            f"namespace such as http://ddex.net/xml/{'ern/432' if family == 'ERN' else 'rin/21'}"
        )
    return root, found[1]


def children(element: Element, *names: str) -> Iterator[Element]:
    """Yield the children of these names, in the order of the message."""
    return (child for child in element if isinstance(child.tag, str) and local_name(child) in names)


def descend(element: Element, *path: str) -> Iterator[Element]:
    """Yield the descendants along a path of names.

    Examples
    --------
    >>> [found.text for found in descend(xml_of("<a><b><c>1</c></b><b><c>2</c></b></a>", "x"), "b", "c")]
    ['1', '2']
    """
    level = [element]
    for name in path:
        level = [child for parent in level for child in children(parent, name)]
    return iter(level)


def text_at(element: Element, *path: str) -> str:
    """Return the text of the first descendant along a path that has any, a default one before others."""
    found = [child for child in descend(element, *path) if _text(child)]
    found.sort(key=lambda child: child.get("IsDefault") != "true")
    return _text(found[0]) if found else ""


def texts_at(element: Element, *path: str) -> tuple[str, ...]:
    """Return the texts of all descendants along a path, each once."""
    return tuple(dict.fromkeys(_text(child) for child in descend(element, *path) if _text(child)))


def flag_at(element: Element, *path: str) -> bool | None:
    """Return a flag, or None where it is not set."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text_at(element, *path))


def named_value(element: Element) -> str:
    """Return a word of a value set: the element's text, its ``Value`` child, or the user's own word."""
    word = _text(element) or text_at(element, "Value")
    own = element.get("UserDefinedValue", "").strip() or text_at(element, "UserDefinedValue")
    return own if own and word in ("", "UserDefined") else word


def ai_value(element: Element, name: str) -> str:
    """Return a declaration about AI as it stands, or ``undeclared``."""
    return element.get(name, "").strip() or text_at(element, name) or UNDECLARED


def title_of(element: Element) -> str:
    """Return the title, in whichever of the forms of the versions it stands."""
    places = (
        ("DisplayTitleText",),
        ("DisplayTitle", "TitleText"),
        ("ReferenceTitle", "TitleText"),
        ("Title", "TitleText"),
        ("SoundRecordingDetailsByTerritory", "Title", "TitleText"),
        ("ReleaseDetailsByTerritory", "Title", "TitleText"),
        ("AdditionalTitle", "TitleText"),
    )
    return next((text for place in places if (text := text_at(element, *place))), "")


def party_of(element: Element, reference: str) -> DdexParty:
    """Return a party from an element that holds ``PartyName`` and ``PartyId``."""
    codes = {"isni": "", "dpid": "", "ipi_name": "", "ipn": ""}
    for party_id in children(element, "PartyId"):
        for name, tag in (("isni", "ISNI"), ("dpid", "DPID"), ("ipi_name", "IpiNameNumber"), ("ipn", "IPN")):
            codes[name] = codes[name] or text_at(party_id, tag)
        if party_id.get("IsISNI") == "true":  # ERN 3: the code is the text, an attribute says which
            codes["isni"] = codes["isni"] or _text(party_id)
        elif party_id.get("IsDPID") == "true" or _text(party_id).upper().replace("-", "").startswith(
            "PADPIDA"
        ):
            codes["dpid"] = codes["dpid"] or _text(party_id)
    names = texts_at(element, "PartyName", "FullName") or tuple(_joined_names(element))
    name = text_at(element, "PartyName", "FullName") or (names[0] if names else "")
    return DdexParty(
        reference=reference,
        name=name,
        names=tuple(other for other in names if other != name),
        is_organisation=flag_at(element, "IsOrganization"),
        **codes,
    )


def parties_of(root: Element) -> tuple[DdexParty, ...]:
    """Return the parties of the message's list.

    Raises
    ------
    InputError
        If two parties share a reference, or there are too many.
    """
    found: dict[str, DdexParty] = {}
    for element in descend(root, "PartyList", "Party"):
        reference = text_at(element, "PartyReference")
        if reference in found:
            raise InputError(
                f"DDEX message: two parties have the reference '{shown(reference)}'; give each its own"
            )
        if len(found) >= MAX_ENTRIES:
            raise InputError(f"DDEX message: more than {MAX_ENTRIES} parties")
        found[reference] = party_of(element, reference)
    return tuple(found.values())


def contribution_of(
    element: Element, reference_tags: tuple[str, ...], role_tags: tuple[str, ...]
) -> Contribution:
    """Return a contribution; the party is its reference, empty where the message gives none."""
    reference = next((text for tag in reference_tags if (text := text_at(element, tag))), "")
    featured = next(
        (
            flag
            for tag in ("HasMadeFeaturedContribution", "IsFeaturedArtist", "IsFeatured")
            if (flag := flag_at(element, tag)) is not None
        ),
        None,
    )
    return Contribution(
        party=reference,
        roles=tuple(
            dict.fromkeys(word for child in children(element, *role_tags) if (word := named_value(child)))
        ),
        instruments=tuple(
            dict.fromkeys(
                word for child in children(element, "InstrumentType") if (word := named_value(child))
            )
        ),
        featured=featured,
        ai_contribution=ai_value(element, "AiContribution"),
    )


def shares_of(element: Element) -> tuple[Share, ...]:
    """Return the shares that the message states in percent; an unstated one is left out, not taken for all."""
    found = []
    for tag, layer in (("ResourceRightsController", "master"), ("WorkRightsController", "publishing")):
        for child in children(element, tag):
            percent = text_at(child, "RightSharePercentage")
            share = Fraction(percent) / 100 if _PERCENT.fullmatch(percent) else None
            if share is not None and share <= 1:
                territory = " ".join(
                    sorted(code for code in texts_at(child, "Territory") if re.fullmatch(r"[A-Z]{2}", code))
                )
                party = text_at(child, "RightsControllerPartyReference")
                found.append(Share(party=party, layer=layer, share=share, territory=territory))
    return tuple(found)


def _joined_names(element: Element) -> Iterator[str]:
    for name in children(element, "PartyName"):
        parts = [text_at(name, tag) for tag in ("NamesBeforeKeyName", "KeyName", "NamesAfterKeyName")]
        joined = " ".join(part for part in parts if part)
        if joined:
            yield joined


def _text(element: Element) -> str:
    return " ".join((element.text or "").split())
