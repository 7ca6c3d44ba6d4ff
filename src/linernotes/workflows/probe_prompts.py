"""What a probe asks a generator for: lines of a file, or the tags of the corpus."""

from __future__ import annotations

from pathlib import Path

from linernotes.errors import InputError
from linernotes.workspace import Workspace


def read_prompts(file: Path | None, workspace: Path | None = None) -> tuple[str, ...]:
    """Return the prompts of a file, the tags of a workspace's corpus items, or one empty prompt.

    Parameters
    ----------
    file : Path or None
        UTF-8 text, one prompt per line; empty lines are passed over, a repeated prompt is kept once.
    workspace : Path or None
        Its corpus items' tags become prompts, as in training.

    Raises
    ------
    InputError
        If both are given, the file is not readable as text or holds no prompt, or the corpus has no tags.

    Examples
    --------
    >>> read_prompts(None)
    ('',)
    """
    if file is not None and workspace is not None:
        raise InputError("prompts from a file and from the corpus: give one of --prompts and --conditions")
    if file is not None:
        try:
            lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{file}: cannot be read as UTF-8 text ({error}); give one prompt per line"
            ) from error
        found = tuple(dict.fromkeys(line for line in lines if line))
        if not found:
            raise InputError(f"{file}: holds no prompt; give one per line")
        return found
    if workspace is not None:
        with Workspace.open(workspace) as opened:
            items = opened.corpus().items
        found = tuple(dict.fromkeys(" ".join(item.recording.tags) for item in items if item.recording.tags))
        if not found:
            raise InputError(
                f"{workspace}: no corpus item has tags; fill 'tags' of the rights table, or give --prompts"
            )
        return found
    return ("",)
