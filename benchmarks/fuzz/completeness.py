"""Is every parser fuzzed? The parsers are found in the source, and what the targets reach is watched.

    python benchmarks/fuzz/completeness.py

A parser is a function of the disclosure, consent and proof code that is named like one (``parse…``, ``read…``,
``load…``, ``open…``, ``from_…``, ``decode…``, ``split…`` and the like), or that decodes something itself (JSON, TOML,
CSV, XML, base64, hexadecimal, numbers from bytes, archives, arrays). Each must be called while the targets read
their seeds and a few damaged inputs, or stand in `NOT_FUZZED` with a reason. A new parser without either fails.

Known limits
------------
That a function is reached with what a target read does not say that every branch of it is.
"""

from __future__ import annotations

import ast
import functools
import random
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.fuzz.mutate import damaged
from benchmarks.fuzz.not_fuzzed import NOT_FUZZED
from benchmarks.fuzz.targets import TARGETS

SOURCE = Path(__file__).parents[2] / "src" / "linernotes"
FOLDERS = ("auditlog", "corpus", "catalog", "signals", "disclosure", "verifier", "workspace")
WORKFLOWS = re.compile(  # the others read what the generators, fingerprints and rankings wrote for themselves
    r"(audit|log_|mirror|witness|seal|snapshots|presence|sound_keys|disclose|requests|rights|signal|credentials|release"
    r"|leads_records|verifier|registry_join|attribution_record).*"
)
N_DAMAGED = 6
NAMES = re.compile(
    r"(parse|read|load|open|opened|decode|split|from|import|imported|csv_to|index|kind|holding|listener)(_.*)?"
)
DECODERS = re.compile(
    r"(json|tomllib|pickle)\.loads?|csv\.(reader|DictReader)|(base64\.)?b64decode|bytes\.fromhex|int\.from_bytes"
    r"|(zipfile\.)?ZipFile|struct\.\w*unpack\w*|np\.(load|frombuffer|memmap|fromfile)|\w*\.?(fromstring|iterparse)"
)


@dataclass(frozen=True, order=True)
class Parser:
    """A function that may be given what strangers wrote: its file below the package, and its name there."""

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


def parsers() -> list[Parser]:
    """Return every parser of the disclosure, consent and proof code."""
    files = [SOURCE / "ids.py", *(path for folder in FOLDERS for path in (SOURCE / folder).rglob("*.py"))]
    files += [path for path in (SOURCE / "workflows").glob("*.py") if WORKFLOWS.fullmatch(path.stem)]
    return sorted(found for path in files for found in _parsers_in(path))


def _parsers_in(path: Path) -> Iterator[Parser]:
    for name, node in _functions(ast.parse(path.read_text("utf-8")), ""):
        own = name.rpartition(".")[2]
        named = NAMES.fullmatch(own) and (node.args.args or node.args.posonlyargs)
        if named or any(DECODERS.fullmatch(call) for call in _calls(node)):
            yield Parser(path.relative_to(SOURCE).as_posix(), name)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _calls(node: ast.AST) -> Iterator[str]:
    return (ast.unparse(one.func) for one in ast.walk(node) if isinstance(one, ast.Call))


def reached() -> set[tuple[str, str]]:
    """Return file and name of each function of the package that the targets call when they read."""
    from linernotes.errors import LinernotesError

    found: set[tuple[str, str]] = set()
    root = f"{SOURCE}/"

    def watch(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(root):
            found.add((code.co_filename.removeprefix(root), code.co_qualname.replace(".<locals>", "")))

    for name, target in sorted(TARGETS.items()):
        seeds = list(target.seeds())
        draw = random.Random(name)
        inputs = [*seeds, *(damaged(draw.choice(seeds), seeds, draw) for _ in range(N_DAMAGED))]
        _forget()
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            for data in inputs:
                try:
                    target.read(data)
                except LinernotesError:
                    continue
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return found


def _forget() -> None:
    """Empty the caches of the package: a remembered answer calls nobody."""
    ours = [module for name, module in sys.modules.items() if name.startswith("linernotes.")]
    for one in (value for module in ours for value in vars(module).values()):
        if type(one) is functools._lru_cache_wrapper:
            one.cache_clear()


def reason_for(parser: Parser) -> str:
    """Return why a parser is not fuzzed; empty where nothing says why."""
    return next((why for key, why in NOT_FUZZED.items() if key in (parser.file, str(parser))), "")


@dataclass(frozen=True)
class Found:
    """What a check found: all parsers, and those that no target reaches."""

    every: list[Parser]
    left: list[Parser]

    @property
    def bare(self) -> list[str]:
        """Parsers that are neither fuzzed nor excused."""
        return [str(one) for one in self.left if not reason_for(one)]

    @property
    def idle(self) -> list[str]:
        """Excuses for what is reached, or not there."""
        return sorted(set(NOT_FUZZED) - {key for one in self.left for key in (one.file, str(one))})


def check() -> Found:
    """Compare the parsers of the source with what the targets reach."""
    every, called = parsers(), reached()
    return Found(every, [one for one in every if (one.file, one.name) not in called])


def main() -> int:
    """Print the parsers that are neither fuzzed nor excused, and excuses that nobody needs; 1 if there are any."""
    warnings.simplefilter("ignore")
    found = check()
    n_all, n_left = len(found.every), len(found.left)
    print(f"{n_all} parsers: {n_all - n_left} reached by {len(TARGETS)} targets, {n_left} not")
    for one in found.left:
        print(f"  {one}: {reason_for(one) or 'NEITHER FUZZED NOR EXCUSED'}")
    for key in found.idle:
        print(f"  {key}: excused, but reached or not there")
    return 1 if found.bare or found.idle else 0


if __name__ == "__main__":
    sys.exit(main())
