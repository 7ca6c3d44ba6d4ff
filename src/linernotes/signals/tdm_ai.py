"""TDM·AI declarations: preferences bound to a content code (ISCC), kept in federated registries.

A declaration names an ISCC, which is computed from the content itself and so survives copying, and says ``true`` or
``false`` for five uses. ``train-ai`` inherits from ``all``, ``train-genai`` from ``train-ai``.

References
----------
"TDM·AI Protocol", docs.tdmai.org: JSON structure (4 November 2025) and JSON schema (21 July 2025), which follow
draft-ietf-aipref-vocab-02; ISO 24138:2024 (ISCC).

Conventions
-----------
Where the ISCC is composite, the statement is about its audio unit: that is the code by which a corpus knows a recording.

Known limits
------------
Codes are compared bit by bit: another master of the same recording may have another code. The signed credential
around a declaration is not checked: registries sign in several ways. Values are read as the texts
``"true"`` and ``"false"`` of the schema, and as JSON booleans, which the prose of the same pages uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from linernotes.catalog.consent_record import Use
from linernotes.catalog.registry import Imported, Registry
from linernotes.errors import InputError
from linernotes.signals.origin import Origin, statement
from linernotes.signals.wire import json_of, shown

FORMAT = "TDM·AI (docs.tdmai.org, 4 November 2025)"
KEYS = ("all", "train-ai", "train-genai", "ai-use", "search")
USES: dict[str, Use] = {
    "all": "data-mining",
    "train-ai": "other-training",
    "train-genai": "generative-training",
    "ai-use": "inference-reference",
}
INTENTS = ("activate", "update", "supersede")
MAX_DECLARATIONS = 10_000
AUDIO_PREFIX = "EI"  # main type content, subtype audio
_ISCC = re.compile(r"ISCC:[A-Z2-7]{10,73}")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration.

    Parameters
    ----------
    iscc : str
        Content code, such as ``ISCC:EIAWUJ…``.
    said : dict of str to bool
        The keys as declared; what is not there was not said.
    intent : str
        ``activate``, ``update`` or ``supersede``.
    policy, summary : str
        Free text.
    """

    iscc: str
    said: dict[str, bool]
    intent: str = "activate"
    policy: str = ""
    summary: str = ""

    def value_of(self, key: str) -> bool | None:
        """Return what holds for a key after inheritance, or None.

        Examples
        --------
        >>> Declaration("ISCC:KACT4EBWK27737D2", {"all": False, "train-ai": True}).value_of("train-genai")
        True
        """
        chain = {"train-genai": ("train-genai", "train-ai", "all"), "train-ai": ("train-ai", "all")}
        said = [self.said[name] for name in chain.get(key, (key,)) if name in self.said]
        return said[0] if said else None


def parse_declarations(data: bytes | str) -> tuple[Declaration, ...]:
    """Read one declaration, or a JSON array of them.

    Raises
    ------
    InputError
        If one has no ISCC, no value, or a value that is neither true nor false.

    Examples
    --------
    >>> parse_declarations('{"iscc": "ISCC:KACT4EBWK27737D2", "train-ai": "false"}')[0].value_of("train-genai")
    False
    """
    found = json_of(data, "TDM·AI declaration")
    found = found if isinstance(found, list) else [found]
    if not 1 <= len(found) <= MAX_DECLARATIONS:
        raise InputError(f"TDM·AI declaration: {len(found)} of them; expected 1 to {MAX_DECLARATIONS}")
    return tuple(_declaration(one, number) for number, one in enumerate(found, start=1))


def imported(declarations: Iterable[Declaration], origin: Origin) -> Imported:
    """Return declarations as consent records about the origin's target, or about the content code itself.

    Examples
    --------
    >>> said = Declaration("ISCC:KACT4EBWK27737D2", {"train-genai": False})
    >>> [(one.subject, one.value) for one in imported([said], Origin(name="d.json")).registry.consents]
    [('ISCC:KACT4EBWK27737D2', 'deny')]
    """
    records = []
    for one in declarations:
        for key, use in USES.items():
            value = one.value_of(key)
            if value is not None:
                records.append(
                    statement(
                        origin,
                        "tdm-ai",
                        use,
                        "allow" if value else "deny",
                        terms=one.policy,
                        subject=None if origin.target else ("recording", audio_code(one.iscc)),
                        evidence=f"{FORMAT}, {one.iscc}",
                    )
                )
    return Imported(Registry(consents=tuple(records)))


def audio_code(iscc: str) -> str:
    """Return the audio unit of a composite ISCC, by which a corpus knows its recordings; else the code itself.

    Examples
    --------
    >>> audio_code("ISCC:KICTVZ6YAX3HRGTEAAAAAAYAAAAAG6W7RKLGNVVVKJSDPM5MHBDFCMY")
    'ISCC:EIAQAAAAAMAAAAAD'
    """
    import iscc_core

    try:
        units = iscc_core.iscc_decompose(iscc)
    except (
        ValueError,
        IndexError,
        KeyError,
        AssertionError,
    ):  # a made-up code; it then names nothing but itself
        return iscc
    return next((f"ISCC:{unit}" for unit in units if unit.startswith(AUDIO_PREFIX)), iscc)


def _declaration(found: Any, number: int) -> Declaration:
    where = f"TDM·AI declaration {number}"
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected a JSON object")
    iscc = found.get("iscc")
    if not isinstance(iscc, str) or not _ISCC.fullmatch(iscc):
        raise InputError(f"{where}: iscc '{shown(str(iscc))}'; expected a code such as ISCC:KACT4EBWK27737D2")
    said = {key: _truth(found[key], f"{where}: {key}") for key in KEYS if key in found}
    if not said:
        raise InputError(f"{where}: says nothing; expected one of {', '.join(KEYS)}")
    texts = {name: found.get(name, "") for name in ("intent", "policy", "summary")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise InputError(f"{where}: intent, policy and summary must be text")
    intent = texts["intent"] or "activate"
    if intent not in INTENTS:
        raise InputError(f"{where}: intent '{shown(intent)}'; expected one of {', '.join(INTENTS)}")
    return Declaration(iscc, said, intent, texts["policy"], texts["summary"])


def _truth(value: Any, where: str) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise InputError(f"{where} is {shown(str(value))}; expected true or false")
