"""What a robots.txt says about use: its AIPREF rules, its content signals, and which training crawlers it shuts out.

Conventions
-----------
``Content-Usage`` and ``Content-Signal`` speak of use and are read as they stand. A ``Disallow`` speaks of crawling.
It is read as a refusal of training where the path is closed to everybody, or by name to the training crawlers of at
least three operators; where it names fewer, as a condition, with their names. ``Allow`` says nothing about use.

References
----------
`linernotes.signals.aipref`, `content_signals`, `ai_agents`; "General-Purpose AI Code of Practice", copyright
chapter, measure 1.3 (July 2025), by which its signatories heed robots.txt.

Known limits
------------
The three operators are our reading, not a standard's: one name may mean a nuisance, several mean a wish.
"""

from __future__ import annotations

from collections.abc import Iterable

from linernotes.catalog.consent_record import ConsentRecord, Use
from linernotes.catalog.registry import Imported, Registry
from linernotes.signals import aipref, content_signals
from linernotes.signals.ai_agents import TRAINING_AGENTS, everybody_shut_out, is_training_agent, shut_out
from linernotes.signals.origin import Origin, Said, statement
from linernotes.signals.paths import split_location
from linernotes.signals.robots import ANYBODY, Robots

OPERATORS_OF_A_GENERAL_OPT_OUT = 3
TRAINING: tuple[Use, ...] = ("generative-training", "other-training")
SIGNAL_USES: dict[str, tuple[Use, ...]] = {"ai-train": TRAINING, "ai-input": ("inference-reference",)}


def imported(robots: Robots, origin: Origin) -> Imported:
    r"""Return everything that a robots.txt says about use, per path pattern.

    Examples
    --------
    >>> from linernotes.signals.robots import parse_robots
    >>> text = "User-agent: *\nDisallow: /private/\nContent-Usage: train-ai=n"
    >>> found = imported(parse_robots(text), Origin(name="robots.txt", target="https://a.org/"))
    >>> sorted((one.subject, one.use, one.value) for one in found.registry.consents)[0]
    ('https://a.org/', 'generative-training', 'deny')
    """
    found = Imported(Registry(consents=tuple(_closed_patterns(robots, origin))))
    group = robots.group_of(ANYBODY)
    for usage in group.usages:
        preferences = aipref.parse_preferences(usage.preference)
        found = found.merge(aipref.imported(preferences, origin, usage.pattern or "/"))
    for line in group.signals:
        pattern, said = content_signals.parse_signals(line)
        found = found.merge(Imported(Registry(consents=tuple(_signals(said, origin, pattern)))))
    return found


def holding_at(robots: Robots, url: str, origin: Origin) -> tuple[ConsentRecord, ...]:
    r"""Return what holds for one address: the longest matching rules of each kind.

    Examples
    --------
    >>> from linernotes.signals.robots import parse_robots
    >>> robots = parse_robots("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /ok/ train-ai=y")
    >>> [one.value for one in holding_at(robots, "https://a.org/ok/x.wav", Origin(name="robots.txt"))]
    ['allow']
    """
    _, path = split_location(url)
    records = list(_closed(robots, path, origin, url))
    preferences = aipref.preferences_at(robots, path)
    if preferences is not None:
        records += aipref.imported(preferences, origin, url).registry.consents
    return (*records, *_signals(content_signals.signals_at(robots, path), origin, url))


def _closed(robots: Robots, path: str, origin: Origin, pattern: str) -> Iterable[ConsentRecord]:
    named, everybody = shut_out(robots, path), everybody_shut_out(robots, path)
    let_in = [
        name for name in TRAINING_AGENTS if everybody and robots.names(name) and robots.may_crawl(name, path)
    ]
    if not named and not everybody:
        return
    operators = {TRAINING_AGENTS[name] for name in named}
    general = everybody or len(operators) >= OPERATORS_OF_A_GENERAL_OPT_OUT
    value: Said = "deny" if general and not let_in else "conditional"
    whom = "all crawlers that it does not name" if everybody else f"the training crawlers {', '.join(named)}"
    but = f", but open to {', '.join(let_in)}" if let_in else ""
    for use in TRAINING:
        yield statement(
            origin,
            "robots.txt",
            use,
            value,
            pattern=pattern,
            terms=f"closed to {whom}{but}; robots.txt speaks of crawling",
            evidence="robots.txt (RFC 9309)",
        )


def _closed_patterns(robots: Robots, origin: Origin) -> Iterable[ConsentRecord]:
    patterns = {
        rule.pattern
        for group in robots.groups
        if any(agent == ANYBODY or is_training_agent(agent) for agent in group.agents)
        for rule in group.rules
        if not rule.allow and rule.pattern
    }
    for pattern in sorted(patterns):
        # a path that the pattern surely covers, to ask what holds there
        yield from _closed(robots, pattern.rstrip("$").replace("*", ""), origin, pattern)


def _signals(said: dict[str, bool], origin: Origin, pattern: str) -> Iterable[ConsentRecord]:
    for name, value in sorted(said.items()):
        for use in SIGNAL_USES.get(name, ()):
            yield statement(
                origin,
                "content-signal",
                use,
                "allow" if value else "deny",
                pattern=pattern,
                evidence=content_signals.FORMAT,
            )
