"""Which recordings stand for election, and what is refused."""

import numpy as np
import pytest
import soundfile

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.encoding import candidates, encode_corpus, encode_query, join, scope_of
from linernotes.audio.files import Audio, file_sha256
from linernotes.catalog.recording import Recording
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError, NotDisclosed, TooShort
from linernotes.evidence.influence import SCOPE_INFLUENCE
from linernotes.generators.reference.adapter import ReferenceGenerator, Trained


@pytest.fixture
def sealed(tmp_path, melody):
    """Three recordings on disk; the root is not what these tests are about."""
    items = []
    for number, (name, seconds) in enumerate((("ash", 1.6), ("moon", 2.1), ("rain", 1.1))):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, melody(number, seconds).samples, 8000)
        items.append(
            Item(
                item_id=name,
                path=path.name,
                content_sha256=file_sha256(path),
                audio_sha256="0" * 64,
                duration_s=seconds,
                sample_rate=8000,
                n_channels=1,
                coding="WAV/PCM_16",
                recording=Recording(recording_id=name, title=name, artist="Ada", tags=("calm",)),
                cluster_id=name,
            )
        )
    return SealedCorpus(
        root="cd" * 32,
        items=tuple(items),
        gaps=(),
        sealed_at="2026-01-01T00:00:00Z",
        stage="before-training",
        audio_dir=str(tmp_path),
    )


def trained_on(tiny_generator, items):
    g = tiny_generator
    trained = [Trained(item.item_id, item.content_sha256) for item in items]
    return ReferenceGenerator(g.representation, g.network, g.vocabulary, g.recipe, trained, "cd" * 32)


def test_all_segments_of_all_items_in_order(tiny_generator, sealed):
    generator = trained_on(tiny_generator, sealed.items)
    calls = []
    encoded = encode_corpus(generator, sealed, lambda *call: calls.append(call))
    assert encoded.item_ids == ("ash", "moon", "rain")
    assert encoded.root == sealed.root
    assert np.bincount(encoded.item_of).tolist() == [3, 4, 2]
    assert encoded.segments.start_s[:4] == pytest.approx((0.0, 0.512, 1.024, 0.0))
    assert (encoded.segments.conditions[:, 0] == 1).all()
    assert calls == [("encoding", n, 3) for n in (1, 2, 3)]
    assert scope_of(generator, sealed) == SCOPE_INFLUENCE


def test_only_what_the_generator_was_trained_on_stands_for_election(tiny_generator, sealed):
    generator = trained_on(tiny_generator, sealed.items[:1])
    assert [item.item_id for item in candidates(generator, sealed)] == ["ash"]
    assert encode_corpus(generator, sealed).item_ids == ("ash",)


def test_a_partial_disclosure_is_said_in_the_scope(tiny_generator, sealed):
    generator = trained_on(tiny_generator, sealed.items)
    part = SealedCorpus(**{**{f: getattr(sealed, f) for f in sealed.__slots__}, "items": sealed.items[:2]})
    assert scope_of(generator, part).startswith(SCOPE_INFLUENCE)
    assert "Only 2 of the 3 files that the generator names are disclosed here." in scope_of(generator, part)


def test_a_generator_of_another_corpus_is_refused(tiny_generator, sealed):
    with pytest.raises(
        NotDisclosed, match="none of its 4 training files is in the sealed corpus cdcdcdcdcdcd…"
    ):
        encode_corpus(tiny_generator, sealed)


def test_a_missing_file_of_the_corpus_is_named(tiny_generator, sealed, tmp_path):
    (tmp_path / "moon.wav").unlink()
    with pytest.raises(InputError, match=r"moon\.wav"):
        encode_corpus(trained_on(tiny_generator, sealed.items), sealed)


def test_less_than_one_segment_is_too_short(tiny_generator, melody):
    with pytest.raises(
        TooShort, match=r"beat\.wav: 0\.50 s; influence needs at least one segment of 0\.51 s"
    ):
        encode_query(tiny_generator, "beat.wav", melody(0, 0.5))
    assert len(encode_query(tiny_generator, "beat.wav", melody(0, 0.512)).segments) == 1


def test_a_query_at_another_rate_is_refused(tiny_generator):
    with pytest.raises(InputError, match="the generator works at 8000 Hz"):
        encode_query(tiny_generator, "q", Audio(np.ones(16000, np.float32), 16000))


def test_an_encoded_corpus_must_be_sealed_and_whole(tiny_corpus):
    fields = (tiny_corpus.item_ids, tiny_corpus.segments, tiny_corpus.item_of)
    with pytest.raises(CorpusError, match="seal it first"):
        EncodedCorpus(*fields, "")
    with pytest.raises(InputError, match="one owner per segment"):
        EncodedCorpus(fields[0], fields[1], fields[2][:-1], "ab")
    with pytest.raises(InputError, match="at least one segment per item"):
        EncodedCorpus((*fields[0], "empty"), fields[1], fields[2], "ab")


def test_items_are_means_of_their_segments(tiny_corpus):
    values = np.random.default_rng(0).normal(size=(len(tiny_corpus.segments), 3))
    per_item = tiny_corpus.per_item(values)
    for number in range(4):
        assert per_item[number] == pytest.approx(values[tiny_corpus.item_of == number].mean(axis=0))
    assert tiny_corpus.per_item(values[:, 0]) == pytest.approx(per_item[:, 0])


def test_joining_keeps_order(tiny_queries):
    both = join([query.segments for query in tiny_queries])
    assert len(both) == sum(len(query.segments) for query in tiny_queries)
    assert both.start_s[: len(tiny_queries[0].segments)] == tiny_queries[0].segments.start_s
