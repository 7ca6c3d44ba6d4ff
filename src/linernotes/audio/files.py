"""Audio files in and out, with one clear error for each way in which a file can be wrong.

Decoding is libsndfile's (WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF) with PyAV behind it for the rest
(M4A, AAC, WMA, WebM). Both come inside wheels. A file is judged by its content, not its suffix.

Conventions
-----------
Samples are float32 in [-1, 1], mono ``[shape=(n_samples,)]``; stereo is mixed by averaging the
channels; resampling is soxr's high-quality setting.

Known limits
------------
MP3 and AAC carry no reliable length, so a cut inside such a stream that ends on a frame boundary
cannot be told from a shorter file; where the header promises more than the stream holds, it is named.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from linernotes.errors import InputError

AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("wav", "w64", "caf", "au", "aif", "aiff", "aifc", "flac", "ogg", "oga", "opus", "mp3"),
        *("m4a", "mp4", "aac", "wma", "webm", "mka"),
    )
)
SILENCE_PEAK = 1e-4  # -80 dB full scale: below the dither of any released recording
AV_TRUE_LENGTHS = ("mov", "flac")  # their stated length is a count, not an estimate from the bit rate
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
WRITTEN_FRAMES = 65_536  # at a time: libsndfile's Vorbis encoder overflows its stack on a minute at once
LENGTH_TOLERANCE_S = 0.1  # healthy Ogg streams exist whose last granule counts some samples too many

_STDERR_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono samples and their rate.

    Parameters
    ----------
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Amplitude in [-1, 1].
    sample_rate : int > 0
        Samples per second.

    Examples
    --------
    >>> Audio(np.zeros(8000, np.float32), 16000).duration_s
    0.5
    """

    samples: NDArray[np.float32]
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def is_silent(self) -> bool:
        """Whether no sample passes -80 dB full scale."""
        return len(self.samples) == 0 or float(np.abs(self.samples).max()) < SILENCE_PEAK

    def excerpt(self, start_s: float, end_s: float) -> Audio:
        """Return the part between two times in seconds."""
        first, last = round(start_s * self.sample_rate), round(end_s * self.sample_rate)
        return Audio(self.samples[first:last], self.sample_rate)


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What a file's own header says: coding, rate in Hz, channel count, duration in seconds."""

    coding: str
    sample_rate: int
    n_channels: int
    duration_s: float


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as lower-case hex.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     empty = Path(folder) / "empty"
    ...     _ = empty.write_bytes(b"")
    ...     file_sha256(empty)[:16]
    'e3b0c44298fc1c14'
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_audio(path: Path | str, sample_rate: int | None = None, *, allow_silence: bool = False) -> Audio:
    """Decode a file to mono, at its own or another sample rate.

    Parameters
    ----------
    path : Path or str
        Any common audio file; its content decides, not its suffix.
    sample_rate : int, optional
        Rate wanted, in Hz; None keeps the file's own.
    allow_silence : bool
        Whether a file without any sound is returned rather than refused.

    Returns
    -------
    Audio
        Mono samples.

    Raises
    ------
    InputError
        If the file is missing, empty, not audio, cut off, holds invalid samples or is silent.
    """
    audio, _facts = read_with_facts(path, sample_rate, allow_silence=allow_silence)
    return audio


def read_with_facts(
    path: Path | str, sample_rate: int | None = None, *, allow_silence: bool = False
) -> tuple[Audio, AudioFacts]:
    """Decode a file as `read_audio` does, and tell what its header says.

    Raises
    ------
    InputError
        As `read_audio`.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}; give the path of an audio file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); expected audio")
    channels, facts = _decode(path)
    if channels.shape[0] == 0:
        raise InputError(f"{path}: holds no samples; expected audio")
    if not np.isfinite(channels).all():
        raise InputError(f"{path}: holds samples that are not numbers; export it again")
    mono = channels.mean(axis=1, dtype=np.float32)
    if sample_rate is not None and sample_rate != facts.sample_rate:
        mono = soxr.resample(mono, facts.sample_rate, sample_rate, quality="HQ").astype(np.float32)
    audio = Audio(np.ascontiguousarray(mono), sample_rate or facts.sample_rate)
    if audio.is_silent and not allow_silence:
        raise InputError(
            f"{path}: silent (peak below -80 dBFS over {audio.duration_s:.2f} s); expected music"
        )
    return audio, facts


def write_audio(path: Path | str, audio: Audio) -> None:
    """Write mono audio; the suffix chooses the coding (wav, flac, ogg, opus, mp3).

    The file appears whole or not at all: it is written beside its place and renamed. Opus knows only some
    sample rates; audio at another one is resampled to 48 kHz for it.

    Raises
    ------
    InputError
        If the suffix names no coding that libsndfile can write.
    """
    path = Path(path)
    formats = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
    formats |= {".opus": ("OGG", "OPUS"), ".mp3": ("MP3", "MPEG_LAYER_III")}
    if path.suffix.lower() not in formats:
        raise InputError(f"{path}: cannot write '{path.suffix}'; expected one of {' '.join(sorted(formats))}")
    container, coding = formats[path.suffix.lower()]
    if coding == "OPUS" and audio.sample_rate not in OPUS_RATES:
        resampled = soxr.resample(audio.samples, audio.sample_rate, 48000, quality="HQ")
        audio = Audio(resampled.astype(np.float32), 48000)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    samples = np.clip(audio.samples, -1, 1)
    with soundfile.SoundFile(partial, "w", audio.sample_rate, 1, format=container, subtype=coding) as stream:
        for first in range(0, len(samples), WRITTEN_FRAMES):
            stream.write(samples[first : first + WRITTEN_FRAMES])
    os.replace(partial, path)


def _decode(path: Path) -> tuple[NDArray[np.float32], AudioFacts]:
    _refuse_text(path)
    _refuse_truncated_container(path)
    try:
        with quiet_decoder(path), soundfile.SoundFile(path) as stream:
            promised = stream.frames
            channels = stream.read(dtype="float32", always_2d=True)
            facts = AudioFacts(
                f"{stream.format}/{stream.subtype}",
                stream.samplerate,
                stream.channels,
                channels.shape[0] / stream.samplerate,
            )
    except (soundfile.LibsndfileError, RuntimeError) as error:
        return _decode_with_av(path, str(error))
    if channels.shape[0] < promised - LENGTH_TOLERANCE_S * facts.sample_rate:
        raise InputError(
            f"{path}: truncated: the header promises {promised / facts.sample_rate:.2f} s, "
            f"the stream holds {facts.duration_s:.2f} s; obtain the whole file"
        )
    return channels, facts


def _decode_with_av(path: Path, first_error: str) -> tuple[NDArray[np.float32], AudioFacts]:
    import av  # costs 0.2 s to import and few files need it

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: holds no audio stream; expected an audio file")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            frames = [
                part.to_ndarray() for frame in container.decode(stream) for part in resampler.resample(frame)
            ]
            rate, coding = int(stream.rate), str(stream.codec_context.name)
            counted = container.format.name.split(",")[0] in AV_TRUE_LENGTHS
            promised_s = float((stream.duration or 0) * (stream.time_base or 0)) if counted else 0.0
    except (av.FFmpegError, ValueError, IndexError) as error:
        # libsndfile says "File does not exist" of a file whose content it does not know
        unknown = "possibly a pipe" in first_error or "Format not recognised" in first_error
        reason = (
            "no decoder knows its content: it is no audio, or its index or beginning is missing"
            if unknown
            else f"damaged or cut off: {first_error.strip()}"
        )
        raise InputError(
            f"{path}: not readable as audio ({reason}); "
            "expected WAV, FLAC, Ogg, Opus, MP3, AIFF, M4A or another common audio file, complete and unencrypted"
        ) from error
    if not frames:
        raise InputError(f"{path}: holds no decodable audio; obtain the whole file")
    channels = np.concatenate(frames, axis=1).T.astype(np.float32)
    facts = AudioFacts(coding, rate, channels.shape[1], channels.shape[0] / rate)
    if facts.duration_s < promised_s - LENGTH_TOLERANCE_S:
        raise InputError(
            f"{path}: truncated or damaged: the header promises {promised_s:.2f} s, "
            f"{facts.duration_s:.2f} s can be decoded; obtain the whole file"
        )
    return channels, facts


@contextmanager
def quiet_decoder(path: Path) -> Iterator[None]:
    """Keep the MPEG decoder's own remarks off stderr: they go past Python, straight to descriptor 2."""
    with path.open("rb") as stream:
        chatty = stream.read(4) not in (b"RIFF", b"OggS", b"fLaC", b"FORM")
    if not chatty:
        yield
        return
    with _STDERR_LOCK:  # two threads that swapped the descriptor at once would lose it for good
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _refuse_text(path: Path) -> None:
    """Name a text file at once: the MPEG decoder searches it for frames and complains on stderr."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    printable = all(byte >= 32 or byte in b"\t\n\f\r" for byte in head)
    if printable and head.decode("utf-8", "ignore").strip() and _is_utf8(head):
        raise InputError(f"{path}: not readable as audio: it holds text; expected an audio file")


def _is_utf8(head: bytes) -> bool:
    try:
        head[:-3].decode("utf-8")  # the cut may fall inside a character
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 6
    return True


def _refuse_truncated_container(path: Path) -> None:
    """Name a cut that decoders pass over: RIFF or AIFF shorter than it says, Ogg without its last page."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(12)
        if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
            _check_chunk(path, size, head, "little")
        elif head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            _check_chunk(path, size, head, "big")
        elif head[:4] == b"OggS":
            stream.seek(max(0, size - 131072))
            _check_ogg_tail(path, stream.read())


def _check_chunk(path: Path, size: int, head: bytes, order: Literal["little", "big"]) -> None:
    promised = int.from_bytes(head[4:8], order) + 8
    streaming = (0xFFFFFFFF + 8, 8)  # writers to a pipe leave 0 or the largest number
    if size < promised and promised not in streaming:
        raise InputError(
            f"{path}: truncated: its header promises {promised} bytes, it holds {size}; obtain the whole file"
        )


def _check_ogg_tail(path: Path, tail: bytes) -> None:
    last = tail.rfind(b"OggS")
    ends = last >= 0 and len(tail) - last >= 27 and tail[last + 5] & 4
    whole = False
    if ends:
        n_segments = tail[last + 26]
        table = tail[last + 27 : last + 27 + n_segments]
        whole = len(table) == n_segments and len(tail) - last >= 27 + n_segments + sum(table)
    if not whole:
        raise InputError(
            f"{path}: truncated: the Ogg stream has no complete last page (end-of-stream mark); obtain the whole file"
        )
