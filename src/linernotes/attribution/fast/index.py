"""The fast index: a student of an influence method that answers in milliseconds.

`FastIndex` is an attribution method like any other. Fitting it asks the teacher (influence through EK-FAC curvature,
unless another is given) about a few dozen made-up queries and some of the recordings, fits a `Student` to the answers, and
turns every segment of the corpus into an embedding of one byte per number. An answer is then one gradient of the query
and one scan of the bytes. It predicts *what training on each recording did to the output's loss* (taught by unlearning:
what forgetting the output would do to each recording); how alike two pieces sound never enters but through that.

Features go by the teacher's own curvature, so that the first-order score, which the student starts from, is the
teacher's own up to the sketch and the noise draws.

Conventions
-----------
Scores have the teacher's sign, unit and size. ``replicates`` spread so that the standard error of their mean is
the predicted standard deviation. An answer whose query is unlike everything the student learnt from says so
(``unfamiliar``), and the caller should ask the teacher.

References
----------
Wang et al. (2025), "Fast data attribution for text-to-image models", arXiv:2511.10721. We differ: features are the
generator's own gradients, the target is the score and not the rank, and an answer carries its uncertainty.

Known limits
------------
See `student`. `attribute` never falls back by itself: only `linernotes.workflows.fast_index` does, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import Attributor, EncodedCorpus, ItemScores, Query
from linernotes.attribution.curvature.ekfac import EkfacInfluence
from linernotes.attribution.curvature.fisher import FisherPass
from linernotes.attribution.curvature.kronecker import Curvature
from linernotes.attribution.fast import index_store
from linernotes.attribution.fast.answering import FastAnswer, Fitted
from linernotes.attribution.fast.distillation import StudentConfig, fit_student
from linernotes.attribution.fast.embedding import Embedded, EmbedPass, block_of, embedded
from linernotes.attribution.fast.features import FeaturePass, FeatureReader, Features, diagonal_of, draws_for
from linernotes.attribution.fast.teaching import QueryPass, plan_queries, planned_sizes, sample_items
from linernotes.attribution.unlearning.partial import PartialAttributor, PartialUnlearning
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator

N_REPLICATES = 16
FISHER_DRAWS = 64
LARGEST_SAMPLE = 4096  # segments from which principal directions are taken


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """Settings of the fast index.

    Parameters
    ----------
    n_teaching_queries, n_taught_segments : int
        Questions to the teacher, and how many segments it scores for each.
    n_item_draws, n_query_draws : int
        Noise draws under which gradients are taken.
    n_buckets : int
        Length of the gradient's sketch.
    n_directions, n_hidden, n_dims : int
        Principal directions of gradients, of hidden states, and length of an embedding.
    damping : float
        Of the Fisher diagonal, as in unlearning; a teacher with a curvature of its own brings its damping.
    unfamiliar_below : float
        p-value up to which a query counts as unlike everything the student learnt from; one that lies farther
        out than all teaching queries always does.
    seed : int
        Seed of everything random.
    """

    n_teaching_queries: int = 96
    n_taught_segments: int = 192
    n_item_draws: int = 16
    n_query_draws: int = 8
    n_buckets: int = 32768
    n_directions: int = 384
    n_hidden: int = 16
    n_dims: int = 256
    damping: float = 0.1
    unfamiliar_below: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        counts = (self.n_taught_segments, self.n_item_draws, self.n_query_draws, self.n_buckets)
        if min(counts) < 1 or self.n_teaching_queries < 8 or self.damping <= 0:
            raise InputError(f"{self}: expected positive settings and at least 8 teaching queries")
        if not 0 <= self.unfamiliar_below < 1:
            raise InputError(f"unfamiliar_below={self.unfamiliar_below}: expected 0 <= p < 1")


class FastIndex:
    """A distilled influence score.

    Parameters
    ----------
    config : IndexConfig, optional
        Settings.
    teacher : Attributor, optional
        The method to learn from; one that answers about some segments (`PartialAttributor`) is asked about fewer.
    folder : Path, optional
        Where a built index lies: `fit` then reads it instead of learning, if it is there.
    seed : int
        Seed of everything random.
    """

    name = "fast"
    revision = "2"
    paper = "after Wang et al. (2025), arXiv:2511.10721; teacher: see settings"
    licence = "Apache-2.0"

    def __init__(
        self,
        config: IndexConfig | None = None,
        *,
        teacher: Attributor | None = None,
        folder: Path | None = None,
        seed: int = 0,
    ) -> None:
        self.config = config or IndexConfig(seed=seed)
        self.teacher: Attributor = teacher or EkfacInfluence(seed=seed)
        self.folder = folder
        self._fitted: Fitted | None = None
        self._n_weights = 0

    @property
    def unit(self) -> str:
        """What a score is measured in: the teacher's unit."""
        return f"{self.teacher.unit}, predicted"

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on, the teacher's among them."""
        teacher = {"name": self.teacher.name, "revision": self.teacher.revision}
        return asdict(self.config) | {"teacher": teacher | {"settings": self.teacher.settings}}

    @property
    def report(self) -> dict[str, Any]:
        """How well the student predicted left-out queries on left-out recordings."""
        return dict(self._parts().student.report)

    @property
    def n_segments(self) -> int:
        """How many segments are in the index."""
        return len(self._parts().rows.codes)

    # -- fitting --------------------------------------------------------------------------------

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Read the index if its folder holds it, else ask the teacher, fit the student and embed the corpus."""
        if self.folder is not None and self._is_stored:
            self.open(self.folder, generator, corpus.root)
            return
        reader = self._reader(generator, self._fit_teacher(generator, corpus, run))
        plans = plan_queries(corpus, self.config.n_teaching_queries, self.config.seed + 6)
        queries = run(QueryPass(generator, corpus), plans, name="teaching queries")
        taught = sample_items(corpus, self.config.n_taught_segments, self.config.seed + 7)
        scores = self._ask(queries, taught, run)
        asked = Features.join([reader.of_query(query.segments) for query in queries])
        sample = self._sample(len(corpus.segments), taught)
        features = run(FeaturePass(reader, corpus.segments), sample.tolist(), name="features of a sample")
        place = np.searchsorted(sample, taught)
        sizes = StudentConfig(self.config.n_directions, self.config.n_hidden, self.config.n_dims)
        student = fit_student(features, place, corpus.item_of[taught], asked, scores, sizes)
        if len(sample) == len(corpus.segments):
            rows = embedded([block_of(student, features)], corpus)
        else:
            rows = run(EmbedPass(reader, student, corpus), range(len(corpus.segments)), name="embedding")
        self._fitted = Fitted(corpus.item_ids, corpus.root, reader, student, rows)

    def _fit_teacher(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> Curvature:
        """Fit the teacher and return the curvature that it goes by, or the Fisher diagonal."""
        self.teacher.fit(generator, corpus, run)
        if isinstance(self.teacher, EkfacInfluence):
            return self.teacher.curvature
        if isinstance(self.teacher, PartialUnlearning):
            return diagonal_of(self.teacher.fisher, self.config.damping)
        draws = generator.noise_draws(FISHER_DRAWS, self.config.seed + 2)
        fisher = run(FisherPass(generator, corpus, draws), range(len(corpus.segments)), name="Fisher")
        return diagonal_of(fisher, self.config.damping)

    def _ask(self, queries: Sequence[Query], taught: list[int], run: Runner) -> NDArray[np.float64]:
        if isinstance(self.teacher, PartialAttributor):
            return self.teacher.sample_rises(queries, taught, run)
        answers = self.teacher.attribute(queries, run)
        return np.stack([answer.segment_scores[taught] for answer in answers])

    def _reader(self, generator: Generator, curvature: Curvature) -> FeatureReader:
        config, teacher = self.config, self.teacher
        return FeatureReader(
            generator, curvature, n_item_draws=config.n_item_draws, n_query_draws=config.n_query_draws,
            n_buckets=config.n_buckets, seed=config.seed,
            query_levels=teacher.config.query_levels if isinstance(teacher, EkfacInfluence) else 1.0,
        )  # fmt: skip

    def _sample(self, n_segments: int, taught: list[int]) -> NDArray[np.int64]:
        if n_segments <= LARGEST_SAMPLE:
            return np.arange(n_segments)
        random = np.random.default_rng(self.config.seed + 8)
        return np.union1d(random.choice(n_segments, LARGEST_SAMPLE, replace=False), taught)

    # -- asking ---------------------------------------------------------------------------------

    def answer(self, query: Query) -> FastAnswer:
        """Predict the teacher's scores for one query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        return self._parts().answer(query, self.config.unfamiliar_below)

    def over(self, item_ids: Sequence[str], rows: Embedded) -> FastIndex:
        """Return an index that answers about other recordings, given as rows that its student embedded.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        InputError
            If names and rows do not fit together.
        """
        fitted = self._parts()
        if len(rows.starts) != len(item_ids) + 1 or rows.codes.shape[1] != fitted.student.n_dims:
            raise InputError(
                f"{len(item_ids)} recordings, rows of {len(rows.starts) - 1} in {rows.codes.shape[1]} dimensions: "
                f"expected as many, in {fitted.student.n_dims} dimensions"
            )
        other = FastIndex(self.config, teacher=self.teacher, seed=self.config.seed)
        other._fitted = replace(fitted, item_ids=tuple(item_ids), rows=rows)
        return other

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Predict the teacher's scores of all items for all queries.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        return [self.scores_of(self.answer(query)) for query in queries]

    def scores_of(self, answer: FastAnswer) -> ItemScores:
        """Turn an answer into scores whose replicates carry the predicted uncertainty."""
        random = np.random.default_rng(self.config.seed)
        draws = random.standard_normal((len(answer.items), N_REPLICATES))
        draws -= draws.mean(axis=1, keepdims=True)
        draws /= draws.std(axis=1, keepdims=True)
        replicates = answer.items[:, None] + answer.spread[:, None] * np.sqrt(N_REPLICATES) * draws
        return ItemScores(
            answer.query_id, self.name, self.unit, answer.item_ids, replicates,
            answer.segments.astype(np.float64),
        )  # fmt: skip

    # -- what it costs --------------------------------------------------------------------------

    @property
    def n_generated(self) -> int:
        """Segments of music that fitting generates."""
        if self._is_stored:
            return 0
        return sum(planned_sizes(self.config.n_teaching_queries)[::3])

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one answer."""
        config = self.config
        answer = _passes(n_query_segments, config)
        if self._is_stored:
            return answer, answer
        asked = planned_sizes(config.n_teaching_queries)
        forwards, backwards = self._teaching(n_segments, asked)
        rows = n_segments + (LARGEST_SAMPLE if n_segments > LARGEST_SAMPLE else 0)
        gradients = sum(_passes(n, config) for n in asked) + rows * config.n_item_draws + answer
        return forwards + gradients, backwards + gradients

    def expect_weights(self, n_weights: int) -> None:
        """Tell how many weights the generator has, for `cost`; without it, few enough for one pass are assumed."""
        self._n_weights = n_weights

    def _teaching(self, n_segments: int, asked: Sequence[int]) -> tuple[int, int]:
        """Return the teacher's forward and backward passes: its fitting and its answers."""
        teacher = self.teacher
        if isinstance(teacher, PartialUnlearning):
            forwards, backwards = teacher.cost(n_segments, 0)
            taught = min(n_segments, self.config.n_taught_segments) * teacher.n_draws
            gradients = sum(asked) * teacher.config.n_query_draws
            return forwards + len(asked) * taught + gradients, backwards + gradients
        if isinstance(teacher, EkfacInfluence):
            passes = teacher.cost_of_many(n_segments, asked, self._n_weights)
            return passes, passes
        raise InputError(f"fast index taught by '{teacher.name}': its cost is the teacher's, which varies")

    @property
    def _is_stored(self) -> bool:
        return self.folder is not None and (self.folder / index_store.HEADER).is_file()

    # -- on disk --------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the index, whole or not at all."""
        fitted = self._parts()
        facts = self._belongs_to(fitted.reader.generator, fitted.corpus_root)
        index_store.save(index_store.packed(fitted, facts), folder)

    def _belongs_to(self, generator: Generator, corpus_root: str) -> dict[str, Any]:
        return {
            "generator_id": generator.generator_id,
            "corpus_root": corpus_root,
            "method_revision": self.revision,
            "settings": self.settings,
        }

    def open(self, folder: Path, generator: Generator, corpus_root: str) -> None:
        """Read a built index; neither the corpus nor a runner is needed.

        Raises
        ------
        CorpusError
            If there is none, it is damaged, or it was built for something else.
        NewerRevision
            If a newer revision of Linernotes wrote it.
        """
        stored = index_store.load(folder, belongs_to=self._belongs_to(generator, corpus_root))
        self._fitted = index_store.unpacked(
            stored, folder, lambda curvature: self._reader(generator, curvature)
        )

    def _parts(self) -> Fitted:
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        return self._fitted


def _passes(n_query_segments: int, config: IndexConfig) -> int:
    return n_query_segments * draws_for(n_query_segments, config.n_query_draws) if n_query_segments else 0
