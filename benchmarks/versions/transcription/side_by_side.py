"""Our windows and joints beside basic-pitch's own, on one recording.

    python -m benchmarks.versions.transcription.side_by_side AUDIO PATH_OF_BASIC_PITCH

PATH_OF_BASIC_PITCH is the installed package's folder (0.4.0). Only the two functions of ``inference.py`` that cut and
join are taken from it, with its constants; they need nothing but numpy.

1. ``joined``: largest difference between its ``unwrap_output`` and our `join` on the same answers of the network.
2. ``clock``: correlation of our activations with its, each at its own times. Its windows advance by 36,164 samples,
   not a whole number of frames, so that 142 frames stand for 141.27 hops; ours advance by 142 frames exactly.
3. ``drift_s``: how far its frame times, read as multiples of 256 samples, are off after one minute.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from linernotes.audio.files import Audio, read_audio
from linernotes.versions.notes import transcription as ours


def borrowed(folder: Path) -> dict[str, Any]:
    """Return basic-pitch's constants and its functions ``window_audio_file`` and ``unwrap_output``."""
    names: dict[str, Any] = {"np": np}
    exec(compile((folder / "constants.py").read_text(), "constants.py", "exec"), names)  # noqa: S102
    tree = ast.parse((folder / "inference.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in ("window_audio_file", "unwrap_output"):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
            exec(compile(ast.Module([node], []), "inference.py", "exec"), names)  # noqa: S102
    return names


def main() -> None:
    audio, theirs = read_audio(Path(sys.argv[1])), borrowed(Path(sys.argv[2]))
    samples = soxr.resample(audio.samples, audio.sample_rate, ours.SAMPLE_RATE)[: 30 * ours.SAMPLE_RATE]
    overlap = 30 * theirs["FFT_HOP"]
    hop = theirs["AUDIO_N_SAMPLES"] - overlap
    padded = np.concatenate([np.zeros(overlap // 2, np.float32), samples])
    windows = np.stack([window for window, _ in theirs["window_audio_file"](padded, hop)])
    session = ours._session(1)
    answers = [
        np.concatenate(a)
        for a in zip(*(session.run(ours._OUTPUTS, {ours._INPUT: w[None]}) for w in windows), strict=True)
    ]
    unwrapped = [theirs["unwrap_output"](a, len(samples), 30) for a in answers]
    joined = [ours.join(a, 15)[: len(u)] for a, u in zip(answers, unwrapped, strict=True)]
    heard = ours.transcribe(Audio(samples, ours.SAMPLE_RATE))
    window, frame = np.divmod(np.arange(len(unwrapped[0])), 142)
    seconds = (window * hop + frame * theirs["FFT_HOP"]) / ours.SAMPLE_RATE
    at = np.minimum(np.round(seconds / heard.hop_s).astype(int), len(heard) - 1)
    print(
        json.dumps(
            {
                "joined": max(float(np.abs(a - b).max()) for a, b in zip(joined, unwrapped, strict=True)),
                "clock": [
                    round(float(np.corrcoef(mine[at].ravel(), its.ravel())[0, 1]), 4)
                    for mine, its in zip((heard.sounding, heard.onsets), unwrapped, strict=True)
                ],
                "drift_s": round(60 * (142 * theirs["FFT_HOP"] / hop - 1), 3),
                "windows": len(windows),
            }
        )
    )


if __name__ == "__main__":
    main()
