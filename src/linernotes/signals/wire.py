"""Bytes as they arrive: size limits, UTF-8, JSON without duplicates, XML without tricks.

Every parser of this package reads through one of these three doors, so that a hostile or broken file gives
one clear error and never a crash, a stall or a half-read value.

Conventions
-----------
A byte order mark is dropped. Text must be UTF-8 and hold no NUL; XML may declare its own encoding. JSON must be
one value, without a duplicate name, NaN or infinity. XML must not hold a document type: with it go entities,
external references and the attacks that are built of them.

References
----------
RFC 8259 (JSON), section 4 on duplicate names; XML 1.0; the defusedxml package's list of XML attacks.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError

from linernotes.errors import InputError

MAX_TEXT_BYTES = 512 << 10
MAX_JSON_BYTES = 4 << 20
MAX_XML_BYTES = 64 << 20
MAX_XML_TAGS = 1_000_000  # a message of ten thousand recordings has fewer; each costs memory
MAX_XML_DEPTH = 100
MAX_JSON_DEPTH = 100


def text_of(data: bytes | str, what: str, limit_bytes: int = MAX_TEXT_BYTES) -> str:
    r"""Return *data* as text.

    Raises
    ------
    InputError
        If it is larger than the limit, no UTF-8, or holds a NUL.

    Examples
    --------
    >>> text_of(b"\xef\xbb\xbfa: b", "note")
    'a: b'
    """
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError:
            raise InputError(f"{what}: holds a lone surrogate; save it as UTF-8") from None
    _check_size(data, what, limit_bytes)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    if "\0" in text:
        raise InputError(f"{what}: holds a NUL at character {text.index(chr(0))}; expected plain text")
    return text


def json_of(data: bytes | str, what: str, limit_bytes: int = MAX_JSON_BYTES) -> Any:
    """Return the JSON value of *data*.

    Raises
    ------
    InputError
        If it is no JSON, holds a name twice in one object, or NaN, or is nested too deeply.

    Examples
    --------
    >>> json_of('{"a": [1]}', "note")
    {'a': [1]}
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise InputError(f"{what}: the name {name!r} stands twice in one object; keep one")
            found[name] = value
        return found

    def refuse(word: str) -> NoReturn:
        raise InputError(f"{what}: {word} is no JSON number")

    def finite(word: str) -> float:
        number = float(word)
        return number if math.isfinite(number) else refuse(word[:20])

    text = text_of(data, what, limit_bytes)
    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=refuse, parse_float=finite)
    except RecursionError:
        raise InputError(f"{what}: nested deeper than {MAX_JSON_DEPTH} levels") from None
    except ValueError as error:
        raise InputError(f"{what}: not JSON ({error})") from None
    _check_json(value, what)
    return value


def xml_of(data: bytes | str, what: str, limit_bytes: int = MAX_XML_BYTES) -> Element:
    """Return the root element of *data*.

    Raises
    ------
    InputError
        If it is not well-formed, too large, nested too deeply, or has a document type declaration.

    Examples
    --------
    >>> local_name(xml_of("<a xmlns='urn:x'><b/></a>", "note")[0])
    'b'
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if isinstance(data, str):
        data = text_of(data, what, limit_bytes)
    else:
        _check_size(data, what, limit_bytes)
    n_tags = data.count("<") if isinstance(data, str) else data.count(b"<")
    if n_tags > MAX_XML_TAGS:
        raise InputError(f"{what}: {n_tags} tags; expected at most {MAX_XML_TAGS}, divide the message")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except ParseError as error:
        raise InputError(f"{what}: not well-formed XML ({error})") from None
    except DefusedXmlException:
        raise InputError(f"{what}: has a document type or entity declaration; remove it") from None
    except (ValueError, LookupError, RecursionError) as error:  # an encoding that nobody knows, for one
        raise InputError(f"{what}: cannot be read as XML ({error})") from None
    _check_depth(root, what)
    return root


def local_name(element: Element) -> str:
    """Return the element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """Return the element's namespace; empty for none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def shown(text: str, limit: int = 80) -> str:
    """Return *text* short enough, and printable, for an error message."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _check_size(data: bytes, what: str, limit_bytes: int) -> None:
    if len(data) > limit_bytes:
        raise InputError(f"{what}: {len(data)} bytes; expected at most {limit_bytes}")


def _check_depth(root: Element, what: str) -> None:
    level, depth = [root], 1
    while level:
        if depth > MAX_XML_DEPTH:
            raise InputError(f"{what}: elements nested deeper than {MAX_XML_DEPTH} levels")
        level, depth = [child for element in level for child in element], depth + 1


def _check_json(value: Any, what: str) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise InputError(f"{what}: nested deeper than {MAX_JSON_DEPTH} levels")
        texts = [one for one in level if isinstance(one, str)]
        texts += [name for one in level if isinstance(one, dict) for name in one]
        for text in texts:
            if "\0" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)):
                raise InputError(
                    f"{what}: text '{shown(text)}' holds a NUL or half a character; expected plain text"
                )
        level = [
            child
            for one in level
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
        ]
