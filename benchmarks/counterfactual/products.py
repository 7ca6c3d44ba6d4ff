"""How much quicker the benchmark's generator is when its products go through oneDNN.

    python -m benchmarks.counterfactual.products

Both ways take turns in one process with one thread; of each the quickest of many rounds counts, in CPU time. Only the
ratio is worth keeping: it is near 1 where MKL is as quick as oneDNN.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch

from benchmarks.counterfactual.pack import load_pack
from linernotes.attribution import products
from linernotes.attribution.working_copy import trainable_copy
from linernotes.execution.threads import one_thread
from linernotes.workspace.provenance import machine_facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.counterfactual.pack import Pack

RESULT = Path(__file__).parent / "results" / "products.json"
N_ROUNDS = 25
N_SEGMENTS = 8
N_DRAWS = 16


@one_thread()
def main() -> None:
    work = {name: timed(job) for name, job in jobs_of(load_pack()).items()}
    report = {"rounds": N_ROUNDS, "machine": machine_facts(), "work": work}
    RESULT.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for name, row in work.items():
        print(f"{name}: {row['ratio']:.2f} of the time with MKL ({row['mkl_us']:.0f} µs a pair)")


def jobs_of(pack: Pack) -> dict[str, Callable[[], None]]:
    """Return what takes the methods' time, each over as many pairs of segment and draw."""
    generator, network = pack.generator, trainable_copy(pack.generator)
    weights = list(generator.updatable(network).values())
    draws, segments = generator.noise_draws(N_DRAWS, 1), pack.corpus.segments.pick(list(range(N_SEGMENTS)))

    def losses() -> None:
        with torch.no_grad():
            generator.losses(network, segments, draws)

    def gradient() -> None:
        torch.autograd.grad(generator.losses(network, segments, draws).mean(), weights)

    def gradient_of_each() -> None:
        for number in range(N_SEGMENTS):
            torch.autograd.grad(generator.losses(network, segments.pick([number]), draws).mean(), weights)

    return {"losses": losses, "gradient, all in one": gradient, "gradient of each segment": gradient_of_each}


def timed(job: Callable[[], None]) -> dict[str, float]:
    """Return the time per pair both ways, in microseconds, and their ratio."""
    best = {True: float("inf"), False: float("inf")}
    for _ in range(N_ROUNDS):
        for quick in best:
            with patch.object(products, "has_onednn", lambda quick=quick: quick):
                started = time.process_time()
                job()
                best[quick] = min(best[quick], time.process_time() - started)
    micro = 1e6 / (N_SEGMENTS * N_DRAWS)
    return {"mkl_us": best[False] * micro, "onednn_us": best[True] * micro, "ratio": best[True] / best[False]}


if __name__ == "__main__":
    main()
