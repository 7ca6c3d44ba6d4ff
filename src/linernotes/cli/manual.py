"""The reference manual, written from the program: what cannot be forgotten cannot fall behind.

Every command with its arguments, every error with its exit code, every setting of every method with its
default. A test compares the result with ``docs/reference.md``.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Sequence
from typing import Any

import typer

import linernotes
from linernotes import errors
from linernotes.cli.groups import Entry, load
from linernotes.cli.main import COMMANDS

ENDINGS = ("Config", "Settings", "Policy", "Recipe", "Request")

HEAD = """# Reference

Written from the program by `scripts/make-reference`; do not edit by hand.

"""
EXIT_CODES = """## Exit codes

| code | meaning |
|---|---|
| 0 | yes, done |
| 1 | a verification or a policy said no |
| 2 | usage: a command, option or argument is wrong |
| 3 | data: a file, corpus or workspace is not usable |
| 4 | an optional package is missing |
| 70 | a defect in Linernotes |
| 130 | interrupted; the same command resumes |

With `--json`, stdout is one JSON document or empty; an error is one line on stderr and, after it,
`{"error": {"kind": …, "message": …}}`.

"""


def reference() -> str:
    """Return the whole manual as Markdown."""
    parts = [HEAD, "## Commands\n\n", *(_command_text(c, path) for path, c in commands()), EXIT_CODES]
    return "".join([*parts, _errors_text(), _settings_text()]).rstrip("\n") + "\n"


def commands(entries: Sequence[Entry] = COMMANDS) -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name, groups before what they hold.

    Examples
    --------
    >>> [name for name, _ in commands(COMMANDS[-1:])]
    ['linernotes version']
    """
    for entry in entries:
        yield from _walk(f"linernotes {entry.name}", load(entry))


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _walk(f"{path} {name}", inner)


def _command_text(command: Any, path: str) -> str:
    context = typer.Context(command, info_name=path)
    usage = re.sub(r"[{}]", "", " ".join(command.collect_usage_pieces(context))).replace("......", "...")
    text = f"### `{path}`\n\n{_paragraphs(command)}\n\n```\n{path} {usage}\n```\n\n"
    if hasattr(command, "commands"):
        return text
    rows = [record for one in command.get_params(context) if (record := _parameter(one))]
    return text + "| argument | meaning |\n|---|---|\n" + "".join(rows) + "\n"


def _paragraphs(command: Any) -> str:
    text = f"{command.help or ''}\n\n{getattr(command, 'epilog', None) or ''}".rstrip()
    lines = inspect.cleandoc(text.replace("\b\n", "")).splitlines()
    return "\n".join(
        f"    {line.strip()}" if line.strip().startswith("linernotes ") else line for line in lines
    )


def _parameter(one: Any) -> str:
    if one.name == "help":
        return ""
    is_argument = one.param_type_name == "argument"
    name = (one.metavar or one.name.upper()) if is_argument else ", ".join([*one.opts, *one.secondary_opts])
    words = re.sub(r"\s+", " ", one.help or "").strip()
    default = one.default
    said = "" if default in (None, (), [], False) or callable(default) else f" Default: `{default}`."
    needed = " Required." if one.required else ""
    return f"| `{name}` | {words.replace('|', '/')}{said}{needed} |\n"


def _errors_text() -> str:
    found: list[tuple[str, Any]] = inspect.getmembers(errors, inspect.isclass)
    kinds = [kind for _, kind in found if kind.__module__ == errors.__name__]
    rows = "".join(
        f"| `{kind.__name__}` | `{kind.__mro__[1].__name__}` | {kind.exit_code} | {_summary(kind)} |\n"
        for kind in sorted(kinds, key=lambda kind: (len(kind.__mro__), kind.__name__))
    )
    return f"## Errors\n\n| error | is a | exit code | when |\n|---|---|---|---|\n{rows}\n"


def settings() -> list[Any]:
    """Return every configuration: the dataclasses whose names end in one of `ENDINGS`."""
    found: dict[str, Any] = {}
    for module in pkgutil.walk_packages(linernotes.__path__, "linernotes."):
        if module.name.endswith("__main__"):
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            if name.endswith(ENDINGS) and dataclasses.is_dataclass(kind):
                found[_full_name(kind)] = kind
    return [found[name] for name in sorted(found)]


def _settings_text() -> str:
    text = "## Settings\n\n"
    for kind in settings():
        text += f"### `{_full_name(kind)}`\n\n{_summary(kind)}\n\n| setting | default |\n|---|---|\n"
        text += (
            "".join(f"| `{field.name}` | {_default(field)} |\n" for field in dataclasses.fields(kind)) + "\n"
        )
    return text


def _full_name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _summary(kind: Any) -> str:
    return (inspect.getdoc(kind) or "").splitlines()[0]


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        return f"a `{type(made).__name__}` of defaults" if dataclasses.is_dataclass(made) else f"`{made!r}`"
    return "required"
