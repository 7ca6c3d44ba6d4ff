"""Do outputs hold recordings of the catalogue that the sealed corpus does not list? Each such find is a reason to ask.

The outputs are searched for passages of every known recording and, if asked, for music played otherwise. A reference
that only the catalogue knows is looked up in the corpus under every key; controls say how often such a find comes of
nothing. Each lead is written as a record, entered in the audit log, and raises a gap; for its seconds of the output no
ranking may be given.

Conventions
-----------
Records lie in the workspace's ``leads`` folder: ``ID.json``, ``ID.receipt.json``, and ``ID.absence.proof``, the
proof that the reference's keys are not in the committed map. A record holds no time; the log
dates it. The same question gives the same bytes and is logged once.

Known limits
------------
Recordings that came as fingerprints alone are found unaltered only. Outputs of one prompt are not independent; the
bounds of the batch take them as if they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from linernotes.audio.files import Audio, file_sha256, read_audio
from linernotes.catalog.recording import Recording
from linernotes.disclosure.leads import SCOPE_LEAD, LeadConfig, Observation, Verdict, decide
from linernotes.disclosure.leads_keys import KeyCheck
from linernotes.errors import InputError
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.workflows.leads_batch import batch_facts
from linernotes.workflows.leads_controls import ControlCounts, measure
from linernotes.workflows.leads_question import Question, open_question
from linernotes.workflows.leads_records import keep_leads, record_of
from linernotes.workflows.memorisation import same_recordings
from linernotes.workflows.requests_proofs import prove_work
from linernotes.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Output:
    """One output in question."""

    name: str
    sha256: str
    audio: Audio


@one_thread()
def find_leads(
    files: Sequence[Path | str],
    workspace: Path | str,
    *,
    config: LeadConfig | None = None,
    log: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Search outputs for recordings that the sealed corpus does not list.

    Parameters
    ----------
    files : sequence of Path or str
        Outputs, at least one second each; several are treated as one batch.
    workspace : Path or str
        Workspace with a sealed corpus and a catalogue of reference recordings.
    config : LeadConfig, optional
        Limits.
    log : bool
        Whether leads are written and entered in the audit log.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``outputs`` (one per file: ``query``, ``leads``, ``attribution``, ``not_raised``), ``leads`` (the records, with
        ``record`` and ``receipt`` where logged), ``gaps``, ``controls``, ``batch``, ``corpus``, ``catalogue``,
        ``config`` and ``scope``.

    Raises
    ------
    InputError
        If no file is given, one is no audio or silent, or a setting is not usable.
    TooShort
        If a file holds less than a second.
    CorpusError
        If there is no workspace, no sealed corpus, no catalogue recording outside it, or an index is damaged.
    """
    config = config or LeadConfig()
    outputs = _outputs(files)
    with Workspace.open(workspace) as opened:
        question = open_question(opened, config, progress)
        seen = []
        for n_done, output in enumerate(outputs, start=1):
            seen.append(question.observe(output.audio, output.name))
            if progress is not None:
                progress("searching outputs", n_done, len(outputs))
        controls = _controls(question, outputs, opened, seen, progress)
        answers, leads = [], []
        for output, (found, disclosed) in zip(outputs, seen, strict=True):
            raised, not_raised = _judge(question, output, found, controls, len(outputs))
            leads += raised
            answers.append(_answer(output, raised, not_raised, disclosed))
        if log and leads:
            leads = keep_leads(opened, leads)
    gaps = [lead["gap"] for lead in leads]
    corpus = question.lookup.corpus
    return {
        "outputs": answers,
        "leads": leads,
        "gaps": gaps,
        "controls": controls.as_json(),
        "batch": batch_facts(
            [bool(one["leads"]) for one in answers], len(question.references), config, controls
        ),
        "corpus": {
            "root": corpus.root,
            "n_items": len(corpus.items),
            "sealed_at": corpus.sealed_at,
            "stage": corpus.stage,
        },
        "catalogue": {
            "n_recordings": sum(one.recording_id is not None for one in question.known.recordings.values())
            + len(question.prints),
            "n_other_files": len(question.references) + len(question.prints),
        },
        "config": asdict(config),
        "scope": SCOPE_LEAD,
    }


def _outputs(files: Sequence[Path | str]) -> list[Output]:
    if not files:
        raise InputError("no outputs to search; give at least one audio file")
    return [Output(str(file), file_sha256(Path(file)), read_audio(file)) for file in files]


def _controls(
    question: Question,
    outputs: Sequence[Output],
    workspace: Workspace,
    seen: Sequence[tuple[dict[str, list[Observation]], Any]],
    progress: Progress | None,
) -> ControlCounts:
    anything = any(found for found, _ in seen)
    if not question.config.n_controls and not anything:
        return ControlCounts()
    return measure(
        [(one.name, one.audio) for one in outputs],
        question.known,
        question.in_references,
        n_controls=question.config.n_controls,
        seed=question.config.seed,
        same=same_recordings(workspace, question.known, progress),
        progress=progress,
    )


def _judge(
    question: Question,
    output: Output,
    found: dict[str, list[Observation]],
    controls: ControlCounts,
    n_outputs: int,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    raised, not_raised = [], []
    for name in sorted(found):
        checks = question.checks(name, found[name])
        verdict = decide(
            found[name],
            checks,
            question.config,
            control_rates=controls.by_reference.get(name, ()),
            n_controls=controls.n_all,
        )
        recording = question.recording(name)
        if verdict.raised:
            one = question.known.recordings.get(name)
            content = one.content_sha256 if one else ""
            raised.append(
                record_of(
                    output.name,
                    output.sha256,
                    output.audio.duration_s,
                    recording,
                    content,
                    question.lookup.corpus,
                    verdict.observations,
                    checks,
                    controls,
                    question.config,
                    n_outputs,
                    prove_work(question.snapshot, question.codes[name]),
                )
            )
        else:
            not_raised.append(_not_raised(recording, verdict, checks))
    return raised, not_raised


def _not_raised(recording: Recording, verdict: Verdict, checks: Sequence[KeyCheck]) -> dict[str, Any]:
    return {
        "recording_id": recording.recording_id,
        "title": recording.title,
        "artist": recording.artist,
        "code": verdict.code,
        "words": verdict.words,
        "keys": [one.as_json() for one in checks],
    }


def _answer(
    output: Output,
    raised: Sequence[dict[str, Any]],
    not_raised: Sequence[dict[str, Any]],
    disclosed: dict[str, list[tuple[float, float]]],
) -> dict[str, Any]:
    parts = [part | {"lead_id": lead["lead_id"]} for lead in raised for part in lead["refused"]]
    return {
        "query": output.name,
        "sha256": output.sha256,
        "duration_s": round(output.audio.duration_s, 3),
        "leads": [lead["lead_id"] for lead in raised],
        "attribution": {
            "allowed": not parts,
            "refused": sorted(parts, key=lambda part: (part["start_s"], part["lead_id"])),
        },
        "not_raised": list(not_raised),
        "disclosed": {name: [list(span) for span in spans] for name, spans in sorted(disclosed.items())},
    }
