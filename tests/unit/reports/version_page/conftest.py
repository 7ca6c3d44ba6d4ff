"""One comparison made by hand: every figure is known, so that words, drawing and player can be held to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, read_audio
from linernotes.evidence.spans import Span
from linernotes.evidence.versions import DimensionEvidence, Figure, VersionMatch, VersionSegment
from linernotes.reports.version_page.contents import Reference, Removal, Side, VersionPage
from linernotes.reports.version_page.melodies import Tone, aligned_melodies
from linernotes.reports.version_page.page import Recorded

AUDIO = Path(__file__).parents[4] / "demo/corpus/audio"
A_S, B_S = 24.0, 24.5


@dataclass(frozen=True)
class Scene:
    """What a page is made of."""

    page: VersionPage
    a: Recorded
    b: Recorded

    def changed(self, **fields):
        return replace(self.page, **fields)


def segment(dimension, path, **fields):
    known = {
        "score": 20.0,
        "commonplace": 0.0,
        "e_value": 0.003,
        "transposition_semitones": 3,
        "tempo_ratio": 1.25,
    }
    return VersionSegment(
        dimension=dimension,
        a=Span(path[0][0], path[-1][0]),
        b=Span(path[0][1], path[-1][1]),
        path=path,
        **(known | fields),
    )


def the_match():
    bent = ((4.0, 6.0), (8.0, 10.0), (12.0, 16.0))
    return VersionMatch(
        a_id="one.ogg",
        b_id="two.ogg",
        score=3.4,
        probability=0.97,
        segments=(
            segment("overall", bent),
            segment("melody", bent, score=18.0),
            segment(
                "harmony",
                ((15.0, 2.0), (19.0, 7.0)),
                score=9.0,
                commonplace=4 / 55,
                found_in=("ada__loop", "bo__loop", "cy__loop", "di__loop"),
                figure=Figure(name="I-V-vi-IV", share=0.398, n_songs=560),
            ),
            segment("rhythm", ((1.0, 20.0), (3.0, 22.5)), score=4.0, commonplace=0.2, e_value=24.0),
        ),
        method="local-alignment/2",
        transposition_semitones=3,
        tempo_ratio=1.25,
        dimensions=(
            DimensionEvidence(dimension="overall", score=6.1, probability=0.97, e_value=0.0002, shared=True),
            DimensionEvidence(dimension="melody", score=5.0, probability=0.9, e_value=0.003, shared=True),
            DimensionEvidence(dimension="harmony", score=1.2, probability=0.3, e_value=0.4, shared=False),
            DimensionEvidence(dimension="rhythm", score=0.1, probability=0.1, e_value=24.0, shared=False),
        ),
        shares=("melody",),
        reference="a collection of 1000 unrelated recordings",
    )


def tones(start, pitches, length=0.5):
    return [Tone(start + i * length, start + (i + 0.9) * length, p) for i, p in enumerate(pitches)]


@pytest.fixture(scope="session")
def scene():
    match = the_match()
    a = read_audio(AUDIO / "eric-skiff__a-night-of-dizzy-spells.ogg").excerpt(0, A_S)
    b = read_audio(AUDIO / "wansti__theme.ogg").excerpt(0, B_S)
    tune = [60, 62, 64, 65, 67, 69, 71, 72]
    pair = aligned_melodies(
        1, match.segments[1].as_json(), tones(4.0, tune), tones(6.0, [p + 15 for p in tune[:4]] + [80, 81])
    )
    assert pair is not None
    page = VersionPage(
        match=match,
        a=Side(
            name="one.ogg",
            title="One <b>",
            artist="Ada",
            sha256="a" * 64,
            duration_s=A_S,
            windows=((0.0, A_S),),
        ),
        b=Side(name="two.ogg", title="Two & all", sha256="b" * 64, duration_s=B_S, windows=((0.0, B_S),)),
        reference=Reference(words="a collection of 1000 unrelated recordings", n_pieces=55, sha256="c" * 64),
        prior=0.1,
        features_revision=2,
        version="0.0.0",
        removals=(Removal((0, 1), 0.2), Removal((2,), 0.96)),
        removals_words="2 further comparisons.",
        melodies=(pair,),
        melodies_words="From a transcription.",
    )
    chroma = np.eye(12, dtype=np.float32)[np.arange(96) % 12] - 1 / 12
    return Scene(page, Recorded(a, chroma), Recorded(b, chroma))


@pytest.fixture
def noise():
    return Audio(np.random.default_rng(1).normal(0, 0.1, 8000).astype(np.float32), 8000)
