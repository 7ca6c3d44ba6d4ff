"""The audio of known music is given only while it is what was indexed."""

import numpy as np
import pytest

from linernotes.audio.files import Audio, file_sha256, write_audio
from linernotes.catalog.recording import Recording
from linernotes.errors import InputError
from linernotes.fingerprint.passages.features import PackedFeatures
from linernotes.workflows.known_audio import excerpt_of, listening_to
from linernotes.workflows.known_music import KnownMusic, KnownRecording

RATE = 8000


def _one(path, content_sha256):
    recording = Recording(recording_id="rain", title="Rain", artist="Ada")
    return KnownRecording("rain", recording, path, content_sha256, None, "rain")


def _known(one):
    return KnownMusic({one.name: one}, (), PackedFeatures({}), {})


def test_seconds_of_a_recording_are_given_while_its_file_is_the_same(tmp_path):
    ramp = np.linspace(-0.5, 0.5, 4 * RATE, dtype=np.float32)
    path = tmp_path / "rain.wav"
    write_audio(path, Audio(ramp, RATE))
    one = _one(path, file_sha256(path))
    heard = listening_to(_known(one))("rain", 1.0, 2.5)
    assert heard is not None
    assert heard.samples == pytest.approx(ramp[RATE : round(2.5 * RATE)], abs=1e-3)
    assert excerpt_of(one, 1.0, 2.5).samples == pytest.approx(heard.samples, abs=1e-3)
    write_audio(path, Audio(ramp[::-1].copy(), RATE))
    changed = _one(tmp_path / "rain.wav", "0" * 64)
    assert listening_to(_known(changed))("rain", 1.0, 2.5) is None
    with pytest.raises(InputError, match="not the file that was indexed"):
        excerpt_of(changed, 1.0, 2.5)


def test_what_is_not_at_hand_is_not_heard(tmp_path):
    nowhere = listening_to(_known(_one(tmp_path / "gone.wav", "0" * 64)))
    assert nowhere("rain", 0.0, 1.0) is None
    assert nowhere("sun", 0.0, 1.0) is None
    assert listening_to(_known(_one(None, "")))("rain", 0.0, 1.0) is None
    with pytest.raises(InputError, match="not at hand"):
        excerpt_of(_one(None, ""), 0.0, 1.0)
