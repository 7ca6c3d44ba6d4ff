"""`check_runner`: asks whether an engine gives what the for-loop gives, bit for bit.

The suite runs folds with known answers over shard sizes that divide the items and that do not, an empty
corpus, a fold that asks for its own shard size, and a fold that fails. A third party's engine passes
when its results equal the plain loop's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from linernotes.errors import InputError
from linernotes.folds import Runner
from linernotes.testing.folds import Concatenation, FloatSum, Refusal, SumOfThrees
from linernotes.testing.promises import BrokenPromise, promised

N_ITEMS = 41
SHARD_SIZES = (1, 7, 41, 64)


def check_runner(make_runner: Callable[[int], Runner]) -> None:
    """Check an engine against the specification.

    Parameters
    ----------
    make_runner : callable
        Given a shard size, returns the engine to check.

    Raises
    ------
    BrokenPromise
        If a result differs from the for-loop's, an order is lost, or an error is swallowed.

    Examples
    --------
    >>> from linernotes.execution import SerialRunner
    >>> check_runner(SerialRunner)
    """
    draw = random.Random(440)  # noqa: S311  (test data, not secrets)
    numbers = [draw.uniform(-1, 1) * 10.0 ** draw.randrange(-8, 8) for _ in range(N_ITEMS)]
    for shard_size in SHARD_SIZES:
        run = make_runner(shard_size)
        folds: tuple[Any, ...] = (FloatSum(), FloatSum(weight=0.1), Concatenation())
        for fold in folds:
            what = f"{type(fold).__name__}, shards of {shard_size}"
            _compare(what, run(fold, numbers), _loop(fold, numbers, shard_size))
        threes = _loop(SumOfThrees(), numbers, 3)
        _compare(f"a fold that asks for shards of 3, not {shard_size}", run(SumOfThrees(), numbers), threes)
        _compare(f"no items, shards of {shard_size}", run(FloatSum(), []), 0.0)
        _must_refuse(run, numbers)
    try:
        make_runner(0)(FloatSum(), numbers)
    except InputError:
        return
    raise BrokenPromise("shard size 0 was accepted; expected an InputError")


def _loop(fold: Any, items: list[float], shard_size: int) -> Any:
    parts = [fold.add(fold.start(), items[i : i + shard_size]) for i in range(0, len(items), shard_size)]
    state = parts[0]
    for part in parts[1:]:
        state = fold.merge(state, part)
    return fold.finish(state)


def _compare(what: str, found: Any, expected: Any) -> None:
    promised(found == expected, f"{what}: the engine gave {found!r}, the for-loop gives {expected!r}")


def _must_refuse(run: Runner, items: list[float]) -> None:
    try:
        run(Refusal(refused=items[2]), items)
    except InputError as error:
        if repr(items[2]) not in str(error):
            raise BrokenPromise(f"the fold's own error was lost; got {error}") from error
        return
    raise BrokenPromise("a fold that refused an item went through; expected its InputError")
