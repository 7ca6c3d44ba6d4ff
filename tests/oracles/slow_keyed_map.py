"""The keyed map once more: one recursive function over a dictionary, and its proofs. Standard library only."""

from __future__ import annotations

import hashlib


def root(leaves: dict[bytes, bytes], depth: int = 0) -> bytes:
    if not leaves:
        return bytes(32)
    if len(leaves) == 1:
        [(position, value)] = leaves.items()
        return hashlib.sha256(b"\x10" + position + value).digest()
    left, right = halves(leaves, depth)
    return hashlib.sha256(b"\x11" + root(left, depth + 1) + root(right, depth + 1)).digest()


def siblings(leaves: dict[bytes, bytes], position: bytes, depth: int = 0) -> list[bytes]:
    if len(leaves) <= 1:
        return []
    near, far = halves(leaves, depth)
    if goes_right(position, depth):
        near, far = far, near
    return [root(far, depth + 1), *siblings(near, position, depth + 1)]


def halves(leaves: dict[bytes, bytes], depth: int) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    right = {position: value for position, value in leaves.items() if goes_right(position, depth)}
    return {position: value for position, value in leaves.items() if position not in right}, right


def goes_right(position: bytes, depth: int) -> bool:
    return format(int.from_bytes(position, "big"), "0256b")[depth] == "1"
