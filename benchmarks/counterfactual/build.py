"""From a collection of audio to the pack: tokens, the generator, the queries.

    python -m benchmarks.counterfactual build DATA

Needs the audio; scoring does not.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from benchmarks.counterfactual.material import Entry, choose, read_sources, sound_of
from benchmarks.counterfactual.outputs import QUERY_SEGMENTS, outputs_of
from benchmarks.counterfactual.pack import (
    N_DIMS,
    RECIPE,
    Item,
    load_corpus,
    training_items,
    write_segments,
)
from linernotes.attribution.encoding import encode_query
from linernotes.generators.reference.adapter import ReferenceGenerator, Trained
from linernotes.generators.reference.network import Network, NetworkConfig
from linernotes.generators.reference.representation import Representation, RepresentationConfig
from linernotes.generators.reference.training import train_network
from linernotes.generators.reference.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from linernotes.generators.base import Segments

N_GENERATED = 80
QUERY_SEED = 700


def build(data: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Choose, encode, train the generator, and make the queries."""
    choice = choose(read_sources(data))
    corpus, outside = choice.corpus, [*choice.look_alikes, *choice.passages, *choice.outsiders]
    shape = Representation(RepresentationConfig(n_dims=N_DIMS))
    rate = shape.config.sample_rate
    say(f"reading {len(corpus)} items")
    sounds = [sound_of(entry, data, rate) for entry in corpus]
    shape.fit(
        [
            shape.log_mel(sound.samples)
            for entry, sound in zip(corpus, sounds, strict=True)
            if entry.kind == "plain"
        ]
    )
    words = Vocabulary.of_tags([(entry.source.words,) for entry in corpus])
    sizes = NetworkConfig(
        N_DIMS, shape.config.segment_tokens, len(words.words), RECIPE.width, RECIPE.depth, RECIPE.n_heads
    )
    blank = Network(sizes)  # encoding asks nothing of it
    encoder = ReferenceGenerator(shape, blank, words, RECIPE)
    folder.mkdir(parents=True, exist_ok=True)
    write_segments(
        folder / "corpus.npz",
        [encoder.encode(sound, e.source.words) for e, sound in zip(corpus, sounds, strict=True)],
    )
    _write_items(folder, corpus)
    _write_credits(folder, [*corpus, *outside])
    say("training the generator")
    generator = _train(encoder, folder, corpus)
    generator.save(folder / "generator")
    say("making queries")
    _write_queries(generator, folder, corpus, data, outside)


def _train(encoder: ReferenceGenerator, folder: Path, corpus: Sequence[Entry]) -> ReferenceGenerator:
    items, encoded = load_corpus(folder)
    network = train_network(
        training_items(items, encoded), RECIPE, encoder.representation.config.segment_tokens
    )
    return ReferenceGenerator(
        encoder.representation,
        network.requires_grad_(False),
        encoder.vocabulary,
        RECIPE,
        [Trained(entry.item_id, entry.source.sha256) for entry in corpus],
        encoded.root,
    )


def _write_queries(
    generator: ReferenceGenerator,
    folder: Path,
    corpus: Sequence[Entry],
    data: Path,
    outside: Sequence[Entry],
) -> None:
    plain = [entry.source.words for entry in corpus if entry.kind == "plain"]
    facts: list[dict[str, str]] = []
    parts: list[Segments] = []
    for query, prompt in outputs_of(generator, plain, N_GENERATED, QUERY_SEED, "generated"):
        facts.append({"query_id": query.query_id, "kind": "generated", "prompt": prompt})
        parts.append(query.segments)
    for entry in outside:
        sound = sound_of(entry, data, generator.sample_rate)
        facts.append({"query_id": entry.item_id, "kind": entry.kind, "prompt": entry.source.words})
        whole = encode_query(generator, entry.item_id, sound, entry.source.words).segments
        parts.append(whole.pick(list(range(QUERY_SEGMENTS))))
    write_segments(folder / "queries.npz", parts)
    (folder / "queries.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _write_items(folder: Path, corpus: Sequence[Entry]) -> None:
    with (folder / "items.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Item.__slots__)
        for e in corpus:
            writer.writerow([e.item_id, e.kind, e.source.artist, e.copy_of, e.source.words])


def _write_credits(folder: Path, entries: Sequence[Entry]) -> None:
    lines = sorted({entry.source.attribution for entry in entries})
    text = (
        "# Recordings behind the tokens of this benchmark\n\n"
        "`corpus.npz` and `queries.npz` hold spectral features (not audio) of up to 24.6 s of each recording; "
        "changes: cut, reduced to 64 numbers per 128 ms, some shifted, re-keyed, padded or repeated. Licences are the "
        "recordings' own.\n\n"
    )
    (folder / "ATTRIBUTION.md").write_text(text + "".join(f"- {line}\n" for line in lines), encoding="utf-8")
