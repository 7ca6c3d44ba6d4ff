"""Who computed a result, on what, when: the facts that let somebody else repeat it.

Conventions
-----------
Times are UTC, ISO 8601. Library versions are those of the installed packages that the project depends
on. No user name, host name or path is recorded.
"""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any


def now() -> str:
    """Return the time as UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine_facts() -> dict[str, Any]:
    """Return what a reader needs to repeat a run: package, Python, platform, cores, libraries.

    Examples
    --------
    >>> sorted(machine_facts())
    ['libraries', 'linernotes', 'n_cpus', 'platform', 'python']
    """
    return {
        "linernotes": version("linernotes"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "n_cpus": os.cpu_count() or 1,
        "libraries": dict(_library_versions()),
    }


@lru_cache(maxsize=1)
def _library_versions() -> tuple[tuple[str, str], ...]:
    names = {re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0] for line in requires("linernotes") or ()}
    found = []
    for name in sorted(names - {"linernotes"}):
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:  # an extra that is not installed
            continue
    return tuple(found)
