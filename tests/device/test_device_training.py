"""The same recipe on an accelerator: skipped where there is none."""

import pytest
import torch

from linernotes.generators.reference import flow
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network

pytestmark = pytest.mark.device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator on this machine")
def test_training_on_an_accelerator_learns_what_the_cpu_learns():
    random = torch.Generator().manual_seed(0)
    items = [TrainingItem("a", torch.randn(40, 8, generator=random), torch.ones(2))]
    recipe = Recipe(n_steps=30, batch_size=8, width=32, depth=1)
    segments_loss = []
    for device in ("cpu", "cuda"):
        network = train_network(items, recipe, 16, device=device)
        clean = items[0].tokens[:16][None]
        levels, noise = torch.tensor([0.5]), flow.noise_draws(1, 16, 8, seed=1).noise
        with torch.no_grad():
            predicted = network(torch.lerp(clean, noise, levels[:, None, None]), levels, torch.ones(1, 2))
        segments_loss.append(float((predicted - (noise - clean)).square().mean()))
    assert segments_loss[0] == pytest.approx(segments_loss[1], rel=0.02)
