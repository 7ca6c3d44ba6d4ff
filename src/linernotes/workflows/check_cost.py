"""What checks of a ranking will take at most, told beforehand: as `cost`, for ``--verify`` and ``--where``.

Known limits
------------
A sequential test usually stops well before its cap; the figures are for the cap. Which recordings a ranking will put
first is not known yet: those to be mapped are taken to be of average length.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linernotes.attribution.encoding import DisclosedGenerator, candidates
from linernotes.audio.files import read_audio
from linernotes.evaluation.localisation import N_PAIRS
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows.cost import Passes, Speed, machine, measure_speed, segments_in
from linernotes.workflows.generators import load_generator
from linernotes.workflows.question import AttributeRequest
from linernotes.workflows.verify import N_MAPPED, Checks, refuse_what_cannot_be_checked
from linernotes.workspace import Workspace


def estimate_checks(request: AttributeRequest) -> dict[str, Any]:
    """Return the most that the checks of a request can take, on one core of this machine.

    Raises
    ------
    InputError
        If a file is not usable, or the corpus is too small for so many claims.
    UnsupportedGenerator
        If the generator lacks what the checks need.
    """
    checks, generator = request.checks, load_generator(Path(request.generator))
    with Workspace.open(request.workspace) as workspace:
        corpus = workspace.corpus()
    refuse_what_cannot_be_checked(generator, corpus, checks)
    lengths = [segments_in(item.duration_s, generator.segment_s) for item in candidates(generator, corpus)]
    asked = [
        segments_in(read_audio(name, generator.sample_rate).duration_s, generator.segment_s)
        for name in request.files
    ]
    speed = measure_speed(generator)
    found: dict[str, Any] = {"machine": machine()}
    if checks.n_verified:
        n_trials = len(asked) * checks.n_verified * 2 * checks.verify.max_repeats
        passes = sum((_verifying(checks, generator, size) for size in asked), Passes(0, 0))
        what = "most_retrainings" if checks.by == "retrain" else "most_patches"
        found["verify"] = {what: n_trials, **_told(passes, speed)}
    if checks.where:
        passes = sum(
            (_mapping(checks, generator, size, lengths) for size in asked), _fisher(checks, sum(lengths))
        )
        found["where"] = _told(passes, speed)
    return found


def _verifying(checks: Checks, generator: DisclosedGenerator, n_asked: int) -> Passes:
    n_trials = checks.n_verified * 2 * checks.verify.max_repeats
    if checks.by == "retrain" and isinstance(generator, ReferenceGenerator):
        recipe = generator.recipe
        trained = recipe.n_steps * recipe.batch_size
        return Passes(n_trials * (trained + 64 * n_asked), n_trials * trained)
    return _patches(checks, n_trials, n_asked)


def _patches(checks: Checks, n_trials: int, n_asked: int) -> Passes:
    config = checks.tail_patch
    learnt = 3 * config.n_steps * config.n_examples * config.n_draws
    return Passes(n_trials * (learnt + 2 * n_asked * config.n_query_draws), n_trials * learnt)


def _fisher(checks: Checks, n_segments: int) -> Passes:
    n_taken = min(n_segments, checks.localise.n_fisher_segments)
    return Passes(n_taken, n_taken)


def _mapping(checks: Checks, generator: DisclosedGenerator, n_asked: int, lengths: list[int]) -> Passes:
    config = checks.localise
    n_tokens = generator.noise_draws(1, 0).noise.shape[1]
    n_windows = n_asked * -(-n_tokens // config.window_tokens)
    gradients = config.n_query_draws * n_windows
    mapped = N_MAPPED * sum(lengths) / len(lengths)
    scan = round(2 * (n_windows + 1) * mapped * config.n_scoring_draws)
    n_masked = min(checks.n_verified, N_MAPPED) * 2 * N_PAIRS
    return Passes(gradients + scan, gradients) + _patches(checks, n_masked, n_asked)


def _told(passes: Passes, speed: Speed) -> dict[str, Any]:
    plain = passes.forwards - passes.backwards
    seconds = [plain * speed.forward[end] + passes.backwards * speed.with_backward[end] for end in (0, 1)]
    return {
        "forward_passes": passes.forwards,
        "backward_passes": passes.backwards,
        "seconds_at_most": {"low": seconds[0], "high": seconds[1]},
    }
