"""Keys that come from the sound: a copy brings most of them back, other music none."""

import numpy as np
import pytest
import soundfile

from linernotes.audio.files import Audio, read_audio
from linernotes.corpus.presence import prove_presence, sketch_threshold, verify_presence
from linernotes.corpus.seal import seal_items
from linernotes.errors import InputError
from linernotes.workflows.sound_keys import (
    listener,
    lookup_keys_of_file,
    sketch_of,
    sound_keys,
    write_sound_keys,
)


@pytest.fixture
def song(music):
    return music(3, 24.0)


def _coded(audio, path, **options):
    soundfile.write(path, audio.samples, audio.sample_rate, **options)
    return read_audio(path)


def _trimmed(audio, _path):
    return Audio(audio.samples[31_013:-17_011], audio.sample_rate)


def _softer(audio, _path):
    return Audio(audio.samples * np.float32(0.3), audio.sample_rate)


COPIES = {
    "mp3": lambda audio, path: _coded(
        audio, path.with_suffix(".mp3"), format="MP3", subtype="MPEG_LAYER_III", compression_level=0.8
    ),
    "vorbis": lambda audio, path: _coded(audio, path.with_suffix(".ogg"), format="OGG", subtype="VORBIS"),
    "trimmed": _trimmed,
    "softer": _softer,
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found_by_its_sketch(new_item, music, song, tmp_path, name):
    items = [
        new_item(n, sketch=sound_keys(audio).sketch)
        for n, audio in enumerate([music(8, 24.0), song, music(9, 24.0)])
    ]
    corpus = seal_items(items, audio_dir="m", secret=bytes(32))
    copy = COPIES[name](song, tmp_path / "copy")
    proof = prove_presence(corpus, {"sketch": sound_keys(copy).sketch}, open_items=True)
    answer = verify_presence(proof, corpus.root)
    assert (answer.present, answer.how) == (True, "sketch")
    assert answer.sketch_matches >= sketch_threshold(3)
    assert "item-0001" in {item.item_id for item in answer.items}


def test_other_music_shares_next_to_nothing(music):
    sketches = [set(sound_keys(music(seed, 24.0)).sketch) for seed in range(20, 28)]
    shared = [len(a & b) for i, a in enumerate(sketches) for b in sketches[:i]]
    assert max(shared) < sketch_threshold(len(sketches))
    assert all(len(sketch) == 32 for sketch in sketches)


def test_the_sketch_is_the_smallest_of_all_constellations():
    rng = np.random.default_rng(1)
    times = np.sort(rng.integers(0, 2000, 600)).astype(np.int32)
    bands = rng.integers(0, 96, 600).astype(np.int32)
    whole = set(sketch_of(times, bands))
    parts = [set(sketch_of(times[low:high], bands[low:high])) for low, high in ((0, 320), (300, 600))]
    assert len(whole) == 32
    assert len(whole & (parts[0] | parts[1])) >= 28  # what a part chooses includes what the whole chose in it


def test_sound_that_is_too_short_has_no_such_keys():
    assert sound_keys(Audio(np.zeros(800, np.float32), 8000)) == sound_keys(
        Audio(np.zeros(80, np.float32), 8000)
    )
    assert sketch_of(np.empty(0, np.int32), np.empty(0, np.int32)) == ()


def test_a_file_has_every_kind_of_key(song, tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, song.samples, song.sample_rate)
    kinds = [kind for kind, _ in lookup_keys_of_file(path)]
    assert set(kinds) == {"content_sha256", "audio_sha256", "sketch", "iscc"}
    assert kinds.count("sketch") == 32


def test_keys_computed_before_are_taken_from_their_file(new_item, song, tmp_path):
    item = new_item(1, iscc="ISCC:EIAX22FRE5DS3YBC", sketch=("00ff00ff00ff00ff",))
    path = tmp_path / "sound_keys.json"
    write_sound_keys([item], path)
    assert listener(path)(song, item.content_sha256) == (item.iscc, item.sketch)
    assert listener(path)(song, "f" * 64) == listener()(song, "f" * 64)
    for text in (
        "[]",
        "{",
        '{"x": {}}',
        '{"' + "0" * 64 + '": {"iscc": "", "sketch": ["?"]}}',
        "[" * 100_000,
    ):
        path.write_text(text)
        with pytest.raises(InputError):
            listener(path)
    with pytest.raises(InputError, match="cannot be read"):
        listener(tmp_path / "none.json")
