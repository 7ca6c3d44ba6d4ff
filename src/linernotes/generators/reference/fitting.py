"""From a sealed corpus to a trained reference generator.

Words come from the recordings' tags in the rights table; a recording without tags is music without
words, which the network learns too. Artist and title never become words.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from linernotes.audio.files import read_audio
from linernotes.corpus.seal import SealedCorpus
from linernotes.generators.reference.adapter import ReferenceGenerator, Trained, training_items
from linernotes.generators.reference.representation import Representation, RepresentationConfig
from linernotes.generators.reference.training import Progress, Recipe, train_network
from linernotes.generators.reference.vocabulary import Vocabulary

ItemProgress = Callable[[str, int, int], None]


def train_on_corpus(
    corpus: SealedCorpus,
    recipe: Recipe,
    *,
    representation: RepresentationConfig | None = None,
    training_progress: Progress | None = None,
    reading_progress: ItemProgress | None = None,
    checkpoint: Path | None = None,
    device: str = "cpu",
) -> ReferenceGenerator:
    """Fit the representation, train the network, and return the generator with its card filled in.

    Raises
    ------
    InputError
        If the corpus holds too little audio for the representation.
    """
    shape = Representation(representation or RepresentationConfig())
    vocabulary = Vocabulary.of_tags([item.recording.tags for item in corpus.items])
    recordings = []
    for number, item in enumerate(corpus.items, start=1):
        audio = read_audio(corpus.audio_path(item), shape.config.sample_rate)
        recordings.append((item.item_id, audio, " ".join(item.recording.tags)))
        if reading_progress is not None:
            reading_progress("reading", number, len(corpus.items))
    shape.fit([shape.log_mel(audio.samples) for _, audio, _ in recordings])
    items = training_items(shape, vocabulary, recordings)
    network = train_network(
        items,
        recipe,
        shape.config.segment_tokens,
        progress=training_progress,
        checkpoint=checkpoint,
        device=device,
    )
    trained = [Trained(item.item_id, item.content_sha256) for item in corpus.items]
    return ReferenceGenerator(shape, network.requires_grad_(False), vocabulary, recipe, trained, corpus.root)
