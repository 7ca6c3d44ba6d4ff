"""What is shipped: the corpus as tokens, the generator, the queries, the retrained losses.

Scoring a method needs nothing else: no audio, no retraining. Tokens are stored in half precision, and are what
the generator and all its siblings were trained on.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.errors import InputError
from linernotes.generators.base import Segments
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.training import Recipe, TrainingItem

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path(__file__).parent / "data"
RECIPE = Recipe(
    n_steps=800, batch_size=16, learning_rate=3e-3, warmup_steps=50, average=0.99, width=96, depth=3
)
N_DIMS = 64


@dataclass(frozen=True, slots=True)
class Item:
    """One row of ``items.csv``."""

    item_id: str
    kind: str
    artist: str
    copy_of: str
    words: str


@dataclass(frozen=True, slots=True)
class Pack:
    """The benchmark without its ground truth.

    ``kinds`` says what each query is: ``generated``, ``look-alike``, ``passage`` or ``outsider``.
    """

    items: tuple[Item, ...]
    corpus: EncodedCorpus
    generator: ReferenceGenerator
    queries: tuple[Query, ...]
    kinds: tuple[str, ...]
    prompts: tuple[str, ...]

    @property
    def artists(self) -> list[str]:
        """Return each item's artist."""
        return [item.artist for item in self.items]

    def of_kind(self, kind: str) -> list[int]:
        """Return the places of the queries of a kind."""
        return [number for number, found in enumerate(self.kinds) if found == kind]


def load_corpus(folder: Path = DATA) -> tuple[tuple[Item, ...], EncodedCorpus]:
    """Read items and tokens.

    Raises
    ------
    InputError
        If the files are not there.
    """
    try:
        with (folder / "items.csv").open(encoding="utf-8", newline="") as rows:
            items = tuple(
                Item(**{name: row[name] for name in Item.__slots__}) for row in csv.DictReader(rows)
            )
        segments, owners = _read_segments(folder / "corpus.npz")
        root = hashlib.sha256((folder / "corpus.npz").read_bytes()).hexdigest()
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{folder}: not the benchmark's data ({error}); check out the repository again, or build it with "
            "'python -m benchmarks.counterfactual build DATA'"
        ) from error
    return items, EncodedCorpus(tuple(item.item_id for item in items), segments, owners, root)


def load_pack(folder: Path = DATA) -> Pack:
    """Read everything but the ground truth.

    Raises
    ------
    InputError
        If the files are not there.
    """
    items, corpus = load_corpus(folder)
    generator = ReferenceGenerator.load(folder / "generator")
    facts = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    segments, owners = _read_segments(folder / "queries.npz")
    queries = tuple(
        Query(fact["query_id"], segments.pick([int(i) for i in np.flatnonzero(owners == number)]))
        for number, fact in enumerate(facts)
    )
    return Pack(
        items, corpus, generator, queries,
        tuple(fact["kind"] for fact in facts), tuple(fact["prompt"] for fact in facts),
    )  # fmt: skip


def training_items(items: Sequence[Item], corpus: EncodedCorpus) -> list[TrainingItem]:
    """Return every item's tokens in a row, as training takes them."""
    n_dims = corpus.segments.latents.shape[-1]
    made = []
    for number, item in enumerate(items):
        rows = [int(i) for i in np.flatnonzero(corpus.item_of == number)]
        tokens = corpus.segments.latents[rows].reshape(-1, n_dims)
        made.append(TrainingItem(item.item_id, tokens, corpus.segments.conditions[rows[0]]))
    return made


def write_segments(path: Path, parts: Sequence[Segments]) -> None:
    """Store segments of several recordings, tokens in half precision."""
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    np.savez_compressed(
        path,
        latents=torch.cat([part.latents for part in parts]).half().numpy(),
        audible=torch.cat([part.audible for part in parts]).numpy(),
        conditions=torch.cat([part.conditions for part in parts]).bool().numpy(),
        start_s=np.array([start for part in parts for start in part.start_s], dtype=np.float32),
        owners=owners,
    )


def _read_segments(path: Path) -> tuple[Segments, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        segments = Segments(
            torch.from_numpy(stored["latents"]).float(),
            torch.from_numpy(stored["audible"]),
            torch.from_numpy(stored["conditions"]).float(),
            tuple(float(start) for start in stored["start_s"]),
        )
        return segments, stored["owners"].astype(np.int64)
