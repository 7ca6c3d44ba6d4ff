"""``Content-Signal`` lines of robots.txt: search, ai-input, ai-train, each yes or no.

References
----------
"Content Signals Policy", https://contentsignals.org (September 2025, CC0).

Known limits
------------
The policy's accompanying text reserves rights under Directive (EU) 2019/790, Article 4, for the signals that say no;
that text is not read.
"""

from __future__ import annotations

from linernotes.signals.paths import matches, specificity
from linernotes.signals.robots import ANYBODY, Robots

FORMAT = "Content Signals (contentsignals.org, September 2025)"
SIGNALS = ("search", "ai-input", "ai-train")


def parse_signals(text: str) -> tuple[str, dict[str, bool]]:
    """Return the path pattern of a line, ``/`` where it has none, and the signals that it gives.

    What is neither yes nor no, and what the policy does not define, is left out. Of a signal that stands twice,
    no counts.

    Examples
    --------
    >>> parse_signals("ai-train=no, search=yes")
    ('/', {'ai-train': False, 'search': True})
    """
    pattern = "/"
    if text.startswith("/"):
        pattern, _, text = text.partition(" ")
    found: dict[str, bool] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip().lower() for piece in part.partition("="))
        if equals and name in SIGNALS and value in ("yes", "no"):
            found[name] = value == "yes" and found.get(name, True)
    return pattern, found


def signals_at(robots: Robots, path: str, agent: str = ANYBODY) -> dict[str, bool]:
    r"""Return the signals for a path: those of the longest matching pattern, no before yes.

    Examples
    --------
    >>> from linernotes.signals.robots import parse_robots
    >>> signals_at(parse_robots("User-agent: *\nContent-Signal: ai-train=no"), "/song.wav")
    {'ai-train': False}
    """
    lines = [parse_signals(text) for text in robots.group_of(agent).signals]
    fitting = [(pattern, said) for pattern, said in lines if matches(pattern, path)]
    longest = max((specificity(pattern) for pattern, _ in fitting), default=0)
    found: dict[str, bool] = {}
    for pattern, said in fitting:
        if specificity(pattern) == longest:
            for name, value in said.items():
                found[name] = value and found.get(name, True)
    return found
