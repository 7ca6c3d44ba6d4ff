"""Attribution methods by name, through the public door: the entry-point group ``linernotes.attributors``."""

from __future__ import annotations

from importlib.metadata import entry_points

from linernotes.attribution.base import Attributor
from linernotes.errors import InputError

GROUP = "linernotes.attributors"
LARGEST_SEED = 2**31 - 1


def method_names() -> list[str]:
    """Return the names of all installed methods, sorted.

    Examples
    --------
    >>> set(method_names()) >= {"mucs", "random", "similarity", "unlearning"}
    True
    """
    return sorted(point.name for point in entry_points(group=GROUP))


def checked_seed(seed: int) -> int:
    """Return the seed if every source of random numbers takes it.

    Raises
    ------
    InputError
        If it is negative or larger than 31 bits.

    Examples
    --------
    >>> checked_seed(7)
    7
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed {seed}: expected a whole number from 0 to {LARGEST_SEED}")
    return seed


def make_method(name: str, seed: int = 0) -> Attributor:
    """Return a method ready to be fitted.

    Raises
    ------
    InputError
        If no installed package offers a method of that name, or the seed is out of range.
    """
    seed = checked_seed(seed)
    for point in entry_points(group=GROUP):
        if point.name == name:
            made: Attributor = point.load()(seed=seed)
            return made
    raise InputError(f"method '{name}': not installed; expected one of {', '.join(method_names())}")
