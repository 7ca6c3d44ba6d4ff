"""What the demo asks beyond its rankings: artists for every output, and which seconds for the first.

Artists come from the finished ranking. The map of the first output takes some fifteen seconds of one core; testing
a claim again would take twice that, and is left to ``linernotes attribute --verify``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from linernotes.attribution.encoding import encode_corpus
from linernotes.evidence.influence import InfluenceRanking
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.reports.further import FurtherEvidence
from linernotes.workflows.attribute import attribute_in_full
from linernotes.workflows.question import AttributeRequest, config_of, read_question
from linernotes.workflows.verify import WHERE, Subject, locate
from linernotes.workspace.runs import RunFolder


def further_evidence(
    request: AttributeRequest,
    rankings: list[InfluenceRanking],
    out: Path,
    *,
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> list[FurtherEvidence]:
    """Return what the demo asks of each ranking beyond itself, in the order of the request's files.

    Parameters
    ----------
    request : AttributeRequest
        What the rankings answer.
    rankings : list of InfluenceRanking
        One for each file.
    out : Path
        Where the run of the maps is kept, so that it is not done twice.
    """
    answers = attribute_in_full(replace(request, group_by="artist"), n_workers=n_workers, progress=progress)
    found = [FurtherEvidence.of(answer) for answer in answers]
    first = replace(request, files=request.files[:1], where=True)
    order = [one.item_id for one in rankings[0].influences]
    return [replace(found[0], where=_maps(first, order, out, n_workers, progress)), *found[1:]]


@one_thread()
def _maps(
    request: AttributeRequest, order: list[str], out: Path, n_workers: int | None, progress: Progress | None
) -> tuple[dict[str, object], ...]:
    """Map the first recordings of a ranking, which the one output's own run would only make again."""
    question = read_question(request, n_workers, progress)
    config = config_of(request) | request.checks.settings() | {"order": order}
    run = RunFolder.begin(out / "maps", "demo", config, question.inputs())
    if not run.finished:
        encoded = encode_corpus(question.generator, question.corpus, progress)
        subject = Subject(
            question.generator, question.corpus, encoded, question.queries, question.durations_s
        )
        with question.runner(run) as runner:
            run.write_json(WHERE, locate(subject, [order], request.checks, runner, run))
        run.finish()
    return tuple(run.read_json(WHERE)[0]["maps"])
