"""Convolutions around the circle of pitch classes, in numpy.

A kernel spans all twelve pitch classes and a few moments. Transposing the input turns the output by as much. Under the
Fourier transform over pitch classes such a kernel is one small matrix per frequency: seven complex products in place of
144 real ones.

Conventions
-----------
Signals are ``[shape=(12, n_frames, n_channels), float32]``; kernels ``[shape=(n_taps, 12, n_in, n_out)]`` say what pitch
class ``q + j`` adds to pitch class ``q``. Time goes on at both ends as it stands there.

References
----------
Cohen, Welling (2016), "Group equivariant convolutional networks", ICML.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES

Signal = NDArray[np.float32]

_ANGLES = 2 * np.pi / PITCH_CLASSES * np.outer(np.arange(PITCH_CLASSES // 2 + 1), np.arange(PITCH_CLASSES))
_TWICE = np.where(np.arange(PITCH_CLASSES // 2 + 1) % (PITCH_CLASSES // 2) == 0, 1, 2)[:, None]
_COSINES = np.cos(_ANGLES).astype(np.float32)
_SINES = np.sin(_ANGLES).astype(np.float32)
_BACK_COSINES = np.ascontiguousarray((_TWICE * np.cos(_ANGLES) / PITCH_CLASSES).T, np.float32)
_BACK_SINES = np.ascontiguousarray((_TWICE * np.sin(_ANGLES) / PITCH_CLASSES).T, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A kernel per frequency: ``spectrum`` [shape=(7, n_taps * n_in, n_out), complex64], frames between taps."""

    spectrum: NDArray[np.complex64]
    n_taps: int
    dilation: int = 1


def kernel(taps: NDArray[np.float32], dilation: int = 1) -> Kernel:
    """Return a kernel ready for use.

    Parameters
    ----------
    taps : NDArray[np.float32] [shape=(n_taps, 12, n_in, n_out)]
        An odd number of taps.
    dilation : int, optional
        Frames from one tap to the next.

    Examples
    --------
    >>> kernel(np.ones((3, 12, 2, 5), np.float32)).spectrum.shape
    (7, 6, 5)
    """
    n_taps, _, n_in, n_out = taps.shape
    spectrum = np.einsum("kj,tjio->ktio", np.exp(1j * _ANGLES), taps.astype(np.float64))
    return Kernel(spectrum.reshape(-1, n_taps * n_in, n_out).astype(np.complex64), n_taps, dilation)


def spectrum_of(x: Signal) -> NDArray[np.complex64]:
    """Return the Fourier transform over pitch classes [shape=(7, n_frames, n_channels)].

    Examples
    --------
    >>> abs(spectrum_of(np.ones((12, 2, 1), np.float32))[:2, 0, 0]).round(3).tolist()
    [12.0, 0.0]
    """
    flat = x.reshape(PITCH_CLASSES, -1)
    found = np.empty((len(_COSINES), flat.shape[1]), np.complex64)
    found.real, found.imag = _COSINES @ flat, -(_SINES @ flat)
    return found.reshape(-1, *x.shape[1:])


def convolved(spectrum: NDArray[np.complex64], weights: Kernel, step: int = 1) -> Signal:
    """Return every *step*-th frame of a signal, given by its spectrum, convolved around the circle and over time.

    Examples
    --------
    >>> x = np.arange(24, dtype=np.float32).reshape(12, 2, 1)
    >>> one = np.zeros((1, 12, 1, 1), np.float32)
    >>> one[0, 2] = 1  # what lies two semitones above
    >>> convolved(spectrum_of(x), kernel(one))[0, :, 0].round(3).tolist()
    [4.0, 5.0]
    """
    n_frames = spectrum.shape[1]
    seen = spectrum[:, ::step]
    if weights.n_taps > 1:
        reach = weights.n_taps // 2 * weights.dilation
        longer = np.pad(spectrum, ((0, 0), (reach, reach), (0, 0)), mode="edge")
        starts = weights.dilation * np.arange(weights.n_taps)
        seen = np.concatenate([longer[:, start : start + n_frames : step] for start in starts], axis=2)
    turned = (seen @ weights.spectrum).reshape(len(spectrum), -1)
    back = _BACK_COSINES @ turned.real - _BACK_SINES @ turned.imag
    return np.asarray(back.reshape(PITCH_CLASSES, seen.shape[1], -1), np.float32)
