"""Files that people hand to the commands, and a workspace on a disk that lies."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from benchmarks.fuzz.corpus_targets import CORPUS_TARGETS, example_corpus, in_any_order
from benchmarks.fuzz.desk_targets import DESK_TARGETS
from benchmarks.fuzz.registry_targets import CONSENTS
from benchmarks.fuzz.signal_targets import ROBOTS
from benchmarks.fuzz.target import DEMO, Folder, Target, from_file, text
from linernotes.auditlog.canonical import canonical_json
from linernotes.catalog.rights_files import parse_csv, read_rights_file
from linernotes.disclosure.provider import read_provider
from linernotes.signals.origin import Origin
from linernotes.workflows import presence, release_policy, settle, signals
from linernotes.workflows.corpus_identify import REPORT as REPORT_FILE
from linernotes.workflows.disclose_material import material_of
from linernotes.workflows.leads_records import FOLDER as LEADS
from linernotes.workflows.leads_records import kept_leads
from linernotes.workflows.requests_table import read_works
from linernotes.workflows.rights import history, save
from linernotes.workflows.signal_store import keep, kept
from linernotes.workspace import Workspace
from linernotes.workspace.runs import RunFolder

WEIGHTS = b"query,weight\nout-1,2\nout-2,0.25\n"
REPORT = {"corpus_root": "", "items": [{"item_id": "piece-1", "status": "unmatched"}]}


def _present(path: Path) -> Any:
    answer = presence.verify(path, example_corpus().root)
    return in_any_order(json.loads(json.dumps(answer.as_json(), default=str)))


def _policy() -> bytes:
    return (Path(release_policy.__file__).parent / "default_release.toml").read_bytes()


def _agreed(folder: Path) -> None:
    with Workspace.create(folder / "made") as workspace:
        save(workspace, parse_csv(CONSENTS, "consent.csv").registry, "consent.csv")
    _up(folder)


def _fill(folder: Path) -> None:
    with Workspace.create(folder / "made") as workspace:
        workspace.save_corpus(example_corpus())
        save(workspace, parse_csv(CONSENTS, "consent.csv").registry, "consent.csv")
        keep(workspace, "robots", _origin(), ROBOTS)
        lead = {"lead_id": "ab", "corpus": {"root": example_corpus().root}}
        (workspace.folder(LEADS) / "ab.json").write_bytes(canonical_json(lead) + b"\n")
        run = workspace.path / "runs" / "corpus-identify-ab"
        run.mkdir(parents=True)
        report = REPORT | {"corpus_root": example_corpus().root}
        (run / REPORT_FILE).write_text(json.dumps(report), "utf-8")
    _up(folder)


def _up(folder: Path) -> None:
    """Move what was made into the folder itself: workspaces begin in folders that are not there."""
    for path in (folder / "made").iterdir():
        path.rename(folder / path.name)
    (folder / "made").rmdir()


def _origin() -> Origin:
    digest = hashlib.sha256(ROBOTS).hexdigest()
    return Origin(name="robots.txt", sha256=digest, target="https://a.org/", seen_on="2025-02-01")


def _said(folder: Path) -> Any:
    """Return the history of consent, whose chain and log show what was changed."""
    return [row["record"] for row in history(folder)["rows"]]


def _opened(folder: Path) -> Any:
    with Workspace.open(folder) as workspace:
        signals_kept = [(one.kind, one.origin, one.data()) for one in kept(workspace)]
        provider = read_provider(DEMO / "provider.toml")
        material = material_of(workspace, workspace.corpus(), provider)
        return material, signals_kept, kept_leads(workspace), workspace.rankings(), workspace.statements()


def _run(folder: Path) -> None:
    run = RunFolder.begin(folder / "made", "fuzz", {"top": 10, "seed": 1}, {"corpus": "ab"})
    run.write_json("result.json", {"items": [1, 0.5, "x"]})
    made = run.finish()
    for path in made.iterdir():
        path.rename(folder / path.name)
    made.rmdir()
    (folder / "made").rmdir()


def _ran(folder: Path) -> Any:
    run = RunFolder.open(folder)
    return run.question(), run.read_json("result.json")


RUN = Folder(_run, _ran)
HISTORY, WORKSPACE = Folder(_agreed, _said), Folder(_fill, _opened)
WORKSPACE_TARGETS = {
    "presence-file": Target(
        from_file(_present, ".proof"), lambda: CORPUS_TARGETS["presence-proof"].seeds(), is_proof=True
    ),
    "release-policy": Target(text(release_policy.parse_policy), lambda: [_policy()]),
    "release-policy-file": Target(from_file(release_policy.load_policy, ".toml"), lambda: [_policy()]),
    "output-weights": Target(from_file(settle.read_output_weights, ".csv"), lambda: [WEIGHTS]),
    "works-file": Target(from_file(read_works, ".csv"), DESK_TARGETS["works-table"].seeds),
    "rights-file": Target(from_file(read_rights_file, ".csv"), lambda: [CONSENTS]),
    "signal-file": Target(from_file(lambda path: signals.read_files([path]), ".txt"), lambda: [ROBOTS]),
    "consent-history": Target(HISTORY.read, HISTORY.seeds, is_proof=True),
    "run-folder": Target(RUN.read, lambda: RUN.seeds("run.toml", "result.json")),
    "workspace": Target(WORKSPACE.read, WORKSPACE.seeds),
}
