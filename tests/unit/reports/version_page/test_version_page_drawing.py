"""Ribbons, paths, windows and tones lie where the seconds say."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.audio.files import Audio
from linernotes.reports.version_page.drawing import (
    LEFT,
    RIGHT,
    WIDTH,
    dot_plot,
    melody_roll,
    ticks_s,
    timelines,
)
from linernotes.reports.version_page.facts import page_facts
from linernotes.reports.version_page.listening import heard_windows, listening_copy
from linernotes.reports.version_page.melodies import Tone, aligned_melodies, sung
from linernotes.reports.version_page.strips import likeness_picture, wave_path
from linernotes.reports.version_page.warp import across, along, anchors


@pytest.fixture(scope="module")
def facts(scene):
    return page_facts(scene.page)


def numbers(path):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", path)]


def test_ribbons_join_the_seconds(facts):
    drawn = timelines(facts)
    scale = (WIDTH - LEFT - RIGHT) / 24.5
    assert [lane["dimension"] for lane in drawn["lanes"]] == ["overall", "melody", "harmony", "rhythm"]
    lane = drawn["lanes"][2]
    x = numbers(lane["ribbons"][0]["edge"])
    assert x[0::2] == pytest.approx([LEFT + s * scale for s in (15, 19, 7, 2)], abs=0.01)
    assert x[1::2] == [lane["upper"], lane["upper"], lane["lower"], lane["lower"]]
    assert numbers(drawn["lanes"][0]["ribbons"][0]["threads"])[0::2] == pytest.approx(
        [LEFT + 8 * scale, LEFT + 10 * scale], abs=0.01
    )
    assert lane["ribbons"][0]["said"] == "0:15.0–0:19.0 of A with 0:02.0–0:07.0 of B"


def test_everything_is_inside_the_picture(facts):
    drawn = timelines(facts)
    for lane in drawn["lanes"]:
        for ribbon in lane["ribbons"]:
            xs = numbers(ribbon["edge"])[0::2]
            assert drawn["left"] <= min(xs) <= max(xs) <= drawn["right"]
            assert 0 < ribbon["opacity"] <= 1
    plot = dot_plot(facts)
    for path in plot["paths"]:
        points = numbers(path["line"])
        assert all(plot["left"] <= x <= plot["width"] for x in points[0::2])
        assert all(plot["top"] <= y <= plot["height"] for y in points[1::2])


def test_a_much_longer_side_has_its_own_scale(facts):
    longer = facts | {"b": facts["b"] | {"duration_s": 200.0, "windows": [[0.0, 20.0], [50.0, 60.0]]}}
    drawn = timelines(longer)
    assert not drawn["same_scale"]
    assert drawn["a"]["end"] == drawn["b"]["end"] == WIDTH - RIGHT
    scale = (WIDTH - LEFT - RIGHT) / 200
    assert drawn["b"]["silent"] == [
        pytest.approx((LEFT + 20 * scale, 30 * scale), abs=0.01),
        pytest.approx((LEFT + 60 * scale, 140 * scale), abs=0.01),
    ]


def test_the_roll_holds_every_note(facts):
    melody = facts["melodies"][0]
    roll = melody_roll(melody)
    assert len(roll["a"]) == len(melody["a"]) == 8
    assert [bar["agrees"] for bar in roll["a"]] == [True] * 4 + [False] * 4
    assert all(
        roll["left"] <= bar["x"] and bar["x"] + bar["width"] <= roll["right"] + 1
        for bar in roll["a"] + roll["b"]
    )
    assert melody_roll({"a": [], "b": []}) is None


@given(st.floats(1, 20_000), st.integers(2, 14))
def test_rulers_stay_readable(duration, n_most):
    seconds = ticks_s(duration, n_most)
    assert seconds[0] == 0
    assert len(seconds) <= n_most + 1
    assert seconds[-1] <= duration


@given(
    st.lists(st.tuples(st.floats(0.1, 9), st.floats(0.1, 9)), min_size=2, max_size=8),
    st.floats(0, 1),
    st.sampled_from("ab"),
)
def test_there_and_back(steps, part, side):
    path = np.cumsum(steps, axis=0).tolist()
    place = "ab".index(side)
    second = path[0][place] + part * (path[-1][place] - path[0][place])
    there = along(path, second, side)
    assert path[0][1 - place] - 1e-6 <= there <= path[-1][1 - place] + 1e-6
    assert along(path, there, "ba"[place]) == pytest.approx(second, abs=1e-6)


def test_the_chosen_span_is_followed_first(facts):
    segments = facts["relation"]["segments"]
    assert across(segments, 2.0, "a").segment == 3
    assert across(segments, 10.0, "a") == (13.0, 0, True)
    assert across(segments, 10.0, "a", chosen=1).segment == 1
    outside = across(segments, 22.0, "a")
    assert (outside.segment, outside.inside) == (2, False)
    assert across([], 1.0, "a") is None
    assert anchors(segments[0])[1] == (8.0, 10.0)


spans = st.lists(st.tuples(st.floats(0, 900), st.floats(1, 300), st.floats(0, 50)), max_size=6)


@given(spans, st.floats(181, 1000))
def test_windows_keep_the_budget_and_run_forward(found, duration):
    segments = [
        {"a_start_s": min(s, duration - 1), "a_end_s": min(s + n, duration), "score": score}
        for s, n, score in found
    ]
    windows = heard_windows(segments, "a", duration)
    ends = [end for window in windows for end in window]
    assert ends == sorted(ends)
    assert ends[0] >= 0
    assert ends[-1] <= duration
    assert 0 < sum(end - start for start, end in windows) <= 180 + 1e-6
    if segments:
        best = max(segments, key=lambda one: one["score"])
        assert any(start <= best["a_start_s"] <= end for start, end in windows)


def test_both_sides_are_equally_loud(noise):
    levels = []
    for gain in (0.2, 1.0):
        copy = listening_copy(Audio(gain * noise.samples, noise.sample_rate), [(0.0, 1.0)])
        levels.append(float(np.sqrt(np.mean(copy.samples**2))))
        assert np.abs(copy.samples).max() <= 0.99
    assert levels[0] == pytest.approx(levels[1], rel=1e-3)


def test_the_second_melody_comes_in_key_and_time():
    span = {"path": [[0.0, 10.0], [1.0, 12.0], [2.0, 13.0]], "a_start_s": 0.0, "a_end_s": 2.0, "b_start_s": 10.0,
            "b_end_s": 13.0, "transposition_semitones": -2}  # fmt: skip
    a = [Tone(0.0, 0.9, 60), Tone(1.0, 2.0, 64)]
    b = [Tone(8.0, 9.0, 40), Tone(10.0, 11.8, 46), Tone(12.0, 13.0, 51)]
    pair = aligned_melodies(4, span, a, b)
    assert [(round(t.start_s, 6), round(t.end_s, 6), t.pitch) for t in pair.b] == [
        (0.0, 0.9, 60),
        (1.0, 2.0, 65),
    ]
    assert [t.agrees for t in pair.b] == [True, False]
    assert pair.agreement == pytest.approx(0.9 / 1.9, abs=0.03)
    assert aligned_melodies(4, span, a, []) is None


def test_melodies_sound_at_their_pitch_and_time():
    notes = [{"start_s": 3.0, "end_s": 3.5, "pitch": 57.0}, {"start_s": 4.0, "end_s": 4.5, "pitch": 69.0}]
    audio = sung({"b": notes})
    for start, hz in ((0.0, 220), (1.0, 440)):
        part = audio.samples[int(start * 24000) : int(start * 24000) + 12000]
        assert abs(np.abs(np.fft.rfft(part)).argmax() * 2 - hz) <= 2
    assert np.abs(audio.samples[int(0.6 * 24000) : int(0.95 * 24000)]).max() < 0.01
    assert np.abs(sung({"a": notes, "b": notes}).samples).max() < 1


def test_a_moved_key_looks_alike():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 12)).astype(np.float32)
    assert likeness_picture(x, np.roll(x, 5, axis=1), 5) == likeness_picture(x, x, 0)
    assert likeness_picture(x, np.roll(x, 5, axis=1), 4) != likeness_picture(x, x, 0)


def test_silence_is_a_line():
    assert numbers(wave_path(Audio(np.zeros(10, np.float32), 10), 10, 4, 2)) == [0, 2, 10, 2, 10, 2, 0, 2]
