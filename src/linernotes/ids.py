"""Identifiers of recordings, works, parties and releases: parse, check, print.

==============  ===============  =========================  ==============================
identifier      names            form                       check
==============  ===============  =========================  ==============================
ISRC            recording        2 + 3 + 2 + 5 characters   none; the prefix must be known
ISWC            work             T + 9 digits + 1           weighted sum modulo 10
IPI name        name of a party  9 + 2 digits               weighted sum modulo 101
IPI base        party            I + 9 digits + 1           weighted sum modulo 10
IPN             performer        up to 13 digits            none (carried as it is)
ISNI            party            15 digits + 1              ISO 7064 Mod 11-2
UPC / EAN       release          12 or 13 (8, 14) digits    GS1 modulo 10
GRid            release          A1 + 5 + 10 + 1            ISO 7064 Mod 37,36
DPID            sender (DDEX)    PADPIDA + 10 + 1           ISO 7064 Mod 37,36
MBID            MusicBrainz      UUID                       none
content hash    file             64 hexadecimal digits      none
==============  ===============  =========================  ==============================

Each ``parse_…`` takes what people write (spaces, hyphens, dots, a leading label) and returns the
normalised form; each ``format_…`` takes either form and returns the form for print.

References
----------
ISO 3901 (ISRC), ISO 15707 (ISWC), ISO 27729 (ISNI), ISO/IEC 7064; CISAC, "IPI system" (name and base number);
IFPI, "GRid Standard"; DDEX, "Party Identifier (DPID)"; SCAPR, "International Performer Number";
GS1 General Specifications, section 7.9 (check digit); RFC 9562 (UUID).

Known limits
------------
A right form is no proof that the code was ever assigned, nor that it was assigned to this recording.
"""

from __future__ import annotations

import re
import uuid
from types import ModuleType

from stdnum import ean, grid, isni, isrc
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidLength, ValidationError
from stdnum.iso7064 import mod_37_36

from linernotes.errors import InputError

_SEPARATORS = re.compile(r"[\s.\-–‑]+")


def parse_isrc(text: str) -> str:
    """Return the twelve characters of an ISRC.

    Raises
    ------
    InputError
        If the length, the form or the prefix is wrong.

    Examples
    --------
    >>> parse_isrc("ISRC us-s1z-99-00001")
    'USS1Z9900001'
    """
    return _with_stdnum("ISRC", isrc, text, "CC-XXX-YY-NNNNN, such as GB-AYE-69-00001")


def format_isrc(text: str) -> str:
    """Return an ISRC with its hyphens.

    Examples
    --------
    >>> format_isrc("USS1Z9900001")
    'US-S1Z-99-00001'
    """
    code = parse_isrc(text)
    return f"{code[:2]}-{code[2:5]}-{code[5:7]}-{code[7:]}"


def parse_iswc(text: str) -> str:
    """Return the eleven characters of an ISWC: T, nine digits, check digit.

    The check digit is (10 - (1 + Σ i·dᵢ) mod 10) mod 10, with i from 1 to 9.

    Raises
    ------
    InputError
        If the form or the check digit is wrong.

    Examples
    --------
    >>> parse_iswc("T-034.524.680-1")
    'T0345246801'
    """
    code = _bare("ISWC", text)
    if not re.fullmatch(r"T[0-9]{10}", code):
        raise InputError(f"ISWC '{text}': expected T and ten digits, such as T-034.524.680-1")
    check = (10 - (1 + sum(i * int(d) for i, d in enumerate(code[1:10], start=1))) % 10) % 10
    if check != int(code[10]):
        raise InputError(f"ISWC '{text}': check digit {code[10]}, expected {check}; compare with the source")
    return code


def format_iswc(text: str) -> str:
    """Return an ISWC with its punctuation.

    Examples
    --------
    >>> format_iswc("T0345246801")
    'T-034.524.680-1'
    """
    code = parse_iswc(text)
    return f"T-{code[1:4]}.{code[4:7]}.{code[7:10]}-{code[10]}"


def parse_ipi(text: str) -> str:
    """Return the eleven digits of an IPI name number; leading zeros may be left out.

    With s the sum of the first nine digits weighted 10 to 2, modulo 101, the two check digits are
    (101 - s) mod 100, and 00 for s = 0.

    Raises
    ------
    InputError
        If the form or the check digits are wrong.

    Examples
    --------
    >>> parse_ipi("00014107338"), parse_ipi("14107338")
    ('00014107338', '00014107338')
    """
    code = _bare("IPI", text)
    if not re.fullmatch(r"[0-9]{3,11}", code):
        raise InputError(f"IPI name number '{text}': expected up to eleven digits, such as 00014107338")
    code = code.zfill(11)
    remainder = sum(weight * int(d) for weight, d in zip(range(10, 1, -1), code[:9], strict=True)) % 101
    check = (101 - remainder) % 100 if remainder else 0
    if check != int(code[9:]):
        raise InputError(f"IPI name number '{text}': check digits {code[9:]}, expected {check:02d}")
    return code


def format_ipi(text: str) -> str:
    """Return an IPI name number as eleven digits, the way it is printed.

    Examples
    --------
    >>> format_ipi("14107338")
    '00014107338'
    """
    return parse_ipi(text)


def parse_ipi_base(text: str) -> str:
    """Return the eleven characters of an IPI base number: I, nine digits, check digit.

    The check digit is (10 - (2 + Σ i·dᵢ) mod 10) mod 10, with i from 1 to 9: that of an ISWC, with 2 for
    the letter.

    Raises
    ------
    InputError
        If the form or the check digit is wrong.

    Examples
    --------
    >>> parse_ipi_base("I-001068130-6")
    'I0010681306'
    """
    code = _bare("IPI", text)
    code = code if code.startswith("I") else f"I{code}"
    if not re.fullmatch(r"I[0-9]{10}", code):
        raise InputError(f"IPI base number '{text}': expected I and ten digits, such as I-001068130-6")
    check = (10 - (2 + sum(i * int(d) for i, d in enumerate(code[1:10], start=1))) % 10) % 10
    if check != int(code[10]):
        raise InputError(f"IPI base number '{text}': check digit {code[10]}, expected {check}")
    return code


def format_ipi_base(text: str) -> str:
    """Return an IPI base number with its hyphens.

    Examples
    --------
    >>> format_ipi_base("I0010681306")
    'I-001068130-6'
    """
    code = parse_ipi_base(text)
    return f"I-{code[1:10]}-{code[10]}"


def parse_ipn(text: str) -> str:
    """Return the digits of an International Performer Number.

    The number carries no published check digit: any 5 to 13 digits are taken as they are.

    Raises
    ------
    InputError
        If it holds anything but digits, or too few or too many.

    Examples
    --------
    >>> parse_ipn("IPN 1234 5678")
    '12345678'
    """
    code = _bare("IPN", text)
    if not re.fullmatch(r"[0-9]{5,13}", code):
        raise InputError(f"IPN '{text}': expected 5 to 13 digits")
    return code


def parse_grid(text: str) -> str:
    """Return the eighteen characters of a GRid.

    Raises
    ------
    InputError
        If the form or the check character is wrong.

    Examples
    --------
    >>> parse_grid("A1-2425G-ABC1234002-M")
    'A12425GABC1234002M'
    """
    code = _with_stdnum("GRid", grid, text, "A1 and sixteen characters, such as A1-2425G-ABC1234002-M")
    if not re.fullmatch(r"A1[0-9A-Z]{16}", code):
        raise InputError(f"GRid '{text}': expected A1 and sixteen characters, such as A1-2425G-ABC1234002-M")
    return code


def format_grid(text: str) -> str:
    """Return a GRid with its hyphens.

    Examples
    --------
    >>> format_grid("A12425GABC1234002M")
    'A1-2425G-ABC1234002-M'
    """
    code = parse_grid(text)
    return f"{code[:2]}-{code[2:7]}-{code[7:17]}-{code[17]}"


def parse_dpid(text: str) -> str:
    """Return the eighteen characters of a DDEX party identifier: PADPIDA, ten characters, check character.

    The last character checks the seventeen before it. Identifiers in vendors' sample messages are often
    made up and fail.

    Raises
    ------
    InputError
        If the form or the check character is wrong.

    Examples
    --------
    >>> parse_dpid("PA-DPIDA-2007061301-U")
    'PADPIDA2007061301U'
    """
    code = _bare("DPID", text)
    if not re.fullmatch(r"PADPIDA[0-9A-Z]{11}", code):
        raise InputError(f"DPID '{text}': expected PADPIDA and eleven characters, such as PADPIDA2007061301U")
    check = mod_37_36.calc_check_digit(code[:-1])
    if check != code[-1]:
        raise InputError(f"DPID '{text}': check character {code[-1]}, expected {check}")
    return code


def format_dpid(text: str) -> str:
    """Return a DDEX party identifier with its hyphens.

    Examples
    --------
    >>> format_dpid("PADPIDA2007061301U")
    'PA-DPIDA-2007061301-U'
    """
    code = parse_dpid(text)
    return f"{code[:2]}-{code[2:7]}-{code[7:17]}-{code[17]}"


def parse_isni(text: str) -> str:
    """Return the sixteen characters of an ISNI.

    Raises
    ------
    InputError
        If the form or the check character is wrong.

    Examples
    --------
    >>> parse_isni("ISNI 0000 0001 2281 955x")
    '000000012281955X'
    """
    return _with_stdnum("ISNI", isni, text, "sixteen characters, such as 0000 0001 2281 955X")


def format_isni(text: str) -> str:
    """Return an ISNI in groups of four.

    Examples
    --------
    >>> format_isni("000000012281955X")
    '0000 0001 2281 955X'
    """
    code = parse_isni(text)
    return " ".join(code[i : i + 4] for i in range(0, 16, 4))


def parse_upc(text: str) -> str:
    """Return the digits of a UPC or EAN (8, 12, 13 or 14 of them), check digit included.

    Raises
    ------
    InputError
        If the form or the check digit is wrong.

    Examples
    --------
    >>> parse_upc("0 36000-29145 2")
    '036000291452'
    """
    return _with_stdnum("UPC/EAN", ean, text, "8, 12, 13 or 14 digits, such as 036000291452")


def format_upc(text: str) -> str:
    """Return a UPC or EAN as thirteen digits (GTIN-13 for twelve), the way registries compare it.

    Examples
    --------
    >>> format_upc("036000291452")
    '0036000291452'
    """
    code = parse_upc(text)
    return code.zfill(13) if len(code) == 12 else code


def parse_mbid(text: str) -> str:
    """Return a MusicBrainz id in lower case; the address of its page is understood too.

    Raises
    ------
    InputError
        If it is not a UUID.

    Examples
    --------
    >>> parse_mbid("https://musicbrainz.org/recording/B1A9C0E9-D987-4042-AE91-78D6A3267D69")
    'b1a9c0e9-d987-4042-ae91-78d6a3267d69'
    """
    found = re.fullmatch(
        r"(?:https?://(?:\w+\.)*musicbrainz\.org/[a-z-]+/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?",
        text.strip().lower(),
    )
    if not found:
        raise InputError(f"MBID '{text}': expected a UUID of the form 8-4-4-4-12 hexadecimal digits")
    return str(uuid.UUID(found[1]))


def parse_content_hash(text: str) -> str:
    """Return a SHA-256 as 64 lower-case hexadecimal digits; a leading ``sha256:`` is dropped.

    Raises
    ------
    InputError
        If it is not 64 hexadecimal digits.

    Examples
    --------
    >>> parse_content_hash("sha256:" + "AB" * 32)[:4]
    'abab'
    """
    code = text.strip().lower().removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", code):
        raise InputError(f"content hash '{text}': {len(code)} characters; expected 64 hexadecimal digits")
    return code


def _bare(label: str, text: str) -> str:
    code = _SEPARATORS.sub("", text.strip().upper()).removeprefix(label.upper()).removeprefix(":")
    if not code.isascii():
        raise InputError(f"{label} '{text}': holds letters or digits outside ASCII; type it again")
    return code


def _with_stdnum(label: str, number: ModuleType, text: str, expected: str) -> str:
    code = _bare(label, text)
    try:
        return str(number.validate(code))
    except InvalidLength as error:
        raise InputError(f"{label} '{text}': {len(code)} characters; expected {expected}") from error
    except InvalidChecksum as error:
        raise InputError(f"{label} '{text}': check digit '{code[-1]}' is wrong") from error
    except InvalidComponent as error:
        raise InputError(f"{label} '{text}': unassigned prefix '{code[:2]}'; expected {expected}") from error
    except ValidationError as error:
        raise InputError(f"{label} '{text}': not of the right form; expected {expected}") from error
