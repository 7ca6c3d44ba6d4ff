"""robots.txt: groups, rules, and the lines about AI that newer conventions put there.

RFC 9309 speaks of crawling, not of use: a ``Disallow`` for a crawler that collects training data is read as a
*location signal*, an ``Allow`` as nothing at all. Beside the rules stand lines that do speak of use:
``Content-Usage`` (AIPREF), ``Content-Signal`` (contentsignals.org) and ``License`` (RSL).

Conventions
-----------
User-agent lines in a row open a group; groups of the same product token are one group. Tokens are compared
without regard to case; a crawler without a group of its own follows ``*``. The longest matching rule wins, and
of equal ones ``Allow``; without a match, and for ``/robots.txt`` itself, crawling is allowed. Lines that nobody
knows are skipped, as the RFC asks.

References
----------
RFC 9309 (September 2022). RSL 1.0, section 4.4 (``License`` lines). "Content Signals Policy",
contentsignals.org (September 2025, CC0).

Known limits
------------
Crawlers read at least the first 500 KiB; a file of more than 512 KiB is refused here, not cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from linernotes.signals.paths import matches, specificity
from linernotes.signals.wire import text_of

_PRODUCT = re.compile(
    r"[A-Za-z0-9_-]+|\*"
)  # digits too: the RFC forgot them, crawlers such as AI2Bot have them
ANYBODY = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """``Allow`` or ``Disallow`` with its path pattern."""

    allow: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class Usage:
    """A ``Content-Usage`` line: a path pattern, empty where there is none, and the preference as written."""

    pattern: str
    preference: str


@dataclass(frozen=True, slots=True)
class Group:
    """What a file says to some crawlers.

    Parameters
    ----------
    agents : tuple of str
        Product tokens in lower case, or ``*``.
    rules : tuple of Rule
    usages : tuple of Usage
    signals : tuple of str
        ``Content-Signal`` lines as written.
    licences : tuple of str
        Addresses of ``License`` lines.
    """

    agents: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    usages: tuple[Usage, ...] = ()
    signals: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Robots:
    """A robots.txt.

    Parameters
    ----------
    groups : tuple of Group
        One per run of User-agent lines, in the order of the file.
    licences : tuple of str
        Addresses of ``License`` lines before the first group; they hold for everybody.
    """

    groups: tuple[Group, ...]
    licences: tuple[str, ...] = ()

    @property
    def all_licences(self) -> tuple[str, ...]:
        """Addresses of every ``License`` line, each once."""
        return tuple(
            dict.fromkeys((*self.licences, *(one for group in self.groups for one in group.licences)))
        )

    def group_of(self, agent: str) -> Group:
        """Return what the file says to *agent*: its own groups as one, else those of ``*``, else nothing."""
        wanted = product_token(agent)
        for name in (wanted, ANYBODY):
            own = [group for group in self.groups if name in group.agents]
            if own:
                return Group(
                    (name,),
                    tuple(rule for group in own for rule in group.rules),
                    tuple(usage for group in own for usage in group.usages),
                    tuple(signal for group in own for signal in group.signals),
                    tuple(licence for group in own for licence in group.licences),
                )
        return Group(())

    def names(self, agent: str) -> bool:
        """Say whether a group names *agent* itself."""
        return any(product_token(agent) in group.agents for group in self.groups)

    def may_crawl(self, agent: str, path: str) -> bool:
        r"""Say whether *agent* may fetch *path*.

        Examples
        --------
        >>> robots = parse_robots("User-agent: GPTBot\nDisallow: /\nAllow: /free/")
        >>> robots.may_crawl("GPTBot", "/song.wav"), robots.may_crawl("GPTBot", "/free/song.wav")
        (False, True)
        """
        if path == "/robots.txt":
            return True
        fitting = [
            rule for rule in self.group_of(agent).rules if rule.pattern and matches(rule.pattern, path)
        ]
        return max(
            fitting, key=lambda rule: (specificity(rule.pattern), rule.allow), default=Rule(True, "")
        ).allow


def product_token(agent: str) -> str:
    """Return the product token of a user agent's name in lower case, or ``*``.

    Examples
    --------
    >>> product_token("GPTBot/1.2 (+https://openai.com)")
    'gptbot'
    """
    found = _PRODUCT.match(agent.strip())
    return found[0].lower() if found else agent.strip().lower()


def parse_robots(data: bytes | str) -> Robots:
    """Read a robots.txt.

    Raises
    ------
    InputError
        If it is too large or no UTF-8; lines that make no sense are skipped.

    Examples
    --------
    >>> parse_robots("License: https://a.org/l.xml").licences
    ('https://a.org/l.xml',)
    """
    groups: list[Group] = []
    free: list[str] = []
    agents: list[str] = []
    lines: list[tuple[str, str]] = []
    for name, value in _lines(text_of(data, "robots.txt")):
        if name == "user-agent":
            if lines:  # the first agent after rules opens a new group
                groups.append(_group(agents, lines))
                agents, lines = [], []
            if value:
                agents.append(product_token(value))
        elif agents and name in ("allow", "disallow", "content-usage", "content-signal", "license"):
            lines.append((name, value))
        elif name == "license" and value:
            free.append(value)
    if agents:
        groups.append(_group(agents, lines))
    return Robots(tuple(groups), tuple(free))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in re.split(r"\r\n|\r|\n", text):
        name, colon, value = line.partition("#")[0].partition(":")
        if colon:  # an empty value counts: "Disallow:" is a rule, and ends the list of agents
            yield name.strip(" \t").lower(), value.strip(" \t")


def _group(agents: list[str], lines: list[tuple[str, str]]) -> Group:
    return Group(
        tuple(agents),
        tuple(Rule(name == "allow", value) for name, value in lines if name in ("allow", "disallow")),
        tuple(_usage(value) for name, value in lines if name == "content-usage"),
        tuple(value for name, value in lines if name == "content-signal" and value),
        tuple(value for name, value in lines if name == "license" and value),
    )


def _usage(value: str) -> Usage:
    if not value.startswith("/"):
        return Usage("", value)
    pattern, *preference = re.split(r"[ \t]+", value, maxsplit=1)
    return Usage(pattern, preference[0] if preference else "")
