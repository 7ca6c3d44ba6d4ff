"""One output of a probe: made from its seed, searched for passages, and its answer kept.

With a planted excerpt of the corpus the same tells whether the detector would have found it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import soxr

from linernotes.audio.files import Audio, file_sha256, write_audio
from linernotes.evidence.identification import Passage
from linernotes.execution.shards import Progress
from linernotes.workflows.identify_passages import described
from linernotes.workflows.known_audio import excerpt_of, listening_to
from linernotes.workflows.known_music import KnownMusic
from linernotes.workflows.memorisation import LEAST_S
from linernotes.workflows.passages import find_passages
from linernotes.workflows.probe_config import ProbeConfig, Sounding
from linernotes.workspace.runs import RunFolder

OUTPUTS = "outputs"


def _prompt(config: ProbeConfig, k: int) -> str:
    return config.prompts[k % len(config.prompts)]


def _kept(run: RunFolder, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the answer of an earlier, interrupted probe, or make and keep it."""
    if (run.path / name).is_file():
        found: dict[str, Any] = run.read_json(name)
        return found
    made = make()
    run.write_json(name, made)
    return made


def answer_of(
    k: int,
    generator: Sounding,
    known: KnownMusic,
    same: Mapping[str, Sequence[str]],
    config: ProbeConfig,
    run: RunFolder,
    progress: Progress | None,
) -> dict[str, Any]:
    """Return the answer to output *k*, made now or kept from before."""

    def make() -> dict[str, Any]:
        audio = generator.generate(config.seed + k, config.seconds, _prompt(config, k))
        name = f"output-{k:05d}"
        passages = () if audio.is_silent else _search(audio, known, config, name)
        shared = {copy for copies in same.values() for copy in copies}
        holding = [one for one in passages if one.query.duration_s >= LEAST_S and one.detector != "notes"]
        disclosed = [
            one
            for one in holding
            if known.recordings[one.recording_id].item_id is not None or one.recording_id in shared
        ]
        answer: dict[str, Any] = {
            "output": name,
            "seed": config.seed + k,
            "prompt": _prompt(config, k),
            "holds": bool(disclosed),
            "undisclosed": len(holding) > len(disclosed) and not disclosed,
            "silent": bool(audio.is_silent),
            "passages": [described(one, known, same) for one in passages],
        }
        if passages:  # what holds nothing can be made again from its seed
            path = run.path / OUTPUTS / f"{name}.wav"
            path.parent.mkdir(exist_ok=True)
            write_audio(path, audio)
            answer |= {"file": f"{OUTPUTS}/{name}.wav", "content_sha256": file_sha256(path)}
        return answer

    answer = _kept(run, f"{OUTPUTS}/output-{k:05d}.json", make)
    if progress is not None:
        progress("probing", k + 1, config.n_outputs)
    return answer


def planted_answer(
    k: int,
    generator: Sounding,
    known: KnownMusic,
    config: ProbeConfig,
    run: RunFolder,
    progress: Progress | None,
) -> dict[str, Any]:
    """Return whether an excerpt planted into output *k* is found, told now or kept from before."""

    def make() -> dict[str, Any]:
        random = np.random.default_rng([config.seed, k])
        sources = _sources(known, config.planted_s)
        source = known.recordings[sources[int(random.integers(len(sources)))]]
        start = float(random.uniform(0, known.features.duration_of(source.name) - config.planted_s))
        at = float(random.uniform(0, config.seconds - config.planted_s))
        host = generator.generate(config.seed + k % config.n_outputs, config.seconds, _prompt(config, k))
        audio = planted_into(host, excerpt_of(source, start, start + config.planted_s), at)
        passages = _search(audio, known, config, f"planted-{k:05d}")
        own = [
            one
            for one in passages
            if one.recording_id == source.name
            and one.detector != "notes"
            and one.query.start_s < at + config.planted_s
            and one.query.end_s > at
        ]
        return {
            "recording_id": source.name,
            "at_s": round(at, 3),
            "start_s": round(start, 3),
            "found": bool(own),
            "start_error_s": round(own[0].query.start_s - at, 3) if own else None,
            "end_error_s": round(own[0].query.end_s - at - config.planted_s, 3) if own else None,
        }

    answer = _kept(run, f"{OUTPUTS}/planted-{k:05d}.json", make)
    if progress is not None:
        progress("measuring recall", k + 1, config.n_planted)
    return answer


def planted_into(host: Audio, excerpt: Audio, at_s: float) -> Audio:
    """Return the host with an excerpt in place of some seconds, at the host's loudness and rate.

    Examples
    --------
    >>> host = Audio(np.full(100, 0.1, np.float32), 10)
    >>> made = planted_into(host, Audio(np.full(20, 0.5, np.float32), 10), 4.0)
    >>> len(made.samples), bool(np.allclose(made.samples, 0.1))
    (100, True)
    """
    part = excerpt.samples
    if excerpt.sample_rate != host.sample_rate:
        part = soxr.resample(part, excerpt.sample_rate, host.sample_rate, quality="HQ").astype(np.float32)
    first = round(at_s * host.sample_rate)
    part = part[: max(0, len(host.samples) - first)]
    loudness = [float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (host.samples, part)]
    gain = loudness[0] / loudness[1] if min(loudness) > 1e-6 else 1.0
    samples = host.samples.copy()
    samples[first : first + len(part)] = np.clip(part * gain, -1, 1)
    return Audio(samples, host.sample_rate)


def _sources(known: KnownMusic, seconds: float) -> list[str]:
    return sorted(
        one.name
        for one in known.recordings.values()
        if one.item_id is not None
        and one.name in known.features
        and known.features.duration_of(one.name) > seconds
    )


def n_planted(config: ProbeConfig, known: KnownMusic) -> int:
    """Return how many excerpts are planted: none where no recording of the corpus is long enough."""
    return config.n_planted if _sources(known, config.planted_s) else 0


def _search(audio: Audio, known: KnownMusic, config: ProbeConfig, name: str) -> tuple[Passage, ...]:
    return find_passages(
        audio,
        known.indexes,
        known.features,
        known.note_index,
        query_id=name,
        config=config.passages,
        listen=listening_to(known),
    )
