"""How good a generator is: loss on music it never saw, and the distance of its sound from real sound.

Held-out loss is read beside three predictors that know less: an untrained network (which outputs zero),
the mean velocity, and the best linear guess of each dimension on its own. The Fréchet distance compares
means and covariances of clip statistics; small is close. It is read beside the distance of real from real
and of noise from real.

Conventions
-----------
Clip statistics: mean and standard deviation over time, and mean absolute change, of 32 log-mel bands,
projected to the 24 strongest axes of the reference set. Intervals are 95 % bootstrap over clips.

References
----------
Heusel et al. (2017), "GANs trained by a two time-scale update rule" (Fréchet distance); Kilgour et al.
(2019), "Fréchet audio distance".

Known limits
------------
The statistics hear timbre and texture, not form; figures compare within this measurement only and are
not the Fréchet audio distance of any published embedding. Few clips bias the distance upward, which is
why the real-to-real figure uses as many clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from linernotes.attribution.base import EncodedCorpus
from linernotes.generators.base import NoiseDraws, Segments
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.representation import Representation

N_AXES = 24
N_BOOTSTRAP = 100


@dataclass(frozen=True, slots=True)
class Frechet:
    """A distance with its 95 % bootstrap interval and the number of clips on each side."""

    value: float
    interval: tuple[float, float]
    n_clips: int
    n_reference: int

    def as_json(self) -> dict[str, Any]:
        """Return plain fields."""
        return {
            "value": self.value,
            "interval": list(self.interval),
            "n_clips": self.n_clips,
            "n_reference": self.n_reference,
        }


def held_out_loss(
    generator: ReferenceGenerator, known: EncodedCorpus, held_out: Segments, seed: int = 0
) -> dict[str, Any]:
    """Return the mean loss on unseen segments of the generator and of predictors that know less."""
    draws = generator.noise_draws(16, seed)
    with torch.no_grad():
        trained = generator.losses(generator.network, held_out, draws)
        seen = generator.losses(generator.network, known.segments, draws)
    tokens = known.segments.latents.flatten(0, 1)
    mean, variance = tokens.mean(dim=0), tokens.var(dim=0)
    return {
        "trained": float(trained.double().mean()),
        "trained_on_its_own_corpus": float(seen.double().mean()),
        "untrained": float(generator.null_losses(held_out, draws).double().mean()),
        "mean_predictor": _predictor_loss(held_out, draws, mean, torch.zeros_like(variance)),
        "linear_predictor": _predictor_loss(held_out, draws, mean, variance),
        "n_segments": len(held_out),
        "unit": generator.loss_unit,
    }


def _predictor_loss(
    held_out: Segments, draws: NoiseDraws, mean: torch.Tensor, variance: torch.Tensor
) -> float:
    """Loss of the Wiener estimate of the velocity for independent normal dimensions; variance 0 guesses the mean."""
    t = draws.levels[None, :, None, None]
    clean, noise = held_out.latents[:, None], draws.noise[None]
    mixed = (1 - t) * clean + t * noise
    gain = (t - (1 - t) * variance) / (t**2 + (1 - t) ** 2 * variance) if float(variance.sum()) > 0 else 0.0
    predicted = -mean + gain * (mixed - (1 - t) * mean)
    return float((predicted - (noise - clean)).square().double().mean())


def clip_statistics(spectrograms: Sequence[torch.Tensor]) -> NDArray[np.float64]:
    """Return statistics of log-mel clips [shape=(n_clips, 96), float64]."""
    rows = []
    for spectrogram in spectrograms:
        bands = spectrogram.double().reshape(len(spectrogram), 32, -1).mean(dim=2)
        change = bands.diff(dim=0).abs().mean(dim=0)
        rows.append(torch.cat([bands.mean(dim=0), bands.std(dim=0), change]).numpy())
    return np.stack(rows)


def frechet(clips: NDArray[np.float64], reference: NDArray[np.float64], seed: int = 0) -> Frechet:
    """Return the Fréchet distance of clips from a reference set, in the reference's strongest axes.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> near = frechet(random.normal(size=(80, 40)), random.normal(size=(80, 40)))
    >>> far = frechet(3 + random.normal(size=(80, 40)), random.normal(size=(80, 40)))
    >>> near.value < far.value
    True
    """
    centre, spread = reference.mean(axis=0), reference.std(axis=0) + 1e-9
    standard = (reference - centre) / spread
    axes = np.linalg.svd(standard, full_matrices=False)[2][:N_AXES].T
    a, b = (clips - centre) / spread @ axes, standard @ axes
    random = np.random.default_rng(seed)
    values = [
        _distance(a[random.integers(len(a), size=len(a))], b[random.integers(len(b), size=len(b))])
        for _ in range(N_BOOTSTRAP)
    ]
    value = _distance(a, b)
    # resampling repeats clips, which shrinks covariances and lifts every distance: centre on the estimate
    low, high = np.quantile(values, [0.025, 0.975]) + (value - np.mean(values))
    return Frechet(value, (float(max(0.0, low)), float(high)), len(clips), len(reference))


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    cross = np.trace(np.real(sqrtm(cov_a @ cov_b)))
    gap = a.mean(axis=0) - b.mean(axis=0)
    return float(max(0.0, gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * cross))


def frechet_report(
    generator: ReferenceGenerator,
    held_out: Sequence[torch.Tensor],
    known: Sequence[torch.Tensor],
    prompts: Sequence[str],
) -> dict[str, Any]:
    """Compare generated clips, training clips and noise with held-out clips of the same length.

    Parameters
    ----------
    held_out, known : sequence of Tensor [shape=(n_frames, n_mels)]
        Log-mel clips of one segment's length that the generator never saw, and that it was trained on.
    prompts : sequence of str
        One generated clip per prompt, with the prompt's place as seed.
    """
    representation = generator.representation
    reference = clip_statistics(held_out)
    generated = [_made(generator, prompt, seed) for seed, prompt in enumerate(prompts)]
    sets = {
        "generated": clip_statistics(generated),
        "training": clip_statistics(known[: len(prompts)]),
        "noise": clip_statistics(_noise_clips(representation, len(prompts))),
    }
    half = np.random.default_rng(0).permutation(len(reference))
    report: dict[str, Any] = {name: frechet(clips, reference).as_json() for name, clips in sets.items()}
    report["held_out"] = frechet(reference[half[::2]], reference[half[1::2]]).as_json()
    report["space"] = (
        f"mean, deviation and change of 32 log-mel bands over {generator.segment_s:.3f} s, {N_AXES} axes; "
        "held_out: one half against the other"
    )
    return report


def _made(generator: ReferenceGenerator, prompt: str, seed: int) -> torch.Tensor:
    return generator.representation.spectrogram(generator.generate_tokens(seed, generator.segment_s, prompt))


def _noise_clips(representation: Representation, n_clips: int) -> list[torch.Tensor]:
    config = representation.config
    random = torch.Generator().manual_seed(0)
    shape = (n_clips, config.segment_tokens, config.n_dims)
    return [representation.spectrogram(tokens) for tokens in torch.randn(shape, generator=random)]
