"""What the request desk reads, and the single-file verifier, which was written apart from the library."""

from __future__ import annotations

import argparse
import base64
import functools
import importlib.util
import json
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.fuzz.corpus_targets import CORPUS_TARGETS, example_corpus
from benchmarks.fuzz.log_file_targets import GROWN, SEEN, entries_of, log_of
from benchmarks.fuzz.log_targets import KEY, LOG_TARGETS, SIGNER
from benchmarks.fuzz.target import Target, document, from_file, scratch, text
from linernotes.disclosure.requests import AskedWork, Request, parse_works
from linernotes.disclosure.requests_clock import Clock, parse_day
from linernotes.disclosure.requests_state import KINDS, OPENED, Step, replay
from linernotes.errors import VerificationError

VERIFIER = Path(__file__).parents[2] / "src" / "linernotes" / "verifier" / "linernotes_verify.py"
TABLE = b"label,title,isrc,iswc,file,fingerprint\nrain,Rain,GBAYE6900001;GBAYE6900002,,,\nsun,,,T0345246801,a.wav,\n"


@functools.cache
def _verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("linernotes_verify", VERIFIER)
    if spec is None or spec.loader is None:
        raise VerificationError(f"{VERIFIER}: cannot be loaded")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def _apart(read: Callable[[ModuleType, bytes], Any]) -> Callable[[bytes], Any]:
    """Return a parser that refuses as the library does; what the verifier's own `check` catches is a refusal."""

    def from_bytes(data: bytes) -> Any:
        module = _verifier()
        refusals = (module.Refused, module.Unusable, LookupError, TypeError, AttributeError, ValueError)
        try:
            return read(module, data)
        except (*refusals, RecursionError) as error:
            raise VerificationError(str(error)) from error

    return from_bytes


def _key(module: ModuleType) -> Any:
    return module.parse_key(KEY.line())


def _presence(module: ModuleType, data: bytes) -> Any:
    return module.check_presence(data, example_corpus().root)


@functools.cache
def _grown() -> tuple[str, str, bytes, bytes]:
    """Return two heads of one log, and the proof between them in both of its forms."""
    with tempfile.TemporaryDirectory() as place:
        log = log_of(Path(place) / "log", (SEEN,))
        old = log.checkpoint_note()
        log.append_many(entries_of(GROWN)[SEEN:], SIGNER)
        proof = log.consistency_proof(SEEN, GROWN)
        new = log.checkpoint_note()
    lines = "".join(base64.b64encode(one).decode() + "\n" for one in proof)
    return old, new, json.dumps({"proof": [one.hex() for one in proof]}).encode(), lines.encode()


def _consistent(path: Path) -> Any:
    old, new = scratch() / "old.txt", scratch() / "new.txt"
    old.write_text(_grown()[0])
    new.write_text(_grown()[1])
    asked = argparse.Namespace(old=str(old), new=str(new), proof=str(path))
    return _apart(lambda module, _data: module.run_consistency(asked, _key(module), None)[0])(b"")


def _request() -> Request:
    work = AskedWork(label="rain", codes={"isrc": ("GBAYE6900001",)}, file="a.wav")
    return Request(
        requester="Ada",
        contact="ada@example.org",
        authority="owner",
        statement="I swear.",
        works=(work,),
        salt="ab" * 32,
        evidence=("registration 7",),
    )


def _story() -> list[dict[str, Any]]:
    opened = {"clock": Clock(30).as_json(), "opened_on": "2026-11-23", "due_on": "2026-12-23"}
    more: dict[str, dict[str, Any]] = {OPENED: opened, "request-disputed": {"entry": 2, "reason": "late"}}
    return [{"kind": kind, "body": {"request_id": "ab", **more.get(kind, {"entry": 1})}} for kind in KINDS]


def _replayed(steps: Any) -> Any:
    known = [one for one in steps if isinstance(one, dict)] if isinstance(steps, list) else []
    made = [
        Step(index, str(one.get("kind")), "2026-11-23T09:00:00Z", None, one["body"])
        for index, one in enumerate(known)
        if isinstance(one.get("body"), dict)
    ]
    return {name: one.as_json(date(2026, 12, 1)) for name, one in replay(made).tickets.items()}


DESK_TARGETS = {
    "works-table": Target(text(parse_works), lambda: [TABLE]),
    "request-file": Target(Request.from_bytes, lambda: [_request().to_bytes()]),
    "request-story": Target(document(_replayed), lambda: [json.dumps(_story()).encode()]),
    "request-clock": Target(text(lambda said: Clock.parse(said)), lambda: [b"30-days", b"none"]),
    "request-day": Target(text(parse_day), lambda: [b"2026-11-23"]),
    "verifier-key-file": Target(
        from_file(lambda path: _apart(lambda module, data: module.load_key(str(path)))(b""), ".pub"),
        lambda: [f"{KEY.line()}\n".encode()],
        is_proof=True,
    ),
    "verifier-consistency": Target(from_file(_consistent), lambda: list(_grown()[2:]), is_proof=True),
    "verifier-receipt": Target(
        _apart(lambda module, data: module.check_receipt(module.parse_receipt(data), _key(module))[1]),
        lambda: [*LOG_TARGETS["receipt"].seeds(), *LOG_TARGETS["tlog-proof"].seeds()],
        is_proof=True,
    ),
    "verifier-checkpoint": Target(
        _apart(lambda module, data: module.open_checkpoint(data.decode(errors="replace"), _key(module))),
        lambda: LOG_TARGETS["checkpoint"].seeds(),
        is_proof=True,
    ),
    "verifier-policy": Target(
        _apart(lambda module, data: module.parse_policy(data)), lambda: LOG_TARGETS["witness-policy"].seeds()
    ),
    "verifier-presence": Target(
        _apart(_presence), lambda: CORPUS_TARGETS["presence-proof"].seeds(), is_proof=True
    ),
}
