import json

import numpy as np
import pytest
import torch

from linernotes.audio.files import Audio
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.generators.base import Generator
from linernotes.generators.reference.adapter import ReferenceGenerator


@pytest.fixture
def saved(tiny_generator, tmp_path):
    folder = tmp_path / "g"
    tiny_generator.save(folder)
    return folder


def change_card(folder, change):
    path = folder / "card.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def test_it_is_a_generator(tiny_generator):
    assert isinstance(tiny_generator, Generator)


def test_saved_and_loaded_it_is_the_same(tiny_generator, saved, tiny_queries):
    loaded = ReferenceGenerator.load(saved)
    assert loaded.generator_id == tiny_generator.generator_id
    assert loaded.card() == tiny_generator.card()
    draws = loaded.noise_draws(2, 0)
    segments = tiny_queries[0].segments
    assert torch.equal(
        loaded.losses(loaded.network, segments, draws),
        tiny_generator.losses(tiny_generator.network, segments, draws),
    )
    assert np.array_equal(
        loaded.generate(1, 0.5, "calm").samples, tiny_generator.generate(1, 0.5, "calm").samples
    )
    assert sorted(path.name for path in saved.parent.iterdir()) == ["g"], "nothing half-written is left"


def test_an_existing_folder_is_not_overwritten(tiny_generator, saved):
    before = (saved / "weights.safetensors").read_bytes()
    with pytest.raises(CorpusError, match="exists; choose another folder"):
        tiny_generator.save(saved)
    assert (saved / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize("where", [-1, -1000, 9, 40, 0])
def test_one_flipped_byte_in_the_weights_is_refused(saved, where):
    path = saved / "weights.safetensors"
    body = bytearray(path.read_bytes())
    body[where] ^= 0x01
    path.write_bytes(body)
    with pytest.raises((CorpusError, InputError), match="g: "):
        ReferenceGenerator.load(saved)


def test_truncated_weights_are_refused(saved):
    path = saved / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="not a generator folder"):
        ReferenceGenerator.load(saved)


def test_weights_of_another_generator_are_refused(tiny_generator, saved):
    change_card(saved, lambda card: card.update(weights_sha256="0" * 64))
    with pytest.raises(CorpusError, match="the card says 0000000000000000…; obtain both files again"):
        ReferenceGenerator.load(saved)


def test_a_newer_card_is_refused_before_it_is_understood(saved):
    (saved / "card.json").write_text('{"revision": 99, "something": "new"}')
    with pytest.raises(NewerRevision, match="revision 99"):
        ReferenceGenerator.load(saved)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"revision": 1}',
        '{"revision": "one"}',
        "not json",
        '{"revision": 1, "network": 3}',
    ],
)
def test_a_card_that_is_none_is_refused(saved, text):
    (saved / "card.json").write_text(text)
    with pytest.raises(InputError, match="generator"):
        ReferenceGenerator.load(saved)


def test_a_card_of_other_sizes_is_refused(saved):
    change_card(saved, lambda card: card["network"].update(width=32))
    with pytest.raises(InputError, match="do not make a generator"):
        ReferenceGenerator.load(saved)


@pytest.mark.parametrize("name", ["nothing", "empty", "file"])
def test_a_folder_that_is_no_generator_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("music")
    with pytest.raises(InputError, match="not a generator folder"):
        ReferenceGenerator.load(tmp_path / name)


def test_a_last_half_full_segment_is_padded_and_the_padding_is_inaudible(tiny_generator, melody):
    token_s = tiny_generator.segment_s / 8
    kept = tiny_generator.encode(melody(0, (16 + 4) * token_s))
    assert len(kept) == 3
    assert kept.audible[:2].all()
    assert kept.audible[2, :3].all()
    assert not kept.audible[2, 5:].any()
    assert kept.start_s == pytest.approx((0, tiny_generator.segment_s, 2 * tiny_generator.segment_s))
    assert len(tiny_generator.encode(melody(0, (16 + 3) * token_s))) == 2


def test_very_short_audio_is_one_padded_segment(tiny_generator, melody):
    alone = tiny_generator.encode(melody(0, 0.05))
    assert len(alone) == 1
    assert int(alone.audible.sum()) <= 2


def test_silence_inside_is_inaudible(tiny_corpus):
    last = tiny_corpus.segments.audible[tiny_corpus.item_of == 3]
    assert not last.all()
    assert last.any()


def test_words_become_conditions(tiny_generator, melody):
    assert tiny_generator.encode(melody(0), "calm music").conditions.tolist() == [[1.0, 0.0]] * 3
    assert tiny_generator.encode(melody(0)).conditions.sum() == 0


def test_another_sample_rate_is_refused(tiny_generator):
    with pytest.raises(InputError, match="audio at 44100 Hz; the generator works at 8000 Hz"):
        tiny_generator.encode(Audio(np.zeros(44100, np.float32), 44100))


@pytest.mark.parametrize("seconds", [0.0, -1.0, 601.0, float("nan"), float("inf"), 1e-6])
def test_impossible_lengths_are_refused(tiny_generator, seconds):
    with pytest.raises(InputError, match="seconds="):
        tiny_generator.generate(0, seconds)


@pytest.mark.parametrize("seconds", [0.016, 0.3, 0.512, 1.3])
def test_generated_audio_is_as_long_as_asked(tiny_generator, seconds):
    audio = tiny_generator.generate(0, seconds)
    assert len(audio.samples) == round(seconds * 8000)
    assert audio.samples.dtype == np.float32


def test_the_identity_is_that_of_the_weights(tiny_generator, saved):
    from linernotes.evaluation.sanity import fresh, randomised

    others = [randomised(tiny_generator), fresh(tiny_generator)]
    assert len({tiny_generator.generator_id, *(other.generator_id for other in others)}) == 3
