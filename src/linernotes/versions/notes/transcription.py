"""Which piano keys sound when, as a small neural network hears them in any recording.

The network is basic-pitch's (Bittner et al.): harmonically stacked constant-Q spectra and four small convolutions,
230 kB, one for all instruments. It looks at windows of two seconds; this file cuts them, runs them in batches
and joins what they say. Windows overlap by thirty frames, and the fifteen at each edge, where the network sees
less music, are dropped. The windows' hop is a whole number of frames, so the result has one regular clock.

A recording that is not tuned to A4 = 440 Hz falls between the keys. It is played slower or faster by its
deviation before the network hears it, and the clock is scaled back.

Conventions
-----------
Arrays are ``[shape=(n_frames, 88), float32]``, activations in [0, 1]; column *k* is MIDI pitch ``21 + k``. Frame *t*
is centred on ``t * hop_s`` seconds of the recording.

Cost
----
0.8 CPU-s for 60 s of audio on one core of a 2-core cloud machine.

References
----------
Bittner, Bosch, Rubinstein, Meseguer-Brocal, Ewert (2022), "A lightweight instrument-agnostic model for polyphonic
note transcription and multipitch estimation", ICASSP. Weights: Apache-2.0, see ``basic_pitch_NOTICE.txt``.

Known limits
------------
Drums leave short false notes. The network scales each window by its own loudest part, so noise in near silence may
sound like notes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module, resources
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.errors import InputError, VerificationError

MODEL_FILE = "basic_pitch.onnx"
MODEL_SHA256 = "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec"
SAMPLE_RATE = 22050
FRAME_SAMPLES = 256
WINDOW_SAMPLES = 43844
WINDOW_FRAMES = 172
LOWEST_PITCH = 21
N_PITCHES = 88

_INPUT = "serving_default_input_2:0"
_OUTPUTS = (
    "StatefulPartitionedCall:1",
    "StatefulPartitionedCall:2",
)  # sounding, onsets; :0 are pitch contours
_IN_TUNE = 0.1  # semitones; smaller deviations do not change what the network hears


@dataclass(frozen=True, slots=True)
class TranscriptionConfig:
    """Settings of `transcribe`.

    Parameters
    ----------
    trim_frames : int
        Frames dropped at each edge of a window; fewer are cheaper and less exact at the joints.
    batch : int
        Windows per run; changes memory, never the result.
    n_threads : int
        Threads of the network.
    """

    trim_frames: int = 15
    batch: int = 8
    n_threads: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.trim_frames <= 80 or self.batch < 1 or self.n_threads < 1:
            raise InputError(
                f"trim_frames {self.trim_frames}, batch {self.batch}, n_threads {self.n_threads}; "
                "expected trim_frames from 0 to 80, the others at least 1"
            )

    @property
    def hop_frames(self) -> int:
        """Frames that each window adds."""
        return WINDOW_FRAMES - 2 * self.trim_frames


@dataclass(frozen=True, slots=True, eq=False)
class Transcription:
    """What sounds when; equal only to itself.

    Parameters
    ----------
    sounding : NDArray[np.float32] [shape=(n_frames, 88)]
        Activation of each key, in [0, 1].
    onsets : NDArray[np.float32] [shape=(n_frames, 88)]
        Activation of each key being struck, in [0, 1].
    hop_s : float
        Seconds per frame.
    """

    sounding: NDArray[np.float32]
    onsets: NDArray[np.float32]
    hop_s: float

    def __len__(self) -> int:
        return len(self.sounding)


def transcribe(
    audio: Audio, tuning: float = 0.0, config: TranscriptionConfig = TranscriptionConfig()
) -> Transcription:
    """Return which keys sound and are struck in each frame of a recording.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate.
    tuning : float, optional
        How far the recording lies above A4 = 440 Hz, in semitones (`linernotes.audio.chroma.estimate_tuning`).
    config : TranscriptionConfig, optional
        Settings.

    Raises
    ------
    InputError
        If a sample is not a finite number.

    Examples
    --------
    >>> time_s = np.arange(22050) / 22050
    >>> tone = Audio((0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32), 22050)
    >>> heard = transcribe(tone)
    >>> len(heard), LOWEST_PITCH + int(heard.sounding[40].argmax())  # A4
    (87, 69)
    """
    samples, rate = _in_tune(audio, tuning)
    if not np.isfinite(samples).all():
        raise InputError("audio holds samples that are not numbers; decode the recording again")
    n_frames = -(-len(samples) // FRAME_SAMPLES)
    windows = cut(samples, config)
    session = _session(config.n_threads)
    answers = []
    for first in range(0, len(windows), config.batch):
        block = np.ascontiguousarray(windows[first : first + config.batch, :, None])
        answers.append(session.run(_OUTPUTS, {_INPUT: block}))
    sounding, onsets = (
        join(np.concatenate(a), config.trim_frames)[:n_frames] for a in zip(*answers, strict=True)
    )
    return Transcription(sounding, onsets, FRAME_SAMPLES / rate)


def cut(
    samples: NDArray[np.float32], config: TranscriptionConfig = TranscriptionConfig()
) -> NDArray[np.float32]:
    """Return overlapping windows; those at the ends reach into silence.

    Examples
    --------
    >>> cut(np.zeros(60_000, np.float32)).shape
    (2, 43844)
    """
    hop = config.hop_frames * FRAME_SAMPLES
    edge = config.trim_frames * FRAME_SAMPLES
    n_windows = max(1, -(-len(samples) // hop))
    padded = np.zeros((n_windows - 1) * hop + max(WINDOW_SAMPLES, edge + hop), np.float32)
    padded[edge : edge + len(samples)] = samples
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::hop][:n_windows]


def join(windows: NDArray[np.float32], trim_frames: int) -> NDArray[np.float32]:
    """Return the frames of all windows in turn, without those at the edges.

    Examples
    --------
    >>> join(np.arange(12, dtype=np.float32).reshape(2, 6, 1), trim_frames=2)[:, 0].tolist()
    [2.0, 3.0, 8.0, 9.0]
    """
    kept = windows[:, trim_frames : windows.shape[1] - trim_frames]
    return kept.reshape(-1, windows.shape[2])


def _in_tune(audio: Audio, tuning: float) -> tuple[NDArray[np.float32], float]:
    """Return samples that are in tune when read at `SAMPLE_RATE`, and their true rate."""
    rate = SAMPLE_RATE * (2 ** (tuning / 12) if abs(tuning) > _IN_TUNE else 1.0)
    samples = audio.samples.astype(np.float32, copy=False)
    if audio.sample_rate != rate:
        samples = soxr.resample(samples, audio.sample_rate, rate, quality="HQ")
    return samples, rate


@lru_cache(maxsize=2)
def _session(n_threads: int) -> Any:
    """Return the network, ready to run; the file must be the one that was tested."""
    onnxruntime = import_module("onnxruntime")  # heavy; and it comes without types
    data = (resources.files("linernotes.versions.notes") / MODEL_FILE).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != MODEL_SHA256:
        raise VerificationError(
            f"{MODEL_FILE}: sha256 {found}, expected {MODEL_SHA256}; install the package again"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
