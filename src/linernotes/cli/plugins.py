"""``linernotes plugins``: which generators, attributors, matchers and allocators are installed.

Our own methods come in by the same door as a third party's: an entry point in one of four groups. What is
shown is read from the class itself, so a plugin without a paper or a licence shows a gap.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, note, table

GROUPS = ("generators", "attributors", "matchers", "allocators")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One installed plugin and what its class says about itself; None where it says nothing."""

    kind: str
    name: str
    package: str
    package_version: str
    target: str
    revision: str | None = None
    paper: str | None = None
    licence: str | None = None
    weights_licence: str | None = None
    fault: str | None = None


def installed_plugins() -> list[Plugin]:
    """Return all plugins, by kind and name; one that cannot be imported carries its fault.

    Examples
    --------
    >>> from linernotes.cli.plugins import GROUPS
    >>> GROUPS[0]
    'generators'
    """
    found = [_describe(kind, one) for kind in GROUPS for one in entry_points(group=f"linernotes.{kind}")]
    return sorted(found, key=lambda plugin: (GROUPS.index(plugin.kind), plugin.name))


def _describe(kind: str, point: EntryPoint) -> Plugin:
    facts: dict[str, Any] = {
        "kind": kind,
        "name": point.name,
        "package": point.dist.name if point.dist else "",
        "package_version": point.dist.version if point.dist else "",
        "target": point.value,
    }
    try:
        found = point.load()
    except Exception as error:  # another package's fault must not hide the other plugins
        return Plugin(**facts, fault=f"{type(error).__name__}: {error}")
    said = {name: getattr(found, name, None) for name in ("revision", "paper", "licence", "weights_licence")}
    return Plugin(
        **facts, **{name: str(value) for name, value in said.items() if isinstance(value, str | int)}
    )


def plugins(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List generators and methods with their paper, revision and licences.

    Example:
      linernotes plugins --json
    """
    found = [asdict(plugin) for plugin in installed_plugins()]
    emit(found, as_json, _show)
    for plugin in found:
        if plugin["fault"]:
            note(f"warning: {plugin['kind']} {plugin['name']!r} cannot be loaded: {plugin['fault']}")


def _show(found: list[dict[str, Any]]) -> None:
    columns = ["kind", "name", "package", "revision", "paper", "licence", "weights_licence"]
    headings = [column.replace("_", " ") for column in columns]
    table("", headings, [[plugin[column] for column in columns] for plugin in found])
