import hashlib
import os

import numpy as np
import pytest
import soundfile

from linernotes.audio.files import Audio, write_audio
from linernotes.catalog.tables import read_rights_table
from linernotes.corpus.ingest import ingest, scan
from linernotes.errors import InputError


def _write_every_coding(folder, music, aac):
    """One file per coding, rate, depth, channel count, suffix and kind of name; returns their durations."""
    folder.mkdir()
    low = music(1, 3.0, 8000)
    soundfile.write(folder / "mono8k.wav", low.samples, 8000)
    high = music(2, 3.0, 48000)
    stereo = np.stack([high.samples, high.samples[::-1]], axis=1)
    soundfile.write(folder / "stereo.flac", stereo, 48000)
    soundfile.write(folder / "deep.wav", music(3, 3.0, 44100).samples, 44100, subtype="PCM_24")
    write_audio(folder / "song.mp3", music(4, 3.0, 44100))
    write_audio(folder / "song two.ogg", music(5, 3.0, 32000))
    write_audio(folder / "voice.opus", music(6, 3.0, 48000))
    (folder / "voice.opus").rename(folder / "voice-in-ogg.ogg")
    aac(folder / "apple.m4a", music(7, 3.0, 44100))
    soundfile.write(folder / "LOUD.WAV", music(8, 3.0).samples, 16000)
    (folder / "disc 1" / "Ärger & 雨").mkdir(parents=True)
    soundfile.write(folder / "disc 1" / "Ärger & 雨" / "naïve 歌.flac", music(9, 3.0).samples, 16000)


def test_every_common_coding_rate_and_name_is_read(tmp_path, music, aac):
    folder = tmp_path / "audio"
    _write_every_coding(folder, music, aac)
    found = ingest(scan(folder))
    facts = {item.path: (item.sample_rate, item.n_channels) for item in found.items}
    assert facts == {
        "mono8k.wav": (8000, 1),
        "stereo.flac": (48000, 2),
        "deep.wav": (44100, 1),
        "song.mp3": (44100, 1),
        "song two.ogg": (32000, 1),
        "voice-in-ogg.ogg": (48000, 1),
        "apple.m4a": (44100, 1),
        "LOUD.WAV": (16000, 1),
        "disc 1/Ärger & 雨/naïve 歌.flac": (16000, 1),
    }
    for item in found.items:
        assert item.duration_s == pytest.approx(3.0, abs=0.1), item.path
        assert item.content_sha256 == hashlib.sha256((folder / item.path).read_bytes()).hexdigest()
        assert item.consent is None
    assert {item.item_id for item in found.items} >= {"naive-歌", "song-two", "loud"}
    assert found.gaps == ()


def test_items_are_sorted_and_ids_are_stable(make_folder):
    folder = make_folder("b/take.wav", "a/take.wav", "solo.wav", "take.flac", duration_s=1.0)
    first, second = ingest(scan(folder)), ingest(scan(folder))
    ids = [item.item_id for item in first.items]
    assert ids == sorted(set(ids))
    assert first.items == second.items
    assert sum(name.startswith("take-") for name in ids) == 3


def test_decoded_hash_survives_a_lossless_change_of_container(tmp_path, music):
    pcm = np.rint(music(1, 1.0).samples * 32767).astype(np.int16)
    folder = tmp_path / "audio"
    folder.mkdir()
    soundfile.write(folder / "one.wav", pcm, 16000)
    soundfile.write(folder / "two.flac", pcm, 16000)
    one, two = ingest(scan(folder)).items
    assert one.content_sha256 != two.content_sha256
    assert one.audio_sha256 == two.audio_sha256


def test_silence_stops_the_seal_unless_it_is_asked_to_note_it(tmp_path, make_folder):
    folder = make_folder("music.wav")
    write_audio(folder / "silence.wav", Audio(np.zeros(8000, np.float32), 8000))
    with pytest.raises(InputError, match=r"silence\.wav: silent .* --skip-bad"):
        ingest(scan(folder))
    found = ingest(scan(folder), skip_bad=True)
    assert [(g.code, g.item_id) for g in found.gaps] == [("silent-audio", "silence")]
    assert len(found.items) == 2


def test_other_files_are_noted_hidden_ones_not(make_folder):
    folder = make_folder("music.wav")
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".hidden.wav").write_bytes(b"x")
    assert scan(folder).notes == ("cover.jpg: not an audio file; passed over",)
    assert scan(folder).files == ("music.wav",)


def test_links_to_files_are_read_links_to_folders_are_not(make_folder, tmp_path):
    folder = make_folder("music.wav")
    os.symlink(folder / "music.wav", folder / "again.wav")
    os.symlink(folder, folder / "circle")
    found = scan(folder)
    assert found.files == ("again.wav", "music.wav")
    assert found.notes == ("circle: a link to a folder; not followed",)
    again, music = ingest(found).items
    assert again.content_sha256 == music.content_sha256


def _cut(path, share=0.6):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def _bad(folder, kind, music):
    path = folder / f"bad{kind}"
    if kind == ".text.mp3":
        path.write_text("this is no music " * 200)
    elif kind == ".empty.wav":
        path.touch()
    elif kind == ".link.wav":
        os.symlink(folder / "gone.wav", path)
    else:
        write_audio(path, music(3, 6.0, 48000))
        _cut(path)
    return path


KINDS = [".text.mp3", ".empty.wav", ".link.wav", ".wav", ".flac", ".ogg", ".opus", ".mp3"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_stops_everything_with_one_error_that_names_it(make_folder, music, kind):
    folder = make_folder("good.wav")
    path = _bad(folder, kind, music)
    with pytest.raises(InputError) as raised:
        ingest(scan(folder))
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_becomes_a_gap_when_asked(make_folder, music, kind):
    folder = make_folder("good.wav")
    path = _bad(folder, kind, music)
    found = ingest(scan(folder), skip_bad=True)
    assert [item.path for item in found.items] == ["good.wav"]
    (gap,) = found.gaps
    assert gap.code == "unreadable-audio"
    assert str(path) in gap.detail


def test_a_truncated_m4a_is_named(make_folder, music, aac):
    folder = make_folder("good.wav")
    aac(folder / "cut.m4a", music(1, 6.0, 44100))
    _cut(folder / "cut.m4a")
    with pytest.raises(InputError, match=r"cut\.m4a"):
        ingest(scan(folder))


def test_no_usable_file_is_an_error_even_when_skipping(tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"nothing")
    with pytest.raises(InputError, match="none of 1 files is usable"):
        ingest(scan(tmp_path), skip_bad=True)


def test_empty_and_missing_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="holds no audio file"):
        scan(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        scan(tmp_path / "none")


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    try:
        with open(name, "wb"):
            pass
    except OSError:
        pytest.skip("this file system keeps names in Unicode only")
    with pytest.raises(InputError, match="not UTF-8"):
        scan(tmp_path)


def test_rights_rows_give_recordings_and_consent(make_folder, rights):
    folder = make_folder("x/rain.wav", "sun.wav", duration_s=1.0)
    table = read_rights_table(
        rights("x/rain.wav,Rain,Ada,Ada Ltd,contract,yes,2025-01-31,no. 7,GBAYE6900001"), folder
    )
    rain, sun = ingest(scan(folder), table).items
    assert (rain.recording.title, rain.recording.recording_id) == ("Rain", rain.item_id)
    assert rain.consent.status == "yes"
    assert (sun.recording.title, sun.consent) == ("", None)


def test_a_row_for_a_file_that_is_not_audio_is_named(make_folder, rights):
    folder = make_folder("rain.wav")
    (folder / "cover.jpg").touch()
    table = read_rights_table(rights("cover.jpg,Rain,Ada,A,B,no,,,"), folder)
    with pytest.raises(InputError, match=r"line 2: file 'cover\.jpg' is not among the audio files"):
        ingest(scan(folder), table)


def test_progress_counts_every_file(make_folder):
    seen = []
    ingest(scan(make_folder("a.wav", "b.wav", duration_s=1.0)), progress=lambda *call: seen.append(call))
    assert seen == [("ingest", 1, 2), ("ingest", 2, 2)]
