"""Telling the kind of a file from its name and its first characters."""

from __future__ import annotations

import re
from pathlib import PurePath

from linernotes.errors import InputError
from linernotes.signals import cawg
from linernotes.signals.wire import json_of

KINDS = (
    *("robots", "content-usage", "http-head", "tdmrep", "tdmrep-html", "rsl"),
    *("cawg", "c2pa-report", "tdm-ai", "ddex-ern", "ddex-rin"),
)
"""Every kind of file that is no audio."""
_ROOTS = {
    "rsl": "rsl",
    "NewReleaseMessage": "ddex-ern",
    "RecordingInformationNotification": "ddex-rin",
    "html": "tdmrep-html",
}
_ROOT = re.compile(r"<(?:[\w.-]+:)?(\w+)")
_FIELD = re.compile(r"^[A-Za-z][A-Za-z-]*[ \t]*:", re.MULTILINE)


def kind_of(data: bytes, name: str) -> str:
    """Tell the kind of a file from its name and content.

    Raises
    ------
    InputError
        If it is none that is known here.

    Examples
    --------
    >>> kind_of(b"train-ai=n", "header.txt")
    'content-usage'
    """
    stem = PurePath(name).name.lower()
    if stem == "robots.txt":
        return "robots"
    if stem == "tdmrep.json":
        return "tdmrep"
    head = _head(data)
    if head.startswith("<"):
        found = next((root for root in _ROOT.findall(head) if root in _ROOTS), "")
        if found or re.search(r"(?i)<!doctype html|<html|<head|<meta", head):
            return _ROOTS.get(found, "tdmrep-html")
    elif head.startswith(("{", "[")):
        return _kind_of_json(data, name)
    elif re.search(r"(?im)^[ \t]*user-agent[ \t]*:", head):
        return "robots"
    elif head.startswith("HTTP/") or _FIELD.search(head):
        return "http-head"
    elif "=" in head and head.isascii() and "\n" not in head.strip():
        return "content-usage"
    raise InputError(f"{name}: its kind cannot be told; say it with --kind, one of {', '.join(KINDS)}")


def _kind_of_json(data: bytes, name: str) -> str:
    found = json_of(data, name)
    one = found[0] if isinstance(found, list) and found else found
    if isinstance(one, dict):
        for kind, wanted in (("tdmrep", "location"), ("tdm-ai", "iscc"), ("c2pa-report", "manifests")):
            if wanted in one:
                return kind
        if (
            "entries" in one
            or cawg.is_label(str(one.get("label", "")))
            or any(str(key).startswith(("cawg.", "c2pa.")) for key in one)
        ):
            return "cawg"
    raise InputError(f"{name}: JSON of no kind that is known here; say it with --kind")


def _head(data: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[2:8192].decode(encoding, "replace").lstrip()
    return data[:8192].decode("utf-8-sig", "replace").lstrip()
