"""Play timed notes with FluidSynth and a sound font, in this process, through the C library.

The library is called through ctypes; its API is stable since version 2.0. Samples are read from the font as they
are needed, so that a SoundFont 2 file opens in some 50 ms; SoundFont 3 is decoded whole, 1.2 s.

Conventions
-----------
Times in seconds, pitches and programs as in General MIDI (program 0 is the grand piano), channel 9 drums.
Output is mono float32 at `RATE`. The same font and events give the same samples in every run.

Known limits
------------
Note onsets fall on the 64-sample blocks of the synthesiser, 2.9 ms apart.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 22050
DRUMS = 9
_BLOCK = 64
_POLYPHONY = 128  # voices at once; the quietest are dropped first
_LINEAR = 1  # interpolation method of the library: half the cost of its default, inaudible at 22 kHz


@dataclass(frozen=True)
class Sound:
    """One note as it will sound: seconds, MIDI pitch, velocity, channel."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    channel: int


@dataclass(frozen=True)
class Channel:
    """What a channel plays: program and volume do not change within a piece."""

    program: int
    volume: int = 100


@cache
def _library() -> Any:
    """Return the C library, or raise `OSError` with what to install."""
    name = ctypes.util.find_library("fluidsynth")
    if name is None:
        raise OSError("libfluidsynth is not installed; on Debian: apt-get install fluidsynth")
    lib = ctypes.CDLL(name)
    pointer: Any = ctypes.c_void_p
    number: Any = ctypes.c_int
    text: Any = ctypes.c_char_p
    lib.new_fluid_settings.restype = pointer
    lib.new_fluid_synth.argtypes, lib.new_fluid_synth.restype = [pointer], pointer
    lib.delete_fluid_synth.argtypes = [pointer]
    lib.delete_fluid_settings.argtypes = [pointer]
    lib.fluid_settings_setnum.argtypes = [pointer, text, ctypes.c_double]
    lib.fluid_settings_setint.argtypes = [pointer, text, number]
    lib.fluid_synth_sfload.argtypes = [pointer, text, number]
    lib.fluid_synth_set_interp_method.argtypes = [pointer, number, number]
    for name, n_arguments in (("noteon", 3), ("noteoff", 2), ("program_change", 2), ("cc", 3)):
        getattr(lib, f"fluid_synth_{name}").argtypes = [pointer] + [number] * n_arguments
    lib.fluid_synth_write_float.argtypes = [pointer, number] + [pointer, number, number] * 2
    lib.fluid_set_log_function.argtypes = [number, pointer, pointer]
    for level in range(5):  # the library writes to stderr about every instrument a font lacks
        lib.fluid_set_log_function(level, None, None)
    return lib


def play(
    font: Path,
    sounds: Sequence[Sound],
    channels: dict[int, Channel],
    seconds: float,
    room: float | None = None,
) -> npt.NDArray[np.float32]:
    """Render *seconds* of *sounds*.

    A synthesiser keeps state between pieces, so that every call starts a new one.

    Parameters
    ----------
    font
        SoundFont 2 or 3 file.
    sounds
        Notes in any order; those that start outside ``[0, seconds)`` are left out.
    channels
        What each channel plays.
    seconds
        Length of the output.
    room
        Size of the reverberating room in ``[0, 1]``; None plays dry.

    Returns
    -------
    numpy.ndarray
        Samples [shape=(round(seconds * RATE),), float32], not normalised.

    Raises
    ------
    OSError
        The library is not installed, or the font cannot be read.
    """
    lib = _library()
    settings = lib.new_fluid_settings()
    lib.fluid_settings_setnum(settings, b"synth.sample-rate", float(RATE))
    lib.fluid_settings_setnum(settings, b"synth.gain", 0.35)
    lib.fluid_settings_setint(settings, b"synth.polyphony", _POLYPHONY)
    lib.fluid_settings_setint(settings, b"synth.chorus.active", 0)
    lib.fluid_settings_setint(settings, b"synth.reverb.active", int(room is not None))
    lib.fluid_settings_setint(settings, b"synth.dynamic-sample-loading", 1)
    if room is not None:
        lib.fluid_settings_setnum(settings, b"synth.reverb.room-size", room)
        lib.fluid_settings_setnum(settings, b"synth.reverb.level", 0.6)
    synth = lib.new_fluid_synth(settings)
    try:
        if not font.is_file() or lib.fluid_synth_sfload(synth, str(font).encode(), 1) < 0:
            raise OSError(f"{font}: no readable sound font; README.md says which packages bring them")
        lib.fluid_synth_set_interp_method(synth, -1, _LINEAR)
        for number, channel in channels.items():
            lib.fluid_synth_program_change(synth, number, channel.program)
            lib.fluid_synth_cc(synth, number, 7, channel.volume)
            lib.fluid_synth_cc(synth, number, 91, 60 if room is not None else 0)
        return _rendered(lib, synth, _events(sounds, seconds), round(seconds * RATE))
    finally:
        lib.delete_fluid_synth(synth)
        lib.delete_fluid_settings(settings)


def _rendered(
    lib: Any, synth: Any, events: list[tuple[float, bool, Sound]], n_samples: int
) -> npt.NDArray[np.float32]:
    left, right = np.zeros((2, n_samples), np.float32)
    at = 0

    def render_to(upto: int) -> None:
        if upto > at:
            lib.fluid_synth_write_float(synth, upto - at, left.ctypes.data, at, 1, right.ctypes.data, at, 1)

    for when, is_on, sound in events:
        upto = min(round(when * RATE) // _BLOCK * _BLOCK, n_samples)
        render_to(upto)
        at = max(at, upto)
        if is_on:
            lib.fluid_synth_noteon(synth, sound.channel, sound.pitch, sound.velocity)
        else:
            lib.fluid_synth_noteoff(synth, sound.channel, sound.pitch)
    render_to(n_samples)
    return (0.5 * (left + right)).astype(np.float32)


def _events(sounds: Sequence[Sound], seconds: float) -> list[tuple[float, bool, Sound]]:
    """Return note-ons and note-offs in order; at one instant the offs come first."""
    events = []
    for sound in sounds:
        if 0 <= sound.start_s < seconds and 0 <= sound.pitch <= 127:
            events.append((sound.start_s, True, sound))
            events.append((max(sound.end_s, sound.start_s + 0.03), False, sound))
    return sorted((e for e in events if e[0] < seconds), key=lambda e: (e[0], e[1], e[2].channel, e[2].pitch))
