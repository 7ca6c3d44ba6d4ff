"""Files that decoders read without complaint although a part is missing."""

import os

import av
import numpy as np
import pytest
import soundfile

from linernotes.audio.files import Audio, read_audio, read_with_facts, write_audio
from linernotes.errors import InputError


def _tones(sample_rate, duration_s=6.0):
    t = np.arange(int(sample_rate * duration_s)) / sample_rate
    melody = np.repeat([220, 330, 440, 550, 495, 247], -(-len(t) // 6))[: len(t)]
    return (0.4 * np.sin(2 * np.pi * np.cumsum(melody) / sample_rate)).astype(np.float32)


def _aac(path, samples, sample_rate, form=None, options=None):
    with av.open(str(path), "w", format=form, options=options or {}) as container:
        stream = container.add_stream("aac", rate=sample_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = sample_rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.mark.parametrize("share", [0.9, 0.6, 0.2])
@pytest.mark.parametrize(("suffix", "rate"), [(".flac", 48000), (".flac", 44100), (".aiff", 44100)])
def test_a_cut_flac_or_aiff_is_refused(tmp_path, suffix, rate, share):
    path = tmp_path / f"cut{suffix}"
    soundfile.write(path, _tones(rate), rate)
    assert read_with_facts(path)[1].duration_s == pytest.approx(6.0, abs=0.01)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=f"cut{suffix}"):
        read_with_facts(path)


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_a_cut_m4a_whose_index_stands_in_front_is_refused(tmp_path, share):
    path = tmp_path / "cut.m4a"
    _aac(path, _tones(44100), 44100, options={"movflags": "faststart"})
    assert read_with_facts(path)[1].duration_s == pytest.approx(6.0, abs=0.1)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"cut\.m4a"):
        read_with_facts(path)


def test_a_raw_aac_stream_is_read_although_it_states_no_length(tmp_path):
    path = tmp_path / "stream.aac"
    quiet_then_loud = np.concatenate([_tones(44100) * 0.001, _tones(44100)])
    _aac(path, quiet_then_loud, 44100, form="adts")
    assert read_with_facts(path)[1].duration_s == pytest.approx(12.0, abs=0.1)


def test_opus_is_written_at_a_rate_that_it_knows(tmp_path):
    tone = np.sin(np.arange(44100) / 20).astype(np.float32) * 0.5
    write_audio(tmp_path / "tone.opus", Audio(tone, 44100))
    again = read_audio(tmp_path / "tone.opus")
    assert again.sample_rate == 48000
    assert again.duration_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("text", ["not music\n" * 300, "né dans la nuit é" * 400, "x"])
def test_a_text_file_is_called_one_and_no_decoder_is_asked(tmp_path, text, capfd):
    path = tmp_path / "song.mp3"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"song\.mp3: not readable as audio: it holds text"):
        read_audio(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("damage", ["cut", "noise after", "noise alone"])
def test_a_damaged_mp3_is_one_error_and_the_decoder_keeps_quiet(tmp_path, damage, capfd):
    path = tmp_path / "song.mp3"
    tone = np.sin(np.arange(44100 * 6) / 20).astype(np.float32) * 0.5
    write_audio(path, Audio(tone, 44100))
    whole, noise = path.read_bytes(), np.random.default_rng(0).bytes(20000)
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "noise after": whole[:9000] + noise}.get(damage, noise)
    )
    with pytest.raises(InputError, match=r"song\.mp3: "):
        read_audio(path)
    assert capfd.readouterr().err == ""
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"
