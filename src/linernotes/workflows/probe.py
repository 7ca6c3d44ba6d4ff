"""How often does a generator give back what it was trained on? N outputs, searched, with an honest upper bound.

Each output is made from its own seed, searched for passages, and its answer kept; an interrupted probe goes on at the
first output that is missing. The report says how many outputs hold a passage, and how large the true rate can still be.
A bound is only as good as the detector: its recall is measured on this very generator, by planting excerpts of the corpus
into some of its outputs, and paid for in the bound.

Conventions
-----------
An output counts when it holds a passage of at least two seconds, found by landmarks or segments, of a disclosed
recording; passages of other catalogue recordings are counted apart. Output *k* has seed ``seed + k`` and prompt
``k mod n_prompts``.

References
----------
Carlini et al. (2023), "Extracting training data from diffusion models", USENIX Security (generate many, search all).
Exact intervals: `linernotes.evaluation.exact_rates`.

Known limits
------------
The bound is about these prompts and this length of output; other prompts may draw out more. Planted excerpts are clean
copies at the output's own loudness, 5 s long: a generator may blur what it gives back, and then more is missed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soxr

from linernotes.audio.files import Audio, file_sha256, write_audio
from linernotes.errors import CorpusError, InputError
from linernotes.evaluation.exact_rates import (
    Rate,
    bound_with_misses,
    effective_trials,
    upper_bound,
)
from linernotes.evidence import Passage
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.workflows.identify_passages import LIMITS, collection_facts, described
from linernotes.workflows.known_music import KnownMusic, excerpt_of, open_known_music
from linernotes.workflows.memorisation import LEAST_S, same_recordings
from linernotes.workflows.passages import PassageConfig, find_passages
from linernotes.workspace import Workspace
from linernotes.workspace.runs import RunFolder

REPORT = "probe.json"
OUTPUTS = "outputs"
LEAST_SECONDS = 2.0


class Sounding(Protocol):
    """What a probe needs of a generator."""

    @property
    def generator_id(self) -> str:
        """Name plus the first digits of the weights' SHA-256."""
        ...

    def generate(self, seed: int, seconds: float, condition: str = "") -> Audio:
        """Make music from a seed and a description."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeConfig:
    """What is asked of the generator.

    Parameters
    ----------
    n_outputs : int > 0
        Outputs to make.
    prompts : tuple of str
        Descriptions, used in turn; one empty prompt when none is given.
    seconds : float
        Length of each output.
    n_planted : int >= 0
        Outputs that also get an excerpt planted, to measure the recall.
    planted_s : float
        Length of those excerpts.
    seed : int
        Of the first output.
    confidence : float in (0, 1)
        Of the bounds.
    passages : PassageConfig
        How each output is searched.
    """

    n_outputs: int
    prompts: tuple[str, ...] = ("",)
    seconds: float = 12.288
    n_planted: int = 20
    planted_s: float = 5.0
    seed: int = 0
    confidence: float = 0.95
    passages: PassageConfig = field(default_factory=PassageConfig)

    def __post_init__(self) -> None:
        if self.n_outputs < 1 or self.n_planted < 0:
            raise InputError(
                f"{self.n_outputs} outputs, {self.n_planted} planted: expected at least 1 and at least 0"
            )
        if not self.prompts:
            raise InputError("no prompts; give at least one, or an empty one for none")
        if not LEAST_SECONDS <= self.seconds <= 3600:
            raise InputError(
                f"{self.seconds} s per output: expected {LEAST_SECONDS:g} to 3600; shorter ones hold no passage to report"
            )
        if self.n_planted and not LEAST_S <= self.planted_s <= self.seconds:
            raise InputError(
                f"planted excerpts of {self.planted_s} s: expected {LEAST_S:g} to {self.seconds:g} (one output)"
            )
        if not 0 < self.confidence < 1:
            raise InputError(f"confidence {self.confidence}: expected a number above 0 and below 1")


def probe_folder(
    generator: Path | str,
    workspace: Path | str,
    config: ProbeConfig,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Probe the generator of a folder; as `probe`.

    Raises
    ------
    InputError
        If the folder is no generator's.
    UnsupportedGenerator
        If its adapter is not installed.
    """
    from linernotes.workflows.generator import check_prompts
    from linernotes.workflows.generators import load_generator

    loaded = load_generator(generator)
    check_prompts(loaded, config.prompts)
    return probe(loaded, workspace, config, progress=progress)


@one_thread()
def probe(
    generator: Sounding,
    workspace: Path | str,
    config: ProbeConfig,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make outputs, search each for passages, and report the rate with its upper bound.

    Parameters
    ----------
    generator : Sounding
        Anything with ``generator_id`` and ``generate``.
    workspace : Path or str
        Workspace with the sealed corpus that the generator was trained on.
    config : ProbeConfig
        How many, how long, with which prompts.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``outputs`` (one per output, without those that hold nothing in detail), ``rate``, ``upper_bound``,
        ``rule_of_three``, ``recall``, ``by_prompt``, ``words``; it is also kept in the run folder, ``folder``.

    Raises
    ------
    CorpusError
        If the workspace has no sealed corpus.
    """
    with Workspace.open(workspace) as opened:
        if not opened.has_corpus():
            raise CorpusError(
                f"{opened.path}: no corpus is sealed here, so nothing can be told about memorising it; "
                "run 'linernotes corpus seal'"
            )
        known = open_known_music(opened, progress)
        same = same_recordings(opened, known, progress)
        run = RunFolder.begin(
            opened.folder("runs"), "generator probe", _settings(config), _inputs(generator, known)
        )
    if not run.finished:
        answers = [_answer(k, generator, known, same, config, run, progress) for k in range(config.n_outputs)]
        planted = [
            _planted_answer(k, generator, known, config, run, progress)
            for k in range(_n_planted(config, known))
        ]
        report = report_of(answers, planted, config, generator.generator_id)
        run.write_json(REPORT, report | {"collection": collection_facts(known)})
        run.finish()
    found: dict[str, Any] = run.read_json(REPORT)
    return found | {"folder": str(run.path)}


def report_of(
    answers: Sequence[Mapping[str, Any]],
    planted: Sequence[Mapping[str, Any]],
    config: ProbeConfig,
    generator_id: str,
) -> dict[str, Any]:
    """Return the report on answers: pure arithmetic, tested on its own."""
    n, hits = len(answers), sum(bool(one["holds"]) for one in answers)
    n_found = sum(bool(one["found"]) for one in planted)
    by_prompt = [
        {
            "prompt": prompt,
            "n_outputs": sum(one["prompt"] == prompt for one in answers),
            "n_holding": sum(one["prompt"] == prompt and bool(one["holds"]) for one in answers),
        }
        for prompt in dict.fromkeys(one["prompt"] for one in answers)
    ]
    worth, correlation = effective_trials([(row["n_holding"], row["n_outputs"]) for row in by_prompt])
    if len(by_prompt) == 1:
        worth, correlation = float(n), None  # one prompt: the bound is about that prompt
    rate = Rate.of(hits, n, config.confidence)
    recall = Rate.of(n_found, len(planted), config.confidence)
    report = {
        "generator_id": generator_id,
        "n_outputs": n,
        "n_holding": hits,
        "n_holding_undisclosed": sum(bool(one["undisclosed"]) for one in answers),
        "rate": rate.as_json(),
        "upper_bound": upper_bound(hits, n, config.confidence),
        "rule_of_three": 3 / n if hits == 0 else None,
        "recall": recall.as_json(),
        "upper_bound_with_misses": bound_with_misses(hits, n, n_found, len(planted), config.confidence),
        "clusters": {
            "n_prompts": len(by_prompt),
            "correlation": correlation,
            "effective_outputs": round(worth, 2),
            "upper_bound": bound_with_misses(
                hits * worth / n, worth, n_found, len(planted), config.confidence
            ),
        },
        "by_prompt": by_prompt,
        "expected_by_chance": round(n * config.passages.max_false_rate, 3),
        "confidence": config.confidence,
        "outputs": [one for one in answers if one["passages"]],
        "limits": LIMITS,
    }
    return report | {"words": _words(report)}


def _words(report: Mapping[str, Any]) -> str:
    n, hits = report["n_outputs"], report["n_holding"]
    sure = f"{100 * report['confidence']:g} %"
    recall = report["recall"]
    parts = [f"{hits} of {n} outputs hold a passage of the disclosed corpus"]
    parts.append(f"upper bound {_per_cent(report['upper_bound'])} of outputs at {sure} confidence")
    if report["rule_of_three"] is not None:
        parts.append(f"rule of three {_per_cent(report['rule_of_three'])}")
    if recall["n_trials"]:
        parts.append(
            f"{recall['n_hits']} of {recall['n_trials']} planted excerpts were found, with misses paid for the bound is "
            f"{_per_cent(report['upper_bound_with_misses'])}"
        )
    else:
        parts.append("recall was not measured, so nothing bounds what the detector misses")
    if report["clusters"]["n_prompts"] > 1:
        parts.append(
            f"with {report['clusters']['n_prompts']} prompts as clusters "
            f"{_per_cent(report['clusters']['upper_bound'])}"
        )
    parts.append(f"by chance about {report['expected_by_chance']:g} outputs would be flagged at most")
    return "; ".join(parts) + "."


def _per_cent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _settings(config: ProbeConfig) -> dict[str, Any]:
    settings = asdict(config)
    settings["prompts"] = list(config.prompts)
    search = settings["passages"]["search"]
    search["ratios"] = list(search["ratios"])
    settings["passages"]["detectors"] = list(config.passages.detectors)
    return settings


def _inputs(generator: Sounding, known: KnownMusic) -> dict[str, str]:
    import hashlib

    contents = sorted((one.name, one.content_sha256) for one in known.recordings.values())
    return {
        "generator": generator.generator_id,
        "collection": hashlib.sha256(json.dumps(contents).encode()).hexdigest(),
    }


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


def _answer(
    k: int,
    generator: Sounding,
    known: KnownMusic,
    same: Mapping[str, Sequence[str]],
    config: ProbeConfig,
    run: RunFolder,
    progress: Progress | None,
) -> dict[str, Any]:
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


def _planted_answer(
    k: int,
    generator: Sounding,
    known: KnownMusic,
    config: ProbeConfig,
    run: RunFolder,
    progress: Progress | None,
) -> dict[str, Any]:
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


def _n_planted(config: ProbeConfig, known: KnownMusic) -> int:
    return config.n_planted if _sources(known, config.planted_s) else 0


def _search(audio: Audio, known: KnownMusic, config: ProbeConfig, name: str) -> tuple[Passage, ...]:
    return find_passages(
        audio, known.indexes, known.features, known.note_index, query_id=name, config=config.passages
    )
