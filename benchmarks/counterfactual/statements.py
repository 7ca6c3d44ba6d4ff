"""Do statements come true? A calibration fitted on dev queries, judged by test queries that nothing was chosen on.

Fitted on dev outputs and dev outsiders, tested on test outputs (every artist of the plan left out, three trainings
each) and on test outsiders. Then the same method is asked through a generator whose weights were shuffled, and through
one that was never trained: nobody may be credited by either.

Conventions
-----------
Queries are given as places in the pack. Copies of one recording are a cluster, as in a sealed corpus. Finished scores
are kept in a folder and are found again when method, settings, generator and queries are the same.

Known limits
------------
The artists are the same for dev and test queries; artists left out of the fit are tested by cross-fitting, on dev
queries (``dev``). Through random weights only the first test queries are scored: it says what the other rules would do,
and the rule that decides does not look at scores.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.counterfactual.rows import SEGMENTS_PER_SHARD, method_of
from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import CorpusFit, corpus_fit
from linernotes.attribution.statements.ranking import rank
from linernotes.evaluation.abstaining import cross_abstention
from linernotes.evaluation.calibrating import calibrate, coverage, cross_coverage
from linernotes.evaluation.likeness import likeness_of
from linernotes.evaluation.removals import Removals, compared
from linernotes.evaluation.sanity import fresh, randomised
from linernotes.execution.serial import SerialRunner
from linernotes.execution.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.counterfactual.pack import Pack
    from benchmarks.counterfactual.truth import Truth
    from linernotes.attribution.statements.calibration import Calibration
    from linernotes.generators.reference.adapter import ReferenceGenerator

N_RANDOM = 4
REASONS = (
    ("not learnt", "has not learnt its corpus"),
    ("like music from outside", "recordings from outside"),
    ("nobody stands out", "no recording stands out"),
)


@one_thread()
def statements(
    pack: Pack,
    truth: Truth,
    method_name: str,
    dev: Sequence[int],
    dev_nulls: Sequence[int],
    test: Sequence[int],
    test_nulls: Sequence[int],
    folder: Path,
    n_random: int = N_RANDOM,
) -> dict[str, Any]:
    """Fit a method's calibration on dev queries and report how its statements fare on test queries, as JSON.

    Parameters
    ----------
    method_name : str
        An installed method, with settings where the name carries them (``ekfac:query_levels=1.0``).
    dev, test : sequence of int
        Places of outputs of the generator.
    dev_nulls, test_nulls : sequence of int
        Places of outsiders.
    folder : Path
        Where finished scores are kept.
    n_random : int
        How many test queries to score through random weights too; 0 saves two fits of a dear method.
    """
    started = time.process_time()
    places = [*dev, *dev_nulls, *test, *test_nulls]
    scores = dict(zip(places, scored(pack, pack.generator, method_name, places, folder), strict=True))
    queries = [pack.queries[place] for place in places]
    like = dict(zip(places, likeness_of(pack.generator, pack.corpus, queries), strict=True))
    clusters = clusters_of(pack)
    fitted_on, tested_on = removals_of(pack, truth, dev), removals_of(pack, truth, test)
    own, nulls = [scores[place] for place in dev], [scores[place] for place in dev_nulls]
    own_like, null_like = [like[place] for place in dev], [like[place] for place in dev_nulls]
    calibration = calibrate(own, fitted_on, nulls=nulls, likeness=own_like, null_likeness=null_like)
    fit = corpus_fit(pack.generator, pack.corpus)

    def credits_of(chosen: Sequence[int]) -> list[str | None]:
        return [why_nobody(calibration, scores[place], like[place], fit, clusters) for place in chosen]

    outputs, outsiders = credits_of(test), credits_of(test_nulls)
    alone = [why_nobody(None, scores[place], None, None, clusters) for place in test_nulls]
    report = {
        "method": method_name,
        "generator_id": pack.generator.generator_id,
        "sizes": {
            "dev": len(dev), "dev_outsiders": len(dev_nulls), "test": len(test), "test_outsiders": len(test_nulls),
            "artists": len(fitted_on.names), "seeds": fitted_on.rises.shape[1],
        },
        "predictor": calibration.predictor,
        "note": calibration.note.as_json(),
        "dev": cross_coverage(own, fitted_on).as_json(),
        "dev_nobody": cross_abstention(
            calibration, own, fitted_on, nulls, own_like, null_like, clusters
        ).as_json(),
        "test": coverage(calibration, [scores[place] for place in test], tested_on).as_json(),
        "test_outputs": _credited(outputs, tested_on),
        "test_outsiders": {
            "nobody": _part(outsiders), "reasons": _reasons(outsiders), "nobody_by_shares_alone": _part(alone),
        },
        "corpus_fit": _fit_row(fit),
        "random_weights": {
            name: _through(pack, other, method_name, calibration, (len(test), tuple(test)[:n_random]), clusters, folder)
            for name, other in (("shuffled", randomised(pack.generator)), ("fresh", fresh(pack.generator)))
        },
    }  # fmt: skip
    return report | {"cpu_s": time.process_time() - started}


def removals_of(pack: Pack, truth: Truth, queries: Sequence[int]) -> Removals:
    """Return what leaving each artist of the plan out did to the losses of some queries.

    The generator itself, the first full model, is not among the models of everybody.
    """
    plan, chosen = truth.plan, list(queries)
    artists = truth.artists(pack)
    without = np.stack(
        [
            truth.of([f"without-{number:02d}-{seed}" for seed in range(plan.removal_seeds)])[:, chosen]
            for number in range(len(artists))
        ]
    )
    full = truth.of([f"full-{seed}" for seed in range(1, plan.n_full)])[:, chosen]
    removed = np.array([[artist == name for artist in pack.artists] for name in artists])
    ids = [pack.queries[place].query_id for place in chosen]
    return compared(pack.corpus.item_ids, ids, artists, removed, without, full)


def clusters_of(pack: Pack) -> dict[str, str]:
    """Return each item's cluster: a copy belongs to what it is a copy of."""
    return {item.item_id: item.copy_of if item.kind == "copy" else item.item_id for item in pack.items}


def scored(
    pack: Pack, generator: ReferenceGenerator, method_name: str, queries: Sequence[int], folder: Path
) -> list[ItemScores]:
    """Score queries by a method through a generator, unless *folder* holds the scores."""
    method = method_of(method_name, pack)
    asked = [pack.queries[place] for place in queries]
    said = [
        method_name, method.revision, method.settings, [query.query_id for query in asked], pack.corpus.root,
        generator.generator_id,
    ]  # fmt: skip
    key = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
    path = folder / f"statements-{method_name.partition(':')[0]}-{key[:16]}.npz"
    if not path.is_file():
        runner = SerialRunner(SEGMENTS_PER_SHARD)
        method.fit(generator, pack.corpus, runner)
        found = method.attribute(asked, runner)
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            np.savez_compressed(file, scores=np.stack([one.scores for one in found]))
        os.replace(partial, path)
    with np.load(path, allow_pickle=False) as stored:
        rows = stored["scores"]
    nothing = np.zeros(len(pack.corpus.segments))
    return [
        ItemScores(query.query_id, method.name, method.unit, pack.corpus.item_ids, row[:, None], nothing)
        for query, row in zip(asked, rows, strict=True)
    ]


def why_nobody(
    calibration: Calibration | None,
    scores: ItemScores,
    likeness: float | None,
    fit: CorpusFit | None,
    clusters: Mapping[str, str],
) -> str | None:
    """Return why nobody is credited, in one of `REASONS`; None where somebody is."""
    ranking = rank(
        scores, generator_id="any", corpus_root="any", seed=0, calibration=calibration, clusters=clusters,
        likeness=likeness, fit=fit,
    )  # fmt: skip
    if ranking.unattributed_share < 1:
        return None
    said = ranking.nobody_because or "no recording stands out"
    return next(short for short, words in REASONS if words in said)


def _through(
    pack: Pack,
    generator: ReferenceGenerator,
    method_name: str,
    calibration: Calibration,
    asked: tuple[int, tuple[int, ...]],
    clusters: Mapping[str, str],
    folder: Path,
) -> dict[str, Any]:
    """Ask the method about some test queries through a generator that has learnt nothing."""
    n_queries, chosen = asked
    fit = corpus_fit(generator, pack.corpus)
    # the rule asks the generator, not the query: what it says of one it says of all
    row = {"corpus_fit": _fit_row(fit), "nobody": float(not fit.learnt), "n_queries": n_queries}
    if not chosen:
        return row
    found = scored(pack, generator, method_name, chosen, folder)
    like = likeness_of(generator, pack.corpus, [pack.queries[place] for place in chosen])
    pairs = list(zip(found, like, strict=True))
    otherwise = [why_nobody(calibration, one, alike, None, clusters) for one, alike in pairs]
    shares = [why_nobody(None, one, None, None, clusters) for one, _ in pairs]
    return row | {
        "nobody": _part([why_nobody(calibration, one, alike, fit, clusters) for one, alike in pairs]),
        "n_scored": len(chosen),
        "nobody_without_corpus_fit": _part(otherwise),
        "reasons_without_corpus_fit": _reasons(otherwise),
        "nobody_by_shares_alone": _part(shares),
    }


def _credited(reasons: Sequence[str | None], removals: Removals) -> dict[str, Any]:
    credited = np.array([reason is None for reason in reasons])
    doubtless: NDArray[np.bool_] = removals.beyond_doubt
    mattered: NDArray[np.bool_] = np.any(removals.mattered, axis=1)
    return {
        "credited": float(credited.mean()),
        "reasons": _reasons(reasons),
        "n_somebody_beyond_doubt": int(doubtless.sum()),
        "credited_among_beyond_doubt": _mean(credited[doubtless]),
        "beyond_doubt_among_credited": _mean(doubtless[credited]),
        "mattered_among_credited": _mean(mattered[credited]),
        "beyond_doubt_among_nobody": _mean(doubtless[~credited]),
    }


def _mean(values: Any) -> float | None:
    return float(values.mean()) if len(values) else None


def _part(reasons: Sequence[str | None]) -> float:
    return float(np.mean([reason is not None for reason in reasons]))


def _reasons(reasons: Sequence[str | None]) -> dict[str, int]:
    return dict(Counter(reason for reason in reasons if reason is not None))


def _fit_row(fit: CorpusFit) -> dict[str, Any]:
    return {"loss": fit.loss, "null_loss": fit.null_loss, "learnt": fit.learnt}


def as_text(report: Mapping[str, Any]) -> str:
    """Return the report of one method as Markdown."""
    sizes, test, dev = report["sizes"], report["test"], report["dev"]
    outputs, outsiders = report["test_outputs"], report["test_outsiders"]
    lines = [
        f"## Statements by {report['method']}",
        "",
        f"Fitted on {sizes['dev']} dev outputs × {sizes['artists']} artists left out × {sizes['seeds']} trainings and "
        f"{sizes['dev_outsiders']} outsiders; tested on {sizes['test']} outputs and {sizes['test_outsiders']} outsiders. "
        f"A removal matters for {test['mattered']:.0%} of pairs.",
        "",
        "| | test | dev, cross-fitted over outputs and artists |",
        "|---|---|---|",
        f"| outcomes inside the 90 % interval | {_held(test)} | {_held(dev)} |",
        f"| below, above | {test['below']:.1%}, {test['above']:.1%} | {dev['below']:.1%}, {dev['above']:.1%} |",
        f"| smaller, middle, larger predicted effects | {_thirds(test)} | {_thirds(dev)} |",
        f"| median width, as a part of the loss | {test['width']:.3f} | {dev['width']:.3f} |",
        f"| Brier score of the chance (always the base rate) | {_brier(test)} | {_brier(dev)} |",
        f"| mean gap of chance and frequency | {test['gap']:.3f} | {dev['gap']:.3f} |",
        f"| rank correlation of effects | {test['correlation']:.2f} | {dev['correlation']:.2f} |",
        "",
        "| nobody is credited for | with the calibration | by shares alone |",
        "|---|---|---|",
        f"| test outsiders | {outsiders['nobody']:.0%} | {outsiders['nobody_by_shares_alone']:.0%} |",
    ]
    for name, row in report["random_weights"].items():
        fit = row["corpus_fit"]
        lines.append(
            f"| {name} weights (loss {fit['loss']:.2f}, untrained {fit['null_loss']:.2f}) | {row['nobody']:.0%}; "
            f"without `corpus_fit` {_percent(row.get('nobody_without_corpus_fit'))} "
            f"| {_percent(row.get('nobody_by_shares_alone'))} |"
        )
    lines += [
        "",
        f"Credited: {outputs['credited']:.0%} of test outputs; {_percent(outputs['credited_among_beyond_doubt'])} of the "
        f"{outputs['n_somebody_beyond_doubt']} for whom some artist mattered by more than ten deviations of noise. Of the "
        f"credited, {_percent(outputs['beyond_doubt_among_credited'])} had such an artist, and "
        f"{_percent(outputs['mattered_among_credited'])} one that mattered at all; of those where nobody is credited "
        f"{_percent(outputs['beyond_doubt_among_nobody'])} had such an artist.",
    ]
    return "\n".join(lines) + "\n"


def _held(part: Mapping[str, Any]) -> str:
    low, high = part["interval"]
    return f"{part['coverage']:.1%} [{low:.0%}, {high:.0%}]"


def _thirds(part: Mapping[str, Any]) -> str:
    return ", ".join(f"{part['by_size'][name]:.0%}" for name in ("smaller", "middle", "larger"))


def _brier(part: Mapping[str, Any]) -> str:
    return f"{part['brier']:.3f} ({part['brier_base']:.3f})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
