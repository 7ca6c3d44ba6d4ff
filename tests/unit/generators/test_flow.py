import pytest
import torch

from linernotes.generators.base import NoiseDraws, Segments
from linernotes.generators.reference import flow
from linernotes.generators.reference.network import Network, NetworkConfig


@pytest.fixture(scope="module")
def segments():
    random = torch.Generator().manual_seed(1)
    audible = torch.ones(5, 8, dtype=torch.bool)
    audible[1, 3:] = False
    audible[2] = False
    words = (torch.rand(5, 2, generator=random) > 0.5).float()
    return Segments(torch.randn(5, 8, 12, generator=random), audible, words, (0.0, 1.0, 2.0, 3.0, 4.0))


@pytest.fixture(scope="module")
def draws():
    return flow.noise_draws(3, 8, 12, seed=4)


class Zero(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, tokens, levels, words):
        return torch.zeros_like(tokens)


@pytest.mark.parametrize("audible_only", [False, True])
def test_the_null_loss_is_that_of_a_silent_network(segments, draws, audible_only):
    null = flow.null_losses(segments, draws, audible_only=audible_only)
    zero = flow.pair_losses(Zero(), segments, draws, audible_only=audible_only)
    assert torch.allclose(null, zero, rtol=1e-6)
    untrained = Network(NetworkConfig(12, 8, 2, 16, 1, 2))
    fresh = flow.pair_losses(untrained, segments, draws, audible_only=audible_only)
    assert torch.allclose(null, fresh.detach(), rtol=1e-6)


def test_levels_are_stratified_and_a_function_of_the_seed(draws):
    again, other = flow.noise_draws(3, 8, 12, seed=4), flow.noise_draws(3, 8, 12, seed=5)
    assert torch.equal(draws.levels, again.levels)
    assert torch.equal(draws.noise, again.noise)
    assert not torch.equal(draws.noise, other.noise)
    many = flow.noise_draws(64, 1, 1, seed=9)
    place = torch.special.ndtr(torch.logit(many.levels.double()))
    assert torch.equal((place * 64).floor().clamp(0, 63), torch.arange(64).double())
    assert bool(((many.levels > 0) & (many.levels < 1)).all())


def test_a_batch_of_any_size_gives_the_same_losses(tiny_generator, segments, draws):
    network = tiny_generator.network
    whole = flow.pair_losses(network, segments, draws)
    for batch in (1, 2, 7, 100):
        assert torch.allclose(flow.pair_losses(network, segments, draws, batch=batch), whole, rtol=1e-5)


def test_inaudible_tokens_do_not_count_when_masked(tiny_generator, segments, draws):
    # attention lets tokens see each other, so the mask is tested on a network that does not
    louder = Segments(segments.latents.clone(), segments.audible, segments.conditions, segments.start_s)
    louder.latents[1, 3:] += 10.0
    masked = [flow.null_losses(s, draws, audible_only=True) for s in (segments, louder)]
    assert torch.equal(masked[0], masked[1])
    assert (flow.null_losses(louder, draws)[1] > flow.null_losses(segments, draws)[1] + 1).all()
    own = flow.pair_losses(tiny_generator.network, segments, draws, audible_only=True)
    everything = flow.pair_losses(tiny_generator.network, segments, draws)
    assert torch.equal(own[0], everything[0])
    assert not torch.equal(own[1], everything[1])
    assert torch.equal(own[2], everything[2]), "a segment without any sound keeps all its tokens"


def sample(generator, n_tokens, seed=3, words=None, **changes):
    words = torch.tensor([1.0, 0.0]) if words is None else words
    settings = {"window": 8, "n_dims": 12, "n_steps": 6} | changes
    return flow.sample(generator.network, words, n_tokens=n_tokens, seed=seed, **settings)


@pytest.mark.parametrize("n_tokens", [1, 5, 8, 9, 12, 20, 31])
def test_samples_have_the_length_that_was_asked_for(tiny_generator, n_tokens):
    made = sample(tiny_generator, n_tokens)
    assert made.shape == (n_tokens, 12)
    assert bool(torch.isfinite(made).all())


def test_samples_follow_the_seed_and_the_words(tiny_generator):
    first = sample(tiny_generator, 20)
    assert torch.equal(first, sample(tiny_generator, 20))
    assert not torch.equal(first, sample(tiny_generator, 20, seed=4))
    assert not torch.equal(first, sample(tiny_generator, 20, words=torch.zeros(2)))


def test_without_words_guidance_changes_nothing(tiny_generator):
    plain = sample(tiny_generator, 8, words=torch.zeros(2), guidance=1.0)
    assert torch.allclose(plain, sample(tiny_generator, 8, words=torch.zeros(2), guidance=4.0), atol=1e-4)


class PullsToOne(Zero):
    """The exact velocity of data that is always one: from x_t = (1 - t) + t ε to ε - 1."""

    def forward(self, tokens, levels, words):
        return (tokens - 1) / levels[:, None, None]


@pytest.mark.parametrize("n_tokens", [8, 21])
def test_integration_ends_at_the_data(n_tokens):
    made = flow.sample(
        PullsToOne(), torch.zeros(2), n_tokens=n_tokens, window=8, n_dims=3, seed=0, n_steps=50, guidance=1.0
    )
    assert torch.allclose(made, torch.ones(n_tokens, 3), atol=1e-4)


def test_picking_draws_and_segments_keeps_order(segments, draws):
    assert torch.equal(draws.pick([2, 0]).levels, draws.levels[[2, 0]])
    assert isinstance(draws.pick(slice(0, 2)), NoiseDraws)
    picked = segments.pick([3, 1])
    assert picked.start_s == (3.0, 1.0)
    assert torch.equal(picked.latents, segments.latents[[3, 1]])
