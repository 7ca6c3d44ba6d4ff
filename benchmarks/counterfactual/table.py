"""The table: every method beside chance, the label alone, and what retraining noise allows.

Figures are over test queries only, on which no setting was chosen. Two kinds are kept apart: outputs of the
generator, and passages, which are real music outside the corpus: other seconds of recordings that are inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from linernotes.attribution.base import ItemScores
from linernotes.evaluation.group_ranking import differences
from linernotes.evaluation.group_ranking import table as group_table
from linernotes.evaluation.lds import ceiling, lds, lds_difference
from linernotes.evaluation.sanity import collapse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.counterfactual.pack import Pack
    from benchmarks.counterfactual.rows import Row
    from benchmarks.counterfactual.truth import Truth

N_DEV = {"generated": 48, "passage": 0}
N_TEST = {"generated": 24, "passage": 12}
ENSEMBLES = {  # equal weights, chosen before their rows were seen
    "ensemble": ("ekfac", "unlearning-ekfac", "das"),
    "unrolled + unlearning-ekfac": ("unrolled", "unlearning-ekfac"),
    "unrolled + guda": ("unrolled", "guda"),
}


@dataclass(frozen=True, slots=True)
class Split:
    """Which queries are for tuning and which are reported, as places in the pack."""

    dev: tuple[int, ...]
    test: tuple[int, ...]


def split_of(pack: Pack, kind: str) -> Split:
    """Return the split of a kind.

    The first 48 generated outputs and all look-alikes are for tuning. Reported are the next 24 outputs and 12 passages,
    whose artists have no look-alike; the other 8 and 12 are in neither, kept for a later question. Outsiders alternate.
    """
    places = tuple(pack.of_kind(kind))
    if kind == "look-alike":
        return Split(places, ())
    if kind == "outsider":
        return Split(places[::2], places[1::2])
    first, last = N_DEV[kind], N_DEV[kind] + N_TEST[kind]
    return Split(places[:first], places[first:last])


def label_only(pack: Pack, queries: Sequence[int]) -> NDArray[np.float64]:
    """Score by what is known without listening: the prompt's words, and the artist of a passage.

    Returns
    -------
    NDArray [shape=(n_queries, n_items), float64]
    """
    words = [frozenset(item.words.split()) for item in pack.items]
    # stems carry no artist in their name: go through the artist, not through the name
    artist_of = {item.item_id.split("__")[0]: item.artist for item in pack.items if "__" in item.item_id}
    rows = []
    for query in queries:
        asked = frozenset(pack.prompts[query].split())
        shared = np.array([len(asked & known) / max(1, len(asked | known)) for known in words])
        name = pack.queries[query].query_id.split("__")[0] if pack.kinds[query] != "generated" else ""
        rows.append(shared + np.array([item.artist == artist_of.get(name) for item in pack.items]))
    return np.stack(rows)


def with_ensembles(scores: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Add the mean of standard scores, row by row, of each ensemble whose members are all there.

    Examples
    --------
    >>> rows = {"unrolled": np.array([[1.0, 3.0]]), "guda": np.array([[40.0, 20.0]])}
    >>> with_ensembles(rows)["unrolled + guda"]
    array([[0., 0.]])
    """
    found = dict(scores)
    for name, members in ENSEMBLES.items():
        if all(member in scores for member in members):
            found[name] = np.mean([_standard(scores[member]) for member in members], axis=0)
    return found


def _standard(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = rows.std(axis=1, keepdims=True)
    standard: NDArray[np.float64] = (rows - rows.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-300)
    return standard


def lds_rows(
    scores: Mapping[str, NDArray[np.float64]], truth: Truth, pack: Pack, queries: Sequence[int]
) -> dict[str, Any]:
    """Return LDS at both alphas and within artists for each scorer, with ceilings, as JSON."""
    halves, nine_tenths = (truth.subsets(pack, name, queries) for name in ("half", "ninety"))
    report: dict[str, Any] = {
        "n_queries": len(queries),
        "ceiling": ceiling(halves),
        "ceiling_within_artist": ceiling(halves, within=True),
        "ceiling_at_0.9": ceiling(nine_tenths),
        "scorers": {},
    }
    for name, matrix in scores.items():
        whole, within, ninety = (
            lds(matrix, halves),
            lds(matrix, halves, within=True),
            lds(matrix, nine_tenths),
        )
        report["scorers"][name] = {
            "lds": whole.value,
            "interval": list(whole.interval),
            "of_ceiling": whole.value / report["ceiling"],
            "within_artist": within.value,
            "within_artist_interval": list(within.interval),
            "within_artist_of_ceiling": within.value / report["ceiling_within_artist"],
            "lds_at_0.9": ninety.value,
            "lds_at_0.9_interval": list(ninety.interval),
        }
    return report


def leads(
    best: str, scores: Mapping[str, NDArray[np.float64]], truth: Truth, pack: Pack, queries: Sequence[int]
) -> dict[str, Any]:
    """Return by how much one scorer leads each rival, with paired intervals, overall and within artists."""
    halves = truth.subsets(pack, "half", queries)
    found: dict[str, Any] = {}
    for rival in (name for name in scores if name != best):
        whole = lds_difference(scores[best], scores[rival], halves)
        within = lds_difference(scores[best], scores[rival], halves, within=True)
        found[rival] = {
            "lds": whole[0],
            "interval": list(whole[1]),
            "within_artist": within[0],
            "within_artist_interval": list(within[1]),
        }
    return found


def group_rows(
    scores: Mapping[str, NDArray[np.float64]], truth: Truth, pack: Pack, queries: Sequence[int]
) -> dict[str, Any]:
    """Return how well summed scores rank artists by what leaving each out does, as JSON; ensembles join the sums."""
    return group_table(_by_artist(scores, truth, pack), truth.removals(queries))


def group_leads(
    best: str,
    scores: Mapping[str, NDArray[np.float64]],
    truth: Truth,
    pack: Pack,
    queries: Sequence[int],
) -> dict[str, Any]:
    """Return by how much one scorer's Top-1 among artists leads each other's, with paired intervals, as JSON."""
    summed, removed = _by_artist(scores, truth, pack), truth.removals(queries)
    leads_by = {
        name: differences(summed[best], rows, removed)["top-1"]
        for name, rows in summed.items()
        if name != best
    }
    return {name: {"value": lead.value, "interval": list(lead.interval)} for name, lead in leads_by.items()}


def _by_artist(
    scores: Mapping[str, NDArray[np.float64]], truth: Truth, pack: Pack
) -> dict[str, NDArray[np.float64]]:
    belongs = np.array([[artist == name for artist in pack.artists] for name in truth.artists(pack)])
    return with_ensembles({name: matrix @ belongs.T for name, matrix in scores.items()})


def collapse_row(row: Row, scores: NDArray[np.float64], pack: Pack) -> dict[str, Any]:
    """Return how alike a method's lists for different queries are."""
    results = [
        ItemScores("q", row.method, "score", pack.corpus.item_ids, line[:, None], np.zeros(0))
        for line in scores
    ]
    found = collapse(results)
    return {
        "mean_correlation": found.mean_correlation,
        "rank_one_energy": found.rank_one_energy,
        "distinct_first": found.n_distinct_first,
        "collapsed": found.collapsed,
    }
