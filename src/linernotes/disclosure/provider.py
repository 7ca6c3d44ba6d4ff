"""``provider.toml``: what only a provider can say, read strictly, and the template that asks for it.

Idea
----
Every key of `linernotes.disclosure.questions.QUESTIONS` takes its value, or ``{ unknown = "why" }``, or
``{ not_applicable = "why" }``. A key that is missing counts as unknown and is printed as such; a key that
nobody asked for, an empty text and a value of the wrong kind are refused by name.

Conventions
-----------
TOML 1.0 in UTF-8, at most 1 MiB. Dates are TOML dates or ``yyyy-mm-dd``.

Known limits
------------
Form is checked, truth is not: what is stated here is rung 0 of the claim ladder, *declared*.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.disclosure.answer import Answer, not_applicable, stated, unknown
from linernotes.disclosure.provider_values import READERS, near, plain_text
from linernotes.disclosure.questions import BY_NAME, KIND_WORDS, QUESTIONS, SECTIONS, Question
from linernotes.errors import InputError

MAX_BYTES = 1 << 20
NOT_SAID = "provider.toml does not say"


@dataclass(frozen=True, slots=True)
class Provider:
    r"""What the provider says, by section and key.

    Parameters
    ----------
    answers : mapping of str to Answer
        Every question of the file, answered or unknown.

    Examples
    --------
    >>> said = parse_provider(b'[provider]\nname = "Lab"\nsmall = { unknown = "not assessed" }')
    >>> said["provider.name"].value, said["provider.small"].reason, said["model.names"].reason
    ('Lab', 'not assessed', 'provider.toml does not say')
    """

    answers: Mapping[str, Answer]

    def __getitem__(self, name: str) -> Answer:
        return self.answers[name]

    def is_true(self, name: str) -> bool | None:
        """Return a yes or no, or None where it is unknown or not applicable (which is no)."""
        answer = self.answers[name]
        if answer.state == "not-applicable":
            return False
        value = answer.value
        if isinstance(value, Mapping):
            return bool(value.get("answer"))
        return value if isinstance(value, bool) else None

    def as_json(self) -> dict[str, Any]:
        """Return every answer as JSON-ready values."""
        return {name: answer.as_json() for name, answer in self.answers.items()}


def read_provider(path: Path | str) -> Provider:
    """Read a ``provider.toml``.

    Raises
    ------
    InputError
        If it cannot be read, or as `parse_provider`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); make one with 'linernotes disclose template'"
        ) from error
    try:
        return parse_provider(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parse_provider(data: bytes) -> Provider:
    """Read the bytes of a ``provider.toml``.

    Raises
    ------
    InputError
        If it is too large, not TOML in UTF-8, holds a section or key that nobody asked for, or a value of
        another kind than its question asks for.
    """
    if len(data) > MAX_BYTES:
        raise InputError(
            f"provider file: larger than {MAX_BYTES} bytes; move long texts to a page and link it"
        )
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"provider file: not TOML in UTF-8 ({error}); compare with the template") from error
    for section, keys in table.items():
        _check_names(section, keys)
    return Provider({q.name: _answer(q, table.get(q.section, {}).get(q.key, _MISSING)) for q in QUESTIONS})


def template() -> str:
    """Return a ``provider.toml`` that asks every question and answers none.

    Examples
    --------
    >>> print(template().split("[provider]")[0].splitlines()[-3])
    earlier_versions = { unknown = "not filled in yet" }
    >>> parse_provider(template().encode())["provider.name"].state
    'unknown'
    """
    lines = [
        "# What only the provider of a generator can say about its training content.",
        '# Each key takes its value, or { unknown = "why" }, or { not_applicable = "why" }.',
        "# Nothing is left empty: what stays unknown is printed as unknown, with its reason.",
    ]
    for section, about in SECTIONS.items():
        lines += ["", f"# {about}", f"[{section}]"]
        for question in QUESTIONS:
            if question.section == section:
                lines += [
                    f"# {question.help} Expected: {KIND_WORDS[question.kind]}.",
                    f"#   {question.key} = {question.example}",
                    f'{question.key} = {{ unknown = "not filled in yet" }}',
                ]
    return "\n".join(lines) + "\n"


_MISSING = object()


def _check_names(section: str, keys: object) -> None:
    if section not in SECTIONS:
        raise InputError(f"section [{section[:60]}]: unknown{near(section, list(SECTIONS))}")
    if not isinstance(keys, Mapping):
        raise InputError(f"'{section}': a value; expected the section [{section}] with keys")
    for key in keys:
        if f"{section}.{key}" not in BY_NAME:
            known = [q.key for q in QUESTIONS if q.section == section]
            raise InputError(f"[{section}] {key[:60]}: unknown key{near(key, known)}")


def _answer(question: Question, value: object) -> Answer:
    if value is _MISSING:
        return unknown(NOT_SAID)
    if isinstance(value, Mapping) and len(value) == 1:
        (key, reason), *_ = value.items()
        if key in ("unknown", "not_applicable"):
            text = plain_text(f"[{question.section}] {question.key}.{key}", reason)
            return unknown(text) if key == "unknown" else not_applicable(text)
    return stated(READERS[question.kind](f"[{question.section}] {question.key}", value, question))
