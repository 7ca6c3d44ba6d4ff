"""An answer to one question of a form: stated, computed, unknown or not applicable; never silently empty.

Idea
----
Forms fail by blanks: an empty cell may mean no, nothing, not asked, or not telling. Here "unknown" and
"not applicable" are answers of their own, each with a reason, and an empty value is refused.

Conventions
-----------
``source`` says where the value comes from: ``provider.toml`` for what only the provider can say, or the
sealed corpus, the registry or the audit log for what was computed. Values are plain JSON.

References
----------
AI Accountability Lab (Trinity College Dublin), recommendations on Article 53 summaries (2026): state
explicitly when something is unknown or not applicable.

Known limits
------------
The form tells a reason from a blank, not a good reason from a poor one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

State = Literal["stated", "computed", "unknown", "not-applicable"]
Said = Annotated[str, Field(min_length=1, pattern=r"\S")]
Mark = Annotated[float, Field(ge=0, le=1, multiple_of=0.5)]
Count = Annotated[int, Field(ge=0)]

PROVIDER = "provider.toml"
CORPUS = "sealed corpus"
REGISTRY = "rights registry"
LOG = "audit log"


class Facts(BaseModel):
    """Base of the documents' models: unknown fields, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Answer(Facts):
    """One answer with its state, reason and source.

    Parameters
    ----------
    state : {"stated", "computed", "unknown", "not-applicable"}
        ``stated`` by the provider, ``computed`` from what was sealed or logged, or neither.
    value : JSON value or None
        Given for the first two states, None for the others.
    reason : str
        Why it is unknown or not applicable; for the others a remark, which may be empty.
    source : str
        Where the value comes from; empty where there is none.

    Examples
    --------
    >>> Answer(state="unknown", reason="the dataset's owner does not say").known
    False
    """

    state: State
    value: JsonValue = None
    reason: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _never_blank(self) -> Self:
        if self.state in ("unknown", "not-applicable"):
            if self.value is not None:
                raise ValueError(f"'{self.state}' carries no value; leave 'value' out")
            if not self.reason.strip():
                raise ValueError(f"'{self.state}' needs a reason")
        elif is_blank(self.value):
            raise ValueError("an empty value; say 'unknown' or 'not-applicable' with a reason")
        return self

    @property
    def known(self) -> bool:
        """Whether it carries a value."""
        return self.state in ("stated", "computed")

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return self.model_dump(mode="json")


def is_blank(value: object) -> bool:
    """Tell whether a value says nothing: None, white space, or an empty list or table.

    Examples
    --------
    >>> is_blank("  "), is_blank([]), is_blank(False), is_blank(0)
    (True, True, False, False)
    """
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, Sequence | Mapping) and not value


def stated(value: Any, reason: str = "") -> Answer:
    """Return what the provider said."""
    return Answer(state="stated", value=value, reason=reason, source=PROVIDER)


def computed(value: Any, source: str = CORPUS, reason: str = "") -> Answer:
    """Return what was computed from a source that can be checked."""
    return Answer(state="computed", value=value, reason=reason, source=source)


def unknown(reason: str) -> Answer:
    """Return that nobody knows or says, and why.

    Examples
    --------
    >>> unknown("not recorded").state
    'unknown'
    """
    return Answer(state="unknown", reason=reason)


def not_applicable(reason: str) -> Answer:
    """Return that the question does not arise, and why."""
    return Answer(state="not-applicable", reason=reason)


def answer_text(answer: Answer) -> str:
    """Return an answer as one plain line or list of lines, for Markdown and search.

    Examples
    --------
    >>> answer_text(computed(["a.org", "b.org"])), answer_text(unknown("not recorded")), answer_text(stated(True))
    ('a.org; b.org', 'Unknown: not recorded', 'yes')
    """
    if answer.state == "unknown":
        return f"Unknown: {answer.reason}"
    if answer.state == "not-applicable":
        return f"Not applicable: {answer.reason}"
    text = value_text(answer.value)
    return f"{text} ({answer.reason})" if answer.reason else text


def value_text(value: object) -> str:
    """Return a JSON value in words.

    Examples
    --------
    >>> value_text({"name": "Set A", "n_items": 1234567.5}), value_text(False)
    ('name: Set A, n items: 1234567.5', 'no')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{label(str(key))}: {_nested(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(value_text(one) for one in value)
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _nested(value: object) -> str:
    return f"({value_text(value)})" if isinstance(value, Mapping) else value_text(value)


def label(key: str) -> str:
    """Return a key as words; one with capitals is a name of something and stays as it is.

    Examples
    --------
    >>> label("last_update"), label("WAV/PCM_16")
    ('last update', 'WAV/PCM_16')
    """
    return key.replace("_", " ") if key.islower() else key


def n_recordings(number: int, kind: str = "") -> str:
    """Return a number of recordings in words.

    Examples
    --------
    >>> n_recordings(1, "sealed"), n_recordings(3)
    ('1 sealed recording', '3 recordings')
    """
    return f"{number} {kind + ' ' if kind else ''}recording{'' if number == 1 else 's'}"
