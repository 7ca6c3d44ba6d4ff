"""Encoders by name: ``mini`` (shipped weights), ``chroma2d`` (no learning), ``clews:PATH`` (your checkpoint)."""

from __future__ import annotations

from pathlib import Path

from linernotes.errors import InputError
from linernotes.versions.encoder.chroma2d import Chroma2d
from linernotes.versions.encoder.embed import Encoder

DEFAULT_ENCODER = "mini"


def load_encoder(spec: str, device: str = "cpu") -> Encoder:
    """Return the encoder that a specification names.

    Parameters
    ----------
    spec : str
        ``mini``, ``chroma2d`` or ``clews:PATH``.
    device : str, optional
        Where a network runs, as torch names it.

    Raises
    ------
    InputError
        If there is no such encoder, or its weights or device are not usable.

    Examples
    --------
    >>> load_encoder("chroma2d").length_s
    20.0
    """
    if spec == "chroma2d":
        return Chroma2d()
    if spec == "mini":
        from linernotes.versions.encoder.mini import load_mini

        return load_mini(device)
    kind, _, path = spec.partition(":")
    if kind == "clews" and path:
        from linernotes.versions.encoder.clews.encoder import load_clews

        return load_clews(Path(path), device)
    raise InputError(f"encoder {spec!r}; expected mini, chroma2d or clews:PATH (a checkpoint you downloaded)")
