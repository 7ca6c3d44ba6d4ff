"""Parsers of other people's signals and messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.fuzz.target import VECTORS, Target, text
from linernotes.signals import (
    aipref,
    attribution_assertion,
    c2pa_manifest,
    cawg,
    content_signals,
    ern,
    http_head,
    rin,
    robots,
    rsl,
    structured_fields,
    tdm_ai,
    tdmrep,
)
from linernotes.signals.formats import read_signal
from linernotes.signals.kinds import kind_of
from linernotes.signals.locations import holding_at
from linernotes.signals.origin import Origin
from linernotes.signals.paths import split_location

ORIGIN = Origin(name="input")
ROBOTS = (
    b"User-agent: *\nAllow: /\nContent-Usage: train-ai=n\nContent-Usage: /ok train-ai=y\n\n"
    b"User-agent: GPTBot\nDisallow: /music/*.flac$\nLicense: https://a.org/l.xml\nContent-Signal: ai-train=no\n"
)
RSL = (
    b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/music/*" server="https://l.org/">'
    b'<license><permits type="usage">search</permits><prohibits type="usage">ai-train</prohibits>'
    b'<payment type="royalty"><standard>https://l.org/t</standard></payment></license></content></rsl>'
)
TDM = b'[{"location": "/music/*", "tdm-reservation": 1, "tdm-policy": "https://a.org/p.json"}]'
HTML = b'<html><head><meta name="tdm-reservation" content="1"><meta name="tdm-policy" content="https://a.org/p"></head></html>'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Usage: train-ai=n, search=y\r\ntdm-reservation: 1\r\n\r\n"
CAWG = json.dumps(
    {
        "label": "cawg.training-mining",
        "data": {"entries": {"cawg.ai_training": {"use": "constrained", "constraint_info": "ask"}}},
    }
).encode()
STORE = json.dumps(
    {
        "active_manifest": "m",
        "manifests": {"m": {"title": "Rain", "assertions": [json.loads(CAWG)], "claim_generator": "x"}},
        "validation_state": "Valid",
        "validation_status": [{"code": "signingCredential.untrusted", "explanation": "who?"}],
    }
).encode()


def _ddex(name: str) -> bytes:
    return (VECTORS / "ddex" / name).read_bytes()


ASKED_ABOUT = ("robots", "rsl", "tdmrep", "http-head", "cawg")  # formats that are asked about an address
PLACE = "https://a.org/music/rain.flac"


def _every_kind() -> list[bytes]:
    """Return a file of every kind, for the reader that tells the kind itself."""
    kinds = ("aipref-header", "c2pa-store", "ddex-ern", "ddex-rin", "tdmrep-html", "tdm-ai", *ASKED_ABOUT)
    return [seed for kind in kinds for seed in SIGNAL_TARGETS[kind].seeds()]


def _about(kind: str) -> Callable[[bytes], Any]:
    origin = Origin(name="input", target=PLACE if kind in ("http-head", "cawg") else "https://a.org/")
    return lambda data: holding_at(kind, data, PLACE, origin)


SIGNAL_TARGETS = {
    "ddex-ern": Target(ern.parse_ern, lambda: [_ddex("ern_432_single.xml"), _ddex("ern_382_single.xml")]),
    "ddex-rin": Target(rin.parse_rin, lambda: [_ddex("rin_21_session.xml")]),
    "robots": Target(lambda data: _used(robots.parse_robots(data)), lambda: [ROBOTS]),
    "aipref-header": Target(aipref.parse_header, lambda: [b"train-ai=n, search=y;x=1"]),
    "content-signal": Target(
        text(content_signals.parse_signals), lambda: [b"ai-train=no, search=yes", b"/a ai-train=no"]
    ),
    "structured-field": Target(
        text(structured_fields.parse_dictionary),
        lambda: [b'a=1, b;x="y";z, c=(1 2);q=?1, d=:aGk=:, e=@12, f=1.5'],
    ),
    "http-head": Target(http_head.parse_head, lambda: [HEAD]),
    "rsl": Target(lambda data: rsl.imported(rsl.parse_rsl(data), ORIGIN), lambda: [RSL]),
    "tdmrep": Target(lambda data: tdmrep.imported(tdmrep.parse_tdmrep(data), ORIGIN), lambda: [TDM]),
    "tdmrep-html": Target(tdmrep.parse_html, lambda: [HTML]),
    "cawg": Target(cawg.parse_assertion, lambda: [CAWG]),
    "c2pa-store": Target(
        lambda data: c2pa_manifest.imported(c2pa_manifest.parse_manifest_store(data), ORIGIN), lambda: [STORE]
    ),
    "tdm-ai": Target(
        tdm_ai.parse_declarations,
        lambda: [b'{"iscc": "ISCC:KACT4EBWK27737D2", "train-ai": "false", "policy": "https://a.org"}'],
    ),
    "structured-item": Target(
        text(structured_fields.parse_item), lambda: [b"?1;a=2", b'"x";b=:aGk=:', b"-1.5"]
    ),
    "preferences": Target(text(aipref.parse_preferences), lambda: [b"train-ai=n, search=y;x=1"]),
    "signal-kind": Target(lambda data: kind_of(data, "input"), _every_kind),
    "any-signal": Target(lambda data: read_signal(data, ORIGIN).as_json(), _every_kind),
    "address": Target(
        text(split_location), lambda: [b"https://a.org:8443/music/rain.flac?x=1", b"http://b.org"]
    ),
    **{
        f"about-{kind}": Target(_about(kind), lambda kind=kind: SIGNAL_TARGETS[kind].seeds())
        for kind in ASKED_ABOUT
    },
    "attribution-assertion": Target(attribution_assertion.parse_attribution, lambda: [_assertion()]),
}


def _used(found: robots.Robots) -> tuple[object, ...]:
    """Ask a parsed file what it says about a path, too: patterns come from strangers."""
    path = "/music/a%20b.flac"
    return found, aipref.preferences_at(found, path), content_signals.signals_at(found, path)


def _assertion() -> bytes:
    digest = "ab" * 32
    output = {"file": "out.wav", "content_sha256": digest, "audio_sha256": digest, "duration_s": 12.3}
    corpus = {"root": digest, "stage": "before-training", "sealed_at": "2026-01-01T00:00:00Z", "n_items": 70}
    record = {
        "record_revision": 1,
        "output": output,
        "corpus": corpus,
        "attribution": None,
        "gaps": {"high": 0, "medium": 70, "low": 1},
        "limitation": "It ranks influence among the recordings of one snapshot, nothing more.",
    }
    log = {"origin": "example.org/log", "index": 4, "receipt_sha256": digest}
    return json.dumps({"record": record, "record_sha256": digest, "log": log}).encode()
