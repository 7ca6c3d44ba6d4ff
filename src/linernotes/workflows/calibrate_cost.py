"""What a calibration will take, told beforehand: retrainings counted, a few training steps timed here and now.

Known limits
------------
Reading and encoding audio, and generating outputs, are not counted: minutes beside hours. Retrainings that an
interrupted run has finished are counted again.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import torch

from linernotes.attribution.encoding import candidates
from linernotes.errors import InputError
from linernotes.execution.threads import one_thread
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network
from linernotes.workflows.calibrate_plan import CalibrateRequest, Plan, read_plan
from linernotes.workflows.cost import SLOWER, estimate_for, machine, segments_in
from linernotes.workflows.outside import count_outside
from linernotes.workspace import Workspace

N_TIMED = (
    3,
    3,
    13,
)  # the first pays for what later ones find ready; the last takes steps alone more than the second


@one_thread()
def estimate_calibration(request: CalibrateRequest, *, n_workers: int | None = None) -> dict[str, Any]:
    """Return what calibrating takes on this machine: models to train, and seconds from and to.

    A method that does not tell its cost has None for seconds.

    Raises
    ------
    InputError, CorpusError, UnsupportedGenerator
        As `linernotes.workflows.calibrate.calibrate_generator`, as far as nothing dear is needed to find out.
    """
    plan = read_plan(request)
    workers = n_workers or os.cpu_count() or 1
    with Workspace.open(request.workspace) as opened:
        n_outside = count_outside(plan.generator, opened, request.outside)
    n_models = 0 if plan.stored else plan.config.n_models
    each = 0.0
    if n_models and isinstance(plan.generator, ReferenceGenerator):
        each = _seconds_of_a_step(plan.generator, plan.config.recipe) * plan.config.recipe.n_steps
    rounds = -(-n_models // workers)
    scoring = {
        method.name: _scoring(plan, number, n_outside, workers) for number, method in enumerate(plan.methods)
    }
    known = [seconds for seconds in scoring.values() if seconds]
    return {
        "machine": machine(),
        "n_workers": workers,
        "n_models": n_models,
        "n_groups": plan.config.n_groups,
        "n_seeds": plan.config.n_seeds,
        "n_full": plan.config.n_full,
        "n_outputs": plan.config.n_outputs,
        "n_outside": n_outside,
        "seconds_per_model": each,
        "scoring_seconds": scoring,
        "seconds": {
            "low": rounds * each + sum(one["low"] for one in known),
            "high": SLOWER * rounds * each + sum(one["high"] for one in known),
        },
    }


def _seconds_of_a_step(generator: ReferenceGenerator, recipe: Recipe) -> float:
    """Time training on noise of the right shape: what a step takes does not depend on the music."""
    shape = generator.representation.config
    tokens = torch.randn(8 * shape.segment_tokens, shape.n_dims, generator=torch.Generator().manual_seed(0))
    items = [TrainingItem("noise", tokens, generator.vocabulary.vector(""))]
    taken = []
    for n_steps in N_TIMED:
        begun = time.perf_counter()
        train_network(items, replace(recipe, n_steps=n_steps), shape.segment_tokens)
        taken.append(time.perf_counter() - begun)
    return max(taken[2] - taken[1], 0.0) / (N_TIMED[2] - N_TIMED[1])


def _scoring(plan: Plan, number: int, n_outside: int, workers: int) -> dict[str, float] | None:
    items = candidates(plan.generator, plan.corpus)
    segments = sum(segments_in(item.duration_s, plan.generator.segment_s) for item in items)
    asked = [plan.config.output_segments] * (plan.config.n_outputs + n_outside)
    try:
        found = estimate_for(
            plan.methods[number], plan.generator, len(items), segments, asked, n_workers=workers
        )
    except InputError:
        return None  # it does not tell
    return {"low": found.seconds[0], "high": found.seconds[1]}
