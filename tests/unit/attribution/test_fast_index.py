"""The fast index keeps the contract, predicts a teacher it has learnt from, and knows what it does not know."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.chance import Chance
from linernotes.attribution.curvature.ekfac import EkfacConfig, EkfacInfluence
from linernotes.attribution.fast.embedding import Embedded
from linernotes.attribution.fast.features import FeatureReader, diagonal_of
from linernotes.attribution.fast.index import FastIndex, IndexConfig
from linernotes.attribution.likeness.similarity import Similarity
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig
from linernotes.attribution.unlearning.partial import PartialUnlearning
from linernotes.errors import CorpusError, InputError, NewerRevision, NotFitted
from linernotes.execution import SerialRunner
from linernotes.generators.base import Segments
from linernotes.testing import check_attributor

TEACHER = UnlearningConfig(n_query_draws=8, n_scoring_draws=4)
INFLUENCE = EkfacConfig(n_query_draws=16, n_scoring_draws=8)
SMALL = IndexConfig(
    n_teaching_queries=12,
    n_taught_segments=12,
    n_item_draws=8,
    n_query_draws=8,
    n_buckets=1024,
    n_directions=12,
    n_hidden=2,
    n_dims=8,
)


def make_index(**changes):
    return FastIndex(SMALL, teacher=PartialUnlearning(TEACHER), **changes)


@pytest.fixture(scope="module")
def index(tiny_generator, tiny_corpus):
    made = make_index()
    made.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    return made


def taught_by_influence(**changes):
    return FastIndex(SMALL, teacher=EkfacInfluence(INFLUENCE), **changes)


@pytest.fixture(scope="module")
def influence_index(tiny_generator, tiny_corpus):
    made = taught_by_influence()
    made.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    return made


@pytest.mark.parametrize("make", [make_index, taught_by_influence])
def test_the_index_keeps_the_contract(make, tiny_generator, tiny_corpus, tiny_queries):
    check_attributor(make, tiny_generator, tiny_corpus, tiny_queries, SerialRunner)


def test_through_its_teachers_curvature_the_student_follows_it(influence_index, tiny_generator, tiny_corpus):
    queries = [Query(str(i), tiny_corpus.segments.pick([i])) for i in range(0, len(tiny_corpus.segments), 2)]
    silent = {query.query_id for query in queries if not query.segments.audible.float().mean() > 0.5}
    queries = [query for query in queries if query.query_id not in silent]
    teacher = EkfacInfluence(INFLUENCE)
    teacher.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    exact = np.stack([r.segment_scores for r in teacher.attribute(queries, SerialRunner(8))])
    fast = np.stack([r.segment_scores for r in influence_index.attribute(queries, SerialRunner(8))])
    assert np.corrcoef(exact.ravel(), fast.ravel())[0, 1] > 0.8
    assert 0.5 < fast.std() / exact.std() < 1.5


def test_kronecker_curvature_is_stored_to_the_bit(
    influence_index, tiny_generator, tiny_corpus, tiny_queries, tmp_path
):
    influence_index.save(tmp_path)
    again = taught_by_influence(folder=tmp_path)
    again.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    for query in tiny_queries:
        np.testing.assert_array_equal(again.answer(query).items, influence_index.answer(query).items)


def test_a_curvature_of_other_weights_is_refused(tiny_generator):
    curvature = diagonal_of({"nothing": torch.ones(3)}, 0.1)
    with pytest.raises(CorpusError, match="other weights than the generator's"):
        FeatureReader(tiny_generator, curvature, n_item_draws=2, n_query_draws=2, n_buckets=8, seed=0)


def test_predictions_follow_the_teacher_in_order_and_in_size(index, tiny_generator, tiny_corpus):
    numbers = [0, 4, 7, 12, 16]
    queries = [Query(f"segment-{i}", tiny_corpus.segments.pick([i])) for i in numbers]
    teacher = FisherUnlearning(TEACHER)
    teacher.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    exact = np.stack([r.segment_scores for r in teacher.attribute(queries, SerialRunner(8))])
    fast = np.stack([index.answer(query).segments for query in queries])
    assert np.corrcoef(exact.ravel(), fast.ravel())[0, 1] > 0.5
    assert 0.3 < np.std(fast) / np.std(exact) < 1.5  # a regression shrinks, but keeps the size


def test_any_method_can_teach(tiny_generator, tiny_corpus, tiny_queries):
    made = FastIndex(SMALL, teacher=Similarity())
    made.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    assert made.unit == "cosine, predicted"
    assert made.settings["teacher"]["name"] == "similarity"
    assert np.isfinite(made.answer(tiny_queries[0]).items).all()


def test_what_cannot_be_learnt_is_said_to_be_uncertain(tiny_generator, tiny_corpus, tiny_queries, index):
    made = FastIndex(SMALL, teacher=Chance())
    made.fit(tiny_generator, tiny_corpus, SerialRunner(8))
    answer = made.answer(tiny_queries[0])
    assert np.median(answer.spread) > np.median(np.abs(answer.items))
    assert made.report["explained"] < index.report["explained"]


def test_replicates_carry_the_predicted_spread(index, tiny_queries):
    answer = index.answer(tiny_queries[0])
    scores = index.scores_of(answer)
    n_replicates = scores.replicates.shape[1]
    assert np.allclose(scores.scores, answer.items, atol=1e-12)
    assert np.allclose(scores.replicates.std(axis=1) / np.sqrt(n_replicates), answer.spread)


def test_noise_is_unfamiliar_and_the_corpus_is_not(index, tiny_corpus):
    shape = tiny_corpus.segments.latents[:1].shape
    loud = 30 * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    strange = Query(
        "noise", Segments(loud, torch.ones(shape[:2], dtype=torch.bool), torch.zeros(1, 2), (0.0,))
    )
    usual = [index.answer(Query("x", tiny_corpus.segments.pick([i]))).p_value for i in range(18)]
    answer = index.answer(strange)
    assert answer.unfamiliar
    assert answer.p_value == 1 / (1 + SMALL.n_teaching_queries)
    assert np.median(usual) > 0.2


def test_the_best_of_an_answer_carry_name_score_and_spread(index, tiny_corpus, tiny_queries):
    answer = index.answer(tiny_queries[0])
    found = answer.best(3)
    place = {name: number for number, name in enumerate(tiny_corpus.item_ids)}
    assert [hit.item_id for hit in answer.best(99)] == sorted(
        place, key=lambda name: -answer.items[place[name]]
    )
    for hit in found:
        assert (hit.score, hit.spread) == (
            answer.items[place[hit.item_id]],
            answer.spread[place[hit.item_id]],
        )


def test_an_index_over_other_rows_answers_about_those(index, tiny_corpus, tiny_queries):
    rows = index._parts().rows
    turned = np.concatenate([np.arange(a, b) for a, b in reversed(list(pairwise(rows.starts)))])
    starts = np.concatenate([[0], np.cumsum(np.diff(rows.starts)[::-1])])
    other = Embedded(rows.codes[turned], rows.scales[turned], starts, rows.order, rows.spreads[::-1])
    names = tuple(reversed(tiny_corpus.item_ids))
    before, after = index.answer(tiny_queries[0]), index.over(names, other).answer(tiny_queries[0])
    assert after.item_ids == names
    assert np.array_equal(after.items, before.items[::-1])
    assert after.best(2) == before.best(2)
    assert (after.p_value, after.unfamiliar) == (before.p_value, before.unfamiliar)
    assert index.answer(tiny_queries[0]).item_ids == tiny_corpus.item_ids


def test_names_and_rows_that_do_not_fit_are_refused(index, tiny_corpus):
    rows = index._parts().rows
    with pytest.raises(InputError, match="1 recordings"):
        index.over(("only one",), rows)
    narrow = replace(rows, codes=rows.codes[:, :-1])
    with pytest.raises(InputError, match="dimensions"):
        index.over(tiny_corpus.item_ids, narrow)


def test_segments_come_in_the_order_of_the_corpus(index, tiny_corpus, tiny_queries):
    answer = index.answer(tiny_queries[0])
    assert np.allclose(
        tiny_corpus.per_item(answer.segments.astype(float)), answer.items, rtol=1e-4, atol=1e-9
    )


def test_an_unsorted_corpus_gives_the_same_recordings(tiny_generator, tiny_corpus, tiny_queries):
    order = np.random.default_rng(3).permutation(len(tiny_corpus.segments))
    mixed = EncodedCorpus(
        tiny_corpus.item_ids,
        tiny_corpus.segments.pick([int(i) for i in order]),
        tiny_corpus.item_of[order],
        tiny_corpus.root,
    )
    made = make_index()
    made.fit(tiny_generator, mixed, SerialRunner(8))
    answer = made.answer(tiny_queries[0])
    assert np.allclose(mixed.per_item(answer.segments.astype(float)), answer.items, rtol=1e-4, atol=1e-9)


def test_a_stored_index_answers_the_same_to_the_bit(
    index, tmp_path, tiny_generator, tiny_corpus, tiny_queries
):
    index.save(tmp_path)
    index.save(tmp_path)  # again is no harm
    assert [path.name for path in tmp_path.glob("*.partial")] == []
    opened = make_index(folder=tmp_path)
    opened.fit(tiny_generator, tiny_corpus, _refuses_to_run)
    for query in tiny_queries:
        first, second = index.answer(query), opened.answer(query)
        assert np.array_equal(first.items, second.items)
        assert np.array_equal(first.spread, second.spread)
        assert first.p_value == second.p_value


def _refuses_to_run(fold, items, *, name="pass"):
    raise AssertionError(f"{name}: a stored index needs no pass")


def test_an_index_is_refused_for_another_corpus_or_other_settings(
    index, tmp_path, tiny_generator, tiny_corpus
):
    index.save(tmp_path)
    other = EncodedCorpus(tiny_corpus.item_ids, tiny_corpus.segments, tiny_corpus.item_of, "cd" * 32)
    with pytest.raises(CorpusError, match="corpus_root"):
        make_index(folder=tmp_path).fit(tiny_generator, other, SerialRunner(8))
    with pytest.raises(CorpusError, match="settings"):
        FastIndex(SMALL, teacher=Similarity(), folder=tmp_path).fit(
            tiny_generator, tiny_corpus, SerialRunner(8)
        )


def _newer(folder):
    _change(folder, revision=99)


def _foreign(folder):
    _change(folder, format="something else")


def _change(place, **changes):
    header = json.loads((place / "index.json").read_text())
    (place / "index.json").write_text(json.dumps(header | changes))


def _torn(folder):
    path = next(folder.glob("arrays-*/codes.npy"))
    path.write_bytes(path.read_bytes()[:-5])


def _lost(folder):
    next(folder.glob("arrays-*/scales.npy")).unlink()


def _escaping(folder):
    _change(folder, folder="../elsewhere")


@pytest.mark.parametrize(
    ("damage", "error", "word"),
    [
        (_newer, NewerRevision, "revision 99"),
        (_foreign, CorpusError, "something else"),
        (_torn, CorpusError, "codes.npy"),
        (_lost, CorpusError, "scales.npy"),
        (_escaping, CorpusError, "elsewhere"),
    ],
)
def test_a_damaged_index_is_one_clear_error(
    damage, error, word, index, tmp_path, tiny_generator, tiny_corpus
):
    index.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(error, match=word):
        make_index(folder=tmp_path).fit(tiny_generator, tiny_corpus, SerialRunner(8))


def test_settings_are_checked():
    with pytest.raises(InputError, match="8 teaching queries"):
        IndexConfig(n_teaching_queries=4)
    with pytest.raises(InputError, match="unfamiliar_below"):
        IndexConfig(unfamiliar_below=1.0)
    with pytest.raises(NotFitted):
        make_index().answer(None)


def test_sketches_keep_inner_products(tiny_generator, tiny_corpus):
    weights = tiny_generator.updatable(tiny_generator.network)
    ones = {name: torch.ones_like(weight) for name, weight in weights.items()}
    curvature = diagonal_of(ones, 0.1)
    gaps = []
    for seed in range(6):
        reader = FeatureReader(
            tiny_generator, curvature, n_item_draws=4, n_query_draws=4, n_buckets=2048, seed=seed
        )
        rows = reader.of_items(tiny_corpus.segments.pick([0, 5]))
        gaps.append((rows.sketch[0] @ rows.sketch[0] - rows.strength[0]) / rows.strength[0])
    assert abs(np.mean(gaps)) < 0.1


def test_a_generator_that_has_learnt_nothing_gives_no_scores_and_no_error(
    tiny_generator, tiny_corpus, tiny_queries
):
    import copy

    blank = copy.deepcopy(tiny_generator)
    with torch.no_grad():
        for weight in blank.network.parameters():
            weight.zero_()
    made = make_index()
    made.fit(blank, tiny_corpus, SerialRunner(8))
    answer = made.answer(tiny_queries[0])
    assert np.isfinite(answer.items).all()
    assert isinstance(made.scores_of(answer), ItemScores)
