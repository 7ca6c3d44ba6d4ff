"""Unlearning a group of recordings: the weights that the generator might have had without it.

Three operators, all light: they start from the trained weights and change them a little.

*redirect* — where the network would denoise towards a segment of the group, it is taught to denoise towards
the nearest retained segments instead. A forget segment a is noised to ``x_t = (1 − t) a + t ε``; retained
neighbours r weigh ``w_r ∝ exp(−‖x_t − (1 − t) r‖² / 2t²)``, the chance that x_t came from them; the noise that would lead
there differs from ε by ``δ_r = (1 − t)/t · (a − r)``, and is allowed to differ by no more than the trust radius. The
velocity that is taught is that of the straight path through x_t with noise ``ε + Σ w_r δ_r``:

    target = (ε − a) + Σ_r w_r δ_r / (1 − t)

*ascent* — climb the group's loss, each noisy segment no further than a set rise above what the generator as it
is scores on it, and never beyond an untrained network.

*fisher* — one step ``θ + s F̃⁻¹ Σ_{group} ∇ℓ``: the first-order effect of leaving the group out. The scale s is
such that a typical single segment would raise its own loss by the set rise; it is the same for all groups, so that
large groups move further.

The first two hold the rest of the model in place on retained segments, by *match*: the network's output stays
what the full network's was; or by *loss*: the training loss itself.

Conventions
-----------
Silence is masked in the loss of the group, as in the other unlearning methods. All groups see the same random
numbers: the same noise, and retained segments picked by the same uniform draws, so that groups differ by the
group. Changes are kept as half-precision differences from the generator's weights.

References
----------
Shi et al. (2025), "ReTrack: data unlearning in diffusion models through redirecting the denoising trajectory",
arXiv:2509.13007; Murata et al. (2026), "GUDA", arXiv:2601.22651; Serrà et al. (2026), "MUCS", arXiv:2605.17938 (bounded
ascent); Hu et al. (2022), "LoRA"; Koh and Liang (2017), "Understanding black-box predictions via influence
functions".

Known limits
------------
Redirection and matching need an `OutputGenerator`, and redirection one that is a rectified flow; both are checked. No
operator certifies that anything was forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.by_group.open_weights import Change, OpenWeights, open_weights
from linernotes.attribution.working_copy import working_copy
from linernotes.errors import InputError
from linernotes.generators.base import Generator, NoiseDraws, OutputGenerator, Segments


@dataclass(frozen=True, slots=True)
class GroupUnlearningConfig:
    """Settings of the unlearning of a group.

    Parameters
    ----------
    operator : {"redirect", "ascent", "fisher"}
        See the head of this file.
    weights : {"all", "last", "lora"}
        All updatable weights; those of the last ``n_blocks`` layers; or low-rank additions to all linear maps.
    n_steps : int > 0
        Steps of *redirect* and *ascent*, the same for all groups.
    n_segments, n_draws : int > 0
        Segments and noise draws per step of each kind (group, retained).
    forget_weight : float > 0
        Weight of the group's loss beside the retained.
    rise : float > 0
        How far *ascent* climbs at most, as a fraction of the loss.
    segment_rise : float > 0
        How far *fisher* would raise a typical segment's own loss, were the segment alone, as a fraction of it.
    n_anchors, trust : int > 0, float > 0
        Neighbours of *redirect*, and how far the taught noise may differ from the true, as a fraction of its length.
    """

    operator: str = "ascent"
    weights: str = "all"
    preserve: str = "match"
    n_steps: int = 12
    n_segments: int = 8
    n_draws: int = 4
    learning_rate: float = 1e-3
    forget_weight: float = 1.0
    rise: float = 0.1
    segment_rise: float = 0.01
    n_anchors: int = 10
    trust: float = 2.0
    n_blocks: int = 1
    rank: int = 4
    damping: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        choices = {
            "operator": ("redirect", "ascent", "fisher"),
            "weights": ("all", "last", "lora"),
            "preserve": ("match", "loss"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"{name}='{getattr(self, name)}': expected one of {', '.join(allowed)}")
        if self.operator == "fisher" and self.weights == "lora":
            raise InputError("operator='fisher' with weights='lora': expected weights 'all' or 'last'")
        counts = (self.n_steps, self.n_segments, self.n_draws, self.n_anchors, self.n_blocks, self.rank)
        scales = (
            self.learning_rate,
            self.forget_weight,
            self.rise,
            self.segment_rise,
            self.trust,
            self.damping,
        )
        if min(counts) < 1 or not all(np.isfinite(scale) and scale > 0 for scale in scales):
            raise InputError(f"{self}: expected positive settings")

    def passes(self, n_forgotten: int) -> tuple[int, int]:
        """Return forward and backward passes of unlearning one group of so many segments.

        Examples
        --------
        >>> GroupUnlearningConfig(n_steps=1, n_segments=1, n_draws=1).passes(50)
        (4, 2)
        """
        if self.operator == "fisher":
            return 4 * self.n_draws * n_forgotten, 4 * self.n_draws * n_forgotten
        learnt = 2 * self.n_steps * self.n_segments * self.n_draws
        held = (self.operator == "ascent") + (
            self.preserve == "match"
        )  # what the full network says, to go by
        return learnt + held * learnt // 2, learnt


@dataclass(frozen=True)
class GroupUnlearning:
    """Makes the change of weights that unlearns some items.

    ``fisher`` [mean squared gradients by weight] is needed by the operator of that name alone.
    """

    generator: Generator
    corpus: EncodedCorpus
    config: GroupUnlearningConfig
    fisher: Mapping[str, Tensor] | None = None

    def __call__(self, held: NDArray[np.bool_]) -> Change:
        """Return the change that unlearns the items held [shape=(n_items,), bool].

        Raises
        ------
        InputError
            If they are all items or none.
        """
        if held.all() or not held.any():
            raise InputError(
                f"unlearning {int(held.sum())} of {len(held)} items: expected some to forget and some to retain"
            )
        inside = held[self.corpus.item_of]
        forget, retained = np.flatnonzero(inside), np.flatnonzero(~inside)
        if self.config.operator == "fisher":
            return self._fisher_step(forget)
        return self._descend(forget, retained)

    def _descend(self, forget: NDArray[np.int64], retained: NDArray[np.int64]) -> Change:
        config, generator, full = self.config, self.generator, self.generator.network
        network = working_copy(full)
        opened = self._open(network)
        optimiser = torch.optim.Adam(opened.parameters, lr=config.learning_rate)
        term = self._redirected if config.operator == "redirect" else self._climbed
        anchors = nearest(self.corpus.segments.latents, forget, retained, config.n_anchors)
        random = np.random.default_rng(config.seed)
        for _ in range(config.n_steps):
            chosen, kept = random.random((2, config.n_segments))
            draws = generator.noise_draws(config.n_draws, int(random.integers(2**31)))
            other = generator.noise_draws(config.n_draws, int(random.integers(2**31)))
            places = (chosen * len(forget)).astype(int)
            loss = config.forget_weight * term(network, forget[places], anchors[places], draws)
            loss = loss + self._retain(network, retained[(kept * len(retained)).astype(int)], other)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
        return opened.change()

    def _open(self, network: nn.Module) -> OpenWeights:
        config = self.config
        return open_weights(
            self.generator,
            network,
            config.weights,
            n_blocks=config.n_blocks,
            rank=config.rank,
            seed=config.seed,
        )

    def _retain(self, network: nn.Module, chosen: NDArray[np.int64], draws: NoiseDraws) -> Tensor:
        segments = self.corpus.segments.pick(chosen.tolist())
        if self.config.preserve == "loss":
            return self.generator.losses(network, segments, draws).mean()
        generator = with_outputs(self.generator)
        with torch.no_grad():
            wanted = generator.outputs(generator.network, segments, draws)
        return (generator.outputs(network, segments, draws) - wanted).square().mean()

    def _climbed(
        self, network: nn.Module, chosen: NDArray[np.int64], anchors: NDArray[np.int64], draws: NoiseDraws
    ) -> Tensor:
        segments = self.corpus.segments.pick(chosen.tolist())
        with torch.no_grad():
            full = self.generator.losses(self.generator.network, segments, draws, audible_only=True)
        null = self.generator.null_losses(segments, draws, audible_only=True)
        bound = torch.minimum((1 + self.config.rise) * full, torch.maximum(null, full))
        return -torch.minimum(
            self.generator.losses(network, segments, draws, audible_only=True), bound
        ).mean()

    def _redirected(
        self, network: nn.Module, chosen: NDArray[np.int64], anchors: NDArray[np.int64], draws: NoiseDraws
    ) -> Tensor:
        segments = self.corpus.segments.pick(chosen.tolist())
        target = redirected_velocity(
            segments.latents,
            self.corpus.segments.latents[torch.from_numpy(anchors)],
            draws,
            self.config.trust,
        )
        predicted = with_outputs(self.generator).outputs(network, segments, draws)
        per_token = (predicted - target).square().mean(dim=-1)
        heard = _heard(segments)[:, None]
        return ((per_token * heard).sum(dim=-1) / heard.sum(dim=-1)).mean()

    def _fisher_step(self, forget: NDArray[np.int64]) -> Change:
        if self.fisher is None:
            raise InputError("operator='fisher': needs the Fisher information; fit() makes it")
        config, generator = self.config, self.generator
        network = working_copy(generator.network)
        opened = self._open(network)
        random = np.random.default_rng(config.seed)
        loss_sum, sums = 0.0, None
        for first in range(0, len(forget), config.n_segments):
            part = forget[first : first + config.n_segments]
            draws = generator.noise_draws(4 * config.n_draws, int(random.integers(2**31)))
            losses = generator.losses(
                network, self.corpus.segments.pick(part.tolist()), draws, audible_only=True
            )
            total = losses.mean(dim=1).sum()
            gradients = torch.autograd.grad(total, opened.parameters)
            sums = gradients if sums is None else tuple(a + b for a, b in zip(sums, gradients, strict=True))
            loss_sum += float(total.detach())
        fisher = [self.fisher[name] for name in opened.names]
        damping = config.damping * float(
            torch.cat([value.flatten() for value in self.fisher.values()]).mean()
        )
        n_effective = sum(float((value / (value + damping)).double().sum()) for value in fisher)
        typical = loss_sum / len(forget)
        with torch.no_grad():
            for weight, gradient, value in zip(opened.parameters, sums or (), fisher, strict=True):
                weight.add_(config.segment_rise * typical / n_effective * gradient / (value + damping))
        return opened.change()


def redirected_velocity(forget: Tensor, anchors: Tensor, draws: NoiseDraws, trust: float) -> Tensor:
    """Return the velocity that leads from noisy forget segments towards their anchors.

    Parameters
    ----------
    forget : Tensor [shape=(n_segments, n_tokens, n_dims)]
    anchors : Tensor [shape=(n_segments, n_anchors, n_tokens, n_dims)]
    trust : float > 0
        Largest change of the noise, as a fraction of the expected length of the noise.

    Returns
    -------
    Tensor [shape=(n_segments, n_draws, n_tokens, n_dims)]

    Examples
    --------
    >>> draws = NoiseDraws(torch.tensor([0.5]), torch.zeros(1, 1, 2))
    >>> forget, anchors = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[[0.0, 1.0]]]])
    >>> redirected_velocity(forget, anchors, draws, trust=9.0)[0, 0, 0].tolist()  # noise (1, −1) minus anchor (0, 1)
    [1.0, -2.0]
    """
    clean, near = forget.flatten(1), anchors.flatten(2)
    noise, level = draws.noise.flatten(1), draws.levels[:, None]
    keep, size = 1 - level, clean.shape[1]
    mixed = keep * clean[:, None] + level * noise  # [segments, draws, values]
    # squared distance to each anchor from sums and products: no tensor of segments × draws × anchors × values
    product = torch.einsum("sdv,sav->sda", mixed, near)
    distance = (
        mixed.square().sum(-1)[..., None]
        - 2 * keep[None] * product
        + keep[None] ** 2 * near.square().sum(-1)[:, None]
    )
    weight = torch.softmax(-distance / (2 * level[None] ** 2), dim=-1)
    length = (clean[:, None] - near).norm(dim=-1)[:, None] * (keep / level)[None]  # of each shift
    weight = weight * (trust * size**0.5 / length.clamp_min(1e-12)).clamp_max(1.0)
    shift = (keep / level) * (
        weight.sum(-1, keepdim=True) * clean[:, None] - torch.einsum("sda,sav->sdv", weight, near)
    )
    velocity = noise - clean[:, None] + shift / keep
    shaped: Tensor = velocity.reshape(len(forget), len(draws), *forget.shape[1:])
    return shaped


def nearest(
    latents: Tensor, forget: NDArray[np.int64], retained: NDArray[np.int64], n_anchors: int
) -> NDArray[np.int64]:
    """Return the retained segments nearest to each forget segment, in token space [shape=(n_forget, n_anchors)]."""
    distance = torch.cdist(latents[forget].flatten(1), latents[retained].flatten(1))
    order = distance.topk(min(n_anchors, len(retained)), largest=False).indices.numpy()
    found: NDArray[np.int64] = retained[order]
    return found


def must_be_straight(generator: Generator, segments: Segments) -> None:
    """Check that the generator is a rectified flow that shows its velocity: what redirection is written for.

    Raises
    ------
    InputError
        If it does not show its outputs, or mixes, predicts or scores otherwise.
    """
    shown = with_outputs(generator)
    draws, one = shown.noise_draws(2, 0), segments.pick([0])
    level = draws.levels[:, None, None]
    other = Segments(one.latents + 1, one.audible, one.conditions, one.start_s)
    # two origins of the same point of the path
    same_point = NoiseDraws(draws.levels, draws.noise - (1 - level) / level)
    with torch.no_grad():
        here, there = (
            shown.outputs(shown.network, one, draws),
            shown.outputs(shown.network, other, same_point),
        )
        scored = (here - (draws.noise - one.latents[:, None])).square().mean(dim=(2, 3))
        losses = shown.losses(shown.network, one, draws)
    if not (torch.allclose(here, there, rtol=1e-2, atol=1e-3) and torch.allclose(scored, losses, rtol=1e-3)):
        raise InputError(
            f"generator {generator.generator_id}: not a rectified flow with mean squared velocity error; redirection is "
            "written for those: use operator='ascent' or 'fisher'"
        )


def with_outputs(generator: Generator) -> OutputGenerator:
    """Return the generator as one that shows its outputs.

    Raises
    ------
    InputError
        If it does not.
    """
    if not hasattr(generator, "outputs"):  # all else every generator has, and asking it may take long
        raise InputError(
            f"generator {generator.generator_id}: does not show its outputs; give its adapter outputs(), or use "
            "operator='ascent' with preserve='loss', or operator='fisher'"
        )
    return cast("OutputGenerator", generator)


def _heard(segments: Segments) -> Tensor:
    heard = segments.audible.float()
    return torch.where(heard.sum(dim=1, keepdim=True) > 0, heard, torch.ones_like(heard))
