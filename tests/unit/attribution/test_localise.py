"""Segment maps: cells add up, rows and columns mean what they say, what cannot be told is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.base import Query
from linernotes.attribution.where.localise import (
    LocaliseConfig,
    fisher_diagonal,
    localise,
    token_weights,
    window_spans,
)
from linernotes.attribution.where.maps import SegmentMap, draw_maps
from linernotes.errors import InputError, UnsupportedGenerator
from linernotes.evidence.spans import Span
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.generators.base import Segments
from linernotes.generators.reference.adapter import ReferenceGenerator

FAST = LocaliseConfig(window_tokens=4, n_query_draws=8, n_scoring_draws=4, relative_rise=0.01)
RUN = SerialRunner(5)


@pytest.fixture(scope="module")
def fisher(tiny_generator, tiny_corpus):
    return fisher_diagonal(tiny_generator, tiny_corpus, RUN, FAST)


@pytest.fixture(scope="module")
def ask(tiny_generator, tiny_corpus, fisher):
    def asked(query, items=("a", "c"), config=FAST, run=RUN):
        return localise(tiny_generator, tiny_corpus, query, items, fisher, run, config)

    return asked


def test_cells_have_seconds_on_both_sides(ask, tiny_queries, tiny_generator):
    found = ask(tiny_queries[0])
    n_segments = len(tiny_queries[0].segments)
    assert [one.item_id for one in found] == ["a", "c"]
    assert found[0].cells.shape == (2 * n_segments, 2 * 6)
    assert found[1].cells.shape == (2 * n_segments, 2 * 4)
    half = tiny_generator.segment_s / 2
    assert found[0].query_spans[:3] == tuple(Span(n * half, (n + 1) * half) for n in range(3))
    assert found[0].item_spans[-1].end_s == pytest.approx(6 * tiny_generator.segment_s)


def test_the_cells_add_up_to_the_score_taken_at_once(ask, tiny_queries):
    for query in tiny_queries:
        for one in ask(query, ("a", "b", "c", "d")):
            assert abs(one.cells).sum() > 0
            assert one.additivity_gap < 0.01, "a part of the absolute cells"


def test_smaller_cells_add_up_to_larger_ones(ask, tiny_queries):
    small = ask(tiny_queries[0], config=dataclasses.replace(FAST, window_tokens=2))
    large = ask(tiny_queries[0], config=dataclasses.replace(FAST, window_tokens=8))
    for fine, coarse in zip(small, large, strict=True):
        n_rows, n_columns = coarse.cells.shape
        summed = fine.cells.reshape(n_rows, 4, n_columns, 4).sum(axis=(1, 3))
        assert summed == pytest.approx(coarse.cells, abs=0.01 * np.abs(coarse.cells).max())
        assert fine.whole == pytest.approx(coarse.whole, rel=1e-3)


@pytest.mark.parametrize("shard_size", [1, 3, 100])
def test_the_shard_size_does_not_change_maps(ask, tiny_queries, shard_size):
    for a, b in zip(ask(tiny_queries[0]), ask(tiny_queries[0], run=SerialRunner(shard_size)), strict=True):
        assert a.cells == pytest.approx(b.cells, abs=1e-2 * a.cells.std())


def test_workers_do_not_change_a_bit(ask, tiny_queries):
    with ProcessRunner(2, 5) as run:
        again = ask(tiny_queries[0], run=run)
    for a, b in zip(ask(tiny_queries[0]), again, strict=True):
        assert np.array_equal(a.cells, b.cells)
        assert np.array_equal(a.errors, b.errors)


def test_a_training_segment_points_at_itself(ask, tiny_corpus):
    query = Query("self", tiny_corpus.segments.pick([2]))
    [one] = ask(query, ["a"])
    by_segment = one.cells.reshape(2, 6, 2).sum(axis=(0, 2))
    assert by_segment.argmax() == 2
    assert one.cells.argmax(axis=1).tolist() == [4, 5], "each half at itself"
    best = one.best(1)[0]
    assert best.score > 0
    assert 0 < best.share <= 1


def test_silence_in_the_output_moves_nothing(ask, tiny_queries):
    segments = tiny_queries[0].segments
    audible = segments.audible.clone()
    audible[0, :4] = False
    silent = Segments(segments.latents, audible, segments.conditions, segments.start_s)
    [one, _] = ask(Query("half silent", silent))
    assert not one.cells[0].any()
    assert one.cells[1].any()


@given(st.lists(st.booleans(), min_size=6, max_size=6))
@settings(max_examples=20, deadline=None)
def test_token_weights_add_up_to_one(heard):
    audible = torch.tensor(heard).reshape(2, 3)
    segments = Segments(torch.zeros(2, 3, 1), audible, torch.zeros(2, 1), (0.0, 1.0))
    weights = token_weights(segments)
    assert float(weights.sum()) == pytest.approx(1.0)
    for row, marks in zip(weights, audible, strict=True):
        assert float(row.sum()) == pytest.approx(0.5), "segments count alike"
        if marks.any():
            assert not row[~marks].any()


def test_windows_do_not_cross_segments(tiny_generator, tiny_queries):
    spans = window_spans(tiny_generator, tiny_queries[0].segments.pick([0, 1]), 3)
    token_s = tiny_generator.segment_s / 8
    lengths = [span.duration_s / token_s for span in spans]
    assert lengths == pytest.approx([3, 3, 2, 3, 3, 2])


def test_a_network_that_learnt_nothing_has_an_empty_map(tiny_generator, tiny_corpus, tiny_queries):
    from linernotes.generators.reference.network import Network

    blank = ReferenceGenerator(
        tiny_generator.representation,
        Network(tiny_generator.network.config).requires_grad_(False),
        tiny_generator.vocabulary,
        tiny_generator.recipe,
    )
    fisher = fisher_diagonal(blank, tiny_corpus, RUN, FAST)
    [one] = localise(blank, tiny_corpus, tiny_queries[0], ["a"], fisher, RUN, FAST)
    assert not one.cells.any()
    assert one.best(3) == ()
    assert one.additivity_gap == 0


class WithoutTokens:
    """An adapter that tells losses by segment alone."""

    def __init__(self, inner):
        for name in [
            "paper",
            "licence",
            "weights_licence",
            "trained_on",
            "revision",
            "loss_unit",
            "generator_id",
            "sample_rate",
            "segment_s",
            "network",
            "encode",
            "noise_draws",
            "losses",
            "null_losses",
            "updatable",
            "generate",
        ]:
            setattr(self, name, getattr(inner, name))


def test_what_cannot_be_told_is_refused(tiny_generator, tiny_corpus, tiny_queries, fisher, ask):
    with pytest.raises(UnsupportedGenerator, match=r"token_losses.*--where"):
        localise(WithoutTokens(tiny_generator), tiny_corpus, tiny_queries[0], ["a"], fisher, RUN, FAST)
    with pytest.raises(InputError, match="recording 'zebra': not among the 4"):
        ask(tiny_queries[0], ["zebra"])
    for bad in ({"window_tokens": 0}, {"n_scoring_draws": 1}, {"relative_rise": 0.0}, {"damping": -1.0}):
        with pytest.raises(InputError, match="expected positive settings"):
            LocaliseConfig(**bad)


def made_map(cells, **changes):
    cells = np.asarray(cells, dtype=float)
    fields = {
        "query_id": "q",
        "item_id": "$rain_1$",
        "query_spans": tuple(Span(i, i + 1) for i in range(cells.shape[0])),
        "item_spans": tuple(Span(i, i + 1) for i in range(cells.shape[1])),
        "cells": cells,
        "errors": np.zeros_like(cells),
        "whole": float(cells.sum()),
        "unit": "loss",
    }
    return SegmentMap(**{**fields, **changes})


def test_evidence_is_the_best_positive_cells():
    best = made_map([[0.0, 2.0], [6.0, -4.0]]).best(5)
    assert [(cell.query, cell.item, cell.share) for cell in best] == [
        (Span(1, 2), Span(0, 1), 0.75),
        (Span(0, 1), Span(1, 2), 0.25),
    ]


def test_spans_end_where_the_audio_ends():
    cut = made_map([[1.0, 2.0], [3.0, 4.0]]).clipped(1.5, 0.5)
    assert cut.query_spans == (Span(0, 1), Span(1, 1.5))
    assert cut.item_spans == (Span(0, 0.5), Span(0.5, 0.5))
    assert cut.total == 10


def test_cells_need_their_spans():
    with pytest.raises(InputError, match="one row and column per span"):
        made_map([[1.0, 2.0]], item_spans=(Span(0, 1),))


def test_the_same_maps_give_the_same_picture(tmp_path):
    maps = [made_map([[1.0, -2.0], [0.5, 3.0]]), made_map([[0.0, 0.0]])]
    draw_maps(maps, tmp_path / "a.png")
    draw_maps(maps, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    with pytest.raises(InputError, match="no maps"):
        draw_maps([], tmp_path / "c.png")
