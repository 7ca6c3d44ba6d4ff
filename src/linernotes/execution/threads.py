"""One numerical thread per process, so that a sum has one order of additions on every machine.

A matrix product split over several threads adds its terms in another order than one thread does, and
floating-point addition is not associative. All engines therefore compute inside `one_thread`.

Known limits
------------
NumPy's BLAS reads its environment variable once, when NumPy is first imported. A program that imports
NumPy before it runs a fold, and wants the same bits from BLAS on any number of cores, sets
``OPENBLAS_NUM_THREADS=1`` itself; the command line does so at its start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit this process, and the processes it starts meanwhile, to one numerical thread each.

    Examples
    --------
    >>> with one_thread():
    ...     os.environ["OMP_NUM_THREADS"]
    '1'
    """
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    torch = sys.modules.get("torch")
    n_torch_threads = torch.get_num_threads() if torch else None
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if torch and n_torch_threads is not None:
            torch.set_num_threads(n_torch_threads)


def limit_torch() -> None:
    """Set torch to one thread if it is imported; never import it."""
    torch = sys.modules.get("torch")
    if torch:
        torch.set_num_threads(1)
