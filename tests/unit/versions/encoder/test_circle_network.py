import pytest
import torch

from linernotes.versions.encoder.circle import CircleConfig, CircleNetwork
from linernotes.versions.encoder.network import Network, NetworkConfig

SMALL = CircleConfig(stem=6, channels=(6, 8), strides=(1, 2), dimension=10)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(4)
    net = CircleNetwork(SMALL)
    with torch.no_grad():
        for block in net.body:
            block.gain.fill_(0.7)
        for _ in range(3):  # running statistics away from their start
            net(torch.rand(8, 84, 40) ** 3)
    return net.eval()


def segment(seed=0, n=1):
    return torch.rand(n, 84, 40, generator=torch.Generator().manual_seed(seed)) ** 3


@torch.no_grad()
@pytest.mark.parametrize("semitones", range(1, 12))
def test_turning_the_circle_changes_nothing(network, semitones):
    folded = network.fold(segment())
    here = network.summary(network.body(network.stem(folded)))
    there = network.summary(network.body(network.stem(folded.roll(semitones, dims=2))))
    torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_loudness_changes_nothing(network):
    torch.testing.assert_close(network(segment()), network(0.01 * segment()), atol=2e-3, rtol=2e-3)


@torch.no_grad()
def test_vectors_have_one_length_and_do_not_depend_on_the_batch(network):
    batch = network(segment(1, 5))
    assert batch.shape == (5, 10)
    torch.testing.assert_close(batch.square().sum(1), torch.full((5,), 10.0))
    torch.testing.assert_close(network(segment(1, 5)[2:3])[0], batch[2], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_silence_has_a_finite_vector(network):
    assert network(torch.zeros(1, 84, 40)).isfinite().all()


@torch.no_grad()
def test_any_length_of_segment_is_taken(network):
    assert network(torch.rand(2, 84, 100)).shape == (2, 10)


def test_blocks_begin_as_the_identity():
    net = Network(NetworkConfig((4, 6), (2,), (6,), (1,), 5)).eval()
    maps = net.stem(net.scale(torch.rand(2, 84, 60)))
    torch.testing.assert_close(net.body(maps), maps)
