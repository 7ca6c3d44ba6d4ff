"""AIPREF, the IETF's AI preferences: the ``Content-Usage`` header and the rules of the same name in robots.txt.

A statement of preference gives each category of use one of three values: allowed, disallowed, unknown. What is
not said is unknown; of several statements the most restrictive counts.

Conventions
-----------
The drafts as of 19 August 2026: ``draft-ietf-aipref-vocab-07`` with the categories ``train-ai`` (training a
model that generates) and ``search``, and ``draft-ietf-aipref-attach-05`` for header and robots.txt. Both say of
themselves that they do not reflect consensus. In robots.txt the rule with the longest matching path counts,
rules of the same path all do, and a path that may not be crawled has no preference.

References
----------
The two drafts named above; RFC 9651 for the syntax, RFC 9309 for groups and paths.

Known limits
------------
Labels of earlier drafts (``all``, ``bots``, ``ai``, ``genai``, ``train-genai``, ``ai-use``, ``ai-output``) mean nothing in
the draft above, which asks to ignore them; they are reported, so that nobody takes a silence for consent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from linernotes.catalog.registry import Imported, Registry
from linernotes.errors import InputError
from linernotes.signals.origin import Origin, Said, remark, statement
from linernotes.signals.paths import matches, specificity
from linernotes.signals.robots import ANYBODY, Robots
from linernotes.signals.structured_fields import Token, parse_dictionary
from linernotes.signals.wire import text_of

FORMAT = "AIPREF (draft-ietf-aipref-vocab-07, draft-ietf-aipref-attach-05)"
Preference = Literal["allowed", "disallowed", "unknown"]
_RANK: dict[Preference, int] = {"unknown": 0, "allowed": 1, "disallowed": 2}
CATEGORIES = ("train-ai", "search")
EARLIER_LABELS = frozenset(
    {"all", "bots", "ai", "genai", "train-genai", "ai-use", "ai-output", "ai-input", "tdm"}
)
MAX_HEADER_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Preferences:
    """One statement of preference.

    Parameters
    ----------
    train_ai, search : {"allowed", "disallowed", "unknown"}
        Value of each category.
    ignored : tuple of str
        Labels that the draft does not define, as they were written.
    fault : str
        Why the text could not be read; all is unknown then. Empty where it could.
    """

    train_ai: Preference = "unknown"
    search: Preference = "unknown"
    ignored: tuple[str, ...] = ()
    fault: str = ""

    @property
    def earlier(self) -> tuple[str, ...]:
        """Ignored labels that an earlier draft defined."""
        return tuple(label for label in self.ignored if label in EARLIER_LABELS)

    @property
    def says_nothing(self) -> bool:
        """Whether every category is unknown."""
        return self.train_ai == self.search == "unknown"


def parse_preferences(text: str) -> Preferences:
    """Read a statement of preference; one that is malformed leaves everything unknown, and says why.

    Examples
    --------
    >>> parse_preferences("train-ai=n, search=y")
    Preferences(train_ai='disallowed', search='allowed', ignored=(), fault='')
    >>> parse_preferences("train-ai=y, train-ai").train_ai
    'unknown'
    """
    try:
        found = parse_dictionary(text)
    except InputError as error:
        return Preferences(fault=str(error))
    values: dict[str, Preference] = {}
    for category in CATEGORIES:
        value = found[category].value if category in found else None
        said = value if isinstance(value, Token) else ""
        values[category] = "allowed" if said == "y" else "disallowed" if said == "n" else "unknown"
    ignored = tuple(label for label in found if label not in CATEGORIES)
    return Preferences(values["train-ai"], values["search"], ignored)


def parse_header(data: bytes | str) -> Preferences:
    """Read the value of a ``Content-Usage`` header; several lines count as one list.

    Raises
    ------
    InputError
        If it is too large or no text.

    Examples
    --------
    >>> parse_header("train-ai=n").train_ai
    'disallowed'
    """
    lines = text_of(data, "Content-Usage", MAX_HEADER_BYTES).splitlines()
    return parse_preferences(", ".join(line.strip() for line in lines if line.strip()))


def combine(statements: Iterable[Preferences]) -> Preferences:
    """Return the most restrictive of several statements, per category.

    Examples
    --------
    >>> combine([parse_preferences("train-ai=y"), parse_preferences("train-ai=n")]).train_ai
    'disallowed'
    """
    statements = tuple(statements)
    return Preferences(
        _most_restrictive(one.train_ai for one in statements),
        _most_restrictive(one.search for one in statements),
        tuple(sorted({label for one in statements for label in one.ignored})),
        "; ".join(one.fault for one in statements if one.fault),
    )


def preferences_at(robots: Robots, path: str, agent: str = ANYBODY) -> Preferences | None:
    r"""Return the preference of robots.txt for a path, or None where the path may not be crawled.

    Examples
    --------
    >>> from linernotes.signals.robots import parse_robots
    >>> robots = parse_robots("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /ok/ train-ai=y")
    >>> preferences_at(robots, "/song").train_ai, preferences_at(robots, "/ok/song").train_ai
    ('disallowed', 'allowed')
    """
    if not robots.may_crawl(agent, path):
        return None
    fitting = [usage for usage in robots.group_of(agent).usages if matches(usage.pattern or "/", path)]
    longest = max((specificity(usage.pattern or "/") for usage in fitting), default=0)
    return combine(
        parse_preferences(usage.preference)
        for usage in fitting
        if specificity(usage.pattern or "/") == longest
    )


def _most_restrictive(values: Iterable[Preference]) -> Preference:
    return max(values, key=_RANK.__getitem__, default="unknown")


def imported(preferences: Preferences, origin: Origin, pattern: str = "") -> Imported:
    """Return a statement of preference as consent records.

    Only ``train-ai`` has a use in our vocabulary; ``search`` is no use of music for making music.

    Examples
    --------
    >>> found = imported(parse_preferences("train-ai=n"), Origin(name="header", target="rain"))
    >>> [(one.use, one.value) for one in found.registry.consents]
    [('generative-training', 'deny')]
    """
    problems = []
    if preferences.fault:
        problems.append(
            remark(
                origin,
                "malformed-preference",
                preferences.fault,
                "a dictionary of RFC 9651",
                "Ask the site: a malformed preference says nothing, and was hardly meant to.",
            )
        )
    if preferences.earlier:
        problems.append(
            remark(
                origin,
                "earlier-draft-label",
                ", ".join(preferences.earlier),
                "train-ai or search, the labels of draft-ietf-aipref-vocab-07",
                "Ask the site what is meant: the present draft ignores this label.",
            )
        )
    if preferences.train_ai == "unknown":
        return Imported(Registry(), tuple(problems))
    value: Said = "deny" if preferences.train_ai == "disallowed" else "allow"
    record = statement(origin, "aipref", "generative-training", value, pattern=pattern, evidence=FORMAT)
    return Imported(Registry(consents=(record,)), tuple(problems))
