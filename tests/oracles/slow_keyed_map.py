"""The keyed map once more: one recursive function over a list of buckets, and what an answer shows. Standard library."""

from __future__ import annotations

import hashlib


def buckets_of(entries: list[tuple[str, bytes]], depth: int) -> list[list[bytes]]:
    """Return the entries of every bucket; each comes with the 64 bits, as text, that say where it stands."""
    buckets: list[list[bytes]] = [[] for _ in range(2**depth)]
    for bits, entry in entries:
        number = int("0" + bits[:depth], 2)
        if entry not in buckets[number]:
            buckets[number].append(entry)
    return [sorted(bucket) for bucket in buckets]


def root(buckets: list[list[bytes]]) -> bytes:
    if len(buckets) == 1:
        return hashlib.sha224(b"\x10" + b"".join(buckets[0])).digest()
    half = len(buckets) // 2
    return hashlib.sha224(b"\x11" + root(buckets[:half]) + root(buckets[half:])).digest()


def siblings(buckets: list[list[bytes]], numbers: set[int]) -> list[bytes]:
    """Return the hashes beside the ways of some buckets: level by level from below, from left to right."""
    found = []
    size = 1
    while size < len(buckets):
        for start in range(0, len(buckets), size):
            beside = start - size if start // size % 2 else start + size
            mine = any(start <= number < start + size for number in numbers)
            if any(beside <= number < beside + size for number in numbers) and not mine:
                found.append(root(buckets[start : start + size]))
        size *= 2
    return found
