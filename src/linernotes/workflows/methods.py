"""Attribution methods by name, through the public door: the entry-point group ``linernotes.attributors``."""

from __future__ import annotations

from importlib.metadata import entry_points

from linernotes.attribution.base import Attributor
from linernotes.errors import InputError

GROUP = "linernotes.attributors"


def method_names() -> list[str]:
    """Return the names of all installed methods, sorted.

    Examples
    --------
    >>> set(method_names()) >= {"mucs", "random", "similarity", "unlearning"}
    True
    """
    return sorted(point.name for point in entry_points(group=GROUP))


def make_method(name: str, seed: int = 0) -> Attributor:
    """Return a method ready to be fitted.

    Raises
    ------
    InputError
        If no installed package offers a method of that name.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            made: Attributor = point.load()(seed=seed)
            return made
    raise InputError(f"method '{name}': not installed; expected one of {', '.join(method_names())}")
