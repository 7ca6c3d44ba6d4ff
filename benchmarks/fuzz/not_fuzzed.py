"""Parsers that are not fuzzed, each with its reason; a whole file or one function."""

NOT_FUZZED: dict[str, str] = {}
