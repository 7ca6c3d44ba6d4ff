"""Losses of retrained models kept beside their generator, so that a further method is calibrated in minutes.

``left_out.npz`` holds who was left out, every model's loss of every output, and what they belong to: the generator's
weights, the set of files it was trained on, and all sizes of the measurement. A generator that Linernotes cannot
retrain is calibrated the same way once its owner has put such a file beside it with `save_left_out`.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.attribution.encoding import DisclosedGenerator
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.evaluation.left_out import LeaveOutConfig, LeftOut
from linernotes.evaluation.reliability import training_set_sha256
from linernotes.generators.reference.training import Recipe

FILE = "left_out.npz"
REVISION = 1
DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile)


def save_left_out(
    folder: Path,
    left_out: LeftOut,
    generator: DisclosedGenerator,
    config: LeaveOutConfig,
    outputs: dict[str, str] | None = None,
) -> Path:
    """Write the losses whole, with what they belong to.

    Parameters
    ----------
    outputs : dict of str to str, optional
        SHA-256 of the given outputs by their name; none where they were generated for the purpose.
    """
    facts = {
        "revision": REVISION,
        "generator_id": generator.generator_id,
        "training_set_sha256": training_set_sha256(generator),
        "config": asdict(config),
        "outputs": outputs or {},
    }
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        item_ids=np.array(left_out.item_ids),
        output_ids=np.array(left_out.output_ids),
        names=np.array(left_out.names),
        removed=left_out.removed,
        without=left_out.without.astype(np.float32),
        full=left_out.full.astype(np.float32),
        facts=np.array(json.dumps(facts, sort_keys=True)),
    )
    path = folder / FILE
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, path)
    return path


def load_left_out(
    folder: Path, generator: DisclosedGenerator
) -> tuple[LeftOut, LeaveOutConfig, dict[str, str]] | None:
    """Return stored losses, how they were measured, and the given outputs' hashes; None where there is no file.

    Raises
    ------
    CorpusError
        If the file is damaged, or another generator's or training set's.
    NewerRevision
        If a newer revision wrote it.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            _refuse_newer(path, facts)
            found = _left_out(stored)
        config = LeaveOutConfig(**facts["config"] | {"recipe": Recipe(**facts["config"]["recipe"])})
        outputs = {str(name): str(value) for name, value in facts["outputs"].items()}
        belongs = facts["generator_id"], facts["training_set_sha256"]
    except NewerRevision:
        raise
    except (*DAMAGE, InputError) as error:
        raise CorpusError(
            f"{path}: not losses of a generator retrained without somebody ({error}); remove it to retrain"
        ) from error
    if belongs != (generator.generator_id, training_set_sha256(generator)):
        raise CorpusError(
            f"{path}: losses of {belongs[0]}, the generator is {generator.generator_id} with its own training set; "
            "remove it to retrain, or put the right file there"
        )
    return found, config, outputs


def _refuse_newer(path: Path, facts: dict[str, Any]) -> None:
    if int(facts["revision"]) > REVISION:
        raise NewerRevision(
            f"{path}: written by revision {facts['revision']}, this Linernotes reads up to {REVISION}; update it"
        )


def _left_out(stored: Any) -> LeftOut:
    found = LeftOut(
        tuple(str(name) for name in stored["item_ids"]),
        tuple(str(name) for name in stored["output_ids"]),
        tuple(str(name) for name in stored["names"]),
        stored["removed"].astype(bool),
        stored["without"],
        stored["full"],
    )
    n_groups, n_seeds, n_outputs = found.without.shape
    fits = (
        found.removed.shape == (len(found.names), len(found.item_ids))
        and n_groups == len(found.names)
        and n_outputs == len(found.output_ids) == found.full.shape[1]
        and np.isfinite(found.without).all()
        and np.isfinite(found.full).all()
        and bool(n_seeds)
    )
    if not fits:
        raise ValueError("its tables do not fit together, or hold losses that are no numbers")
    return found
