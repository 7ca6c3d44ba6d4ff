"""How a contract suite says that a plugin broke a promise."""

from __future__ import annotations

from linernotes.errors import LinernotesError


class BrokenPromise(LinernotesError):
    """A plugin does not do what its protocol says.

    Examples
    --------
    >>> promised(1 + 1 == 2, "arithmetic")
    """


def promised(holds: bool, what: str) -> None:
    """Go on when a promise holds.

    Raises
    ------
    BrokenPromise
        When it does not; *what* says which value came and which was expected.
    """
    if not holds:
        raise BrokenPromise(what)


def says(plugin: object, *names: str) -> None:
    """Check that a plugin's facts about itself are there and are words.

    Raises
    ------
    BrokenPromise
        At the first that is missing or empty.
    """
    for name in names:
        value = getattr(plugin, name, None)
        kind = type(plugin).__qualname__
        promised(
            isinstance(value, str) and bool(value.strip()), f"{kind}.{name} is {value!r}; expected words"
        )
