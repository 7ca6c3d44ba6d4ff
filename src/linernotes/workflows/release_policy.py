"""The rule by which an output is released, held or refused: declared before, and named in every decision.

Conventions
-----------
A policy is a TOML file; ``default_release.toml`` beside this module documents each key. Unknown keys are refused by name.

Known limits
------------
Nothing here is a recommendation of law; the default is a starting point.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from linernotes.catalog.consent_record import USES
from linernotes.errors import InputError, NewerRevision

REVISION = 1
MAX_BYTES = 1 << 20
Action = Literal["note", "hold", "refuse"]
ACTIONS: tuple[Action, ...] = get_args(Action)
_ACTION_KEYS = (
    *("same_recording", "passage", "identification_not_checked", "attribution_missing", "reliability_low"),
    *("consent_denied", "consent_conditional", "consent_unknown", "consent_not_checked"),
    *("credentials_missing", "credentials_invalid", "personhood_not_checked"),
)
_RANGES: dict[str, tuple[float, float]] = {
    "same_recording_seconds": (0.0, 3600.0),
    "passage_seconds": (0.0, 3600.0),
    "max_false_rate": (1e-9, 0.5),
    "min_lds": (-1.0, 1.0),
    "consent_share": (0.0, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePolicy:
    """What each finding leads to; the keys are those of ``default_release.toml``.

    Examples
    --------
    >>> ReleasePolicy().same_recording
    'refuse'
    """

    name: str = "Careful default"
    same_recording: Action = "refuse"
    same_recording_seconds: float = 5.0
    passage: Action = "hold"
    passage_seconds: float = 3.0
    max_false_rate: float = 0.001
    identification_not_checked: Action = "hold"
    attribution_missing: Action = "hold"
    min_lds: float = 0.0
    reliability_low: Action = "note"
    consent_use: str = "generative-training"
    consent_top: int = 10
    consent_share: float = 0.01
    consent_denied: Action = "refuse"
    consent_conditional: Action = "hold"
    consent_unknown: Action = "hold"
    consent_not_checked: Action = "note"
    credentials_missing: Action = "hold"
    credentials_invalid: Action = "refuse"
    personhood_not_checked: Action = "note"
    text: str = ""

    def __post_init__(self) -> None:
        for key in _ACTION_KEYS:
            if getattr(self, key) not in ACTIONS:
                raise InputError(
                    f"policy: {key} = {getattr(self, key)!r}, expected one of {', '.join(ACTIONS)}"
                )
        for key, (low, high) in _RANGES.items():
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(f"policy: {key} = {value!r}, expected a number from {low} to {high}")
        if type(self.consent_top) is not int or not 0 <= self.consent_top <= 100_000:
            raise InputError(f"policy: consent_top = {self.consent_top!r}, expected a whole number from 0")
        if self.consent_use not in USES:
            raise InputError(f"policy: consent_use = {self.consent_use!r}, expected one of {', '.join(USES)}")
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError(f"policy: name = {self.name!r}, expected what the parties call it")

    @property
    def sha256(self) -> str:
        """SHA-256 of the text; of the settings where it was not read from text."""
        return hashlib.sha256((self.text or json.dumps(self.as_json(), sort_keys=True)).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return every setting, defaults resolved."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "text"}


def default_policy() -> ReleasePolicy:
    """Return the policy that comes with the package.

    Examples
    --------
    >>> default_policy().as_json() == ReleasePolicy().as_json()
    True
    """
    path = resources.files("linernotes.workflows") / "default_release.toml"
    return parse_policy(path.read_text(encoding="utf-8"), "default_release.toml")


def load_policy(path: Path | str) -> ReleasePolicy:
    """Read a policy file.

    Raises
    ------
    InputError
        If it cannot be read, is no TOML, has an unknown key, or a value out of range; names which.
    NewerRevision
        If it was written for a newer revision of Linernotes.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"policy {path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"policy {path}: not UTF-8 text") from None
    return parse_policy(text, str(path))


def parse_policy(text: str, source: str = "policy") -> ReleasePolicy:
    """Read a policy from TOML text; *source* names it in messages. Raises as `load_policy` does."""
    if len(text) > MAX_BYTES:
        raise InputError(f"{source}: {len(text)} characters; expected a short table of settings")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{source}: not TOML ({error})") from None
    revision = table.pop("revision", REVISION)
    if type(revision) is not int or revision < 1:
        raise InputError(f"{source}: revision = {revision!r}, expected {REVISION}")
    if revision > REVISION:
        raise NewerRevision(
            f"{source}: revision {revision}, this program reads {REVISION}; upgrade Linernotes"
        )
    known = {field.name for field in fields(ReleasePolicy)} - {"text"}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(sorted(known))}"
            raise InputError(f"{source}: unknown key '{key}'; {hint}")
    try:
        return ReleasePolicy(**table, text=text)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
