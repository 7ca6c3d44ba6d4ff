"""A calibration kept beside its generator, and handed out only to what it was made for.

``calibration.json`` holds one calibration per method. Like a measured reliability, it binds to the generator's weights,
the set of files that it was trained on, and every setting of the method but its seed: asked about anything else, the
answer is that there is none.

Conventions
-----------
Writing replaces the file whole. A file of another generator or training set is begun anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from linernotes.attribution.base import Attributor
from linernotes.attribution.encoding import DisclosedGenerator
from linernotes.attribution.statements.calibration import Calibration
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.evaluation.reliability import settings_without_seed, training_set_sha256

FILE = "calibration.json"
REVISION = 1


def calibration_of(
    folder: Path, method: Attributor, generator: DisclosedGenerator, corpus_root: str
) -> Calibration | None:
    """Return the calibration stored beside a generator, if it is for this generator and method.

    Raises
    ------
    CorpusError
        If the file is there but cannot be read.
    NewerRevision
        If a newer revision wrote it.
    """
    path = folder / FILE
    stored = _read(path)
    if stored is None or not _same(stored, generator):
        return None
    try:
        entry = stored["methods"].get(method.name)
        if entry is None or entry["settings"] != json.loads(json.dumps(settings_without_seed(method))):
            return None
        calibration = Calibration.from_json(entry["calibration"])
        if calibration.method != method.name:
            raise ValueError(f"calibration of '{calibration.method}' kept under '{method.name}'")
    except (KeyError, TypeError, AttributeError, ValueError, CorpusError) as error:
        raise CorpusError(
            f"{path}: damaged ({error}); calibrate again, or remove it to attribute to corpus "
            f"{corpus_root[:12]}… without calibrated statements"
        ) from error
    return calibration


def store_calibration(
    folder: Path,
    method: Attributor,
    generator: DisclosedGenerator,
    calibration: Calibration,
    measured: dict[str, Any] | None = None,
) -> Path:
    """Keep a calibration beside its generator, in place of an earlier one of the same method.

    Parameters
    ----------
    measured : dict, optional
        How well its statements came true, and what to beware of, as JSON: kept beside it for its readers.

    Raises
    ------
    InputError
        If the calibration is another method's.
    """
    if calibration.method != method.name:
        raise InputError(f"calibration of '{calibration.method}', method '{method.name}'; expected the same")
    path = folder / FILE
    stored = _read(path)
    if stored is None or not _same(stored, generator):
        stored = {
            "revision": REVISION,
            "generator_id": generator.generator_id,
            "training_set_sha256": training_set_sha256(generator),
            "methods": {},
        }
    stored["methods"][method.name] = {
        "settings": settings_without_seed(method),
        "calibration": calibration.as_json(),
    } | ({"measured": measured} if measured is not None else {})
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(stored, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return path


def _same(stored: dict[str, Any], generator: DisclosedGenerator) -> bool:
    found = stored["generator_id"], stored["training_set_sha256"]
    return found == (generator.generator_id, training_set_sha256(generator))


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(stored["methods"], dict):
            raise TypeError("methods are no table")
        revision = int(stored["revision"])
        str(stored["generator_id"]), str(stored["training_set_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{path}: not a calibration file ({error!r}); calibrate again or remove it"
        ) from error
    if revision > REVISION:
        raise NewerRevision(
            f"{path}: calibration of revision {revision}, this Linernotes reads up to {REVISION}; update it"
        )
    return stored
