"""One method, measured: its scores for the test queries and for known training segments, its cost.

Each method runs in a process of its own, so that its peak memory is its own. Finished scores are kept and are
found again when method, settings and data are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.counterfactual.outputs import with_fresh
from benchmarks.counterfactual.pack import Pack, load_pack
from benchmarks.counterfactual.plan import PlanConfig, removed_artists
from linernotes.attribution.by_group.groups import Groups
from linernotes.attribution.by_group.guda import Guda
from linernotes.evaluation.sanity import ranks_of, self_queries
from linernotes.execution.serial import SerialRunner
from linernotes.execution.threads import one_thread
from linernotes.workflows.methods import make_method

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEGMENTS_PER_SHARD = 64
N_SELF = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A method's scores [shape=(n_queries, n_items)] and what they cost."""

    method: str
    scores: NDArray[np.float64]
    self_ranks: NDArray[np.int64]
    facts: dict[str, Any]


@one_thread()
def measure(name: str, queries: tuple[int, ...], folder: Path, n_fresh: int = 0) -> Row:
    """Fit a method and score the queries, unless *folder* holds the result.

    A name may carry settings: ``ekfac:query_levels=1.0``. The queries are places in the pack with *n_fresh* new outputs.
    """
    pack = load_pack()
    method = method_of(name, pack)
    key = _key(name, method.revision, method.settings, queries, pack)
    path = folder / f"{name.partition(':')[0]}-{key[:16]}.npz"
    if path.is_file():
        return _read(name, path)
    pack = with_fresh(pack, n_fresh)
    runner = SerialRunner(SEGMENTS_PER_SHARD)
    started = time.process_time()
    method.fit(pack.generator, pack.corpus, runner)
    fitted = time.process_time()
    asked, owners = self_queries(pack.corpus, N_SELF, seed=5)
    results = method.attribute([*(pack.queries[i] for i in queries), *asked], runner)
    scored = time.process_time()
    ranks = ranks_of(results[len(queries) :], _with_copies(pack, owners))
    facts = {
        "fit_cpu_s": fitted - started,
        "query_cpu_s": (scored - fitted) / len(results),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "settings": method.settings,
        "revision": method.revision,
        "paper": method.paper,
    }
    row = Row(name, np.stack([result.scores for result in results[: len(queries)]]), ranks, facts)
    _write(row, path)
    return row


def method_of(name: str, pack: Pack) -> Any:
    """Return an installed method, with other settings where the name carries them.

    ``guda`` unlearns the artists whose removal is known, not items: its row is for the ranking of groups.
    """
    plain, _, settings = name.partition(":")
    method: Any = make_method(plain)
    if plain == "guda":
        known = removed_artists(pack.artists, PlanConfig().n_artists)
        held = {item.item_id: item.artist for item in pack.items if item.artist in known}
        method = Guda(groups=Groups.of(pack.corpus.item_ids, held))
    if settings:
        pairs = dict(setting.split("=", 1) for setting in settings.split(";"))
        changed = {key: json.loads(value) for key, value in pairs.items()}
        config = replace(method.config, **changed)
        method = Guda(config, groups=method.groups) if plain == "guda" else type(method)(config)
    return method


def _with_copies(pack: Pack, owners: list[str]) -> list[list[str]]:
    """Return, for each item, all items that hold the same sound: finding any of them is right."""
    same: dict[str, list[str]] = {}
    for item in pack.items:
        origin = item.copy_of if item.kind == "copy" else item.item_id
        same.setdefault(origin, []).append(item.item_id)
    group = {member: members for members in same.values() for member in members}
    return [group[owner] for owner in owners]


def _key(name: str, revision: str, settings: dict[str, Any], queries: tuple[int, ...], pack: Pack) -> str:
    said = json.dumps(
        [name, revision, settings, queries, N_SELF, pack.corpus.root, pack.generator.generator_id],
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(said.encode()).hexdigest()


def _write(row: Row, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, scores=row.scores, self_ranks=row.self_ranks, facts=json.dumps(row.facts, default=str)
        )
    os.replace(partial, path)


def _read(name: str, path: Path) -> Row:
    with np.load(path, allow_pickle=False) as stored:
        return Row(name, stored["scores"], stored["self_ranks"], json.loads(str(stored["facts"])))
