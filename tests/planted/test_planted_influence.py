"""Planted influence is found, an untrained network's scores carry nothing, and lists differ."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from linernotes.attribution.chance import Chance
from linernotes.attribution.statements.ranking import rank
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig
from linernotes.attribution.unlearning.mucs import Mucs, MucsConfig
from linernotes.evaluation.canary import EXACT, TRANSFORMED
from linernotes.evaluation.sanity import collapse, fresh, randomised, ranks_of, self_queries
from linernotes.execution.serial import SerialRunner

RUN = SerialRunner(shard_size=32)


def methods():
    return [
        FisherUnlearning(UnlearningConfig(n_query_draws=32, n_scoring_draws=8)),
        Mucs(MucsConfig(n_steps=12, batch_size=16, n_scoring_draws=8)),
    ]


@pytest.mark.parametrize("method", methods(), ids=lambda m: m.name)
def test_planted_copies_come_first(planted, method):
    ranks = planted.ranks(method, RUN)
    assert ranks[EXACT] == 1
    assert ranks[TRANSFORMED] <= 3


@pytest.mark.parametrize("method", methods(), ids=lambda m: m.name)
def test_unlearning_a_training_segment_ranks_its_recording_first(planted, method):
    queries, truth = self_queries(planted.corpus, 8)
    method.fit(planted.generator, planted.corpus, RUN)
    results = method.attribute(queries, RUN)
    assert ranks_of(results, truth).mean() <= 1.5
    assert not collapse(results).collapsed


def test_a_fresh_network_credits_nobody(planted):
    queries, _truth = self_queries(planted.corpus, 2)
    method = methods()[0]
    method.fit(fresh(planted.generator), planted.corpus, RUN)
    for result in method.attribute(queries, RUN):
        assert rank(result, generator_id="g", corpus_root="r", seed=0).unattributed_share == 1.0


def test_what_is_learnt_decides_the_scores_more_than_the_architecture(planted):
    queries, _truth = self_queries(planted.corpus, 4)
    first, again = methods()[0], FisherUnlearning(UnlearningConfig(32, 8, seed=5))
    scores = []
    for method, generator in (
        (first, planted.generator),
        (again, planted.generator),
        (first, randomised(planted.generator)),
    ):
        method.fit(generator, planted.corpus, RUN)
        scores.append([result.scores for result in method.attribute(queries, RUN)])
    learnt, other_noise, not_learnt = scores
    assert correlation(learnt, other_noise) > correlation(learnt, not_learnt) + 0.1


def correlation(first, second):
    return np.mean([spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)])


def test_chance_credits_nobody(planted):
    queries, truth = self_queries(planted.corpus, 10)
    method = Chance()
    method.fit(planted.generator, planted.corpus, RUN)
    results = method.attribute(queries, RUN)
    rankings = [rank(r, generator_id="g", corpus_root="r", seed=0) for r in results]
    assert np.mean([ranking.unattributed_share for ranking in rankings]) > 0.9
    assert ranks_of(results, truth).mean() > 3
