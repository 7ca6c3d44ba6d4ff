"""The outputs that a calibration is about: given ones, or made for the purpose and kept in the workspace.

Conventions
-----------
Made outputs are those that a reliability measurement of the same seed makes. They are kept as tokens, so that a
further method need not wait for them again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import torch

from linernotes.attribution.base import Query
from linernotes.attribution.encoding import encode_query
from linernotes.audio.files import read_audio
from linernotes.execution.shards import Progress
from linernotes.generators.base import Segments
from linernotes.workflows.calibrate_plan import Plan
from linernotes.workflows.question import recorded_prompt


def outputs_of(plan: Plan, kept: Path, progress: Progress | None = None) -> list[Query]:
    """Return the plan's outputs, encoded.

    Parameters
    ----------
    kept : Path
        Folder where outputs made for the purpose are kept.

    Raises
    ------
    InputError
        If a given file is no audio.
    TooShort
        If a given file holds less than one segment.
    """
    if plan.request.outputs:
        return [
            encode_query(
                plan.generator, path.name, read_audio(path, plan.generator.sample_rate), recorded_prompt(path)
            )
            for path in plan.request.outputs
        ]
    made = []
    random = np.random.default_rng(plan.config.output_seed)
    for number in range(plan.config.n_outputs):
        item = plan.corpus.items[int(random.integers(len(plan.corpus.items)))]
        prompt = " ".join(item.recording.tags)
        made.append(Query(f"generated-{number:03d}", _segments(plan, number, prompt, kept)))
        if progress is not None:
            progress("outputs", number + 1, plan.config.n_outputs)
    return made


def _segments(plan: Plan, number: int, prompt: str, kept: Path) -> Segments:
    generator, config = plan.generator, plan.config
    seed, seconds = config.output_seed + number, config.output_segments * generator.segment_s
    said = json.dumps([generator.generator_id, seed, seconds, prompt])
    path = kept / f"output-{hashlib.sha256(said.encode()).hexdigest()[:40]}.npz"
    found = _read(path)
    if found is None:
        found = encode_query(generator, str(seed), generator.generate(seed, seconds, prompt), prompt).segments
        _write(path, found)
    return found


def _write(path: Path, segments: Segments) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        latents=segments.latents.numpy(),
        audible=segments.audible.numpy(),
        conditions=segments.conditions.numpy(),
        start_s=np.array(segments.start_s),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, path)


def _read(path: Path) -> Segments | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            latents, audible, conditions = (
                torch.from_numpy(stored[name]) for name in ("latents", "audible", "conditions")
            )
            return Segments(latents, audible, conditions, tuple(float(start) for start in stored["start_s"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # not there, or damaged: it can be made again
