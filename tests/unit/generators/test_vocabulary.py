import pytest

from linernotes.generators.reference.vocabulary import Vocabulary, split_words


def test_words_are_unique_sorted_and_lower_case():
    vocabulary = Vocabulary.of_tags([("Lo-Fi", "calm"), ("CALM",), ()])
    assert vocabulary.words == ("calm", "fi", "lo")


@pytest.mark.parametrize("text", ["", "   ", "unknown", "!?"])
def test_unknown_text_is_silence(text):
    assert Vocabulary(["calm"]).vector(text).tolist() == [0.0]


def test_a_corpus_without_tags_still_has_a_condition():
    empty = Vocabulary.of_tags([(), ()])
    assert empty.words == ()
    assert empty.vector("calm").tolist() == [0.0]
    assert empty.unknown("calm") == ("calm",)


def test_words_of_other_scripts_are_words():
    assert split_words("Été, 静か; snake_case") == ["été", "静か", "snake", "case"]


def test_repetition_counts_once_and_unknown_words_keep_their_order():
    vocabulary = Vocabulary(["calm", "fast"])
    assert vocabulary.vector("fast FAST calm fast").tolist() == [1.0, 1.0]
    assert vocabulary.unknown("zebra fast apple") == ("zebra", "apple")
