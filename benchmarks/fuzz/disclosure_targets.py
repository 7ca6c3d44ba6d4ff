"""Published disclosures: the whole folder under the log's key, the index, every document, strict JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzz.corpus_targets import example_corpus
from benchmarks.fuzz.target import DEMO, Folder, Target, from_file, scratch
from linernotes.disclosure.envelope import INDEX_FILE, MODELS, load_json, parse_document, parse_index
from linernotes.disclosure.foreign import read_summary
from linernotes.disclosure.provider import read_provider
from linernotes.workflows.audit import record, trusted_key_path
from linernotes.workflows.disclose import disclose
from linernotes.workflows.disclose_check import check_disclosure
from linernotes.workspace import Workspace

PROVIDER = DEMO / "provider.toml"


def _publish(folder: Path) -> None:
    corpus = example_corpus()
    with Workspace.create(_workspace()) as workspace:
        workspace.save_corpus(corpus)
        record(workspace, "corpus-seal", corpus.root, {"n_items": len(corpus.items)})
    made = folder / "made"
    disclose(_workspace(), PROVIDER, made, level="identifiers")
    for path in made.iterdir():
        path.rename(folder / path.name)
    made.rmdir()


def _workspace() -> Path:
    return scratch() / "publisher"


def _checked(folder: Path) -> dict[str, Any]:
    with Workspace.open(_workspace()) as workspace:
        key = trusted_key_path(workspace)
    return check_disclosure(folder, key=key)


PUBLISHED = Folder(_publish, _checked)


def _document(name: str) -> Target:
    read: Callable[[bytes], Any] = functools.partial(parse_document, name)
    return Target(read, lambda: [(PUBLISHED.folder / name).read_bytes()])


DISCLOSURE_TARGETS = {
    "disclosure": Target(PUBLISHED.read, PUBLISHED.seeds, is_proof=True),
    "disclosure-index": Target(parse_index, lambda: [(PUBLISHED.folder / INDEX_FILE).read_bytes()]),
    **{f"disclosure-{name.removesuffix('.json')}-document": _document(name) for name in MODELS},
    "disclosure-json": Target(
        functools.partial(load_json, "a.json"),
        lambda: [b'{"a": [1, 0.5, null, "\\u00fc"], "b": {"c": true}}'],
    ),
    "summary-file": Target(
        from_file(read_summary, ".json"), lambda: [(PUBLISHED.folder / "article53.json").read_bytes()]
    ),
    "provider-file": Target(from_file(read_provider, ".toml"), lambda: [PROVIDER.read_bytes()]),
}
