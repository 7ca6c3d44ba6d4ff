"""The whole story on the bundled real corpus, in one command.

Seal, identify, generate, attribute, compare, settle, log, disclose, verify, and write it all on one page. Each
step is the function that the command of that name calls; nothing is special to the demo but the data.
Interrupted, the same command continues in the same folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import linernotes
from linernotes.audio.files import Audio, read_audio
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import InputError, VerificationError
from linernotes.evidence.identification import Match
from linernotes.evidence.influence import InfluenceRanking
from linernotes.evidence.versions import VersionMatch
from linernotes.fingerprint.match import identify_audio
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.reports.dossier import DossierInputs, OutputFacts, audio_files, build_dossier
from linernotes.reports.html import write_dossier
from linernotes.workflows import audit
from linernotes.workflows.attribute import AttributeRequest, attribute
from linernotes.workflows.demo_checks import further_evidence
from linernotes.workflows.demo_creator import ask_as_creator
from linernotes.workflows.generator import generate
from linernotes.workflows.identify import add_catalogue, open_catalogue
from linernotes.workflows.seal import seal_corpus
from linernotes.workflows.settle import settle
from linernotes.workspace import Workspace
from linernotes.workspace.provenance import machine_facts

TRAINING_DATE = "2026-11-22"
POOL = "1000.00EUR"
SECONDS = 12.288  # three segments of the generator
PROMPTS = (
    ("chiptune", "fast chiptune", 11),
    ("orchestral", "calm orchestral", 12),
    ("folk", "folk rock vocal", 13),
    ("electronic", "electronic industrial", 14),
)
METHODS = ("unlearning", "mucs", "similarity", "random")
N_COMPARED = 3
HELD_OUT = "tobias-escher-novatlan__new-frontier.ogg"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Where the demo's page lies, and its facts."""

    page: Path
    dossier: dict[str, Any]
    summary: dict[str, Any]


def demo_data() -> Path:
    """Return the folder of the bundled corpus: inside the package, or beside the sources in a checkout.

    Raises
    ------
    InputError
        If it is in neither place.
    """
    package = Path(linernotes.__file__).parent
    for place in (package / "demo_data", package.parents[1] / "demo"):
        if (place / "corpus" / "rights.csv").is_file():
            return place
    raise InputError(
        "the demo's recordings are not installed; run 'make demo' in a checkout of the repository"
    )


def run_demo(
    out: Path, *, data: Path | None = None, progress: Progress | None = None, n_workers: int | None = None
) -> DemoResult:
    """Tell the whole story and write ``out/index.html`` with ``dossier.json`` beside it.

    Parameters
    ----------
    out : Path
        Folder for everything that the demo makes.
    data : Path, optional
        Folder laid out as the bundled one.
    progress : callable, optional
        Called as ``progress(name, n_done, n_all)``.
    n_workers : int, optional
        Processes for attribution; the result does not depend on it.
    """
    data, workspace = data or demo_data(), out / "workspace"
    method = best_method(data / "generator")
    sealed = seal_corpus(
        data / "corpus" / "audio",
        data / "corpus" / "rights.csv",
        workspace,
        training_date=TRAINING_DATE,
        secret_file=data / "corpus" / "secret.txt",
        sound_keys=data / "corpus" / "sound_keys.json",  # so that the root is the same on every processor
        progress=progress,
    )
    add_catalogue(data / "catalog" / "audio", data / "catalog" / "catalog.csv", workspace, progress=progress)
    outputs = _generate(data / "generator", out / "outputs", progress)
    recognised, verbatim, n_catalogue = _identify(workspace, sealed.corpus, outputs, progress)
    request = AttributeRequest(tuple(map(str, outputs)), str(workspace), str(data / "generator"), method)
    rankings = {
        name: attribute(replace(request, method=name), n_workers=n_workers, progress=progress)
        for name in METHODS
    }
    further = further_evidence(request, rankings[method], out, n_workers=n_workers, progress=progress)
    versions = _compare(sealed.corpus, outputs, rankings[method], progress)
    statement = settle(workspace, POOL, data / "policy.toml", out=out / "statement", method=method)
    checked = _verify(statement["files"], sealed.receipt)
    asked = ask_as_creator(
        workspace,
        sealed.corpus.root,
        out,
        inside=sealed.corpus.audio_path(sealed.corpus.item(rankings[method][0].influences[0].item_id)),
        outside=data / "catalog" / "audio" / HELD_OUT,
        provider=data / "provider.toml",
    )
    shutil.copyfile(statement["files"]["key"], out / "log.pub")  # the page names it beside the receipt
    inputs = DossierInputs(
        title="Credits for four generated pieces",
        corpus=sealed.corpus,
        identification=recognised,
        catalogue_size=n_catalogue,
        generator_card=json.loads((data / "generator" / "card.json").read_text(encoding="utf-8")),
        outputs=tuple(
            OutputFacts(
                query_id=path.stem,
                audio_path=path,
                prompt=record["prompt"],
                seed=record["seed"],
                duration_s=SECONDS,
                rankings={name: _renamed(found[i], path.stem) for name, found in rankings.items()},
                versions=versions[i],
                matches=verbatim[i],
                further={method: further[i]},
            )
            for i, (path, record) in enumerate(outputs.items())
        ),
        sanity=_sanity(data / "generator"),
        statement={name: value for name, value in statement.items() if name != "files"},
        receipt=json.loads(Path(statement["files"]["receipt"]).read_text(encoding="utf-8")),
        provenance=machine_facts(),
    )
    dossier = build_dossier(inputs)
    page = write_dossier(dossier, out, {**audio_files(inputs), **_examples(data)})
    summary = _summary(sealed.corpus, recognised, rankings[method], statement, checked, page) | asked
    return DemoResult(page, dossier, summary)


def best_method(generator: Path) -> str:
    """Return the method with the highest LDS on the dev queries; never chosen by what is reported.

    Baselines are not eligible: a likeness is no influence, even where it predicts as well.
    """
    report = json.loads((generator / "reliability.json").read_text(encoding="utf-8"))
    measured = report["dev"]["methods"]
    return max(
        (name for name in ("mucs", "unlearning") if name in measured), key=lambda n: measured[n]["lds"]
    )


def _generate(generator: Path, folder: Path, progress: Progress | None) -> dict[Path, dict[str, Any]]:
    made = {}
    for number, (name, prompt, seed) in enumerate(PROMPTS, start=1):
        path = folder / f"{name}.wav"
        made[path] = generate(generator, path, seed=seed, seconds=SECONDS, prompt=prompt)
        _tell(progress, "generating", number, len(PROMPTS))
    return made


def _identify(
    workspace: Path, corpus: SealedCorpus, outputs: dict[Path, dict[str, Any]], progress: Progress | None
) -> tuple[dict[str, tuple[Match, ...]], list[tuple[Match, ...]], int]:
    with Workspace.open(workspace) as opened:
        index, n_catalogue = open_catalogue(opened), len(opened.recordings())
    recognised = {}
    for number, item in enumerate(corpus.items, start=1):
        audio = read_audio(corpus.audio_path(item))
        # the corpus holds excerpts of released files at their own pitch and tempo: the exact search suffices
        recognised[item.item_id] = identify_audio(audio, index, query_id=item.item_id, search_shifts=False)
        _tell(progress, "identifying", number, len(corpus.items))
    verbatim = [identify_audio(read_audio(path), index, query_id=path.stem) for path in outputs]
    return recognised, verbatim, n_catalogue


def _compare(
    corpus: SealedCorpus,
    outputs: dict[Path, dict[str, Any]],
    rankings: list[InfluenceRanking],
    progress: Progress | None,
) -> list[tuple[tuple[str, VersionMatch], ...]]:
    from linernotes.versions.compare import compare_profiles
    from linernotes.versions.features import extract
    from linernotes.versions.significance import profile

    compared = []
    for number, (path, ranking) in enumerate(zip(outputs, rankings, strict=True), start=1):
        mine = profile(extract(read_audio(path)))
        found = []
        for influence in ranking.influences[:N_COMPARED]:
            item = corpus.item(influence.item_id)
            theirs = profile(extract(read_audio(corpus.audio_path(item))))
            found.append((item.item_id, compare_profiles(mine, theirs, path.stem, item.item_id)))
        compared.append(tuple(found))
        _tell(progress, "comparing", number, len(outputs))
    return compared


def _examples(data: Path) -> dict[str, Audio]:
    """Return what generated music is to be heard beside: real music, and what the representation keeps of it."""
    generator = ReferenceGenerator.load(data / "generator")
    real = read_audio(data / "catalog" / "audio" / HELD_OUT, generator.sample_rate).excerpt(
        6.0, 6.0 + SECONDS
    )
    tokens, _audible = generator.tokens_of(real)
    shape = generator.representation
    kept = Audio(shape.samples(shape.spectrogram(tokens)), generator.sample_rate)
    return {
        "generator:real music that the generator never saw": real,
        "generator:the same through the generator's representation and back": kept,
    }


def _verify(files: dict[str, str], seal_receipt: Path) -> list[dict[str, Any]]:
    """Check both receipts as a stranger would: offline, with the key file."""
    checked = [
        audit.verify(files["receipt"], files["key"], files["statement"]),
        audit.verify(seal_receipt, files["key"]),
    ]
    if not all(entry["ok"] for entry in checked):
        raise VerificationError("a receipt of the demo does not hold; run it again in another folder")
    return checked


def _renamed(ranking: InfluenceRanking, query_id: str) -> InfluenceRanking:
    return replace(ranking, query_id=query_id)


def _sanity(generator: Path) -> dict[str, dict[str, Any]]:
    path = generator / "sanity.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _summary(
    corpus: SealedCorpus,
    recognised: dict[str, tuple[Match, ...]],
    rankings: list[InfluenceRanking],
    statement: dict[str, Any],
    checked: list[dict[str, Any]],
    page: Path,
) -> dict[str, Any]:
    return {
        "page": str(page),
        "root": corpus.root,
        "n_items": len(corpus.items),
        "n_without_consent": len(corpus.without_consent),
        "n_identified": sum(1 for found in recognised.values() if found),
        "rankings": [ranking.as_json() for ranking in rankings],
        "pool": statement["pool"],
        "n_lines": len(statement["lines"]),
        "receipts_verified": sum(1 for entry in checked if entry["ok"]),
        "files": statement["files"],
    }


def _tell(progress: Progress | None, name: str, done: int, total: int) -> None:
    if progress is not None:
        progress(name, done, total)
