"""From words to the generator's condition: a closed vocabulary taken from the corpus' own tags.

The generator knows only words that its corpus used. Artist and title are left out on purpose: a
prompt must not ask for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


class Vocabulary:
    """Words in alphabetic order, and the vector of zeros and ones for a text.

    Examples
    --------
    >>> vocabulary = Vocabulary.of_tags([("chiptune", "fast"), ("calm folk",)])
    >>> vocabulary.words
    ('calm', 'chiptune', 'fast', 'folk')
    >>> vocabulary.vector("Fast chiptune, please").tolist()
    [0.0, 1.0, 1.0, 0.0]
    >>> vocabulary.unknown("Fast chiptune, please")
    ('please',)
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._index = {word: number for number, word in enumerate(self.words)}

    @classmethod
    def of_tags(cls, tags: Iterable[Iterable[str]]) -> Vocabulary:
        """Collect every word of every tag."""
        return cls(sorted({word for entry in tags for tag in entry for word in split_words(tag)}))

    def vector(self, text: str) -> Tensor:
        """Return zeros and ones [shape=(n_words,), float32]; unknown words are ignored."""
        known = torch.zeros(max(1, len(self.words)))
        for word in split_words(text):
            if word in self._index:
                known[self._index[word]] = 1.0
        return known

    def unknown(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that the corpus never used, in order."""
        return tuple(word for word in split_words(text) if word not in self._index)


def split_words(text: str) -> list[str]:
    """Return lower-case words of letters and digits.

    Examples
    --------
    >>> split_words("Lo-Fi, calm")
    ['lo', 'fi', 'calm']
    """
    return re.findall(r"[^\W_]+", text.lower())
