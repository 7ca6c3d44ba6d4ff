"""Which logs are trusted, and which of the witnesses must have cosigned a head for it to count.

A log could show one history to a creator and another to everybody else; each would verify. Witnesses see
the log grow and put their names only under heads that continue the last one they saw. A head that enough
independent witnesses cosigned is therefore the one that everybody sees. How many are enough, and which, is
for the reader to say, in a text file::

    log linernotes.local/log-1f2e3d4c+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
    witness union witness.union.example/w1+…  https://witness.union.example/
    witness press witness.press.example/w1+…
    group outside all union press
    quorum outside

References
----------
C2SP tlog-policy (https://c2sp.org/tlog-policy).

Known limits
------------
A policy says who must have signed, not that these are independent of each other: choose them so.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.keys import ED25519, ML_DSA_44, WITNESS_ED25519, VerifyingKey
from linernotes.auditlog.note import find_signature, split_note
from linernotes.auditlog.signatures import read_head
from linernotes.errors import InputError, VerificationError

MAX_POLICY_BYTES = 1 << 20
MAX_LINES = 1024
NO_QUORUM = "none"
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_WORDS = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log of a policy: its key and, where given, its address."""

    key: VerifyingKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness of a policy: its name there, its key and, where given, its address."""

    name: str
    key: VerifyingKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Whether a head satisfies a policy.

    Parameters
    ----------
    witnessed : bool
        Whether the quorum holds.
    cosigned : tuple of (str, int)
        Name in the policy, and time in seconds since 1970, of each witness whose cosignature holds.
    n_witnesses : int
        Witnesses that the policy knows.
    quorum : str
        Name of the rule.
    """

    witnessed: bool
    cosigned: tuple[tuple[str, int], ...]
    n_witnesses: int
    quorum: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "witnessed": self.witnessed,
            "n_cosignatures": len(self.cosigned),
            "n_witnesses": self.n_witnesses,
            "quorum": self.quorum,
            "witnesses": [{"name": name, "cosigned_at": moment} for name, moment in self.cosigned],
        }


@dataclass(frozen=True, slots=True)
class Policy:
    r"""Trusted logs, known witnesses, and the quorum.

    Parameters
    ----------
    logs : tuple of KnownLog
        Any of them may have signed; when empty, the log's key comes from elsewhere.
    witnesses : tuple of KnownWitness
        Who may cosign.
    groups : tuple of (str, int, tuple of str)
        Name, how many members are needed, the members; each after what it names.
    quorum : str
        Name of a witness or group, or ``none``.

    Examples
    --------
    >>> from linernotes.auditlog.keys import SigningKey, WITNESS_ED25519
    >>> from linernotes.auditlog.checkpoint import EMPTY_ROOT, Checkpoint
    >>> log, witness = SigningKey.generate("example.org/log"), SigningKey.generate("w.example", WITNESS_ED25519)
    >>> policy = Policy.parse(f"witness w {witness.verifying_key().line()}\nquorum w\n".encode())
    >>> head = Checkpoint("example.org/log", 0, EMPTY_ROOT)
    >>> policy.judge(head.sign(log)).witnessed, policy.judge(head.sign(log, witness)).witnessed
    (False, True)
    """

    logs: tuple[KnownLog, ...]
    witnesses: tuple[KnownWitness, ...]
    groups: tuple[tuple[str, int, tuple[str, ...]], ...]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Read a policy.

        Raises
        ------
        InputError
            With the line, if it is not one.
        """
        if len(data) > MAX_POLICY_BYTES:
            raise InputError(f"policy: {len(data)} bytes, expected at most {MAX_POLICY_BYTES}")
        if (control := _CONTROL.search(data)) is not None:
            raise InputError(
                f"policy: control character {control[0]!r}; only tabs and newlines may stand there"
            )
        if data and not data.endswith(b"\n"):
            raise InputError("policy: its last line does not end in a newline; is the file whole?")
        # Non-ASCII octets are opaque: they are kept as they are, and never compared as characters.
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        if len(lines) > MAX_LINES:
            raise InputError(f"policy: {len(lines)} lines, expected at most {MAX_LINES}")
        return _Reader().read(lines)

    @classmethod
    def load(cls, path: Path | str) -> Policy:
        """Read a policy file; InputError when it cannot be read or is none."""
        path = Path(path)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_POLICY_BYTES + 1)
        except OSError as error:
            raise InputError(f"policy {path}: cannot be read ({error.strerror})") from None
        try:
            return cls.parse(data)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def log_key(self, note: str) -> VerifyingKey:
        """Return the key of the listed log that signed *note*.

        Raises
        ------
        InputError
            If the policy lists no log.
        VerificationError
            If none of the logs signed it.
        """
        if not self.logs:
            raise InputError("policy: it lists no log; give the log's key")
        text, signatures = split_note(note)
        origin = read_head(text).origin
        for log in self.logs:
            if log.key.name == origin and find_signature(text, signatures, log.key) is not None:
                return log.key
        raise VerificationError(f"checkpoint: of log {origin}, signed by no log of the policy")

    def judge(self, note: str) -> Witnessed:
        """Say whether the cosignatures below *note* satisfy the quorum.

        Raises
        ------
        VerificationError
            If the note is malformed, or a known witness's cosignature does not hold.
        """
        text, signatures = split_note(note)
        read_head(text)
        cosigned = []
        for witness in self.witnesses:
            found = find_signature(text, signatures, witness.key)
            if found is not None and found[1]:  # a witness's time is never 0
                cosigned.append((witness.name, found[1]))
        holds = self._holds({name for name, _ in cosigned})
        return Witnessed(holds, tuple(cosigned), len(self.witnesses), self.quorum)

    def _holds(self, names: Collection[str]) -> bool:
        if self.quorum == NO_QUORUM:
            return True
        satisfied = set(names)
        for name, needed, members in self.groups:
            if sum(member in satisfied for member in members) >= needed:
                satisfied.add(name)
        return self.quorum in satisfied


class _Reader:
    """Collects the lines of a policy; every name must stand above the line that uses it."""

    def __init__(self) -> None:
        self.logs: list[KnownLog] = []
        self.witnesses: list[KnownWitness] = []
        self.groups: list[tuple[str, int, tuple[str, ...]]] = []
        self.names: set[str] = set()
        self.members: set[str] = set()
        self.quorum: str | None = None

    def read(self, lines: list[str]) -> Policy:
        rules = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}
        for number, line in enumerate(lines, 1):
            words = [word for word in _WORDS.split(line) if word]
            if not words or words[0].startswith("#"):
                continue
            if words[0] not in rules:
                raise InputError(
                    f"policy line {number}: {words[0][:40]!r}, expected log, witness, group or quorum"
                )
            try:
                rules[words[0]](words[1:])
            except (InputError, VerificationError) as error:
                raise InputError(f"policy line {number}: {error}") from None
        if self.quorum is None:
            raise InputError("policy: no quorum line; 'quorum none' asks for no witness")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)

    def _log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise InputError("expected: log VKEY [URL]")
        key = _key(words[0], (ED25519, ML_DSA_44), "log")
        if any(known.key.public == key.public for known in self.logs):
            raise InputError(f"the key of log {key.name} is there twice")
        if any(known.key.public == key.public for known in self.witnesses):
            raise InputError(f"the key of log {key.name} is that of a witness; a log cannot witness itself")
        self.logs.append(KnownLog(key, *words[1:]))

    def _witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise InputError("expected: witness NAME VKEY [URL]")
        name, key = words[0], _key(words[1], (WITNESS_ED25519, ML_DSA_44), "witness")
        if any(known.key.public == key.public for known in self.witnesses):
            raise InputError(f"the key of witness {name} is there twice")
        if any(known.key.public == key.public for known in self.logs):
            raise InputError(f"the key of witness {name} is that of a log; a log cannot witness itself")
        self._define(name)
        self.witnesses.append(KnownWitness(name, key, *words[2:]))

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise InputError("expected: group NAME all|any|K NAME...")
        name, rule, members = words[0], words[1], tuple(words[2:])
        for member in members:
            if member not in self.names:
                raise InputError(f"group {name}: {member!r} is not defined above")
            if member in self.members:
                raise InputError(f"group {name}: {member!r} is a member already; each may be one once")
            self.members.add(member)
        self._define(name)
        self.groups.append((name, _needed(name, rule, len(members)), members))

    def _quorum(self, words: list[str]) -> None:
        if len(words) != 1:
            raise InputError("expected: quorum NAME, or quorum none")
        if self.quorum is not None:
            raise InputError("a second quorum line")
        if words[0] != NO_QUORUM and words[0] not in self.names:
            raise InputError(f"quorum {words[0]!r} is not defined above")
        self.quorum = words[0]

    def _define(self, name: str) -> None:
        if name == NO_QUORUM:
            raise InputError(f"the name {NO_QUORUM!r} is reserved")
        if name in self.names:
            raise InputError(f"the name {name!r} is there twice")
        self.names.add(name)


def _key(line: str, kinds: Collection[int], what: str) -> VerifyingKey:
    key = VerifyingKey.parse(line)
    if key.algorithm not in kinds:
        raise InputError(f"the key {key.name} is of kind 0x{key.algorithm:02x}, which a {what} cannot have")
    return key


def _needed(name: str, rule: str, n_members: int) -> int:
    if rule in ("all", "any"):
        return n_members if rule == "all" else 1
    if not (rule.isascii() and rule.isdecimal() and not rule.startswith("0") and len(rule) < 6):
        raise InputError(f"group {name}: {rule!r}, expected all, any or a number")
    if int(rule) > n_members:
        raise InputError(f"group {name}: {rule} of {n_members} members cannot be reached")
    return int(rule)
