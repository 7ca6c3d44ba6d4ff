"""`check_generator`: asks whether a generator adapter keeps what attribution relies on.

Attribution compares losses of two copies of a network under the same noise. That is meaningful only if
losses are a function of weights, segment and draw alone: not of the batch, not of the call before, not of
hidden random numbers. The suite checks this, the shapes, and what the adapter says about itself.

Known limits
------------
It cannot tell whether the loss is the one that the model was trained with; that is the adapter's word.
"""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

from linernotes.testing.promises import promised, says

if TYPE_CHECKING:
    from linernotes.audio.files import Audio
    from linernotes.generators.base import Generator, NoiseDraws, Segments

FACTS = ("paper", "licence", "weights_licence", "trained_on", "revision", "loss_unit", "generator_id")
N_DRAWS = 3
TOLERANCE = 1e-4  # of a loss; float32 sums in another batch differ by less


def check_generator(generator: Generator, audio: Audio, condition: str = "") -> None:
    """Check an adapter with a piece of audio that it can encode.

    Parameters
    ----------
    generator : Generator
        Loaded and ready to generate.
    audio : Audio
        At the generator's sample rate, at least two segments long.
    condition : str
        A description that the generator understands.

    Raises
    ------
    BrokenPromise
        At the first promise that does not hold, naming it.
    """
    says(generator, *FACTS)
    promised(generator.sample_rate > 0, f"sample_rate is {generator.sample_rate}; expected Hz")
    promised(generator.segment_s > 0, f"segment_s is {generator.segment_s}; expected seconds")
    before = _weights(generator)
    segments = _check_encoding(generator, audio, condition)
    draws = _check_draws(generator, segments)
    _check_losses(generator, segments, draws)
    _check_weights(generator, segments, draws)
    _check_generation(generator, condition)
    promised(_weights(generator) == before, "a call changed the generator's own weights; work on copies")
    again = pickle.loads(pickle.dumps(generator))  # noqa: S301  (pickled on this line)
    promised(again.generator_id == generator.generator_id, "generator_id changes when the adapter is pickled")


def _weights(generator: Generator) -> list[tuple[str, bytes]]:
    state = generator.network.state_dict()
    return [(name, value.detach().cpu().float().numpy().tobytes()) for name, value in state.items()]


def _check_encoding(generator: Generator, audio: Audio, condition: str) -> Segments:
    import torch

    segments, again = generator.encode(audio, condition), generator.encode(audio, condition)
    n = len(segments)
    promised(
        n >= 2, f"encode gave {n} segments of {audio.duration_s:.1f} s; expected at least 2 for this check"
    )
    promised(
        segments.latents.dtype == torch.float32, f"latents are {segments.latents.dtype}; expected float32"
    )
    promised(
        segments.latents.ndim == 3, f"latents have shape {tuple(segments.latents.shape)}; expected 3 axes"
    )
    expected = tuple(segments.latents.shape[:2])
    promised(tuple(segments.audible.shape) == expected, f"audible has shape {tuple(segments.audible.shape)}")
    promised(segments.audible.dtype == torch.bool, f"audible is {segments.audible.dtype}; expected bool")
    promised(
        segments.conditions.shape[0] == n, f"conditions has {segments.conditions.shape[0]} rows, not {n}"
    )
    starts = segments.start_s
    promised(
        len(starts) == n and list(starts) == sorted(set(starts)), f"start_s {starts}: expected rising seconds"
    )
    promised(torch.equal(segments.latents, again.latents), "encode gives other latents the second time")
    return segments


def _check_draws(generator: Generator, segments: Segments) -> NoiseDraws:
    import torch

    draws, again = generator.noise_draws(N_DRAWS, 7), generator.noise_draws(N_DRAWS, 7)
    other = generator.noise_draws(N_DRAWS, 8)
    shape, expected = tuple(draws.noise.shape), (N_DRAWS, *segments.latents.shape[1:])
    promised(shape == expected, f"noise has shape {shape}; expected {expected}")
    inside = bool(((draws.levels > 0) & (draws.levels < 1)).all())
    promised(inside, f"noise levels {draws.levels.tolist()}: expected them between 0 and 1")
    same = torch.equal(draws.noise, again.noise) and torch.equal(draws.levels, again.levels)
    promised(same, "noise_draws depends on more than the seed: seed 7 gave other noise the second time")
    promised(
        not torch.equal(draws.noise, other.noise), "noise_draws ignores the seed: 7 and 8 give the same noise"
    )
    return draws


def _check_losses(generator: Generator, segments: Segments, draws: NoiseDraws) -> None:
    import torch

    with torch.no_grad():
        for audible_only in (False, True):
            whole = generator.losses(generator.network, segments, draws, audible_only=audible_only)
            again = generator.losses(generator.network, segments, draws, audible_only=audible_only)
            shape, expected = tuple(whole.shape), (len(segments), N_DRAWS)
            promised(shape == expected, f"losses have shape {shape}; expected {expected}")
            promised(whole.dtype == torch.float32, f"losses are {whole.dtype}; expected float32")
            promised(bool(torch.isfinite(whole).all()), "losses hold values that are not numbers")
            promised(
                torch.equal(whole, again), "losses differ from call to call: they draw noise of their own"
            )
            null = generator.null_losses(segments, draws, audible_only=audible_only)
            promised(
                tuple(null.shape) == expected, f"null losses have shape {tuple(null.shape)}, not {expected}"
            )
            promised(bool(torch.isfinite(null).all()), "null losses hold values that are not numbers")
            _check_batches(generator, segments, draws, whole, audible_only)


def _check_batches(
    generator: Generator, segments: Segments, draws: NoiseDraws, whole: Any, audible_only: bool
) -> None:
    for i in (0, len(segments) - 1):
        alone = generator.losses(
            generator.network, segments.pick([i]), draws.pick([N_DRAWS - 1]), audible_only=audible_only
        )
        gap = float((alone[0, 0] - whole[i, N_DRAWS - 1]).abs())
        limit = TOLERANCE * max(1.0, float(whole.abs().max()))
        promised(gap <= limit, f"segment {i} alone has a loss {gap:.2g} away from its loss in a batch")


def _check_weights(generator: Generator, segments: Segments, draws: NoiseDraws) -> None:
    import torch

    network = copy.deepcopy(generator.network).requires_grad_(True)
    weights = generator.updatable(network)
    promised(bool(weights), "updatable names no weight")
    own = {id(parameter) for parameter in network.parameters()}
    ours = all(id(weight) in own for weight in weights.values())
    promised(ours, "updatable gives weights of another network than the one asked about")
    promised(
        weights.keys() == generator.updatable(generator.network).keys(), "updatable names differ on a copy"
    )
    loss = generator.losses(network, segments.pick([0]), draws).mean()
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    moved = any(gradient is not None and bool(gradient.abs().max() > 0) for gradient in gradients)
    promised(moved, "the loss has no gradient in any updatable weight")


def _check_generation(generator: Generator, condition: str) -> None:
    import numpy as np

    seconds = 1.5 * generator.segment_s
    first, again = generator.generate(3, seconds, condition), generator.generate(3, seconds, condition)
    other = generator.generate(4, seconds, condition)
    promised(first.sample_rate == generator.sample_rate, f"generated audio has {first.sample_rate} Hz")
    off = abs(first.duration_s - seconds)
    promised(off <= 0.1, f"asked for {seconds:.2f} s, generated {first.duration_s:.2f} s")
    promised(bool(np.isfinite(first.samples).all()), "generated samples hold values that are not numbers")
    promised(
        first.samples.dtype == np.float32, f"generated samples are {first.samples.dtype}; expected float32"
    )
    promised(np.array_equal(first.samples, again.samples), "seed 3 generates other audio the second time")
    promised(not np.array_equal(first.samples, other.samples), "generate ignores the seed")
