"""RFC 9309 path patterns by regular expression: obvious, and slow on hostile patterns."""

import re


def matches_by_regex(pattern: str, path: str) -> bool:
    at_end = pattern.endswith("$")
    body = pattern[:-1] if at_end else pattern
    regex = "".join(".*" if letter == "*" else re.escape(letter) for letter in body)
    return re.match(regex + (r"\Z" if at_end else ""), path, re.DOTALL) is not None
