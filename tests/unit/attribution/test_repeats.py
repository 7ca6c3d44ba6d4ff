"""Segments that occur twice are measured once, and every copy gets what it would have got alone."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.curvature.ekfac import EkfacConfig, EkfacInfluence
from linernotes.attribution.gradients.per_item import GradientConfig, corpus_gradients, training_loss
from linernotes.attribution.measurement import LossPass, measure
from linernotes.attribution.repeats import distinct
from linernotes.execution import SerialRunner
from linernotes.generators.base import Segments


def twice(corpus):
    """The corpus with each of its first five segments again, as another item."""
    again = corpus.segments.pick(list(range(5)))
    whole = corpus.segments
    segments = Segments(
        torch.cat([whole.latents, again.latents]), torch.cat([whole.audible, again.audible]),
        torch.cat([whole.conditions, again.conditions]), (*whole.start_s, *again.start_s),
    )  # fmt: skip
    owners = np.concatenate([corpus.item_of, np.full(5, len(corpus.item_ids))])
    return EncodedCorpus((*corpus.item_ids, "copies"), segments, owners, corpus.root)


class Counting(SerialRunner):
    asked: ClassVar[list[int]] = []

    def __call__(self, fold, items, *, name="pass"):
        self.asked.append(len(items))
        return super().__call__(fold, items, name=name)


def test_like_segments_by_a_double_loop(tiny_corpus):
    segments = twice(tiny_corpus).segments
    numbers, place_of = distinct(segments)

    def same(i, j):
        return segments.start_s[i] == segments.start_s[j] and all(
            torch.equal(part[i], part[j])
            for part in (segments.latents, segments.audible, segments.conditions)
        )

    for i in range(len(segments)):
        first = next(j for j in range(len(segments)) if same(i, j))
        assert numbers[place_of[i]] == first
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("part", ["latents", "audible", "conditions", "start_s"])
def test_whatever_a_generator_sees_tells_segments_apart(part, tiny_corpus):
    two = tiny_corpus.segments.pick([0, 0])
    assert distinct(two)[0] == [0]
    if part == "start_s":
        other = replace(two, start_s=(0.0, 1.0))
    else:
        values = getattr(two, part).clone()
        values[1].view(-1)[-1] = (
            not values[1].view(-1)[-1] if part == "audible" else values[1].view(-1)[-1] + 1
        )
        other = replace(two, **{part: values})
    assert distinct(other)[0] == [0, 1]


def test_no_segments_and_half_precision(tiny_corpus):
    assert distinct(tiny_corpus.segments.pick([]))[0] == []
    two = tiny_corpus.segments.pick([0, 0])
    assert distinct(replace(two, latents=two.latents.bfloat16()))[1].tolist() == [0, 0]


def test_losses_of_a_corpus_with_copies(tiny_generator, tiny_corpus):
    corpus, draws = twice(tiny_corpus), tiny_generator.noise_draws(3, 1)
    run = Counting(4)
    run.asked.clear()
    found = measure(tiny_generator, corpus, draws, [{}], run, "losses")
    everything = range(len(corpus.segments))
    expected = SerialRunner(4)(LossPass(tiny_generator, corpus, draws, ({},)), everything)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert run.asked == [len(distinct(corpus.segments)[0])]
    assert run.asked[0] <= len(everything) - 5


def test_gradients_of_a_corpus_with_copies(tiny_generator, tiny_corpus):
    config = GradientConfig(n_draws=3)
    found = corpus_gradients(tiny_generator, twice(tiny_corpus), config, training_loss, SerialRunner(4))
    alone = corpus_gradients(tiny_generator, tiny_corpus, config, training_loss, SerialRunner(4))
    np.testing.assert_allclose(found, np.concatenate([alone, alone[:5]]), rtol=1e-5, atol=1e-7)


def test_segment_scores_of_copies_are_those_of_what_they_copy(tiny_generator, tiny_corpus, tiny_queries):
    method = EkfacInfluence(EkfacConfig(n_query_draws=4, n_scoring_draws=3))
    corpus = twice(tiny_corpus)
    method.fit(tiny_generator, corpus, SerialRunner(4))
    (result,) = method.attribute(tiny_queries[:1], SerialRunner(4))
    assert result.segment_scores.shape == (len(corpus.segments),)
    np.testing.assert_array_equal(result.segment_scores[-5:], result.segment_scores[:5])
