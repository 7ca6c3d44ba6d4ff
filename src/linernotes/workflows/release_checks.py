"""The single checks before release: what each looked at, what it found, and what the policy says to that.

A check that could not be made says so; "not checked" is a finding of its own and never passes for "nothing found".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from linernotes.audio.files import file_sha256, read_audio
from linernotes.corpus.manifest import audio_sha256
from linernotes.errors import CorpusError, InputError, LinernotesError, TooShort
from linernotes.signals.attribution_assertion import LABEL, checked
from linernotes.signals.c2pa_files import can_read, media_type, read_manifest
from linernotes.signals.c2pa_manifest import ManifestStore
from linernotes.workflows.attribution_record import FoundRanking, rankings_of
from linernotes.workflows.identify_passages import identify_passages
from linernotes.workflows.passages import PassageConfig
from linernotes.workflows.release_policy import Action, ReleasePolicy
from linernotes.workflows.signal_audit import SignalAuditor
from linernotes.workspace import Workspace

Progress = Callable[[str, int, int], None]
SAME_SOUND = "landmarks"  # the detector that answers for the same sound; the others answer for changed ones
_RANK: dict[Action, int] = {"note": 0, "hold": 1, "refuse": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Parameters
    ----------
    check : str
        Its name.
    status : {"passed", "found", "not-checked"}
    action : {"note", "hold", "refuse"} or None
        What the policy says to it; None where it passed.
    reason : str
        One sentence.
    facts : dict
        Figures behind it.
    """

    check: str
    status: Literal["passed", "found", "not-checked"]
    action: Action | None
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)


def decision_of(findings: list[Finding]) -> Literal["release", "hold", "refuse"]:
    """Return the decision: the gravest action of all findings.

    Examples
    --------
    >>> decision_of([Finding(check="a", status="passed", action=None, reason="")])
    'release'
    >>> decision_of([Finding(check="a", status="found", action="hold", reason="")])
    'hold'
    """
    gravest = max((_RANK[one.action] for one in findings if one.action is not None), default=0)
    return ("release", "hold", "refuse")[gravest]


def check_identification(
    output: Path, workspace: Path, policy: ReleasePolicy, progress: Progress | None = None
) -> Iterator[Finding]:
    """Search the output for passages of every known recording."""
    try:
        config = PassageConfig(max_false_rate=policy.max_false_rate)
        found = identify_passages([output], workspace, config=config, progress=progress)
    except (CorpusError, TooShort) as error:
        yield Finding(
            check="identification",
            status="not-checked",
            action=policy.identification_not_checked,
            reason=f"No search was made: {error}",
        )
        return
    passages = found["outputs"][0]["passages"]
    same = [
        one
        for one in passages
        if SAME_SOUND in (one["detector"], *one["confirmed_by"])
        and one["duration_s"] >= policy.same_recording_seconds
    ]
    others = [one for one in passages if one not in same and one["duration_s"] >= policy.passage_seconds]
    searched = {"collection": found["collection"], "max_false_rate": found["max_false_rate"]}
    yield _passage_finding("same-recording", "the same sound as", same, policy.same_recording, searched)
    yield _passage_finding("passages", "a passage of", others, policy.passage, searched)


def check_same_sound(output: Path, workspace: Workspace, policy: ReleasePolicy) -> Iterator[Finding]:
    """Say whether the output is, sample by sample, a recording of the sealed corpus; yields nothing when not."""
    if not workspace.has_corpus():
        return
    digest = audio_sha256(read_audio(output, allow_silence=True))
    same = [item.item_id for item in workspace.corpus().items if item.audio_sha256 == digest]
    if same:
        yield Finding(
            check="same-recording",
            status="found",
            action=policy.same_recording,
            reason=f"Its sound is that of {same[0]}, sample by sample.",
            facts={"items": same, "audio_sha256": digest},
        )


def check_attribution(found: list[FoundRanking], policy: ReleasePolicy) -> Iterator[Finding]:
    """Say whether the output was ranked, and how reliable the method is."""
    if not found:
        yield Finding(
            check="attribution",
            status="not-checked",
            action=policy.attribution_missing,
            reason="No ranking of this output is in the workspace.",
        )
        return
    methods = sorted({str(one.ranking["method"]) for one in found})
    yield Finding(
        check="attribution",
        status="passed",
        action=None,
        reason=f"Ranked by {', '.join(methods)}.",
        facts={"runs": [one.run for one in found], "rankings_sha256": [one.sha256 for one in found]},
    )
    best = max((_lds(one) for one in found), default=None, key=lambda lds: -2.0 if lds is None else lds)
    low = best is None or best < policy.min_lds
    yield Finding(
        check="reliability",
        status="not-checked" if best is None else "found" if low else "passed",
        action=policy.reliability_low if low else None,
        reason="Nobody measured how well these methods predict retraining."
        if best is None
        else f"The best method predicts retraining with LDS {best:.2f}; the policy asks for {policy.min_lds:.2f}.",
        facts={"lds": best},
    )


def check_consent(
    workspace: Workspace, found: list[FoundRanking], policy: ReleasePolicy
) -> Iterator[Finding]:
    """Say whether the recordings that the rankings credit were consented to, signals heeded."""
    corpus = workspace.corpus() if workspace.has_corpus() else None
    names = list(dict.fromkeys(name for one in found for name in _credited(one, policy)))
    if corpus is None or not found:
        yield Finding(
            check="consent",
            status="not-checked",
            action=policy.consent_not_checked,
            reason="Without a ranking among a sealed corpus nobody knows whose consent matters most.",
        )
        return
    known = {item.item_id: item for item in corpus.items}
    auditor = SignalAuditor(workspace, corpus, policy.consent_use, credentials=False)
    values: dict[str, list[str]] = {"deny": [], "conditional": [], "unknown": [], "allow": []}
    for name in names:
        values[auditor.weigh(known[name]).decision.value if name in known else "unknown"].append(name)
    facts = {"asked": len(names), "on": auditor.on.isoformat(), "use": policy.consent_use, "layer": "master"}
    answers: tuple[tuple[str, Action, str], ...] = (
        ("deny", policy.consent_denied, "refused"),
        ("conditional", policy.consent_conditional, "given under terms"),
        ("unknown", policy.consent_unknown, "not shown"),
    )
    grave = [(value, action, word) for value, action, word in answers if values[value]]
    for value, action, word in grave:
        yield Finding(
            check="consent",
            status="found",
            action=action,
            reason=f"Consent is {word} for {len(values[value])} of the {len(names)} credited recordings: "
            f"{', '.join(values[value][:5])}.",
            facts=facts | {"items": values[value]},
        )
    if not grave:
        yield Finding(
            check="consent",
            status="passed",
            action=None,
            reason=f"Consent of all {len(names)} credited recordings was shown for the master."
            if names
            else "The rankings credit nobody in particular.",
            facts=facts,
        )


def check_credentials(store: ManifestStore | None, why_not: str, policy: ReleasePolicy) -> Finding:
    """Say whether the output carries credentials that hold and point to an attribution record."""
    if store is None:
        return Finding(
            check="credentials",
            status="not-checked" if why_not else "found",
            action=policy.credentials_missing,
            reason=why_not or "The file carries no content credentials.",
        )
    if not store.holds:
        return Finding(
            check="credentials",
            status="found",
            action=policy.credentials_invalid,
            reason="The content credentials do not hold: the file was changed after signing, or they were.",
            facts={"faults": [code for code, _ in store.faults]},
        )
    if not store.active.named(LABEL):
        return Finding(
            check="credentials",
            status="found",
            action=policy.credentials_missing,
            reason="The content credentials do not point to an attribution record.",
            facts={"signer": store.active.signer},
        )
    return Finding(
        check="credentials",
        status="passed",
        action=None,
        reason=f"Signed by {store.active.signer} ({store.state}).",
        facts={"state": store.state, "signer": store.active.signer},
    )


def check_personhood(policy: ReleasePolicy) -> Finding:
    """Say that likeness to a person was not looked at."""
    return Finding(
        check="personhood",
        status="not-checked",
        action=policy.personhood_not_checked,
        reason="Likeness to a person's voice or playing was not checked: there is no such check yet.",
    )


def credentials_of(output: Path) -> tuple[ManifestStore | None, str]:
    """Return the output's credentials, and why they could not be looked for where that is so."""
    if not can_read():
        return None, "Content credentials were not looked for: install linernotes[credentials]."
    try:
        media_type(output)
    except InputError as error:
        return None, str(error)
    return read_manifest(output), ""


def rankings_for(workspace: Workspace, output: Path, store: ManifestStore | None) -> list[FoundRanking]:
    """Return the rankings of an output, or of the file that it was before credentials were written into it."""
    found = rankings_of(workspace, file_sha256(output))
    if found or store is None or not store.holds:
        return found
    for one in store.active.named(LABEL):
        try:
            data = checked(one.data)
        except LinernotesError:
            continue
        found += rankings_of(workspace, data["record"]["output"]["content_sha256"])
    return found


def _passage_finding(
    check: str, words: str, passages: list[dict[str, Any]], action: Action, searched: dict[str, Any]
) -> Finding:
    if not passages:
        return Finding(
            check=check,
            status="passed",
            action=None,
            reason="None was found in what was searched.",
            facts=searched,
        )
    first = max(passages, key=lambda one: float(one["duration_s"]))
    return Finding(
        check=check,
        status="found",
        action=action,
        reason=f"Holds {words} {first['recording_id']} for {first['duration_s']:.1f} s"
        + (f", and {len(passages) - 1} more." if len(passages) > 1 else "."),
        facts=searched
        | {
            "passages": [
                {
                    name: one[name]
                    for name in (
                        "recording_id",
                        "detector",
                        "query_start_s",
                        "query_end_s",
                        "false_match_rate",
                    )
                }
                for one in passages[:50]
            ]
        },
    )


def _lds(found: FoundRanking) -> float | None:
    reliability = found.ranking.get("reliability")
    return float(reliability["lds"]) if reliability else None


def _credited(found: FoundRanking, policy: ReleasePolicy) -> list[str]:
    influences = sorted(found.ranking["influences"], key=lambda one: int(one["rank"]))
    return [
        str(one["item_id"])
        for one in influences[: policy.consent_top]
        if float(one["share"]) >= policy.consent_share and float(one["share"]) > 0
    ]
