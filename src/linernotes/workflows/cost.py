"""What a question will take, told beforehand: passes counted, seconds measured on this machine with this generator.

Passes follow from the method's settings and are exact up to what only the run can tell (where an early stop
comes). Seconds are passes times what a pass takes here and now, found by a few passes of the generator in question.

Conventions
-----------
A forward pass is one segment under one noise draw through the network once; a backward pass belongs to a forward
pass that is counted too. A method tells its own cost by ``cost(n_segments, n_query_segments) -> (forwards,
backwards)``, fitting included; with no query segments it is the cost of fitting alone.

Known limits
------------
Another program on the same cores makes everything slower than the estimate, unless it ran during the measurement.
Reading and encoding audio is not counted.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from linernotes.attribution.base import Attributor
from linernotes.attribution.chance import Chance
from linernotes.attribution.encoding import candidates
from linernotes.attribution.likeness.embedded import EmbeddedLikeness
from linernotes.attribution.likeness.similarity import Similarity
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig
from linernotes.attribution.unlearning.mucs import Mucs, MucsConfig
from linernotes.attribution.working_copy import trainable_copy
from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError
from linernotes.execution.threads import one_thread
from linernotes.generators.base import Generator, Segments
from linernotes.workflows.attribute import AttributeRequest
from linernotes.workflows.generators import load_generator
from linernotes.workflows.methods import make_method
from linernotes.workspace import Workspace

N_TIMED_DRAWS = 8
N_REPEATS = 5
SLOWER = 1.5  # how much slower than measured a long run may be: caches, clocks, other programs


@dataclass(frozen=True, slots=True)
class Passes:
    """Forward and backward passes, and segments of music generated on the way."""

    forwards: int
    backwards: int
    generated: int = 0

    def __add__(self, other: Passes) -> Passes:
        return Passes(
            self.forwards + other.forwards, self.backwards + other.backwards, self.generated + other.generated
        )


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of one pass on one core, as measured: quickest and slowest of a few tries."""

    forward: tuple[float, float]
    with_backward: tuple[float, float]
    generated_segment: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a request will take.

    Parameters
    ----------
    method : str
        The method asked about.
    n_queries, n_query_segments, n_items, n_segments : int
        The size of the question.
    forward_passes, backward_passes : int
        At most so many.
    seconds : tuple of float
        From and to, on *n_workers* workers.
    peak_memory_mib : float
        All processes together.
    machine : str
        Where the passes were timed.
    n_workers : int
        Processes.
    """

    method: str
    n_queries: int
    n_query_segments: int
    n_items: int
    n_segments: int
    forward_passes: int
    backward_passes: int
    seconds: tuple[float, float]
    peak_memory_mib: float
    machine: str
    n_workers: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"seconds": {"low": self.seconds[0], "high": self.seconds[1]}}


@one_thread()
def estimate(request: AttributeRequest, *, n_workers: int | None = None) -> CostEstimate:
    """Estimate what attributing a request's files by its method takes.

    Raises
    ------
    InputError
        If a file, the generator or the method is not usable, or the method does not tell its cost.
    CorpusError
        If no corpus is sealed in the workspace.
    NotDisclosed
        If the generator was trained on nothing that this corpus holds.
    """
    if not request.files:
        raise InputError("no files to estimate; name at least one output")
    method = make_method(request.method, request.seed)
    generator = load_generator(Path(request.generator))
    with Workspace.open(request.workspace) as workspace:
        items = candidates(generator, workspace.corpus())
    n_segments = sum(segments_in(item.duration_s, generator.segment_s) for item in items)
    asked = [
        segments_in(read_audio(name, generator.sample_rate).duration_s, generator.segment_s)
        for name in request.files
    ]
    return estimate_for(method, generator, len(items), n_segments, asked, n_workers=n_workers)


def estimate_for(
    method: Attributor,
    generator: Generator,
    n_items: int,
    n_segments: int,
    query_segments: Sequence[int],
    *,
    n_workers: int | None = None,
) -> CostEstimate:
    """Estimate the cost of a question of known size; what `estimate` does after reading the files."""
    workers = n_workers or max(1, min(os.cpu_count() or 1, 8))
    if hasattr(method, "expect_weights"):
        method.expect_weights(
            sum(weight.numel() for weight in generator.updatable(generator.network).values())
        )
    passes = passes_of(method, n_items, n_segments, query_segments)
    speed = measure_speed(generator, generates=passes.generated > 0)
    heard = _listening(method, generator)
    low, high = (
        (_seconds(passes, speed, end) + heard[end] * (n_segments + sum(query_segments))) / workers
        for end in (0, 1)
    )
    return CostEstimate(
        method=method.name,
        n_queries=len(query_segments),
        n_query_segments=sum(query_segments),
        n_items=n_items,
        n_segments=n_segments,
        forward_passes=passes.forwards,
        backward_passes=passes.backwards,
        seconds=(low, high * SLOWER),
        peak_memory_mib=_memory_mib(generator, len(query_segments), workers),
        machine=machine(),
        n_workers=workers,
    )


def segments_in(seconds: float, segment_s: float) -> int:
    """Return how many segments a recording gives: whole ones, and a last one that is at least half full.

    Examples
    --------
    >>> [segments_in(s, 4.0) for s in (1.0, 4.0, 5.9, 6.1)]
    [1, 1, 1, 2]
    """
    return max(1, int(seconds / segment_s + 0.5 + 1e-9))


def passes_of(method: Attributor, n_items: int, n_segments: int, query_segments: Sequence[int]) -> Passes:
    """Return the passes of fitting once and answering every query.

    Raises
    ------
    InputError
        If nobody can tell the method's cost.

    Examples
    --------
    >>> passes_of(Similarity(), n_items=10, n_segments=40, query_segments=[2])
    Passes(forwards=0, backwards=0, generated=0)
    """
    cost = _cost_of(method, n_items)
    fitting = cost(n_segments, 0)
    total = fitting
    for size in query_segments:
        both = cost(n_segments, size)
        total += Passes(both.forwards - fitting.forwards, both.backwards - fitting.backwards)
    return total


def machine() -> str:
    """Return the machine, in words.

    Examples
    --------
    >>> "torch" in machine()
    True
    """
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    )


@one_thread()
def measure_speed(generator: Generator, *, generates: bool = False) -> Speed:
    """Time a few passes of this generator on one core of this machine."""
    segments = _noise(generator, generator.segment_s)
    draws = generator.noise_draws(N_TIMED_DRAWS, 0)
    n_passes = len(segments) * len(draws)

    network = trainable_copy(generator)  # as methods have it
    weights = list(generator.updatable(network).values())

    def forward() -> None:
        with torch.no_grad():
            generator.losses(network, segments, draws)

    def with_backward() -> None:
        torch.autograd.grad(generator.losses(network, segments, draws).mean(), weights)

    made = (0.0, 0.0)
    if generates:
        made = _range_of(lambda: generator.generate(0, generator.segment_s), 1, n_repeats=1)
    return Speed(_range_of(forward, n_passes), _range_of(with_backward, n_passes), made)


@one_thread()
def _listening(method: Attributor, generator: Generator) -> tuple[float, float]:
    """Return seconds for decoding and embedding a segment, where that is what the method does."""
    if not isinstance(method, EmbeddedLikeness):
        return 0.0, 0.0
    sounding, stretch = method.sounding(generator), _noise(generator, method.embedding.length_s)
    return _range_of(lambda: method.embedding.vector(sounding.decode(stretch)), len(stretch))


def _noise(generator: Generator, seconds: float) -> Segments:
    noise = np.random.default_rng(0).standard_normal(round(seconds * generator.sample_rate))
    return generator.encode(Audio((0.1 * noise).astype(np.float32), generator.sample_rate))


# -- what each method does --------------------------------------------------------------------------

Cost = Callable[[int, int], Passes]


def _cost_of(method: Attributor, n_items: int) -> Cost:
    if isinstance(method, Similarity | EmbeddedLikeness | Chance):
        return lambda n_segments, n_asked: Passes(0, 0)
    if type(method) is Mucs:
        return lambda n_segments, n_asked: _mucs(method.config, n_segments, n_asked)
    told = getattr(method, "cost", None)
    if callable(told):
        return lambda n_segments, n_asked: _told(method, n_items, n_segments, n_asked)
    if isinstance(method, FisherUnlearning):
        return lambda n_segments, n_asked: _unlearning(method.config, n_segments, n_asked)
    raise InputError(
        f"method '{method.name}': does not tell its cost; a method does so by "
        "cost(n_segments, n_query_segments) -> (forwards, backwards)"
    )


def _told(method: Any, n_items: int, n_segments: int, n_asked: int) -> Passes:
    if hasattr(method, "expect_items"):
        method.expect_items(n_items)
    forwards, backwards = method.cost(n_segments, n_asked)
    return Passes(int(forwards), int(backwards), int(getattr(method, "n_generated", 0)))


def _unlearning(config: UnlearningConfig, n_segments: int, n_asked: int) -> Passes:
    scan = n_segments * config.n_scoring_draws
    fitting = Passes(n_segments + scan, n_segments)
    if not n_asked:
        return fitting
    gradient = n_asked * config.n_query_draws
    return fitting + Passes(gradient + scan, gradient)


def _mucs(config: MucsConfig, n_segments: int, n_asked: int) -> Passes:
    scan = n_segments * config.n_scoring_draws
    if not n_asked:
        return Passes(scan, 0)
    forget = max(1, config.batch_size // n_asked) * n_asked
    retain = 4 * max(1, config.batch_size // 4)
    steps = config.n_steps * (forget + retain)
    return Passes(2 * scan + steps, steps)


# -- seconds and bytes ------------------------------------------------------------------------------


def _range_of(work: Callable[[], object], n_passes: int, n_repeats: int = N_REPEATS) -> tuple[float, float]:
    if n_repeats > 1:
        work()  # the first time pays for what later times find ready
    times = []
    for _ in range(n_repeats):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) / n_passes)
    return min(times), statistics.median(times) if n_repeats > 1 else times[0]


def _seconds(passes: Passes, speed: Speed, end: int) -> float:
    plain = passes.forwards - passes.backwards
    return (
        plain * speed.forward[end]
        + passes.backwards * speed.with_backward[end]
        + passes.generated * speed.generated_segment[end]
    )


def _memory_mib(generator: Generator, n_queries: int, n_workers: int) -> float:
    """Return what this process holds after a few passes, once per process, and the changed weights of each query."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    process = peak / (2**20 if sys.platform == "darwin" else 2**10)
    weights = generator.updatable(generator.network).values()
    changed = sum(weight.numel() * weight.element_size() for weight in weights) / 2**20
    n_processes = 1 + (n_workers if n_workers > 1 else 0)
    return round(n_processes * (process + n_queries * changed), 1)
