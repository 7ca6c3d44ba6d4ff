"""RSL 1.0, Really Simple Licensing: who may use which addresses for what, and for which payment.

A document lists contents by address or path pattern; each has one or more licences, which are alternatives: a
reader may take any of them. A licence permits and prohibits uses, users and places, and may ask for payment.

Conventions
-----------
Uses of 1.0: ``all``, ``ai-all``, ``ai-train``, ``ai-input``, ``ai-index``, ``search``; the names of the drafts of
2025 (``train-ai``, ``train-genai``) are understood too. Lists are separated by spaces or commas. What is
prohibited is prohibited, whatever else permits it. A use that no licence names is *unknown* here, never allowed:
silence is not consent. A pattern is an address or a path in the notation of robots.txt; of the contents that
match, the one with the longest pattern counts.

References
----------
"Really Simple Licensing (RSL) 1.0 Specification", RSL Technical Steering Committee (Recommendation, 2025-11-06),
https://rslstandard.org/rsl.

Known limits
------------
Payment terms are carried as text; a licence server is named, not asked. Documents inside RSS feeds and HTML pages are
not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from linernotes.catalog.consent_record import Use
from linernotes.catalog.registry import Imported, Registry
from linernotes.errors import InputError
from linernotes.signals.origin import Origin, statement
from linernotes.signals.paths import is_address, matches, specificity, split_location
from linernotes.signals.wire import local_name, namespace, shown, xml_of

FORMAT = "RSL 1.0 (Recommendation, 2025-11-06)"
NAMESPACE = "https://rslstandard.org/rsl"
MAX_BYTES = 8 << 20
MAX_CONTENTS = 10_000
FREE = frozenset({"", "free"})
_TRAINING = ("ai-train", "ai-all", "all", "train-ai", "train-genai")
_OTHER_TRAINING = ("ai-train", "ai-all", "all", "train-ai")
_INPUT = ("ai-input", "ai-all", "all")
_EVERYTHING = ("all",)
USES: dict[Use, tuple[str, ...]] = {
    "generative-training": _TRAINING,
    "other-training": _OTHER_TRAINING,
    "inference-reference": _INPUT,
    "data-mining": _EVERYTHING,
}
Value = Literal["allow", "deny", "conditional", "unknown"]


@dataclass(frozen=True, slots=True)
class Licence:
    """One offer.

    Parameters
    ----------
    permits, prohibits : tuple of (str, str)
        Pairs of kind (``usage``, ``user``, ``geo``) and name.
    payment : str
        Payment type such as ``royalty`` or ``free``; empty where none is stated.
    terms : tuple of str
        Addresses and amounts that the payment names.
    """

    permits: tuple[tuple[str, str], ...] = ()
    prohibits: tuple[tuple[str, str], ...] = ()
    payment: str = ""
    terms: tuple[str, ...] = ()

    def value_for(self, use: Use) -> Value:
        """Return what this offer says about one of our uses."""
        if any(("usage", name) in self.prohibits for name in USES[use]):
            return "deny"
        if not any(("usage", name) in self.permits for name in USES[use]):
            return "unknown"
        return "conditional" if self._narrowed or self.payment not in FREE else "allow"

    @property
    def _narrowed(self) -> bool:
        return any(kind != "usage" for kind, _ in self.permits + self.prohibits)

    def describe(self) -> str:
        """Return payment and narrowing in words; empty for none."""
        narrowed = [f"permits {kind} {name}" for kind, name in self.permits if kind != "usage"]
        narrowed += [f"prohibits {kind} {name}" for kind, name in self.prohibits if kind != "usage"]
        paid = [f"payment {self.payment}"] if self.payment not in FREE else []
        return "; ".join([*paid, *self.terms, *narrowed])


@dataclass(frozen=True, slots=True)
class Content:
    """Addresses and the licences that are offered for them.

    Parameters
    ----------
    pattern : str
        Address or path pattern.
    licences : tuple of Licence
        Alternatives; none where the document offers nothing.
    server : str
        Address of a licence server through which every use must go; empty for none.
    holder, terms : str
        Who claims the rights, and an address with more terms.
    """

    pattern: str
    licences: tuple[Licence, ...]
    server: str = ""
    holder: str = ""
    terms: str = ""

    def covers(self, url: str) -> bool:
        """Say whether the pattern covers an address; a pattern without an origin is taken for any."""
        origin, path = split_location(url)
        if not is_address(self.pattern):
            return matches(self.pattern, path)
        own, pattern = split_location(self.pattern)
        return own == origin and matches(pattern, path)

    def value_for(self, use: Use) -> tuple[Value, str]:
        """Return what is said about one of our uses, and the terms.

        A prohibition in any offer counts; else the most open offer does, since a reader may take any of them.
        """
        values = [(licence.value_for(use), licence) for licence in self.licences]
        for wanted in ("deny", "allow", "conditional"):
            for value, licence in values:
                if value == wanted:
                    if value == "allow" and self.server:
                        return "conditional", f"licence server {self.server}"
                    return value, "; ".join(text for text in (licence.describe(), self.terms) if text)
        return "unknown", ""


def parse_rsl(data: bytes | str) -> tuple[Content, ...]:
    """Read an RSL document.

    Raises
    ------
    InputError
        If it is no XML, its root is not ``rsl`` of the RSL namespace, or a content names no address.

    Examples
    --------
    >>> text = '''<rsl xmlns="https://rslstandard.org/rsl"><content url="/music/"><license>
    ... <prohibits type="usage">ai-train</prohibits></license></content></rsl>'''
    >>> parse_rsl(text)[0].value_for("generative-training")
    ('deny', '')
    """
    root = xml_of(data, "RSL document", MAX_BYTES)
    if local_name(root) != "rsl" or namespace(root) not in ("", NAMESPACE):
        raise InputError(
            f"RSL document: root element '{shown(root.tag)}'; expected 'rsl' in the namespace {NAMESPACE}"
        )
    contents = tuple(_content(element) for element in _children(root, "content"))
    if len(contents) > MAX_CONTENTS:
        raise InputError(f"RSL document: {len(contents)} contents; expected at most {MAX_CONTENTS}")
    return contents


def content_at(contents: tuple[Content, ...], url: str) -> Content | None:
    """Return the content with the longest pattern that covers an address, or None.

    Examples
    --------
    >>> content_at((Content("/", ()), Content("/music/", ())), "https://a.org/music/x.wav").pattern
    '/music/'
    """
    fitting = [content for content in contents if content.covers(url)]
    return max(fitting, key=lambda content: specificity(content.pattern), default=None)


def imported(contents: Iterable[Content], origin: Origin) -> Imported:
    """Return licences as consent records, one per content and use that it speaks of.

    Examples
    --------
    >>> offer = Licence(permits=(("usage", "ai-train"),), payment="royalty")
    >>> found = imported([Content("/music/", (offer,))], Origin(name="l.xml", target="https://a.org/"))
    >>> [(one.subject, one.use, one.value, one.terms) for one in found.registry.consents][0]
    ('https://a.org/music/', 'generative-training', 'conditional', 'payment royalty')
    """
    records = []
    for content in contents:
        for use in USES:
            value, terms = content.value_for(use)
            if value != "unknown":
                records.append(
                    statement(
                        origin,
                        "rsl",
                        use,
                        value,
                        pattern=content.pattern,
                        terms=terms,
                        granted_by=content.holder,
                        evidence=FORMAT,
                    )
                )
    return Imported(Registry(consents=tuple(records)))


def _content(element: Element) -> Content:
    pattern = element.get("url", "").strip()
    if not pattern.startswith(("/", "*")):
        if not is_address(pattern):
            raise InputError(
                f"RSL document: content with url '{shown(pattern)}'; expected an address or a path such as /music/"
            )
        split_location(pattern)  # refuses an address that has no host
    return Content(
        pattern,
        tuple(_licence(child) for child in _children(element, "license")),
        element.get("server", "").strip(),
        _first_text(element, "copyright"),
        _first_text(element, "terms"),
    )


def _licence(element: Element) -> Licence:
    payment = next(_children(element, "payment"), None)
    terms = () if payment is None else tuple(text for child in payment for text in _payment_terms(child))
    kind = "" if payment is None else payment.get("type", "").strip().lower()
    return Licence(_names(element, "permits"), _names(element, "prohibits"), kind, terms)


def _payment_terms(child: Element) -> Iterator[str]:
    text = " ".join((child.text or "").split())
    if text:
        currency = child.get("currency", "")
        yield f"{local_name(child)} {text}" + (f" {currency}" if currency else "")


def _names(element: Element, name: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (child.get("type", "usage").strip().lower(), word.lower())
        for child in _children(element, name)
        for word in (child.text or "").replace(",", " ").split()
    )


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if isinstance(child.tag, str) and local_name(child) == name)


def _first_text(element: Element, name: str) -> str:
    return next((" ".join((child.text or "").split()) for child in _children(element, name)), "")
