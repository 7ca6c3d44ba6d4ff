"""Planted canaries: put a copy of an output into the training set, and see whether it surfaces.

Two recordings that the generator would not know otherwise are planted: one as an exact copy, one
transformed (shifted by half a segment, quieter, tilted toward the treble). After training, the
originals are unlearned as if they were outputs; the copies must come first.

References
----------
Carlini et al. (2019), "The secret sharer" (canaries); Hammoudeh and Lowd (2024), "Training data
influence analysis and estimation: a survey".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from linernotes.attribution.base import Attributor, EncodedCorpus, Query
from linernotes.attribution.encoding import encode_query, join
from linernotes.audio.files import Audio
from linernotes.evaluation.sanity import ranks_of
from linernotes.folds import Runner
from linernotes.generators.reference.adapter import ReferenceGenerator, training_items
from linernotes.generators.reference.representation import Representation, RepresentationConfig
from linernotes.generators.reference.training import Recipe, train_network
from linernotes.generators.reference.vocabulary import Vocabulary

Recorded = tuple[str, Audio, str]

EXACT, TRANSFORMED = "canary-exact", "canary-transformed"


@dataclass(frozen=True)
class Planted:
    """A generator trained with canaries, its corpus, and the queries whose copies were planted."""

    generator: ReferenceGenerator
    corpus: EncodedCorpus
    queries: tuple[Query, ...]

    def ranks(self, method: Attributor, run: Runner) -> dict[str, int]:
        """Return the place of each canary in the list of its query; 1 is first."""
        method.fit(self.generator, self.corpus, run)
        ranks = ranks_of(method.attribute(self.queries, run), [EXACT, TRANSFORMED])
        return {EXACT: int(ranks[0]), TRANSFORMED: int(ranks[1])}


def transformed(audio: Audio, shift_s: float) -> Audio:
    """Return a copy that starts later, is 6 dB quieter and tilted toward the treble.

    Examples
    --------
    >>> copy = transformed(Audio(np.ones(100, np.float32), 100), 0.25)
    >>> len(copy.samples), bool(np.abs(copy.samples).max() < 1)
    (75, True)
    """
    later = audio.samples[round(shift_s * audio.sample_rate) :]
    tilted = lfilter([1.0, -0.4], [1.0], later)
    return Audio((0.5 * tilted).astype(np.float32), audio.sample_rate)


def plant(
    recordings: Sequence[Recorded],
    exact: Recorded,
    other: Recorded,
    recipe: Recipe,
    representation: RepresentationConfig | None = None,
) -> Planted:
    """Train a generator on the recordings, an exact copy of one more, and a transformed copy of another.

    Parameters
    ----------
    recordings : sequence of (item id, Audio, words)
        The corpus, at the representation's sample rate.
    exact, other : (id, Audio, words)
        Recordings that are not in the corpus; each becomes a query.
    """
    config = representation or RepresentationConfig()
    planted = [
        *recordings,
        (EXACT, exact[1], exact[2]),
        (TRANSFORMED, transformed(other[1], config.segment_s / 2), other[2]),
    ]
    shape = Representation(config)
    shape.fit([shape.log_mel(audio.samples) for _, audio, _ in planted])
    vocabulary = Vocabulary.of_tags([[words] for _, _, words in planted])
    network = train_network(training_items(shape, vocabulary, planted), recipe, config.segment_tokens)
    generator = ReferenceGenerator(shape, network.requires_grad_(False), vocabulary, recipe)
    parts = [generator.encode(audio, words) for _, audio, words in planted]
    owners = np.repeat(np.arange(len(planted)), [len(part) for part in parts])
    corpus = EncodedCorpus(tuple(name for name, _, _ in planted), join(parts), owners, "planted")
    queries = tuple(encode_query(generator, name, audio, words) for name, audio, words in (exact, other))
    return Planted(generator, corpus, queries)
