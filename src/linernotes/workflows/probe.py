"""How often does a generator give back what it was trained on? N outputs, searched, with an honest upper bound.

Each output is made from its own seed, searched for passages, and its answer kept; an interrupted probe goes on at the
first output that is missing. The report says how many outputs hold a passage, and how large the true rate can still be.
A bound is only as good as the detector: its recall is measured on this very generator, by planting excerpts of the corpus
into some of its outputs, and paid for in the bound.

Conventions
-----------
An output counts when it holds a passage of at least two seconds, found by landmarks or segments, of a disclosed
recording; passages of other catalogue recordings are counted apart. Output *k* has seed ``seed + k`` and prompt
``k mod n_prompts``.

References
----------
Carlini et al. (2023), "Extracting training data from diffusion models", USENIX Security (generate many, search all).
Exact intervals: `linernotes.evaluation.exact_rates`.

Known limits
------------
The bound is about these prompts and this length of output; other prompts may draw out more. Planted excerpts are clean
copies at the output's own loudness, 5 s long: a generator may blur what it gives back, and then more is missed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from linernotes.errors import CorpusError
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.workflows.identify_passages import collection_facts
from linernotes.workflows.known_music import KnownMusic, open_known_music
from linernotes.workflows.memorisation import same_recordings
from linernotes.workflows.probe_config import ProbeConfig, Sounding
from linernotes.workflows.probe_outputs import answer_of, n_planted, planted_answer
from linernotes.workflows.probe_report import report_of
from linernotes.workspace import Workspace
from linernotes.workspace.runs import RunFolder

__all__ = ["REPORT", "ProbeConfig", "probe", "probe_folder"]

REPORT = "probe.json"


def probe_folder(
    generator: Path | str,
    workspace: Path | str,
    config: ProbeConfig,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Probe the generator of a folder; as `probe`.

    Raises
    ------
    InputError
        If the folder is no generator's.
    UnsupportedGenerator
        If its adapter is not installed.
    """
    from linernotes.workflows.generator import check_prompts
    from linernotes.workflows.generators import load_generator

    loaded = load_generator(generator)
    check_prompts(loaded, config.prompts)
    return probe(loaded, workspace, config, progress=progress)


@one_thread()
def probe(
    generator: Sounding,
    workspace: Path | str,
    config: ProbeConfig,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make outputs, search each for passages, and report the rate with its upper bound.

    Parameters
    ----------
    generator : Sounding
        Anything with ``generator_id`` and ``generate``.
    workspace : Path or str
        Workspace with the sealed corpus that the generator was trained on.
    config : ProbeConfig
        How many, how long, with which prompts.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``outputs`` (one per output, without those that hold nothing in detail), ``rate``, ``upper_bound``,
        ``rule_of_three``, ``recall``, ``by_prompt``, ``words``; it is also kept in the run folder, ``folder``.

    Raises
    ------
    CorpusError
        If the workspace has no sealed corpus.
    """
    with Workspace.open(workspace) as opened:
        if not opened.has_corpus():
            raise CorpusError(
                f"{opened.path}: no corpus is sealed here, so nothing can be told about memorising it; "
                "run 'linernotes corpus seal'"
            )
        known = open_known_music(opened, progress)
        same = same_recordings(opened, known, progress)
        run = RunFolder.begin(
            opened.folder("runs"), "generator probe", _settings(config), _inputs(generator, known)
        )
    if not run.finished:
        answers = [
            answer_of(k, generator, known, same, config, run, progress) for k in range(config.n_outputs)
        ]
        planted = [
            planted_answer(k, generator, known, config, run, progress)
            for k in range(n_planted(config, known))
        ]
        report = report_of(answers, planted, config, generator.generator_id)
        run.write_json(REPORT, report | {"collection": collection_facts(known)})
        run.finish()
    found: dict[str, Any] = run.read_json(REPORT)
    return found | {"folder": str(run.path)}


def _settings(config: ProbeConfig) -> dict[str, Any]:
    settings = asdict(config)
    settings["prompts"] = list(config.prompts)
    search = settings["passages"]["search"]
    search["ratios"] = list(search["ratios"])
    settings["passages"]["detectors"] = list(config.passages.detectors)
    return settings


def _inputs(generator: Sounding, known: KnownMusic) -> dict[str, str]:
    contents = sorted((one.name, one.content_sha256) for one in known.recordings.values())
    return {
        "generator": generator.generator_id,
        "collection": hashlib.sha256(json.dumps(contents).encode()).hexdigest(),
    }
