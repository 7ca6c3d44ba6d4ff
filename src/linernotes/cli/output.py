"""What the program prints: JSON for programs, tables for people, progress and errors on stderr.

Conventions
-----------
stdout holds the answer and nothing else. With ``--json`` it is one JSON document, sorted and indented.
Progress goes to stderr: a live bar on a terminal, elsewhere a line every ten seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

QUIET_INTERVAL_S = 10.0


def emit(obj: Any, as_json: bool, table_fn: Callable[[Any], None] | None = None) -> None:
    """Print the answer: as JSON for programs, else through *table_fn* for people.

    Parameters
    ----------
    obj : JSON-ready value
        The answer, in the fields of the contract.
    as_json : bool
        Whether ``--json`` was given.
    table_fn : callable, optional
        Called with *obj*; prints it with `table` or `say`. Without it JSON is printed in any case.

    Examples
    --------
    >>> emit({"root": "ab", "n_items": 2}, as_json=True)
    {
      "n_items": 2,
      "root": "ab"
    }
    """
    if as_json or table_fn is None:
        sys.stdout.write(
            json.dumps(obj, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        )
        sys.stdout.flush()
    else:
        table_fn(obj)


def say(text: str = "") -> None:
    """Print one line of the answer for people, exactly as it is.

    Examples
    --------
    >>> say("3 recordings indexed")
    3 recordings indexed
    """
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print a remark on stderr: it is not part of the answer."""
    sys.stderr.write(text + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for people; numbers stand to the right.

    Parameters
    ----------
    title : str
        A line above the table; empty for none.
    columns : sequence of str
        Headings.
    rows : iterable of sequences
        Cells; None prints as a dash, floats with four significant digits.

    Examples
    --------
    >>> table("", ["item", "share"], [("rain", 0.25)])  # doctest: +NORMALIZE_WHITESPACE
     item   share
    ──────────────
     rain    0.25
    """
    from rich.box import SIMPLE_HEAD

    rows = [list(row) for row in rows]
    drawn = _new_table(title, SIMPLE_HEAD)
    for i, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[i], int | float | None) for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    stdout_console().print(drawn)


def _new_table(title: str, box: Any) -> Table:
    from rich.table import Table

    return Table(title=title or None, title_justify="left", box=box, show_edge=False, pad_edge=True)


def _cell(value: object) -> Any:
    from rich.text import Text  # plain text: brackets in a title are no markup

    if value is None:
        return Text("–")
    return Text(f"{value:.4g}" if isinstance(value, float) else str(value))


def stdout_console() -> Console:
    """Return a console on stdout: as wide as the terminal, or 100 columns where there is none."""
    from rich.console import Console

    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 100, highlight=False)


class Progress:
    """Shows on stderr how far a run is; an instance is a progress callback for the runners.

    Examples
    --------
    >>> with Progress() as progress:
    ...     progress("losses", 1, 2)
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live: Any = None
        self._tasks: dict[str, Any] = {}
        self._last_line_at = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            self._live = _live_bars()
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, name: str, n_done: int, n_all: int) -> None:
        """Show that *n_done* of *n_all* parts of the pass *name* are finished."""
        if self._quiet:
            return
        if self._live is not None:
            if name not in self._tasks:
                self._tasks[name] = self._live.add_task(name, total=n_all)
            self._live.update(self._tasks[name], completed=n_done, total=n_all)
        elif time.monotonic() - self._last_line_at >= QUIET_INTERVAL_S:
            self._last_line_at = time.monotonic()
            note(f"{name}: {n_done} of {n_all}")


def _live_bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Bars(*columns, console=Console(file=sys.stderr), transient=True)


def report_error(error: BaseException, *, as_json: bool, kind: str | None = None) -> None:
    """Print an error on stderr: one line, and with ``--json`` an object after it."""
    message = " ".join(str(error).split())
    note(f"error: {message}")
    if as_json:
        note(
            json.dumps(
                {"error": {"kind": kind or type(error).__name__, "message": message}}, ensure_ascii=False
            )
        )


def report_defect(error: BaseException, *, as_json: bool) -> None:
    """Print that the program itself is wrong, on stderr."""
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    message = (
        f"this is a defect in Linernotes, not in your data ({words}); run again with --debug and report it"
    )
    report_error(RuntimeError(message), as_json=as_json, kind="Defect")


def report_interrupt(*, as_json: bool) -> None:
    """Print that the user stopped the program, and how to go on."""
    message = "interrupted; repeat the same command: finished parts are kept and it resumes there"
    report_error(KeyboardInterrupt(message), as_json=as_json, kind="Interrupted")
