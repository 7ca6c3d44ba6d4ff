"""A part of a split, small enough for what costs seconds per piece; what belongs together stays together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.versions.data.pool import Piece


@dataclass(frozen=True)
class Sizes:
    """How many works or recordings of each tier to keep; the pieces made from them follow.

    Parameters
    ----------
    songs
        Arranged works, with their controlled pieces, quotations and changed renders.
    versions
        Arrangements of each.
    works
        Performed works.
    changed
        Recordings with all their changed copies.
    recordings
        Unchanged recordings, those with copies among them.
    hosts
        Hosts without a quotation.
    renders
        Renders with all their changed copies.
    """

    songs: int
    versions: int
    works: int
    changed: int
    recordings: int
    hosts: int
    renders: int


def part(pieces: Sequence[Piece], sizes: Sizes | None) -> list[Piece]:
    """Return the pieces that *sizes* keeps, in the order of their names; all when it is None."""
    ordered = sorted(pieces, key=lambda piece: piece.name)
    if sizes is None:
        return ordered
    songs = _first(ordered, "arranged", sizes.songs)
    works = _first(ordered, "performed", sizes.works)
    copied = {piece.row["of"] for piece in ordered if piece.tier == "transformed" and "of" in piece.row}
    renders = set(
        sorted(name for name in copied if name.endswith("-v0") and name[:-3] in songs)[: sizes.renders]
    )
    originals = [piece.name for piece in ordered if piece.kind == "original"]
    changed = [name for name in originals if name in copied][: sizes.changed]
    plain = [name for name in originals if name not in changed][: max(sizes.recordings - len(changed), 0)]
    hosts = {p.name for p in [p for p in ordered if p.kind == "no quotation"][: sizes.hosts]}

    def keeps(piece: Piece) -> bool:
        if piece.tier == "arranged":
            return piece.work in songs and int(piece.name.rsplit("-v", 1)[1]) < sizes.versions
        if piece.tier == "performed":
            return piece.work in works
        if piece.tier == "controlled":
            return piece.row["of"] in songs
        if piece.tier == "quoted":
            return piece.name in hosts or any(quote["of"] in songs for quote in piece.row["quotes"])
        if piece.tier == "transformed":
            return piece.name in changed or piece.name in plain or piece.row.get("of") in {*changed, *renders}
        return True

    return [piece for piece in ordered if keeps(piece)]


def _first(pieces: Sequence[Piece], tier: str, n: int) -> set[str]:
    return set(list(dict.fromkeys(piece.work for piece in pieces if piece.tier == tier))[:n])
