"""Copies that methods compute with: the same numbers, the generator untouched."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from linernotes.attribution.working_copy import QuickLinear, trainable_copy, working_copy
from linernotes.generators.reference.network import Network, NetworkConfig

CONFIG = NetworkConfig(n_dims=24, n_tokens=32, n_words=5, width=48, depth=2, n_heads=4)


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = Network(CONFIG)
    with torch.no_grad():
        for weight in made.parameters():  # an untrained one says nothing
            weight.add_(0.1 * torch.randn_like(weight))
    return made


def given(n_pairs=16):
    random = torch.Generator().manual_seed(1)
    return (
        torch.randn(n_pairs, 32, 24, generator=random), torch.rand(n_pairs, generator=random),
        (torch.rand(n_pairs, 5, generator=random) < 0.5).float(),
    )  # fmt: skip


def test_same_outputs_and_gradients_as_the_original(network):
    copied = working_copy(network).requires_grad_(True)
    before, after = network(*given()), copied(*given())
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
    slopes = [torch.autograd.grad(out.square().mean(), list(net.parameters()))
              for out, net in ((before, network), (after, copied))]  # fmt: skip
    for got, want in zip(*slopes, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-3)


def test_the_original_keeps_its_class_its_weights_and_its_wish_for_gradients(network):
    before = copy.deepcopy(network.state_dict())
    copied = working_copy(network)
    with torch.no_grad():
        for weight in copied.parameters():
            weight.zero_()
    assert not any(isinstance(module, QuickLinear) for module in network.modules())
    assert all(weight.requires_grad for weight in network.parameters())
    assert not any(weight.requires_grad for weight in copied.parameters())
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())
    assert before.keys() == copied.state_dict().keys()


def test_copies_of_copies_and_pickled_ones_multiply_alike(network):
    copied = working_copy(network)
    with torch.no_grad():
        expected, unpickled = copied(*given()), pickle.loads(pickle.dumps(copied))  # noqa: S301  # our own
        for other in (working_copy(copied), copy.deepcopy(copied), unpickled):
            assert torch.equal(other(*given()), expected)


def test_hooks_hear_the_copy_and_low_rank_factors_join_it(network):
    copied = working_copy(network)
    heard = []
    copied.layers[0].up.register_forward_hook(lambda module, inputs, output: heard.append(output.shape))

    class Doubled(nn.Module):
        def forward(self, weight):
            return 2 * weight

    with torch.no_grad():
        single = copied(*given())
        parametrize.register_parametrization(copied.tokens_out, "weight", Doubled())
        doubled = copied(*given())
    bias = network.tokens_out.bias.detach()
    torch.testing.assert_close(doubled - bias, 2 * (single - bias), atol=1e-5, rtol=1e-4)
    assert heard == [(16, 32, 192)] * 2


def test_layers_of_a_class_of_their_own_stay_as_they_are():
    class Own(nn.Linear):
        def forward(self, input):
            return super().forward(input) + 1

    copied = working_copy(nn.Sequential(Own(3, 2), nn.Linear(2, 2)))
    assert [type(module) for module in copied] == [Own, QuickLinear]


def test_tied_layers_stay_tied():
    layer = nn.Linear(3, 3)
    copied = working_copy(nn.Sequential(layer, nn.ReLU(), layer))
    assert copied[0] is copied[2]


def test_only_updatable_weights_want_a_gradient(tiny_generator):
    copied = trainable_copy(tiny_generator)
    wanting = {name for name, weight in copied.named_parameters() if weight.requires_grad}
    assert wanting == set(tiny_generator.updatable(tiny_generator.network))
