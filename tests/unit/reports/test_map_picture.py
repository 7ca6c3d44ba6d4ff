from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from linernotes.reports.map_picture import LEFT, RIGHT, TALLEST, TOP, WIDTH, map_picture


def picture(cells, query_s=1.0, item_s=1.0, best=()):
    spans = [
        [[i * s, (i + 1) * s] for i in range(n)]
        for n, s in zip((len(cells), len(cells[0])), (query_s, item_s), strict=True)
    ]
    return map_picture({"query_spans_s": spans[0], "item_spans_s": spans[1], "cells": cells}, best)


def test_area_is_strength_and_a_negative_cell_is_hollow():
    strong, weak = picture([[4.0, -1.0]])["squares"]
    assert strong["width"] * strong["height"] == pytest.approx(4 * weak["width"] * weak["height"], rel=0.01)
    assert (strong["hollow"], weak["hollow"]) == (False, True)
    assert strong["x"] < weak["x"]


def test_a_mark_surrounds_its_cell():
    cell = {"query_start_s": 1.0, "query_end_s": 2.0, "item_start_s": 2.0, "item_end_s": 3.0}
    found = picture([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], best=[cell])
    [square], [mark] = found["squares"], found["marks"]
    for side, length in (("x", "width"), ("y", "height")):
        assert mark[side] - 0.05 <= square[side]
        assert square[side] + square[length] <= mark[side] + mark[length] + 0.05
    assert mark["number"] == 1
    assert mark["text_x"] < WIDTH - RIGHT


def test_ticks_are_few_and_start_at_zero():
    for length in (0.3, 5, 70, 4000):
        found = picture([[1.0] * 10] * 10, query_s=length / 10, item_s=length)
        for side in ("rows", "columns"):
            assert found[side][0]["second"] == 0
            assert len(found[side]) <= 20


def test_nothing_at_all_is_an_empty_frame():
    assert picture([[0.0]])["squares"] == []


@given(
    arrays.arrays(
        "float64", st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.floats(-1e9, 1e9)
    ),
    st.floats(0.01, 600),
    st.floats(0.01, 600),
)
def test_everything_lies_in_the_frame(cells, query_s, item_s):
    found = picture(cells.tolist(), query_s, item_s)
    assert found["bottom"] <= TOP + TALLEST + 0.01
    for one in found["squares"]:
        assert one["x"] >= LEFT - 0.02
        assert one["x"] + one["width"] <= WIDTH - RIGHT + 0.02
        assert one["y"] >= TOP - 0.02
        assert one["y"] + one["height"] <= found["bottom"] + 0.02
