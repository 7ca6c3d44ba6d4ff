"""Build the fast index of a generator and its corpus, ask it, and fall back to the exact method where it must.

Building is done once per generator and corpus and resumes where it was interrupted. Asking takes milliseconds for
the search and one gradient of the query. Where the query is unlike everything that the index learnt from, the exact
method is asked instead, unless the caller wants the fast answer anyhow; the answer says which it was and why.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from linernotes.attribution.base import Query
from linernotes.attribution.encoding import DisclosedGenerator, encode_corpus, encode_query, scope_of
from linernotes.attribution.fast.answering import FastAnswer
from linernotes.attribution.fast.index import FastIndex, IndexConfig
from linernotes.attribution.fast.index_store import AGAIN, HEADER, load
from linernotes.attribution.statements.ranking import rank
from linernotes.audio.files import read_audio
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError
from linernotes.evaluation.reliability import reliability_of
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.generators.base import Generator
from linernotes.workflows.attribute import SEGMENTS_PER_SHARD, AttributeRequest
from linernotes.workflows.attribute import attribute as attribute_exactly
from linernotes.workflows.generators import load_generator
from linernotes.workflows.methods import checked_seed
from linernotes.workflows.question import recorded_prompt
from linernotes.workspace import Workspace

FOLDER = "index"
SHARDS = "building"
EXACT = "ekfac"


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to index.

    Parameters
    ----------
    workspace, generator : str
        Where the sealed corpus and the generator's folder lie.
    n_teaching_queries, n_taught_segments : int
        Questions to the teacher, and segments that it scores for each; more is slower and better.
    seed : int
        Seed of everything random.
    """

    workspace: str
    generator: str
    n_teaching_queries: int = IndexConfig().n_teaching_queries
    n_taught_segments: int = IndexConfig().n_taught_segments
    seed: int = 0

    @property
    def config(self) -> IndexConfig:
        """Settings of the index."""
        return IndexConfig(
            n_teaching_queries=self.n_teaching_queries,
            n_taught_segments=self.n_taught_segments,
            seed=checked_seed(self.seed),
        )


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What to ask the index.

    Parameters
    ----------
    files : tuple of str
        Outputs under study.
    workspace, generator : str
        As the index was built with.
    prompts : tuple of str
        One for all, one per file, or none: then the record beside each output is read.
    fall_back : bool
        Whether the exact method answers for what the index does not know.
    seed : int
        As the index was built with.
    """

    files: tuple[str, ...]
    workspace: str
    generator: str
    prompts: tuple[str, ...] = ()
    fall_back: bool = True
    seed: int = 0


@one_thread()
def build(request: BuildRequest, *, n_workers: int = 1, progress: Progress | None = None) -> dict[str, Any]:
    """Teach the student, embed the corpus, write the index; an index that is there already is kept.

    Returns
    -------
    dict
        Folder, sizes, and how well the student predicted what was left out.

    Raises
    ------
    InputError
        If the generator or a setting is not usable.
    CorpusError
        If no corpus is sealed, or the folder holds an index made for something else.
    NotDisclosed
        If the generator was trained on nothing that this corpus holds.
    """
    generator = load_generator(Path(request.generator))
    with Workspace.open(request.workspace) as workspace:
        corpus = workspace.corpus()
        folder = workspace.folder(FOLDER) / generator.generator_id
    encoded = encode_corpus(generator, corpus, progress)
    shards = folder / SHARDS
    index = FastIndex(request.config, folder=folder, seed=request.seed)
    with ProcessRunner(n_workers, SEGMENTS_PER_SHARD, ShardStore(shards), progress) as runner:
        index.fit(generator, encoded, runner)
    if not (folder / HEADER).is_file():
        index.save(folder)
    shutil.rmtree(shards, ignore_errors=True)
    return {
        "folder": str(folder),
        "generator_id": generator.generator_id,
        "corpus_root": corpus.root,
        "n_items": len(encoded.item_ids),
        "n_segments": len(encoded.segments),
        "n_bytes": sum(path.stat().st_size for path in folder.rglob("*.npy")),
        "student": index.report,
    }


@one_thread()
def query(
    request: QueryRequest, *, n_workers: int | None = None, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Rank influence on each file by the index, or exactly where the index does not know.

    Returns
    -------
    list of dict
        A ranking per file, in the fields of `attribute`, with ``answered_by`` (the method), ``fallback`` (whether
        it is not the index), ``p_value`` (how usual the query is), and ``why``.

    Raises
    ------
    InputError
        If a file or the generator is not usable.
    TooShort
        If an output holds less than one segment of the generator.
    CorpusError
        If there is no index for this generator and corpus, or it is damaged.
    """
    if not request.files:
        raise InputError("no files to ask about; name at least one output")
    request = replace(request, prompts=_prompts(request))
    generator = load_generator(Path(request.generator))
    with Workspace.open(request.workspace) as workspace:
        corpus = workspace.corpus()
        folder = workspace.folder(FOLDER) / generator.generator_id
    index = open_index(folder, generator, corpus.root, checked_seed(request.seed))
    answers = []
    for name, prompt in zip(request.files, request.prompts, strict=True):
        asked = encode_query(generator, name, read_audio(name, generator.sample_rate), prompt)
        answers.append(_answer(index, asked, prompt, request, generator, corpus, n_workers, progress))
    return answers


def open_index(folder: Path, generator: Generator, corpus_root: str, seed: int = 0) -> FastIndex:
    """Return a built index, whatever sizes it was built with; the corpus itself is not read.

    Raises
    ------
    CorpusError
        If there is none, it is damaged, or it was built for another generator, corpus or seed.
    NewerRevision
        If a newer revision of Linernotes wrote it.
    """
    belongs_to = {"generator_id": generator.generator_id, "corpus_root": corpus_root}
    facts = load(folder, belongs_to=belongs_to, verify=False).facts
    try:
        settings = dict(facts["settings"])
        teacher = settings.pop("teacher")
        config = IndexConfig(**settings)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise CorpusError(f"{folder}: index with unknown settings ({error}); {AGAIN}") from error
    if config.seed != seed:
        raise CorpusError(f"{folder}: index built with seed {config.seed}; asked for seed {seed}")
    index = FastIndex(config, folder=folder, seed=seed)
    if index.teacher.name != teacher["name"]:
        raise CorpusError(
            f"{folder}: index taught by '{teacher['name']}', which this program cannot ask; {AGAIN}"
        )
    index.open(folder, generator, corpus_root)
    return index


def _answer(
    index: FastIndex,
    asked: Query,
    prompt: str,
    request: QueryRequest,
    generator: DisclosedGenerator,
    corpus: SealedCorpus,
    n_workers: int | None,
    progress: Progress | None,
) -> dict[str, Any]:
    answer = index.answer(asked)
    said = {
        "p_value": answer.p_value,
        "fallback": False,
        "answered_by": index.name,
        "why": _why(answer),
    }
    if answer.unfamiliar and request.fall_back:
        exact = AttributeRequest(
            (asked.query_id,), request.workspace, request.generator, EXACT, (prompt,), request.seed
        )
        ranking = attribute_exactly(exact, n_workers=n_workers, progress=progress)[0]
        return ranking.as_json() | said | {"fallback": True, "answered_by": EXACT}
    ranking = rank(
        index.scores_of(answer),
        generator_id=generator.generator_id,
        corpus_root=corpus.root,
        seed=request.seed,
        reliability=reliability_of(Path(request.generator), index, generator, corpus.root),
    )
    return replace(ranking, scope=scope_of(generator, corpus)).as_json() | said


def _why(answer: FastAnswer) -> str:
    if answer.unfamiliar:
        return (
            f"the output is unlike what the index learnt from (p = {answer.p_value:.3f}): "
            "its prediction is not to be trusted"
        )
    return f"the output is like what the index learnt from (p = {answer.p_value:.2f})"


def _prompts(request: QueryRequest) -> tuple[str, ...]:
    if not request.prompts:
        return tuple(recorded_prompt(Path(name)) for name in request.files)
    if len(request.prompts) not in (1, len(request.files)):
        raise InputError(
            f"{len(request.prompts)} prompts for {len(request.files)} files; give one, or one per file"
        )
    return request.prompts * (len(request.files) if len(request.prompts) == 1 else 1)
