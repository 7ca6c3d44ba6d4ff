"""`RunFolder`: one run's configuration, results and provenance, whole or not at all.

::

    attribute-3f1c9a40d2be/
    ├── run.toml           command, configuration with every default resolved, hashes of the inputs
    ├── …                  the results
    └── provenance.json    revisions, machine, times, and the SHA-256 of each result

While a run works its folder is called ``NAME.partial``; `finish` renames it. The name carries a hash of
configuration and inputs: the same question finds its partial folder again and resumes, or finds the
finished answer. One process works in a partial folder at a time.

Examples
--------
>>> import tempfile
>>> with tempfile.TemporaryDirectory() as parent:
...     run = RunFolder.begin(Path(parent), "attribute", {"draws": 16, "seed": 7}, {"corpus": "ab" * 32})
...     run.write_json("scores.json", [1, 2])
...     path = run.finish()
...     again = RunFolder.begin(Path(parent), "attribute", {"draws": 16, "seed": 7}, {"corpus": "ab" * 32})
...     again.finished, again.read_json("scores.json")
(True, [1, 2])
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linernotes.errors import CorpusError, InputError
from linernotes.workspace import run_lock
from linernotes.workspace.provenance import machine_facts, now
from linernotes.workspace.rows import canonical_json
from linernotes.workspace.toml import dumps, plain

RUN = "run.toml"
PROVENANCE = "provenance.json"
SHARDS = "shards"


class RunFolder:
    """The folder of one run; get one from `begin` or `open`."""

    def __init__(self, final_path: Path, *, finished: bool, started_at: str) -> None:
        self._final_path = final_path
        self.finished = finished
        self._started_at = started_at

    @classmethod
    def begin(cls, parent: Path | str, command: str, config: Any, inputs: Mapping[str, str]) -> RunFolder:
        """Return the folder for this question: new, resumed, or finished (see ``finished``).

        Parameters
        ----------
        parent : Path or str
            Where run folders lie.
        command : str
            Name of the command, such as ``attribute``.
        config : dict or dataclass
            Every setting that the result depends on, defaults resolved; Nones are left out.
        inputs : dict of str to str
            For each input its hash.

        Raises
        ------
        InputError
            If the configuration holds something that TOML cannot say.
        CorpusError
            If the folder cannot be written to, or another process works on the same run.
        """
        question = {"command": command, "config": plain(config), "inputs": plain(dict(inputs), "inputs")}
        digest = hashlib.sha256(canonical_json(question).encode()).hexdigest()
        final_path = Path(parent) / f"{command.replace(' ', '-')}-{digest[:12]}"
        if (final_path / PROVENANCE).is_file():
            return cls(final_path, finished=True, started_at=now())
        run = cls(final_path, finished=False, started_at=now())
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            run_lock.take(run.path)
            run.write_text(RUN, dumps(question))
        except OSError as error:
            raise CorpusError(
                f"{run.path}: cannot be written ({error.strerror}); choose a place you may write to"
            ) from error
        return run

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Open a finished run.

        Raises
        ------
        CorpusError
            If the folder is no run, or the run was not finished.
        """
        path = Path(path)
        if not (path / RUN).is_file():
            raise CorpusError(
                f"{path}: not a run folder: it holds no {RUN}; give a folder that a command wrote"
            )
        if not (path / PROVENANCE).is_file():
            raise CorpusError(
                f"{path}: this run was not finished; repeat its command, it resumes where it stopped"
            )
        return cls(path, finished=True, started_at=now())

    @property
    def path(self) -> Path:
        """Where the run lies now: ``NAME.partial`` until it is finished."""
        if self.finished:
            return self._final_path
        return self._final_path.with_name(self._final_path.name + ".partial")

    @property
    def shards(self) -> Path:
        """Folder for the shards of an unfinished run; it goes when the run is finished."""
        return self.path / SHARDS

    def question(self) -> dict[str, Any]:
        """Return what ``run.toml`` holds: command, config and inputs.

        Raises
        ------
        CorpusError
            If the file is damaged.
        """
        try:
            return tomllib.loads((self.path / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CorpusError(
                f"{self.path / RUN}: cannot be read ({error}); restore the run from a copy"
            ) from error

    def write_json(self, name: str, value: object) -> None:
        """Write a result as canonical JSON; the file appears whole or not at all.

        Raises
        ------
        InputError
            If the value cannot be said in JSON, for instance NaN.
        """
        try:
            text = canonical_json(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name}: the result cannot be written as JSON ({error})") from error
        self.write_text(name, text)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of this run; it appears whole or not at all.

        Raises
        ------
        CorpusError
            If the run is finished: results are not changed afterwards.
        """
        if self.finished:
            raise CorpusError(f"{self.path}: this run is finished and is not changed; begin another")
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)

    def read_json(self, name: str) -> Any:
        """Return a result of this run.

        Raises
        ------
        CorpusError
            If the result is not there or is damaged.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CorpusError(f"{path}: cannot be read ({error}); repeat the run") from error

    def finish(self) -> Path:
        """Write ``provenance.json``, drop the shards, rename the folder whole, and return where it lies.

        Raises
        ------
        CorpusError
            If another process finished the same run meanwhile with other results.
        """
        if self.finished:
            return self.path
        shutil.rmtree(self.shards, ignore_errors=True)
        question = self.question()
        facts = {
            "command": question["command"],
            "inputs": question["inputs"],
            "seed": question["config"].get("seed"),
            "started_at": self._started_at,
            "finished_at": now(),
            "results": result_hashes(self.path),
            **machine_facts(),
        }
        self.write_json(PROVENANCE, facts)
        run_lock.release(self.path)
        try:
            os.replace(self.path, self._final_path)
        except OSError as error:
            self._accept_twin(facts["results"], error)
        self.finished = True
        return self.path

    def _accept_twin(self, results: Mapping[str, str], error: OSError) -> None:
        if not (self._final_path / PROVENANCE).is_file() or result_hashes(self._final_path) != results:
            raise CorpusError(
                f"{self._final_path}: cannot take its name ({error.strerror}); something else lies there: "
                "move it away and repeat the run"
            ) from error
        shutil.rmtree(self.path)


def result_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every result in a run folder, by POSIX path, without the run's own facts."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in paths)
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names
        if name not in (RUN, PROVENANCE, run_lock.LOCK)
        and not name.startswith(SHARDS + "/")
        and not name.endswith(".partial")
    }
