"""A passage that lies under louder music: what landmarks leave in doubt is decided by the recording's own audio."""

from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio
from linernotes.fingerprint.passages.features import segment_features
from linernotes.workflows.passages import PassageConfig, find_passages

MUSIC = sorted((Path(__file__).parents[3] / "demo" / "catalog" / "audio").glob("*.ogg"))
RATE = 8000


def _under(passage: Audio, host: Audio, at_s: float, level_db: float) -> Audio:
    samples, added = host.samples.copy(), passage.samples
    first = round(at_s * RATE)
    gain = np.sqrt((samples**2).mean() / (added**2).mean()) * 10 ** (level_db / 20)
    samples[first : first + len(added)] += gain * added
    return Audio(samples.astype(np.float32), RATE)


def test_a_second_look_finds_more_under_louder_music(known, index) -> None:
    hosts = [read_audio(path, RATE).excerpt(5.0, 17.0) for path in MUSIC[2:40:5]]
    features = {name: segment_features(audio) for name, audio in known.items()}
    config = PassageConfig(detectors=("landmarks",))

    def listen(name: str, start_s: float, end_s: float) -> Audio:
        return known[name].excerpt(start_s, min(end_s, known[name].duration_s))

    alone = heard = 0
    for (name, audio), host in zip(known.items(), hosts, strict=True):
        output = _under(audio.excerpt(12.0, 17.0), host, 4.0, -9.0)
        alone += [one.recording_id for one in find_passages(output, index, features, config=config)] == [name]
        found = find_passages(output, index, features, config=config, listen=listen)
        assert {one.recording_id for one in found} <= {name}
        for one in found:
            assert one.reference.start_s - one.query.start_s == pytest.approx(8.0, abs=0.1)
        heard += bool(found)
        assert find_passages(host, index, features, config=config, listen=listen) == ()
    assert heard > alone
