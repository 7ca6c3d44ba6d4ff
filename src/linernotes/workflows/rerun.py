"""Repeat a run from its folder and say whether the results are the same.

A run folder holds its command and its configuration with every default resolved. The command is looked
up in an explicit table, run again into another place, and each result is compared by SHA-256 with what
the first run recorded. Three things can be found wrong, and each is named: a result that came out
otherwise, a result that was changed on disk after the run, an input that is no longer the same.

Conventions
-----------
A repeatable workflow offers ``repeat(config, parent) -> Path``: given the ``[config]`` table of run.toml and
a folder, it begins its `RunFolder` there, does its work and returns where the finished run lies.

Known limits
------------
Bits agree on the same library versions and kind of processor; elsewhere the last digits may differ, and
the comparison says so rather than judge by a tolerance.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.errors import CorpusError, InputError
from linernotes.workspace.provenance import machine_facts
from linernotes.workspace.runs import PROVENANCE, RunFolder, result_hashes

Repeat = Callable[[dict[str, Any], Path], Path]

REPEATABLE: dict[str, str] = {
    "attribute": "linernotes.workflows.attribute:repeat",
}
"""For each command that can be repeated, the function that does it, as ``module:name``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What a repetition found.

    Parameters
    ----------
    command : str
        The command that was repeated.
    differing : tuple of str
        Results that came out otherwise, are missing or are new.
    altered : tuple of str
        Results whose file is no longer what the first run recorded.
    changed_inputs : tuple of str
        Inputs whose hash is another one now.
    changed_machine : tuple of str
        What differs between the machines: ``python: 3.11.7 -> 3.12.1``.
    n_results : int
        How many results were compared.
    """

    command: str
    differing: tuple[str, ...]
    altered: tuple[str, ...]
    changed_inputs: tuple[str, ...]
    changed_machine: tuple[str, ...]
    n_results: int

    @property
    def identical(self) -> bool:
        """Whether every result is the same, then and now and on disk."""
        return not (self.differing or self.altered)

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "command": self.command,
            "identical": self.identical,
            "differing": list(self.differing),
            "altered": list(self.altered),
            "changed_inputs": list(self.changed_inputs),
            "changed_machine": list(self.changed_machine),
            "n_results": self.n_results,
        }


def rerun(
    run_folder: Path | str, out: Path | str | None = None, *, registry: Mapping[str, str] = REPEATABLE
) -> Rerun:
    """Repeat a finished run and compare.

    Parameters
    ----------
    run_folder : Path or str
        The finished run.
    out : Path or str, optional
        Where the repetition is kept; None throws it away.
    registry : dict of str to str
        Which commands can be repeated, and by which function.

    Returns
    -------
    Rerun
        What differs; ``identical`` when nothing does.

    Raises
    ------
    CorpusError
        If the folder is no finished run, or *out* is the run's own place.
    InputError
        If its command is not one that can be repeated.
    """
    first = RunFolder.open(run_folder)
    question = first.question()
    repeat = _workflow(str(question.get("command", "")), registry, first.path)
    if out is not None:
        if Path(out).resolve() == first.path.resolve().parent:
            raise CorpusError(f"{out}: holds the run itself; give another folder for the repetition")
        return _compare(first, question, repeat(dict(question["config"]), Path(out)))
    with tempfile.TemporaryDirectory(prefix="linernotes-rerun-") as scratch:
        return _compare(first, question, repeat(dict(question["config"]), Path(scratch)))


def _workflow(command: str, registry: Mapping[str, str], folder: Path) -> Repeat:
    if command not in registry:
        raise InputError(
            f"{folder}: the command {command!r} cannot be repeated; "
            f"expected one of {', '.join(sorted(registry))}"
        )
    module, _, name = registry[command].partition(":")
    found: Repeat = getattr(importlib.import_module(module), name)
    return found


def _compare(first: RunFolder, question: Mapping[str, Any], again_at: Path) -> Rerun:
    again = RunFolder.open(again_at)
    then, now = first.read_json(PROVENANCE), again.read_json(PROVENANCE)
    return Rerun(
        command=question["command"],
        differing=_differences(then["results"], now["results"]),
        altered=_differences(then["results"], result_hashes(first.path)),
        changed_inputs=_differences(then["inputs"], now["inputs"]),
        changed_machine=_changed_facts(then),
        n_results=len(then["results"]),
    )


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name)))


def _changed_facts(then: Mapping[str, Any]) -> tuple[str, ...]:
    now = machine_facts()
    flat = {**{k: v for k, v in now.items() if k not in ("libraries", "n_cpus")}, **now["libraries"]}
    before = {**then, **then.get("libraries", {})}
    return tuple(
        f"{name}: {before.get(name, 'absent')} -> {value}"
        for name, value in sorted(flat.items())
        if before.get(name, "absent") != value
    )
