"""`check_attributor`: asks whether an attribution method keeps what rankings rely on.

Scores must belong to the items and queries that were asked about, be numbers, be the same when asked
again, and depend neither on how the corpus was cut into shards nor on the company of a query. Sign and
quality are another matter: `linernotes.evaluation` measures those against retraining.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from linernotes.errors import NotFitted
from linernotes.testing.promises import promised, says

if TYPE_CHECKING:
    from linernotes.attribution.base import Attributor, EncodedCorpus, ItemScores, Query
    from linernotes.folds import Runner
    from linernotes.generators.base import Generator

TOLERANCE = 1e-2  # of the spread of a query's scores: float32 losses in another batch differ by less


def check_attributor(
    make_attributor: Callable[[], Attributor],
    generator: Generator,
    corpus: EncodedCorpus,
    queries: Sequence[Query],
    make_runner: Callable[[int], Runner],
) -> None:
    """Check a method on a small corpus.

    Parameters
    ----------
    make_attributor : callable
        Returns a new, unfitted method.
    generator, corpus, queries
        What to attribute; at least two items and two queries.
    make_runner : callable
        Given a shard size, returns an engine, such as `linernotes.execution.SerialRunner`.

    Raises
    ------
    BrokenPromise
        At the first promise that does not hold, naming it.
    """
    method = make_attributor()
    says(method, "name", "revision", "paper", "unit")
    _must_ask_for_fitting(method, queries, make_runner(8))
    before = _weights(generator)
    method.fit(generator, corpus, make_runner(8))
    first = method.attribute(queries, make_runner(8))
    _check_results(method, first, corpus, queries)
    _compare(first, method.attribute(queries, make_runner(8)), "asked again", exact=True)
    reverse = method.attribute(list(reversed(queries)), make_runner(8))
    _compare(first, list(reversed(reverse)), "with the queries in another order")
    other = make_attributor()
    other.fit(generator, corpus, make_runner(3))
    _compare(first, other.attribute(queries, make_runner(3)), "with another shard size")
    promised(
        _weights(generator) == before, f"{method.name} changed the generator's own weights; work on copies"
    )


def _weights(generator: Generator) -> list[bytes]:
    return [
        value.detach().cpu().float().numpy().tobytes() for value in generator.network.state_dict().values()
    ]


def _must_ask_for_fitting(method: Attributor, queries: Sequence[Query], run: Runner) -> None:
    try:
        method.attribute(queries, run)
    except NotFitted:
        return
    promised(False, f"{method.name} answered before it was fitted; expected NotFitted")


def _check_results(
    method: Attributor, results: Sequence[ItemScores], corpus: EncodedCorpus, queries: Sequence[Query]
) -> None:
    asked = [query.query_id for query in queries]
    found = [result.query_id for result in results]
    promised(found == asked, f"{method.name} answered for queries {found}; asked were {asked}")
    for result in results:
        promised(
            result.item_ids == corpus.item_ids, f"{method.name}: item ids are not the corpus's, in its order"
        )
        n_items, n_segments = len(corpus.item_ids), len(corpus.segments)
        shape = result.replicates.shape
        right = len(shape) == 2 and shape[0] == n_items and shape[1] >= 1
        promised(right, f"{method.name}: replicates have shape {shape}; expected ({n_items}, n_replicates)")
        shape = result.segment_scores.shape
        promised(
            shape == (n_segments,), f"{method.name}: segment scores have shape {shape}, not ({n_segments},)"
        )
        finite = bool(np.isfinite(result.replicates).all() and np.isfinite(result.segment_scores).all())
        promised(finite, f"{method.name}: scores hold values that are not numbers")
        promised(bool(result.unit), f"{method.name}: scores without a unit")
        promised(result.method == method.name, f"scores say method {result.method!r}, not {method.name!r}")


def _compare(
    first: Sequence[ItemScores], second: Sequence[ItemScores], when: str, *, exact: bool = False
) -> None:
    for a, b in zip(first, second, strict=True):
        gap = _largest_gap(a.scores, b.scores)
        limit = 0.0 if exact else TOLERANCE * float(np.std(a.scores))
        promised(
            gap <= limit,
            f"{a.method}, query {a.query_id}: scores move by {gap:.3g} {when}; allowed {limit:.3g}",
        )


def _largest_gap(a: Any, b: Any) -> float:
    return float(np.abs(a - b).max())
