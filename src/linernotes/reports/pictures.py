"""Pictures for a page: mel spectrograms in one ink, and the corpus drawn as a record.

Conventions
-----------
A spectrogram picture is black ink whose opacity is the energy, on a transparent ground: it suits paper and
dark screens alike. Time runs left to right, mel bands bottom to top, 60 dB from white to black.

Known limits
------------
Loudness is relative to the loudest point of each picture, so two pictures do not compare in level.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.audio.spectra import band_power, mel_filterbank

FRAME_LENGTH = 1024
PICTURE_RATE = 16_000
N_BANDS = 80
WIDTH_PX = 800
RANGE_DB = 60.0
N_INKS = 24


def mel_picture(audio: Audio) -> str:
    """Return the mel spectrogram of audio as a data URI of a PNG.

    Examples
    --------
    >>> mel_picture(Audio(np.ones(4000, np.float32), 16000))[:22]
    'data:image/png;base64,'
    """
    from matplotlib.image import imsave

    ink = mel_ink(audio)
    rgba = np.zeros((*ink.shape, 4), np.uint8)
    rgba[..., 3] = np.round(ink * N_INKS) * (255 / N_INKS)
    stream = io.BytesIO()
    imsave(stream, rgba, format="png", metadata={"Software": "Linernotes"})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def mel_ink(audio: Audio) -> NDArray[np.float32]:
    """Return the picture's opacity [shape=(80, n_columns), float32], top row the highest band, in [0, 1]."""
    import soxr

    samples = audio.samples
    if audio.sample_rate != PICTURE_RATE:
        samples = soxr.resample(samples, audio.sample_rate, PICTURE_RATE).astype(np.float32)
    bank = mel_filterbank(PICTURE_RATE, FRAME_LENGTH, n_bands=N_BANDS, lowest_hz=40.0)
    power = band_power(samples, bank, FRAME_LENGTH, FRAME_LENGTH // 4)
    level_db = 10 * np.log10(np.maximum(_columns(power, WIDTH_PX), 1e-12))
    ink: NDArray[np.float32] = np.clip(1 + (level_db - level_db.max()) / RANGE_DB, 0, 1).astype(np.float32)
    return ink.T[::-1]


def _columns(power: NDArray[np.float32], n_columns: int) -> NDArray[np.float32]:
    """Average frames into at most *n_columns* columns."""
    if len(power) <= n_columns:
        return power
    edges = np.linspace(0, len(power), n_columns + 1).astype(int)
    sums = np.add.reduceat(power, edges[:-1], axis=0)
    return np.asarray(sums / np.diff(edges)[:, None], dtype=np.float32)


def corpus_record(dossier: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one tick per sealed recording, around a record; longer where more influence was credited.

    The length is the largest share that the most reliable method gives the recording in any output.
    """
    largest: dict[str, float] = {}
    for output in dossier["outputs"]:
        for one in (output["rankings"] or [{"influences": []}])[0]["influences"]:
            largest[one["item_id"]] = max(one["share"], largest.get(one["item_id"], 0.0))
    top = max(largest.values(), default=0.0) or 1.0
    items = dossier["corpus"]["items"]
    ticks = []
    for i, item in enumerate(items):
        share = largest.get(item["item_id"], 0.0)
        angle = 2 * math.pi * i / len(items) - math.pi / 2
        inner, outer = 62.0, 68.0 + 26.0 * share / top
        ticks.append(
            {
                "title": item["title"] or item["item_id"],
                "share": share,
                "x1": round(100 + inner * math.cos(angle), 2),
                "y1": round(100 + inner * math.sin(angle), 2),
                "x2": round(100 + outer * math.cos(angle), 2),
                "y2": round(100 + outer * math.sin(angle), 2),
            }
        )
    return ticks
