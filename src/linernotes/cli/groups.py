"""A group of commands that imports a command when it is called, not before.

A command lives in its own module as a function or as a typer app. The table of entries holds the
words that ``--help`` shows, so that listing the commands imports none of them.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperGroup


class Entry(NamedTuple):
    """One command: its name, the module and attribute that hold it, and what it does in a line."""

    name: str
    module: str
    attribute: str
    help: str


def load(entry: Entry) -> Any:
    """Import one command and return it in the form that the parser calls.

    Raises
    ------
    ImportError, AttributeError
        If the table names something that does not exist: a defect, found by a test.
    """
    found = getattr(importlib.import_module(entry.module), entry.attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer(add_completion=False)
        app.command(name=entry.name)(found)
        found = app
    found._add_completion = False
    command = typer.main.get_command(found)
    command.name = entry.name
    _plain_help(command)
    return command


def lazy_group(entries: Sequence[Entry]) -> type[TyperGroup]:
    """Return a group class whose commands are those of the table."""

    class LazyGroup(TyperGroup):
        """Commands of a table, imported on demand."""

        table: ClassVar[dict[str, Entry]] = {entry.name: entry for entry in entries}

        def list_commands(self, ctx: Any) -> list[str]:
            return list(self.table)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name not in self.table:
                return None
            if cmd_name not in self.commands:
                self.commands[cmd_name] = load(self.table[cmd_name])
            return self.commands[cmd_name]

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            with formatter.section("Commands"):
                formatter.write_dl([(entry.name, entry.help) for entry in self.table.values()])

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            if args and args[0] not in self.table and not args[0].startswith("-"):
                ctx.fail(_unknown(args[0], list(self.table)))
            return super().resolve_command(ctx, args)

    return LazyGroup


def _unknown(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(known)}"
    return f"no such command '{name}'; {hint}"


def _plain_help(command: Any) -> None:
    """Show help without boxes, and leave example lines as they are written."""
    command.rich_markup_mode = None
    command.help = _keep_examples(command.help)
    for inner in getattr(command, "commands", {}).values():
        _plain_help(inner)


def _keep_examples(text: str | None) -> str | None:
    if not text or "\b" in text:
        return text
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join("\b\n" + part if _holds_example(part) else part for part in paragraphs)


def _holds_example(paragraph: str) -> bool:
    return re.search(r"(^|\n)\s*(Example: )?linernotes ", paragraph) is not None
