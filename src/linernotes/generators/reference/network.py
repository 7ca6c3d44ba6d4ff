"""A diffusion transformer for token sequences: adaptive layer norm steered by noise level and words.

Conventions
-----------
Tokens ``[shape=(batch, n_tokens, n_dims)]``, noise levels ``[shape=(batch,)]`` in (0, 1), words
``[shape=(batch, n_words)]`` as zeros and ones; the output has the shape of the tokens.

References
----------
Peebles and Xie (2023), "Scalable diffusion models with transformers" (adaLN-zero); Vaswani et al.
(2017), "Attention is all you need" (sinusoidal embedding).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the transformer."""

    n_dims: int = 128
    n_tokens: int = 32
    n_words: int = 1
    width: int = 128
    depth: int = 4
    n_heads: int = 4


class Layer(nn.Module):
    """One transformer layer: attention and a two-layer perceptron, both gated by the steering vector."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_attention = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.steer = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.steer.weight)
        nn.init.zeros_(self.steer.bias)

    def forward(self, x: Tensor, steering: Tensor) -> Tensor:
        """Return the tokens after this layer [shape=(batch, n_tokens, width)]."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.steer(steering)[:, None].chunk(6, dim=-1)
        x = x + gate_a * self._attend(self.norm_attention(x) * (1 + scale_a) + shift_a)
        hidden = self.up(self.norm_mlp(x) * (1 + scale_m) + shift_m)
        out: Tensor = x + gate_m * self.down(nn.functional.gelu(hidden, approximate="tanh"))
        return out

    def _attend(self, x: Tensor) -> Tensor:
        batch, n_tokens, width = x.shape
        heads = self.qkv(x).reshape(batch, n_tokens, 3, self.n_heads, width // self.n_heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, n_tokens, width))
        return out


class Network(nn.Module):
    """Predicts the velocity from clean tokens to noise.

    Examples
    --------
    >>> network = Network(NetworkConfig(n_dims=6, n_tokens=5, n_words=3, width=16, depth=1, n_heads=2))
    >>> out = network(torch.randn(2, 5, 6), torch.tensor([0.1, 0.9]), torch.zeros(2, 3))
    >>> out.shape, bool((out == 0).all())  # an untrained network says nothing
    (torch.Size([2, 5, 6]), True)
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.tokens_in = nn.Linear(config.n_dims, width)
        self.positions = nn.Parameter(torch.randn(config.n_tokens, width) * 0.02)
        self.words = nn.Linear(config.n_words, width, bias=False)
        self.level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(Layer(width, config.n_heads) for _ in range(config.depth))
        self.norm_out = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.steer_out = nn.Linear(width, 2 * width)
        self.tokens_out = nn.Linear(width, config.n_dims)
        nn.init.normal_(self.words.weight, std=0.02)
        for layer in (self.steer_out, self.tokens_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, levels: Tensor, words: Tensor) -> Tensor:
        """Return the predicted velocity [shape=(batch, n_tokens, n_dims)]."""
        # mean rather than sum, so that three words do not shout louder than one
        spoken = self.words(words / words.sum(dim=1, keepdim=True).clamp_min(1.0))
        steering = nn.functional.silu(self.level(level_embedding(levels, self.config.width)) + spoken)
        x = self.tokens_in(tokens) + self.positions[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, steering)
        shift, scale = self.steer_out(steering)[:, None].chunk(2, dim=-1)
        out: Tensor = self.tokens_out(self.norm_out(x) * (1 + scale) + shift)
        return out


def level_embedding(levels: Tensor, width: int) -> Tensor:
    """Return sines and cosines of the noise level [shape=(batch, width)]."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, device=levels.device) / half)
    angles = 1000.0 * levels[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)
