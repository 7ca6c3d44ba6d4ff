"""The rule by which a pool is divided, declared before the money is, and quoted in every statement.

Conventions
-----------
A policy is a TOML file; `default_policy.toml` beside this module documents each key. Numbers are read as
exact decimals. Unknown keys are refused by name: a misspelt key must not change what people are paid.

Known limits
------------
Nothing here is a recommendation of law or contract; the default is a starting point.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from linernotes.errors import InputError, NewerRevision

POLICY_REVISION = 1
MAX_DIGITS = 30
MASTER = "master"
Mode = Literal["influence_and_presence", "presence_only"]
ReliabilityScale = Literal["absolute", "ceiling"]
Unattributed = Literal["presence", "escrow", "return"]
ConsentMissing = Literal["escrow", "pay", "refuse"]
RightsholderMissing = Literal["escrow", "refuse"]
_CHOICES: dict[str, tuple[str, ...]] = {
    "mode": get_args(Mode),
    "reliability_scale": get_args(ReliabilityScale),
    "unattributed": get_args(Unattributed),
    "consent_missing": get_args(ConsentMissing),
    "rightsholder_missing": get_args(RightsholderMissing),
}
_UNIT_RANGE = ("influence_weight", "reliability_floor", "item_cap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A payout rule.

    Parameters
    ----------
    name : str
        What the parties call it.
    mode : {"influence_and_presence", "presence_only"}
        Whether influence counts at all.
    influence_weight : Fraction in [0, 1]
        The most that influence may weigh; multiplies the reliability.
    reliability_scale : {"absolute", "ceiling"}
        Whether the LDS counts as it is or relative to its noise ceiling.
    reliability_floor : Fraction in [0, 1]
        An LDS below it counts as zero.
    unattributed : {"presence", "escrow", "return"}
        Where influence goes that nobody could be credited with.
    item_cap : Fraction in (0, 1]
        Largest part of the pool for one recording with its near-duplicates.
    minimum_payable : Fraction >= 0
        Major units; parties below it are carried forward.
    consent_missing : {"escrow", "pay", "refuse"}
        What happens to recordings without consent that counts.
    rightsholder_missing : {"escrow", "refuse"}
        What happens to recordings that nobody is named for.
    layers : tuple of (str, Fraction)
        Split of each line; empty for none. Adds up to 1 and includes ``master``.
    text : str
        The TOML as written.

    Examples
    --------
    >>> default_policy().unattributed
    'presence'
    >>> parse_policy('mode = "presence_only"').mode
    'presence_only'
    """

    name: str = "Unnamed policy"
    mode: Mode = "influence_and_presence"
    influence_weight: Fraction = Fraction(1)
    reliability_scale: ReliabilityScale = "absolute"
    reliability_floor: Fraction = Fraction(0)
    unattributed: Unattributed = "presence"
    item_cap: Fraction = Fraction(1)
    minimum_payable: Fraction = Fraction(0)
    consent_missing: ConsentMissing = "escrow"
    rightsholder_missing: RightsholderMissing = "escrow"
    layers: tuple[tuple[str, Fraction], ...] = ()
    text: str = ""

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise InputError(
                    f"policy: {key} = {getattr(self, key)!r}, expected one of {', '.join(choices)}"
                )
        for key in _UNIT_RANGE:
            if not 0 <= getattr(self, key) <= 1:
                raise InputError(
                    f"policy: {key} = {_plain(getattr(self, key))}, expected a number from 0 to 1"
                )
        if self.item_cap == 0:
            raise InputError(
                "policy: item_cap = 0 would pay nobody; expected a number above 0, 1.0 for no cap"
            )
        if self.minimum_payable < 0:
            raise InputError(f"policy: minimum_payable = {_plain(self.minimum_payable)}, expected 0 or more")
        if self.layers:
            self._check_layers()

    @property
    def sha256(self) -> str:
        """SHA-256 of the text in hexadecimal; of the settings where the policy was not read from text."""
        text = self.text or json.dumps(self.as_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return every setting, defaults resolved; numbers as decimal text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["text"]
        values["layers"] = {layer: _plain(share) for layer, share in self.layers}
        return {key: _plain(value) if isinstance(value, Fraction) else value for key, value in values.items()}

    def _check_layers(self) -> None:
        shares = dict(self.layers)
        if MASTER not in shares:
            raise InputError(f"policy: layers {', '.join(shares)}, expected one of them to be '{MASTER}'")
        if any(share < 0 for share in shares.values()) or sum(shares.values()) != 1:
            total = _plain(sum(shares.values(), Fraction(0)))
            raise InputError(
                f"policy: layers add up to {total}, expected shares from 0 that add up to exactly 1"
            )


def default_policy() -> Policy:
    """Return the policy that comes with the package."""
    path = resources.files("linernotes.royalties") / "default_policy.toml"
    return parse_policy(path.read_text(encoding="utf-8"), "default_policy.toml")


def load_policy(path: Path | str) -> Policy:
    """Read a policy file.

    Raises
    ------
    InputError
        If it cannot be read, is not TOML, has an unknown key, or a value out of range; names which.
    NewerRevision
        If it was written for a newer revision of Linernotes.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"policy {path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"policy {path}: not UTF-8 text") from None
    return parse_policy(text, str(path))


def parse_policy(text: str, source: str = "policy") -> Policy:
    """Read a policy from TOML text; *source* names it in messages. Raises as `load_policy` does."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}: not TOML ({error})") from None
    revision = table.pop("revision", POLICY_REVISION)
    if type(revision) is not int or revision < 1:
        raise InputError(f"{source}: revision = {revision!r}, expected {POLICY_REVISION}")
    if revision > POLICY_REVISION:
        raise NewerRevision(
            f"{source}: revision {revision}, this program reads {POLICY_REVISION}; upgrade Linernotes"
        )
    known = {field.name for field in fields(Policy)} - {"text"}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(sorted(known))}"
            raise InputError(f"{source}: unknown key '{key}'; {hint}")
    try:
        return Policy(**{key: _value(key, value) for key, value in table.items()}, text=text)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _value(key: str, value: Any) -> Any:
    if key == "layers":
        if not isinstance(value, Mapping):
            raise InputError("layers: expected a table such as [layers] master = 0.75")
        return tuple((layer, _number(f"layers.{layer}", share)) for layer, share in sorted(value.items()))
    if key in (*_UNIT_RANGE, "minimum_payable"):
        return _number(key, value)
    if not isinstance(value, str):
        raise InputError(f"{key} = {value!r}, expected text in quotes")
    return value


def _number(key: str, value: Any) -> Fraction:
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        digits = abs(Decimal(value).adjusted())
        if digits <= MAX_DIGITS:  # 1e999999999 would fill the memory as a fraction
            return Fraction(value)
    raise InputError(f"{key} = {value!s}, expected a plain number")


def _plain(value: Fraction) -> str:
    scaled = Decimal(value.numerator) / Decimal(value.denominator)
    return format(scaled.normalize() if scaled else Decimal(0), "f")
