"""The codec, the extractor and the search agree with the ones that are written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.audio.files import Audio
from linernotes.catalog.recording import Recording
from linernotes.fingerprint.chromaprint.classifiers import TEST2
from linernotes.fingerprint.chromaprint.codec import to_bytes
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.prints import SAMPLE_RATE, Chromaprint
from linernotes.fingerprint.chromaprint.resample import to_fingerprint_rate
from linernotes.fingerprint.chromaprint.scoring import ALLOWED_ERRORS, FULL_NOVELTY
from linernotes.fingerprint.chromaprint.search import search

_spec = importlib.util.spec_from_file_location(
    "slow_chromaprint", Path(__file__).with_name("slow_chromaprint.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20), st.integers(0, 255))
def test_the_codec_packs_the_same_bits(values, algorithm):
    assert to_bytes(Chromaprint.of(values, algorithm)) == oracle.slow_bytes(values, algorithm)


def melody(seed, seconds=3.2):
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    notes = 110 * 2 ** (random.integers(0, 36, int(seconds * 4) + 1) / 12)
    tone = np.sin(2 * np.pi * np.cumsum(notes[(t * 4).astype(int)]) / SAMPLE_RATE)
    return (0.5 * tone + 0.05 * random.standard_normal(len(t))).astype(np.float32)


def test_the_extractor_follows_the_definition():
    audio = Audio(melody(1), SAMPLE_RATE)
    samples = to_fingerprint_rate(audio.samples, SAMPLE_RATE).tolist()
    assert extract(audio).values.tolist() == oracle.slow_values(samples, TEST2)


@pytest.mark.parametrize("seed", range(8))
def test_the_search_finds_the_best_stretch_of_all_offsets(seed):
    random = np.random.default_rng(seed)
    # steps of a few changed bits, as music makes them, and a query with wrong bits
    flips = np.uint32(1) << random.integers(0, 32, (30, 6)).astype(np.uint32)
    reference = np.bitwise_xor.accumulate(np.bitwise_xor.reduce(flips, axis=1))
    wrong = np.where(random.random(14) < 0.4, np.uint32(1) << random.integers(0, 32, 14).astype(np.uint32), 0)
    query = reference[9:23] ^ wrong.astype(np.uint32)
    index = PrintIndex.empty().add(
        [(Recording(recording_id="a", title="", artist=""), 9.0, Chromaprint(reference))]
    )
    found = search(Chromaprint(query), index)[0]
    score, first, place, n = oracle.slow_best(
        query.tolist(), reference.tolist(), ALLOWED_ERRORS, FULL_NOVELTY
    )
    assert found.score == pytest.approx(score)
    assert (found.query_first, found.reference_first, found.n_items) == (first, place, n)
