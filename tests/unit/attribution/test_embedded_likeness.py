"""Likeness by an embedding of sound: what is heard, which stretch counts, and who cannot be listened to."""

from dataclasses import dataclass

import numpy as np
import pytest

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.likeness.embedded import EmbeddedLikeness
from linernotes.audio.files import Audio
from linernotes.errors import InputError, NotFitted
from linernotes.execution import SerialRunner
from linernotes.workflows.methods import make_method
from linernotes.workflows.version_likeness import VersionEmbedding


@dataclass(frozen=True)
class Loudness:
    """Mean size of the samples and of their differences."""

    length_s: float
    name: str = "loudness-1"

    def vector(self, audio):
        samples = audio.samples.astype(np.float64)
        return np.array([np.abs(samples).mean(), np.abs(np.diff(samples)).mean()])

    def distances(self, left, right):
        return np.abs(left[:, None] - right).sum(axis=-1)


@pytest.mark.parametrize("n_together", [1, 2, 3])
def test_scores_are_of_the_nearest_stretch(n_together, tiny_generator, tiny_corpus, tiny_queries):
    heard = Loudness(n_together * tiny_generator.segment_s)
    method = EmbeddedLikeness(heard)
    method.fit(tiny_generator, tiny_corpus, SerialRunner(3))
    (found,) = method.attribute(tiny_queries[:1], SerialRunner(2))

    def vectors(segments, rows):
        """Of so many segments at a time, and of the last so many."""
        n_whole, rest = divmod(len(rows), n_together)
        runs = [rows[n_together * i : n_together * (i + 1)] for i in range(n_whole)]
        runs += [rows[-n_together:]] if rest else []
        return [heard.vector(tiny_generator.decode(segments.pick(list(run)))) for run in runs]

    asked = vectors(tiny_queries[0].segments, list(range(len(tiny_queries[0].segments))))
    for item, row in enumerate(found.replicates):
        known = vectors(tiny_corpus.segments, np.flatnonzero(tiny_corpus.item_of == item).tolist())
        nearest = [-min(np.abs(k - a).sum() for k in known) for a in asked]
        assert row == pytest.approx(nearest, rel=1e-6)


def test_copies_are_heard_once(tiny_generator, tiny_corpus, tiny_queries):
    heard = []

    class Counting(Loudness):
        def vector(self, audio):
            heard.append(len(audio.samples))
            return super().vector(audio)

    n_segments = len(tiny_corpus.segments)
    doubled = EncodedCorpus(
        (*tiny_corpus.item_ids, "e", "f", "g", "h"),
        tiny_corpus.segments.pick([*range(n_segments), *range(n_segments)]),
        np.concatenate([tiny_corpus.item_of, tiny_corpus.item_of + 4]),
        tiny_corpus.root,
    )
    counts, scores = [], []
    for corpus in (tiny_corpus, doubled):
        heard.clear()
        method = EmbeddedLikeness(Counting(2 * tiny_generator.segment_s))
        method.fit(tiny_generator, corpus, SerialRunner(4))
        counts.append(len(heard))
        scores.append(method.attribute(tiny_queries, SerialRunner(4))[1].scores)
    assert counts[0] == counts[1] > 4
    np.testing.assert_array_equal(scores[1], np.tile(scores[0], 2))


@pytest.mark.parametrize("spec", ["mini", "chroma2d"])
def test_a_recording_of_the_corpus_is_nearest_to_itself(spec, tiny_generator, tiny_corpus):
    method = type(make_method("version-likeness"))(spec)
    method.fit(tiny_generator, tiny_corpus, SerialRunner(4))
    whole = tiny_corpus.segments.pick(np.flatnonzero(tiny_corpus.item_of == 2).tolist())
    (found,) = method.attribute([Query("third", whole)], SerialRunner(4))
    assert found.scores.argmax() == 2
    assert found.scores[2] == pytest.approx(0, abs=1e-6)
    assert found.scores[[0, 1, 3]].max() < -1e-3
    assert spec in str(method.settings)


def test_distances_are_squares_over_the_dimension():
    random = np.random.default_rng(1)
    left, right = random.normal(size=(4, 6)), random.normal(size=(3, 6))
    expected = [[((a - b) ** 2).mean() for b in right] for a in left]
    np.testing.assert_allclose(VersionEmbedding().distances(left, right), expected)


def test_a_short_stretch_is_repeated():
    random = np.random.default_rng(2)
    short = random.normal(0, 0.1, 12000).astype(np.float32)
    vectors = [VersionEmbedding("chroma2d").vector(Audio(np.tile(short, n), 8000)) for n in (1, 3)]
    np.testing.assert_array_equal(*vectors)


def test_a_generator_that_cannot_be_heard_is_named(tiny_generator, tiny_corpus):
    class Deaf:
        generator_id = "deaf-1"
        segment_s = 1.0

    with pytest.raises(InputError, match=r"version-likeness: generator deaf-1 has no decode"):
        make_method("version-likeness").fit(Deaf(), tiny_corpus, SerialRunner(4))
    with pytest.raises(NotFitted):
        make_method("version-likeness").attribute([], SerialRunner(4))
