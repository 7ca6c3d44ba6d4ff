"""The dossier as one page that needs nothing but itself.

Idea
----
`write_dossier` renders ``templates/dossier.html`` with its style, script, pictures and audio inside, and
writes the facts beside it as JSON. A content security policy in the page forbids every address, so the
page cannot call home even if a title tries to make it.

Conventions
-----------
``dossier.json`` is sorted and indented and holds exactly the facts that the page prints. Files appear whole.

Known limits
------------
Each musical relation brings players for the best segment of each dimension; the others are listed in words. Of a
mapped recording longer than half a minute, the half minute around its best cell is heard.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.reports import words
from linernotes.reports.map_picture import map_picture
from linernotes.reports.pictures import corpus_record, mel_picture
from linernotes.reports.schema import checked
from linernotes.reports.sound import Sounds, data_uri

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
TOP_ROWS = 8
LONGEST_HEARD_S = 30.0
DIMENSIONS = ("overall", "melody", "harmony", "rhythm")


def write_dossier(dossier: Mapping[str, Any], folder: Path | str, audio: Mapping[str, Path | Audio]) -> Path:
    """Write ``index.html`` and ``dossier.json`` and return the page's path.

    ``statement.json`` and ``receipt.json`` lie beside them where the dossier holds them, so that
    ``linernotes audit verify`` can check the one with the other.

    Parameters
    ----------
    dossier : mapping
        From `linernotes.reports.dossier.build_dossier`.
    folder : Path or str
        Where to write; other files in it stay as they are.
    audio : mapping of str to Path or Audio
        Every output by its query id; corpus items by item id, as far as they may be heard;
        ``generator:NAME`` for further examples of the generator, such as a held-out recording.

    Raises
    ------
    InputError
        If the dossier lacks something, an output's audio is missing, or the folder cannot be written to.
    """
    facts = checked(dict(dossier))
    page = render_dossier(facts, media_of(facts, Sounds(audio), audio))
    files = {
        "dossier.json": _json_text(facts),
        "index.html": page,
    }
    if facts["statement"]:  # byte for byte as 'linernotes settle' writes and logs it
        files["statement.json"] = _json_text(facts["statement"])
    if facts["receipt"]:
        from linernotes.auditlog.entry import canonical_json

        files["receipt.json"] = canonical_json(facts["receipt"]).decode() + "\n"
    _write_whole(Path(folder), files)
    return Path(folder) / "index.html"


def render_dossier(dossier: Mapping[str, Any], media: Mapping[str, Any]) -> str:
    """Return the page as text; *media* is what `media_of` returns."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    receipt = dossier["receipt"]
    page = (
        environment()
        .get_template("dossier.html")
        .render(
            d=dossier,
            media=media,
            item={one["item_id"]: one for one in dossier["corpus"]["items"]},
            record=corpus_record(dossier),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            receipt_uri=_json_uri(receipt) if receipt else "",
            top_rows=TOP_ROWS,
        )
    )
    return unbroken(page)


def unbroken(page: str) -> str:
    r"""Keep a number and its per cent sign on one line.

    Examples
    --------
    >>> unbroken("12 % of it")
    '12\xa0% of it'
    """
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", page)


def media_of(dossier: Mapping[str, Any], sounds: Sounds, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page's sounds and pictures as data URIs.

    Raises
    ------
    InputError
        If an output has no audio.
    """
    media: dict[str, Any] = {"sound": {}, "picture": {}, "played": {}, "heard": {}, "examples": []}
    for output in dossier["outputs"]:
        audio = sounds.get(output["query_id"])
        media["sound"][output["query_id"]] = data_uri(audio)
        media["picture"][output["query_id"]] = mel_picture(audio)
        for version in output["versions"]:
            key = f"{output['query_id']}/{version['item_id']}"
            media["played"][key] = _played(output["query_id"], version, sounds)
        for ranking in output["rankings"]:
            media["heard"][f"{output['query_id']}/{ranking['method']}"] = _mapped(ranking["where"], sounds)
    for name in sorted(name for name in names if name.startswith("generator:")):
        audio = sounds.get(name)
        media["examples"].append(
            {
                "name": name.removeprefix("generator:").replace("-", " ").replace("_", " "),
                "sound": data_uri(audio),
                "picture": mel_picture(audio),
                "duration_s": audio.duration_s,
            }
        )
    return media


def environment() -> Environment:
    """Return the template environment that dossier and portal share."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "per_cent": words.per_cent,
        "per_cent_range": lambda pair: words.per_cent_range(*pair),
        "clock": words.clock,
        "clock_range": words.clock_range,
        "map_picture": map_picture,
        "long_time": words.long_time,
        "count": words.count,
        "web_address": web_address,
        "day": lambda text: str(text)[:10],
        "plain": lambda text: str(text).replace("_", " ").replace("-", " "),
        "value": value_words,
    }
    made.globals["style"] = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    made.globals["short"] = lambda text, n=12: text if len(text) <= n else text[:n] + "…"
    return made


def web_address(text: str) -> str:
    """Return *text* if it is an http or https address, else an empty string.

    Examples
    --------
    >>> web_address("https://example.org/by"), web_address("javascript:alert(1)")
    ('https://example.org/by', '')
    """
    return text if text.startswith(("https://", "http://")) else ""


def value_words(value: object) -> str:
    """Return a measured value for people: numbers with four digits, the rest as it is.

    Examples
    --------
    >>> value_words(0.123456), value_words(None), value_words([0.1, 0.25]), value_words(True)
    ('0.1235', '–', '0.1, 0.25', 'yes')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_words(one)}" for key, one in value.items())
    return ", ".join(value_words(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _played(query_id: str, version: Mapping[str, Any], sounds: Sounds) -> list[dict[str, Any]]:
    """Choose the best segment of each dimension and cut both sides, as far as they may be heard."""
    chosen = []
    for dimension in DIMENSIONS:
        found = [one for one in version["segments"] if one["dimension"] == dimension]
        if not found:
            continue
        best = max(found, key=lambda one: (one["score"], -one["a_start_s"]))
        heard = version["item_id"] in sounds
        chosen.append(
            dict(best)
            | {
                "a": sounds.clip(query_id, best["a_start_s"], best["a_end_s"]),
                "b": sounds.clip(version["item_id"], best["b_start_s"], best["b_end_s"]) if heard else "",
            }
        )
    return chosen


def _mapped(where: Mapping[str, Any] | None, sounds: Sounds) -> dict[str, dict[str, Any]]:
    """Return what may be heard of each mapped recording: whole, or half a minute around its best cell."""
    heard = {}
    for one in where["maps"] if where else ():
        if one["item_id"] in sounds and one["cells"]:
            length_s, best = sounds.get(one["item_id"]).duration_s, one["cells"][0]
            middle = (best["item_start_s"] + best["item_end_s"] - LONGEST_HEARD_S) / 2
            start = max(0.0, min(middle, length_s - LONGEST_HEARD_S))
            end = min(length_s, start + LONGEST_HEARD_S)
            heard[one["item_id"]] = {
                "src": sounds.clip(one["item_id"], start, end, longest_s=LONGEST_HEARD_S),
                "start_s": start,
                "duration_s": end - start,
            }
    return heard


def _json_text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _json_uri(value: Mapping[str, Any]) -> str:
    from linernotes.auditlog.entry import canonical_json

    data = canonical_json(dict(value)) + b"\n"
    return "data:application/json;base64," + base64.b64encode(data).decode()


def _write_whole(folder: Path, files: Mapping[str, str]) -> None:
    partial = folder.with_name(folder.name + ".partial")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (partial / name).write_text(text, encoding="utf-8")
        if not folder.exists():
            os.replace(partial, folder)
            return
        for name in files:
            os.replace(partial / name, folder / name)
        shutil.rmtree(partial)
    except OSError as error:
        raise InputError(
            f"{folder}: the dossier cannot be written ({error.strerror}); choose a folder you may write to"
        ) from error
