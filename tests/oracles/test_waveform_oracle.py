"""The second look beside its slow twin."""

import math

import numpy as np
import pytest

from linernotes.fingerprint.waveform import (
    Heard,
    _Block,
    _blocks,
    _spread,
    _summed,
    _surprise,
    coherence,
    whitened,
)
from tests.oracles import slow_waveform

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("n", [3000, 8192, 5001])
def test_whitening(n):
    samples = RNG.standard_normal(n).astype(np.float32) * np.linspace(0.1, 3, n, dtype=np.float32)
    np.testing.assert_allclose(whitened(samples), slow_waveform.whitened(samples), atol=2e-5)


def _pair(n: int) -> tuple[Heard, np.ndarray, list[_Block]]:
    query, recording = RNG.standard_normal((2, n)).astype(np.float32)
    heard = Heard(query)
    level = whitened(recording[: heard.length])
    return heard, level, _blocks(heard, level)


def test_envelopes_at_a_few_lags():
    heard, level, blocks = _pair(41000)
    n = heard.length
    assert len(blocks) == 2
    white = slow_waveform.whitened(heard.samples)[:n]
    for block in blocks:
        part = np.zeros(n)
        part[block.first : block.last] = level[block.first : block.last]
        lags = [0, 5, n - 7, 20000]
        slow = [slow_waveform.envelope(white, part, lag) for lag in lags]
        np.testing.assert_allclose(block.power[lags] * block.usual, slow, rtol=2e-3, atol=1e-3 * block.usual)
        assert float(np.median(block.power[2000:-2000])) == pytest.approx(math.log(2), rel=1e-3)


@pytest.mark.parametrize(("lag", "clock"), [(0, 0.0), (37, 1e-4), (-500, -1e-4)])
def test_the_best_moments_are_left_out(lag, clock):
    heard, level, blocks = _pair(41000)
    white = slow_waveform.whitened(heard.samples)[: heard.length]
    borders = [(block.first, block.last, block.usual) for block in blocks]
    expected = slow_waveform.spread(white, level, borders, lag, clock)
    assert _spread(heard, level, blocks, lag, clock) == pytest.approx(expected, rel=2e-3)


def test_one_shared_stroke_is_not_a_recording():
    query, recording = RNG.standard_normal((2, 40000)).astype(np.float32)
    stroke = 30 * RNG.standard_normal(800).astype(np.float32)
    query[20000:20800] += stroke
    recording[20100:20900] += stroke
    found = coherence(Heard(query), recording)
    assert found is not None
    assert found.nats < 15


def test_a_clock_moves_blocks_apart():
    one = np.arange(50, dtype=np.float32)
    blocks = [
        _Block(0, 10, one, 1.0),
        _Block(40, 50, 100 * one, 1.0),
    ]  # their middles 20 samples from that of all
    summed = _summed(blocks, 0.1)
    expected = [(k - 2) % 50 + 100 * ((k + 2) % 50) for k in range(50)]
    np.testing.assert_allclose(summed, expected)


@pytest.mark.parametrize("total", [0.5, 4.0, 20.0, 300.0])
@pytest.mark.parametrize("n_blocks", [1, 2, 4])
def test_surprise(total, n_blocks):
    assert _surprise(total, n_blocks) == pytest.approx(slow_waveform.nats(total, n_blocks), rel=1e-9)


def test_noise_is_as_surprising_as_it_says():
    """Of unrelated noise, the nats at one lag exceed *s* with a chance of exp(-s)."""
    values = []
    for _ in range(4):
        _, _, blocks = _pair(24000)
        values += [_surprise(float(one), len(blocks)) for one in _summed(blocks, 0.0)[2500:-2500:5]]
    for level in (1.0, 2.0, 4.0):
        assert np.mean(np.array(values) > level) == pytest.approx(math.exp(-level), rel=0.2)


def test_what_is_there_is_found_under_four_times_as_much_noise():
    recording, noise = RNG.standard_normal((2, 32000)).astype(np.float32)
    found = coherence(Heard(np.roll(recording, -400) + 4 * noise), recording)
    assert found is not None
    assert found.nats > 60 > 10 > found.nats_elsewhere
    assert found.lag_s == pytest.approx(-0.05)
