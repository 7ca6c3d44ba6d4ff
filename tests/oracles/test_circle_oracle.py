"""The circular network's two unusual layers agree with those that are written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from linernotes.versions.encoder.circle import CircularConv, Fold

_spec = importlib.util.spec_from_file_location("slow_circle", Path(__file__).with_name("slow_circle.py"))
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


@pytest.mark.parametrize(("frames", "stride"), [(3, 1), (3, 2), (5, 2)])
def test_convolution_goes_round_the_circle(frames, stride):
    torch.manual_seed(3)
    layer = CircularConv(2, 3, frames, stride)
    x = torch.randn(1, 2, 12, 7)
    slow = oracle.slow_circular_conv(x[0].tolist(), layer.conv.weight.tolist(), stride)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), slow, atol=1e-5)


def test_octaves_are_folded_into_registers():
    magnitudes = torch.rand(1, 84, 5, generator=torch.Generator().manual_seed(1)) ** 3
    slow = oracle.slow_fold(magnitudes[0].tolist(), 4)
    np.testing.assert_allclose(Fold(4)(magnitudes)[0].numpy(), slow, atol=1e-5)
