"""A few seconds out of the middle of a file, without decoding what lies before them.

Conventions
-----------
As in `linernotes.audio.files`: mono float32 in [-1, 1], channels averaged, at the file's own rate.

Known limits
------------
Some MP3 streams without a table of contents are sought to within a few hundredths of a second.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from linernotes.audio.files import Audio, quiet_decoder
from linernotes.errors import InputError

_BEFORE_S = 1.0  # decoded ahead by PyAV: codecs need some frames to settle


def read_excerpt(path: Path | str, start_s: float, end_s: float) -> Audio:
    """Return what lies between two times of a file; less, or nothing, where the file ends before.

    Parameters
    ----------
    path : Path or str
        Any common audio file; its content decides, not its suffix.
    start_s, end_s : float
        Seconds from its beginning, the first not below zero and below the second.

    Raises
    ------
    InputError
        If the times are none, or the file is missing, not audio, damaged there, or holds invalid samples.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder) / "ramp.wav"
    ...     soundfile.write(place, np.linspace(0, 0.8, 8000, dtype=np.float32), 8000)
    ...     part = read_excerpt(place, 0.5, 0.75)
    >>> len(part.samples), round(float(part.samples[0]), 2)
    (2000, 0.4)
    """
    path = Path(path)
    if not 0 <= start_s < end_s:
        raise InputError(f"{path}: from {start_s:g} to {end_s:g} s; expected 0 <= start < end")
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the path of an audio file")
    try:
        with quiet_decoder(path), soundfile.SoundFile(path) as stream:
            rate = int(stream.samplerate)
            first = min(round(start_s * rate), stream.frames)
            stream.seek(first)
            channels = stream.read(round(end_s * rate) - first, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError):
        channels, rate = _with_av(path, start_s, end_s)
    if not np.isfinite(channels).all():
        raise InputError(f"{path}: holds samples that are not numbers; export it again")
    return Audio(np.ascontiguousarray(channels.mean(axis=1, dtype=np.float32)), rate)


def _with_av(path: Path, start_s: float, end_s: float) -> tuple[NDArray[np.float32], int]:
    import av  # costs 0.2 s to import and few files need it

    pieces: list[tuple[int, NDArray[np.float32]]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: holds no audio stream; expected an audio file")
            stream = container.streams.audio[0]
            rate, base = int(stream.rate), float(stream.time_base or 0)
            origin = float(stream.start_time or 0) * base
            resampler = av.AudioResampler(format="fltp")
            if start_s > _BEFORE_S and base > 0:
                container.seek(round((start_s - _BEFORE_S + origin) / base), stream=stream)
            for frame in container.decode(stream):
                at = float(frame.pts or 0) * base - origin
                if at >= end_s:
                    break
                pieces += [
                    (round(at * rate), part.to_ndarray().T.astype(np.float32))
                    for part in resampler.resample(frame)
                ]
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise InputError(
            f"{path}: not readable as audio from {start_s:.1f} to {end_s:.1f} s ({error}); obtain the whole file"
        ) from error
    return _joined(pieces, round(start_s * rate), round(end_s * rate)), rate


def _joined(pieces: list[tuple[int, NDArray[np.float32]]], first: int, last: int) -> NDArray[np.float32]:
    if not pieces:
        return np.zeros((0, 1), np.float32)
    last = min(last, max(at + len(part) for at, part in pieces))
    joined = np.zeros((max(0, last - first), pieces[0][1].shape[1]), np.float32)
    for at, part in pieces:
        low, high = max(at, first), min(at + len(part), last)
        if low < high:
            joined[low - first : high - first] = part[low - at : high - at]
    return joined
