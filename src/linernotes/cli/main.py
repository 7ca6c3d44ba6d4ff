"""The ``linernotes`` program: a table of commands, loaded when they are called, and its exit codes.

Conventions
-----------
Exit codes: 0 yes · 1 a verification or a policy said no · 2 usage · 3 data · 4 an optional package is
missing · 70 a defect of ours · 130 interrupted. An error is one line on stderr, and with ``--json`` an
object after it: ``{"error": {"kind": "InputError", "message": "…"}}``; stdout then stays empty.

Only the command that was called is imported: ``linernotes --help`` needs neither torch nor a database.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from linernotes.cli.groups import Entry, lazy_group
from linernotes.cli.output import note, report_defect, report_error, report_interrupt, say
from linernotes.errors import LinernotesError, MissingExtra

EXIT_USAGE = 2
EXIT_DEFECT = 70
EXIT_INTERRUPTED = 130

COMMANDS = (
    Entry("demo", "linernotes.cli.demo", "demo", "Run the whole story on the bundled real corpus."),
    Entry("corpus", "linernotes.cli.corpus", "app", "Seal a training corpus: hashes, rights, consent, gaps."),
    Entry("catalog", "linernotes.cli.catalog", "app", "Add reference recordings for identification."),
    Entry("identify", "linernotes.cli.identify", "identify", "Find the same recording in the catalogue."),
    Entry("fingerprint", "linernotes.cli.fingerprint", "fingerprint", "Print Chromaprint fingerprints."),
    Entry("acoustid", "linernotes.cli.acoustid", "acoustid", "Ask an AcoustID service about files."),
    Entry("versions", "linernotes.cli.versions", "app", "Compare music: melody, harmony, rhythm, whole."),
    Entry("generator", "linernotes.cli.generator", "app", "Train or evaluate the reference generator."),
    Entry("generate", "linernotes.cli.generate", "generate", "Generate music from a trained generator."),
    Entry("attribute", "linernotes.cli.attribute", "attribute", "Rank disclosed recordings by influence."),
    Entry("index", "linernotes.cli.index", "app", "Build and ask the fast attribution index."),
    Entry("settle", "linernotes.cli.settle", "settle", "Split a pool of money by declared policy."),
    Entry("audit", "linernotes.cli.audit", "app", "Append to, prove and check the audit log."),
    Entry("presence", "linernotes.cli.presence", "app", "Prove that a recording is in a corpus, or is not."),
    Entry("rights", "linernotes.cli.rights", "app", "Keep works, credits, splits, consent; decide on uses."),
    Entry("disclose", "linernotes.cli.disclose", "app", "Publish, check and score a training disclosure."),
    Entry("signals", "linernotes.cli.signals", "app", "Read credits and opt-outs from other people's files."),
    Entry(
        "credentials", "linernotes.cli.credentials", "app", "Write and check content credentials on outputs."
    ),
    Entry("release", "linernotes.cli.release", "app", "Check outputs before release; log the decision."),
    Entry("leads", "linernotes.cli.leads", "leads", "Find outputs that contradict the disclosed corpus."),
    Entry("requests", "linernotes.cli.requests", "app", "Answer owners who ask, in time and with proofs."),
    Entry("verifier", "linernotes.cli.verifier", "verifier", "Write the single-file offline verifier."),
    Entry("serve", "linernotes.cli.serve", "serve", "Show a workspace in the browser."),
    Entry("plugins", "linernotes.cli.plugins", "plugins", "List generators, methods and their licences."),
    Entry("rerun", "linernotes.cli.rerun", "rerun", "Repeat a run and compare its results."),
    Entry("version", "linernotes.cli.version", "version", "Print the version."),
)

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    name="linernotes",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"linernotes {version('linernotes')}")
        raise typer.Exit


@app.callback(epilog="Example: linernotes demo --out demo/output")
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Credits for generated music.

    Says what a generator was trained on, what an output is the same as, which disclosed recordings
    moved it, how well that is known, and who is owed. Each command has its own --help.
    """


def main(arguments: Sequence[str]) -> int:
    """Run the program on *arguments* and return its exit code; prints, never exits.

    Examples
    --------
    >>> main(["version"]) == 0  # doctest: +ELLIPSIS
    linernotes ...
    True
    """
    words = list(arguments)
    options = words[: words.index("--")] if "--" in words else words
    as_json, debug = "--json" in options, "--debug" in options
    if not words:
        words = ["--help"]
    if debug:
        words = [word for i, word in enumerate(words) if word != "--debug" or i >= len(options)]
    try:
        code = _call(words, as_json)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        report_interrupt(as_json=as_json)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our stdout has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except LinernotesError as error:
        if debug:
            raise
        report_error(error, as_json=as_json)
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        if (missing := _missing_extra(error)) is not None:
            report_error(missing, as_json=as_json)
            return missing.exit_code
        report_defect(error, as_json=as_json)
        return EXIT_DEFECT


def _call(words: list[str], as_json: bool) -> int:
    command = typer.main.get_command(app)
    try:
        returned = command.main(args=words, prog_name="linernotes", standalone_mode=False)
    except typer.Exit as leaving:
        return _interrupted_or(leaving.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if not _is_usage(error):
            raise
        _explain_usage(error, as_json)
        return EXIT_USAGE
    return _interrupted_or(returned) if isinstance(returned, int) and not isinstance(returned, bool) else 0


def _interrupted_or(code: int) -> int:
    if code == EXIT_INTERRUPTED:  # the parser turns an interrupt into a silent exit
        raise KeyboardInterrupt
    return code


def _missing_extra(error: Exception) -> MissingExtra | None:
    """Tell whether an import failed because an optional dependency of ours is not installed."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    from importlib.metadata import requires

    top = re.escape(error.name.split(".")[0])
    lines = [line for line in requires("linernotes") or () if re.match(top + r"\b", line)]
    found = [extra for line in lines for extra in re.findall(r"extra\s*==\s*['\"]([^'\"]+)", line)]
    extras = [extra for extra in found if extra != "dev"] or found
    if not extras:
        return None
    return MissingExtra(
        f"package {error.name!r} is not installed; run: pip install 'linernotes[{extras[0]}]'"
    )


def _is_usage(error: Exception) -> bool:
    """Tell a parser's complaint; its class moved between releases, its shape did not."""
    return hasattr(error, "format_message") and getattr(error, "exit_code", None) in (1, EXIT_USAGE)


def _explain_usage(error: Exception, as_json: bool) -> None:
    message = str(error.format_message())  # type: ignore[attr-defined]  # `_is_usage` saw it
    context = getattr(error, "ctx", None)
    if message.startswith("Usage:"):  # a group of commands without a command: its help is the answer
        note(message)
        return
    path = context.command_path if context else "linernotes"
    sentence = f"{message.rstrip('.')}; see '{path} --help'"
    report_error(ValueError(sentence), as_json=as_json, kind="UsageError")


def run() -> None:
    """Run the program on the words of the command line; this is the installed ``linernotes``."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read at NumPy's import: one order of additions
    sys.exit(main(sys.argv[1:]))
