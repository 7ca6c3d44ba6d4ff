"""Dividing a whole number by weights so that the parts add up to it exactly.

Each part first gets the floor of its quota; the units left over go, one each, to the largest
fractional remainders. Equal remainders are served in the order of the ids, so the result does not
depend on the order in which the weights came.

References
----------
Hamilton's method (1792), also called largest remainder; Balinski and Young (1982), "Fair
Representation".

Known limits
------------
Hamilton's method is not monotone in the total: one more cent in the pool can take a cent from a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from linernotes.errors import InputError


def largest_remainder(total: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Divide *total* in proportion to *weights*; the parts are whole, not negative, and add up exactly.

    Parameters
    ----------
    total : int >= 0
        What to divide.
    weights : mapping of str to Fraction >= 0
        At least one above zero, unless *total* is zero.

    Raises
    ------
    InputError
        If a weight or the total is negative, or nothing can take the total.

    Examples
    --------
    >>> largest_remainder(100, {"a": Fraction(1), "b": Fraction(1), "c": Fraction(1)})
    {'a': 34, 'b': 33, 'c': 33}
    """
    whole = sum(weights.values(), Fraction(0))
    if total < 0 or any(weight < 0 for weight in weights.values()):
        raise InputError(f"cannot divide {total} by these weights: expected no negative numbers")
    if total == 0:
        return dict.fromkeys(weights, 0)
    if whole == 0:
        raise InputError(f"cannot divide {total}: no weight is above zero")
    quotas = {name: total * weight / whole for name, weight in weights.items()}
    parts = {name: quota.numerator // quota.denominator for name, quota in quotas.items()}
    left = total - sum(parts.values())
    for name in sorted(quotas, key=lambda name: (parts[name] - quotas[name], name))[:left]:
        parts[name] += 1
    return parts
