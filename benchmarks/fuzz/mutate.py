"""Damage to well-formed inputs: the small lies and accidents that a parser has to refuse.

One input is made from a seed by one to four of these: flip a bit, set a byte, cut, repeat, move or exchange
spans, put a span of another seed in, change a number, repeat or drop a line, exchange two JSON values or put a
strange one in the place of one, spell the same JSON otherwise. Everything follows from the random state alone.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence

STRANGE_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1 << 63, -(1 << 64), 10**400, 0.1, 1e308, "", "0", "\x00", "\ud800", "é" * 9),
    *([], [[]], {}, {"": None}, "9" * 500, "/../..", "NaN", [0] * 300, "A" * 70_000),
)
STRANGE_BYTES = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"\n\n",
        b"\xe2\x80\x94 ",
        b"\x80",
        b"&#x0;",
        b"<!DOCTYPE a []>",
    ),
    *(
        b"[" * 2000,
        b'{"a":' * 2000,
        b"1e999",
        b"-0",
        b"\xed\xa0\x80",
        b"=",
        b"%00",
        b"]]>",
        b"\x1b[2J",
        b",,,,",
    ),
)
_NUMBER = re.compile(rb"-?[0-9]+")


def damaged(seed: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """Return *seed* with one to four pieces of damage; *others* lend spans.

    Examples
    --------
    >>> damaged(b"size 4", [b"root"], random.Random(1)) == damaged(b"size 4", [b"root"], random.Random(1))
    True
    """
    data = seed
    for _ in range(draw.choice((1, 1, 1, 2, 3, 4))):
        step = draw.choice(_STEPS)
        data = step(data, others, draw)
    return data[: 4 * len(seed) + 200_000]


def _flip(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    if not data:
        return b"\x00"
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << draw.randrange(8))]) + data[place + 1 :]


def _set(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.randbytes(draw.randint(1, 3)) + data[place + draw.randint(0, 3) :]


def _cut(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    start, end = _span(data, draw)
    return draw.choice((data[:start], data[:start] + data[end:], data[end:]))


def _repeat(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    start, end = _span(data, draw)
    return data[:end] + data[start:end] * draw.choice((1, 1, 2, 50)) + data[end:]


def _exchange(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    a, b = sorted(_span(data, draw))
    c, d = sorted(_span(data, draw))
    if b > c:
        return data[:a] + data[c:d] + data[b:]
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _splice(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    start, end = _span(data, draw)
    other = draw.choice(others) if others else data
    a, b = _span(other, draw)
    return data[:start] + other[a:b] + data[draw.choice((start, end)) :]


def _strange(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    start, end = _span(data, draw)
    return data[:start] + draw.choice(STRANGE_BYTES) + data[draw.choice((start, end)) :]


def _number(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return _flip(data, others, draw)
    spot = draw.choice(found)
    try:
        value = int(spot[0][:18])
    except ValueError:
        value = 0
    new = draw.choice((value + 1, value - 1, -value, 0, 1 << 32, 1 << 64, 10**40, value * 10))
    text = draw.choice((str(new), f"0{new}", f"+{new}", f"{new}.0", f" {new}", "٣"))
    return data[: spot.start()] + text.encode() + data[spot.end() :]


def _lines(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    lines = data.split(b"\n")
    place, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    what = draw.randrange(4)
    if what == 0:
        del lines[place]
    elif what == 1:
        lines.insert(other, lines[place])
    elif what == 2:
        lines[place], lines[other] = lines[other], lines[place]
    else:
        lines[place] = lines[place].rstrip() + draw.choice((b" ", b"\r", b"\t", b"="))
    return b"\n".join(lines)


def _json(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return _splice(data, others, draw)
    if draw.random() < 0.1:  # the same content in another spelling
        return json.dumps(value, indent=draw.choice((None, 1)), ensure_ascii=draw.random() < 0.5).encode(
            errors="surrogatepass"
        )
    value = _changed(value, draw)
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _changed(value: object, draw: random.Random) -> object:
    """Return a JSON value with one of its parts dropped, renamed, exchanged or strange."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        name = draw.choice(sorted(value))
        what = draw.random()
        if what < 0.15:
            return {key: part for key, part in value.items() if key != name}
        if what < 0.25:
            return value | {name + "x": value[name]}
        if what < 0.4:
            return value | {name: value[draw.choice(sorted(value))]}
        return value | {name: _changed(value[name], draw)}
    if isinstance(value, list) and value and draw.random() < 0.9:
        place = draw.randrange(len(value))
        what = draw.random()
        if what < 0.2:
            return value[:place] + value[place + 1 :]
        if what < 0.4:
            return [*value, value[place]]
        if what < 0.5:
            return value[::-1]
        return [*value[:place], _changed(value[place], draw), *value[place + 1 :]]
    if isinstance(value, str) and value and draw.random() < 0.6:
        return damaged(value.encode(errors="surrogatepass"), (), draw).decode(errors="replace")
    if isinstance(value, int) and not isinstance(value, bool) and draw.random() < 0.6:
        return draw.choice(
            (value + 1, value - 1, -value, value % 10**6 + 0.5, float(value % 10**6), f"{value % 10**6}")
        )
    return draw.choice(STRANGE_VALUES)


def _span(data: bytes, draw: random.Random) -> tuple[int, int]:
    start = draw.randrange(len(data) + 1)
    length = draw.choice((1, 2, 4, 8, 32, draw.randint(0, max(1, len(data)))))
    return start, min(len(data), start + length)


_STEPS: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    *(_flip, _flip, _set, _cut, _repeat, _exchange, _splice, _strange, _number, _number, _lines),
    *(_json, _json, _json),
)
