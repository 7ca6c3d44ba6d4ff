"""Do two stretches of audio hold the same waveform? A matched filter over whitened sound.

Landmarks and spectra forget the phase. Where the recording itself is at hand, and neither pitch nor tempo was
changed, its waveform is still in the query, however much noise or other music lies over it: sums of products of
the two, sample by sample, grow with the length where it is there, and with the root of the length where it is not.

1. *Whitening.* Each place of the short-time spectrum is divided by the root mean power around it (a quarter of a
   second, 120 Hz), in query and recording: no tone, band or moment speaks louder than another.
2. *Blocks.* The recording is cut into blocks of about 2.5 s; each is correlated with the whole query at every lag,
   in a circle. The squared envelope (of the analytic signal: a turned phase does not matter) is brought to its own
   median elsewhere. Under chance it is an exponential variable, to which the median gives the scale.
3. *Nats.* The sum over blocks is a gamma variable under chance; the lag with the largest one near the expected lag is
   sought, for five clocks up to 100 parts in a million fast or slow.
4. *Spread.* One click in each, or one shared drum stroke, is coherent too. So the eighth part of the time (in slots of
   0.16 s) that speaks most for the place is left out before its surprise is told.

Conventions
-----------
Mono at 8 kHz. ``lag_s`` above zero: the waveform lies later in the query than was expected.

References
----------
Knapp and Carter (1976), "The generalized correlation method for estimation of time delay", IEEE TASSP 24 (whitened
correlation). Turin (1960), "An introduction to matched filters", IRE Trans. IT-6. Noncoherent sums of blocks: any
text on spread-spectrum acquisition, such as Kay (1998), "Fundamentals of statistical signal processing", vol. II.

Known limits
------------
A changed pitch or tempo, a vocoder, or a clock more than some 200 parts in a million off leave nothing to be found.
Sounds that two recordings share sample by sample (a loop, a drum sample at one tempo) are found, rightly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft, irfft, next_fast_len, rfft
from scipy.ndimage import uniform_filter

from linernotes.fingerprint.spectrum import SAMPLE_RATE, Floats

WINDOW_S = 10.24  # looked at together at most

_BLOCK_S = 2.56
_REACH = 1200  # samples by which the lag may differ from the expected one: 0.15 s
_CLEAR = 2000  # samples around it that are not "elsewhere"
_CLOCKS = tuple(50e-6 * step for step in (-2, -1, 0, 1, 2))
_SLOT = 1280  # samples of a moment: 0.16 s
_BEST_PART = 1 / 8  # of the moments, which are left out
_FRAME, _HOP = 1024, 512
_AROUND = (5, 15)  # frames and bins over which power is levelled
_FLOOR = 1e-8  # of the highest power: silence stays silence


@dataclass(frozen=True, slots=True)
class Coherence:
    """How much of one waveform is in another.

    Parameters
    ----------
    nats : float >= 0
        Surprise of the best lag near the expected one, were the two unrelated noise, without its best moments.
    nats_elsewhere : float >= 0
        The same at the best lag anywhere else.
    lag_s : float
        Where the best lag lies, from the expected one.
    """

    nats: float
    nats_elsewhere: float
    lag_s: float


@dataclass(frozen=True)
class Heard:
    """A stretch of a query, whitened, that recordings are looked for in.

    Parameters
    ----------
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Mono at 8 kHz.
    """

    samples: Floats

    @cached_property
    def transform(self) -> NDArray[np.complex64]:
        """Fourier transform of the whitened stretch, its end cut to a length that transforms fast."""
        return cast("NDArray[np.complex64]", fft(whitened(self.samples)[: self.length]))

    @cached_property
    def analytic(self) -> NDArray[np.complex64]:
        """The analytic signal of the whitened stretch: no negative frequencies."""
        return cast("NDArray[np.complex64]", ifft(_one_sided(self.transform)))

    @cached_property
    def length(self) -> int:
        """Samples that are compared."""
        n = len(self.samples)
        return next(m for m in range(n, 0, -1) if next_fast_len(m) == m) if n else 0


def whitened(samples: Floats) -> Floats:
    """Return a waveform with the power of its short-time spectrum levelled.

    Examples
    --------
    >>> time = np.arange(16000) / 8000
    >>> tones = (np.sin(2 * np.pi * 500 * time) + 0.01 * np.sin(2 * np.pi * 2000 * time)).astype(np.float32)
    >>> level = np.abs(np.fft.rfft(whitened(tones)[4000:12000]))
    >>> bool(0.2 < level[2000] / level[500] < 5)
    True
    """
    n = len(samples)
    n_hops = math.ceil(n / _HOP) + 1
    padded = np.zeros((n_hops + 1) * _HOP, np.float32)
    padded[_HOP : _HOP + n] = samples
    window = np.hanning(_FRAME + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    spectrum = rfft(frames * window, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    around = uniform_filter(power, size=_AROUND, mode="nearest")
    spectrum /= np.sqrt(around + (float(power.max(initial=0.0)) * _FLOOR + 1e-30))
    level = irfft(spectrum, n=_FRAME, axis=1)  # windows that overlap by a half add up to one
    out = np.zeros_like(padded)
    out[: n_hops * _HOP] = level[:, :_HOP].reshape(-1)
    out[_HOP:] += level[:, _HOP:].reshape(-1)
    return np.asarray(out[_HOP : _HOP + n], np.float32)


def coherence(heard: Heard, recording: Floats) -> Coherence | None:
    """Return how much of a recording's waveform is in a stretch of a query; None where there is too little.

    Parameters
    ----------
    heard : Heard
        The stretch of the query.
    recording : NDArray[np.float32] [shape=(n_samples,)]
        What is expected there, 8 kHz, sample for sample from the stretch's first one; zeros where it has none.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> recording, noise = rng.standard_normal((2, 40000)).astype(np.float32)
    >>> found = coherence(Heard(np.roll(recording, 80) + 4 * noise), recording)
    >>> found.nats > 100, found.nats_elsewhere < 10, round(found.lag_s, 4)
    (True, True, 0.01)
    """
    n = heard.length
    if n < SAMPLE_RATE or len(recording) == 0 or not recording.any():
        return None
    level = np.zeros(n, np.float32)
    own = whitened(recording[:n])
    level[: len(own)] = own
    blocks = _blocks(heard, level)
    if not blocks:
        return None
    sums = np.stack([_summed(blocks, clock) for clock in _CLOCKS])
    best = sums.max(axis=0)
    lag = int(np.concatenate([best[-_REACH:], best[: _REACH + 1]]).argmax()) - _REACH
    other = int(best[_CLEAR : n - _CLEAR].argmax()) + _CLEAR
    nats, nats_elsewhere = (
        _surprise(_spread(heard, level, blocks, at, _CLOCKS[int(sums[:, at].argmax())]), len(blocks))
        for at in (lag, other)
    )
    return Coherence(nats, nats_elsewhere, lag / SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of the recording: samples, its squared envelope at every lag over the usual one, and that."""

    first: int
    last: int
    power: Floats
    usual: float

    def moved(self, clock: float, n: int) -> int:
        """Return by how many samples its lag differs from that of the middle of all."""
        return round(clock * (self.first + self.last - n) / 2)


def _blocks(heard: Heard, level: Floats) -> list[_Block]:
    """Correlate each block of the whitened recording with the query at every lag."""
    n = heard.length
    n_blocks = max(1, round(n / (_BLOCK_S * SAMPLE_RATE)))
    found = []
    for first, last in pairwise(np.linspace(0, n, n_blocks + 1).astype(int).tolist()):
        if not level[first:last].any():
            continue
        part = np.zeros(n, np.float32)
        part[first:last] = level[first:last]
        at_lag = ifft(_one_sided(heard.transform * np.conj(fft(part))))
        power = at_lag.real**2 + at_lag.imag**2
        usual = float(np.median(power[_CLEAR : n - _CLEAR])) / math.log(2)
        if usual > 0:
            found.append(_Block(first, last, np.asarray(power / np.float32(usual), np.float32), usual))
    return found


def _one_sided(transform: NDArray[np.complex64]) -> NDArray[np.complex64]:
    n = len(transform)
    doubled = transform.copy()
    doubled[1 : (n + 1) // 2] *= 2
    doubled[n // 2 + 1 :] = 0
    return doubled


def _spread(heard: Heard, level: Floats, blocks: list[_Block], lag: int, clock: float) -> float:
    """Return the sum over blocks at one lag, without the moments that add most to it."""
    spoken, owners = [], []
    for number, block in enumerate(blocks):
        at = np.arange(block.first, block.last) + lag + block.moved(clock, heard.length)
        product = heard.analytic[at % heard.length] * level[block.first : block.last]
        moments = np.add.reduceat(product, np.arange(0, len(product), _SLOT)) / math.sqrt(block.usual)
        spoken.append(moments)
        owners.append(np.full(len(moments), number))
    moments, owner = np.concatenate(spoken), np.concatenate(owners)
    whole = np.array([one.sum() for one in spoken])[owner]
    adds = (moments * np.conj(whole)).real / np.maximum(np.abs(whole), 1e-12)
    kept = np.argsort(-adds, kind="stable")[math.ceil(len(adds) * _BEST_PART) :]
    sums = np.zeros(len(blocks), np.complex128)
    np.add.at(sums, owner[kept], moments[kept])
    return float((np.abs(sums) ** 2).sum())


def _summed(blocks: list[_Block], clock: float) -> Floats:
    """Return the sum over blocks at each lag of the middle, for a clock that is fast by a part."""
    total = np.zeros_like(blocks[0].power)
    for block in blocks:
        total += np.roll(block.power, -block.moved(clock, len(total)))
    return total


def _surprise(total: float, n_blocks: int) -> float:
    """Return minus the logarithm of the chance that a sum of unit exponentials is as large (Erlang's formula)."""
    terms = [k * math.log(max(total, 1e-30)) - math.lgamma(k + 1) for k in range(n_blocks)]
    highest = max(terms)
    return max(0.0, total - highest - math.log(sum(math.exp(term - highest) for term in terms)))
