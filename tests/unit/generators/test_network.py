import torch

from linernotes.generators.reference.network import Network, NetworkConfig, level_embedding


def inputs(n=4):
    random = torch.Generator().manual_seed(0)
    tokens = torch.randn(n, 8, 12, generator=random)
    return tokens, torch.rand(n, generator=random), (torch.rand(n, 2, generator=random) > 0.5).float()


def test_an_untrained_network_says_nothing():
    torch.manual_seed(0)
    network = Network(NetworkConfig(12, 8, 2, 32, 2, 4))
    assert bool((network(*inputs()) == 0).all())


def test_the_order_of_a_batch_does_not_matter(tiny_generator):
    tokens, levels, words = inputs()
    order = torch.tensor([2, 0, 3, 1])
    out = tiny_generator.network(tokens, levels, words)
    assert torch.allclose(
        tiny_generator.network(tokens[order], levels[order], words[order]), out[order], atol=1e-6
    )
    alone = tiny_generator.network(tokens[1:2], levels[1:2], words[1:2])
    assert torch.allclose(alone, out[1:2], atol=1e-6)


def test_every_input_is_heard(tiny_generator):
    tokens, levels, words = inputs()
    out = tiny_generator.network(tokens, levels, words)
    assert not torch.allclose(tiny_generator.network(tokens.flip(1), levels, words), out)
    assert not torch.allclose(tiny_generator.network(tokens, levels * 0.5, words), out)
    assert not torch.allclose(tiny_generator.network(tokens, levels, 1 - words), out)
    assert not torch.allclose(tiny_generator.network(tokens.flip(1), levels, words).flip(1), out), "positions"


def test_repeating_a_word_does_not_shout(tiny_generator):
    tokens, levels, _ = inputs(1)
    once, twice = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    network = tiny_generator.network
    assert torch.allclose(network(tokens, levels, once), network(tokens, levels, twice), atol=1e-6)


def test_neighbouring_levels_are_told_apart():
    embedding = level_embedding(torch.linspace(0.01, 0.99, 99), 16)
    assert embedding.shape == (99, 16)
    assert float(embedding.diff(dim=0).norm(dim=1).min()) > 0.05


def test_the_updatable_weights_are_those_of_the_layers(tiny_generator):
    names = tiny_generator.updatable(tiny_generator.network).keys()
    assert names
    assert all(name.startswith("layers.0.") for name in names)
    everything = dict(tiny_generator.network.named_parameters())
    assert {name for name in everything if "layers" in name} == set(names)
