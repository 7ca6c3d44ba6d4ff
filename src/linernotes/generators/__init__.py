"""Generators of music, each behind the same small adapter protocol."""
