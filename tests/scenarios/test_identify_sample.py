"""A handful of the identification benchmark on the demo's own recordings, so that a loss of recall fails a build.

The whole benchmark (thousands of queries, other fingerprinters) is ``python -m benchmarks.identify``.
"""

from pathlib import Path

import pytest

from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks
from linernotes.fingerprint.match import identify_audio

ROOT = Path(__file__).parents[2]
MUSIC = ROOT / "demo" / "catalog" / "audio"
N_KNOWN, N_UNKNOWN = 8, 6
LEAST = {
    ("clean", 10): 8, ("clean", 5): 7, ("clean", 3): 6, ("MP3 64k", 10): 8, ("noise 10 dB", 10): 7,
    ("pitch -3", 10): 6, ("tempo +10 %", 10): 6, ("speed -10 %", 10): 6, ("embedded", 5): 6,
}  # fmt: skip


@pytest.fixture(scope="module")
def material():
    """The benchmark's music: one recording of each artist, the first known, the last unknown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        patch.delenv("LINERNOTES_BENCH_CACHE", raising=False)
        from benchmarks.identify import material

        yield material


@pytest.fixture(scope="module")
def split(material):
    files = sorted(MUSIC.glob("*.ogg"))
    artists = {path.stem.split("__")[0]: path for path in files}  # the last of each
    one_each = [material.Source(path, artist) for artist, path in sorted(artists.items())]
    return one_each[:N_KNOWN], one_each[N_KNOWN : N_KNOWN + N_UNKNOWN], one_each[N_KNOWN + N_UNKNOWN :]


@pytest.fixture(scope="module")
def index(material, split):
    entries = [
        (one.recording_id, "0" * 64, find_landmarks(material.as_audio(material.decoded(one.path))))
        for one in split[0]
    ]
    return FingerprintIndex.empty().add(entries)


def is_right(match, cut):
    middle = (match.query.start_s + match.query.end_s) / 2
    place = (match.reference.start_s + match.reference.end_s) / 2
    return match.recording_id == cut.source.recording_id and abs(place - cut.reference_s(middle)) < 1


@pytest.mark.parametrize(("condition", "seconds"), LEAST)
def test_excerpts_are_found_where_they_come_from(material, split, index, condition, seconds):
    known, _, others = split
    cuts = list(material.cuts(known, others, condition, seconds, N_KNOWN, seed=2))
    assert len(cuts) == N_KNOWN
    matches = [identify_audio(material.as_audio(cut.samples), index) for cut in cuts]
    right = sum(bool(found) and is_right(found[0], cut) for found, cut in zip(matches, cuts, strict=True))
    assert right >= LEAST[condition, seconds]
    wrong = [
        found[0] for found, cut in zip(matches, cuts, strict=True) if found and not is_right(found[0], cut)
    ]
    assert all(match.recording_id in {one.recording_id for one in known} for match in wrong)


@pytest.mark.parametrize("condition", ["clean", "noise 0 dB", "tempo +20 %"])
def test_other_music_gets_no_answer(material, split, index, condition):
    _, unknown, others = split
    for cut in material.cuts(unknown, others, condition, 10, N_UNKNOWN, seed=2):
        assert identify_audio(material.as_audio(cut.samples), index) == ()
