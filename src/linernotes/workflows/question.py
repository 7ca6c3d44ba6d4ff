"""What is asked of `attribute`: the request, and everything that it names, read and checked."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from linernotes.attribution.base import Attributor, Query
from linernotes.attribution.encoding import DisclosedGenerator, encode_query
from linernotes.audio.files import file_sha256, read_audio
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import InputError
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.execution.shards import Progress
from linernotes.workflows.generators import load_generator
from linernotes.workflows.group_scores import GROUPINGS
from linernotes.workflows.methods import make_method
from linernotes.workflows.verify import Checks, refuse_what_cannot_be_checked
from linernotes.workspace import Workspace
from linernotes.workspace.runs import RunFolder

SEGMENTS_PER_SHARD = 32  # decides the order of additions, so it never follows the number of workers


@dataclass(frozen=True, slots=True)
class AttributeRequest:
    """What to attribute, and with what.

    Parameters
    ----------
    files : tuple of str
        Outputs under study.
    workspace, generator : str
        Where the sealed corpus and the generator's folder lie.
    method : str
        Name of an installed method.
    prompts : tuple of str
        What the generator was asked for, per file; empty where nobody knows.
    seed : int
        Seed of everything random.
    verify : int
        How many claims to test, from the top of each ranking.
    verify_by : str
        By ``tail-patch`` (a few training steps more), or by ``retrain`` (training again without).
    where : bool
        Whether to tell which seconds of the output and of the first recordings.
    group_by : str
        Also score groups: by ``artist`` or ``rightsholder``; empty for none.
    """

    files: tuple[str, ...]
    workspace: str
    generator: str
    method: str = "unlearning"
    prompts: tuple[str, ...] = ()
    seed: int = 0
    verify: int = 0
    verify_by: str = "tail-patch"
    where: bool = False
    group_by: str = ""

    @property
    def bare(self) -> AttributeRequest:
        """The same request for the ranking alone."""
        return replace(self, **EXTRAS)

    @property
    def checks(self) -> Checks:
        """What is asked beyond the ranking."""
        return Checks(self.verify, self.verify_by, self.where, self.seed)


EXTRAS: dict[str, Any] = {"verify": 0, "verify_by": "tail-patch", "where": False, "group_by": ""}


@dataclass(frozen=True)
class Question:
    """A request with everything that it names, read and checked."""

    request: AttributeRequest
    method: Attributor
    generator: DisclosedGenerator
    corpus: SealedCorpus
    queries: tuple[Query, ...]
    durations_s: tuple[float, ...]
    runs: Path
    n_workers: int
    progress: Progress | None

    def inputs(self) -> dict[str, str]:
        """Return the hashes of the files that any answer depends on."""
        files = {f"query {i}": file_sha256(Path(name)) for i, name in enumerate(self.request.files)}
        return files | {
            "corpus": self.corpus.root,
            "generator": self.generator.weights_sha256,
            "generator card": file_sha256(Path(self.request.generator) / "card.json"),
        }

    def runner(self, run: RunFolder) -> ProcessRunner:
        """Return the engine, with the run's store of finished shards."""
        return ProcessRunner(self.n_workers, SEGMENTS_PER_SHARD, ShardStore(run.shards), self.progress)


def read_question(
    request: AttributeRequest,
    n_workers: int | None = None,
    progress: Progress | None = None,
    parent: Path | None = None,
) -> Question:
    """Read and check everything that a request names, before any folder is made.

    Raises
    ------
    InputError
        If a file or the generator is not usable, the method is not installed, or a setting is not known.
    TooShort, CorpusError, NotDisclosed, UnsupportedGenerator
        As `linernotes.workflows.attribute.attribute` says.
    """
    if not request.files:
        raise InputError("no files to attribute; name at least one output")
    repeated = [name for name, n_times in Counter(request.files).items() if n_times > 1]
    if repeated:
        raise InputError(f"{repeated[0]}: named more than once; each output is attributed, and paid on, once")
    if request.group_by and request.group_by not in GROUPINGS:
        raise InputError(f"--group-by {request.group_by}: expected one of {', '.join(GROUPINGS)}")
    request = replace(request, prompts=_prompts(request))
    method, checks = make_method(request.method, request.seed), request.checks
    generator = load_generator(request.generator)
    with Workspace.open(request.workspace) as workspace:
        corpus = workspace.corpus()
        runs = parent or workspace.folder("runs")
    refuse_what_cannot_be_checked(generator, corpus, checks)
    sounds = [read_audio(name, generator.sample_rate) for name in request.files]
    queries = tuple(
        encode_query(generator, name, sound, prompt)
        for name, sound, prompt in zip(request.files, sounds, request.prompts, strict=True)
    )
    lengths = tuple(sound.duration_s for sound in sounds)
    return Question(
        request, method, generator, corpus, queries, lengths, runs, n_workers or _n_workers(), progress
    )


def _prompts(request: AttributeRequest) -> tuple[str, ...]:
    """Take prompts as given; else from the record that ``linernotes generate`` leaves beside its output."""
    if request.prompts and len(request.prompts) not in (1, len(request.files)):
        raise InputError(
            f"{len(request.prompts)} prompts for {len(request.files)} files; give one, or one per file"
        )
    if request.prompts:
        return request.prompts * (len(request.files) if len(request.prompts) == 1 else 1)
    return tuple(recorded_prompt(Path(name)) for name in request.files)


def recorded_prompt(path: Path) -> str:
    """Return the prompt in the record that ``linernotes generate`` leaves beside an output; empty without one."""
    record = path.with_name(path.name + ".json")
    if not record.is_file():
        return ""
    try:
        return str(json.loads(record.read_text(encoding="utf-8")).get("prompt", ""))
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"{record}: not a generation record ({error}); remove it or give --prompt"
        ) from error


def config_of(request: AttributeRequest) -> dict[str, Any]:
    """Return the request as configuration; a ranking alone reads, and is named, as before there was more to ask."""
    names = [name for name in AttributeRequest.__dataclass_fields__ if name not in EXTRAS]
    if request != request.bare:
        names += list(EXTRAS)
    return {name: getattr(request, name) for name in names}


def _n_workers() -> int:
    return max(1, min(os.cpu_count() or 1, 8))
