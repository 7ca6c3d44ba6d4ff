import dataclasses

import pytest
import torch

from linernotes.errors import InputError
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network

RECIPE = Recipe(n_steps=12, batch_size=4, warmup_steps=3, width=16, depth=1, n_heads=2, seed=7)


@pytest.fixture(scope="module")
def items():
    random = torch.Generator().manual_seed(2)
    lengths = (30, 12, 5)  # the last is shorter than one segment
    return [
        TrainingItem(f"item-{n}", torch.randn(length, 12, generator=random), torch.tensor([1.0, 0.0]))
        for n, length in enumerate(lengths)
    ]


def same(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def trained(items):
    return train_network(items, RECIPE, 8)


def test_a_seed_gives_the_same_weights_every_time(items, trained):
    assert same(trained, train_network(items, RECIPE, 8))
    assert not same(trained, train_network(items, dataclasses.replace(RECIPE, seed=8), 8))


def test_training_leaves_the_global_random_numbers_alone(items):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train_network(items, dataclasses.replace(RECIPE, n_steps=1), 8)
    assert torch.equal(torch.rand(3), expected)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop_at", [5, 10, 11])
def test_an_interrupted_run_resumes_to_the_same_bits(items, trained, tmp_path, stop_at):
    checkpoint = tmp_path / "training.state"
    seen = []

    def stop(step, n_steps, loss):
        raise Stopped

    # progress is called at the end: stop a shorter run instead, by an item source that gives up
    import linernotes.generators.reference.training as module

    advance = module._Trainer.advance

    def failing(self):
        if self.step == stop_at:
            raise Stopped
        advance(self)
        seen.append(self.step)

    module._Trainer.advance = failing
    try:
        with pytest.raises(Stopped):
            train_network(items, RECIPE, 8, checkpoint=checkpoint, checkpoint_every=5, progress=stop)
    finally:
        module._Trainer.advance = advance
    assert checkpoint.is_file()
    assert seen == list(range(1, stop_at + 1))
    assert same(trained, train_network(items, RECIPE, 8, checkpoint=checkpoint, checkpoint_every=5))
    assert list(tmp_path.iterdir()) == [], "the finished run leaves no state behind"


def test_the_state_of_another_recipe_is_refused(items, tmp_path):
    import linernotes.generators.reference.training as module

    checkpoint = tmp_path / "training.state"
    trainer = module._Trainer(items, RECIPE, 8, "cpu")
    trainer.advance()
    trainer.save(checkpoint)
    with pytest.raises(InputError, match="another recipe; remove it"):
        train_network(items, dataclasses.replace(RECIPE, learning_rate=1e-4), 8, checkpoint=checkpoint)
    assert checkpoint.is_file()


def test_no_recordings_are_refused():
    with pytest.raises(InputError, match="no recordings to train on"):
        train_network([], RECIPE, 8)


def test_progress_reports_the_last_step(items):
    calls = []
    train_network(items, RECIPE, 8, progress=lambda *call: calls.append(call))
    assert calls[-1][:2] == (12, 12)
    assert calls[-1][2] > 0


def test_training_lowers_the_loss():
    random = torch.Generator().manual_seed(3)
    pattern = torch.randn(8, 12, generator=random)
    items = [TrainingItem("loop", pattern.repeat(4, 1), torch.zeros(1))]
    losses = []
    recipe = Recipe(
        n_steps=60, batch_size=16, warmup_steps=5, width=32, depth=1, n_heads=2, learning_rate=5e-3
    )
    train_network(items, recipe, 8, progress=lambda step, n, loss: losses.append(loss))
    assert losses[-1] < 0.9 * losses[0]
