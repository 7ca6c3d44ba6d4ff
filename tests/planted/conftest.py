"""One small generator on real music, trained once for all planted tests."""

from pathlib import Path

import pytest

from linernotes.audio.files import read_audio
from linernotes.evaluation.canary import Planted, plant
from linernotes.generators.reference.representation import RepresentationConfig
from linernotes.generators.reference.training import Recipe

DEMO = Path(__file__).parents[2] / "demo"
SMALL = RepresentationConfig(
    sample_rate=16000, n_fft=1024, hop=256, n_mels=64, n_dims=48, segment_tokens=16, griffin_lim_steps=8
)


def recorded(part: str, stem: str, words: str):
    return stem, read_audio(DEMO / part / "audio" / f"{stem}.ogg", SMALL.sample_rate).excerpt(0, 12.3), words


@pytest.fixture(scope="session")
def planted() -> Planted:
    names = sorted(path.stem for path in (DEMO / "corpus" / "audio").glob("*.ogg"))[::7]
    corpus = [recorded("corpus", name, "") for name in names]
    exact = recorded("catalog", "eric-skiff__digital-native", "")
    other = recorded("catalog", "tobias-escher-novatlan__new-frontier", "")
    return plant(corpus, exact, other, Recipe(n_steps=350, batch_size=16, width=64, depth=2), SMALL)
