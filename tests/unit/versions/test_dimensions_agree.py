"""Tune and chords judged together: a new tune over the old chords says nothing beyond them."""

import itertools

import numpy as np
import pytest

from linernotes.versions.agreement import MOST_STEPS, agreement, beyond
from linernotes.versions.features import Features, centred
from linernotes.versions.hypotheses import Hypothesis, Piece, search
from linernotes.versions.projection import Embedded

CHORDS = ((0, 4, 7), (7, 11, 2), (9, 0, 4), (5, 9, 0), (2, 5, 9), (7, 11, 2), (4, 7, 11), (9, 0, 4))
N_FRAMES = 240


def frames(classes):
    rows = np.zeros((N_FRAMES, 12), np.float32)
    for at, chosen in enumerate(itertools.islice(itertools.cycle(classes), N_FRAMES // 4)):
        rows[4 * at : 4 * at + 4, list(chosen)] = 1
    return centred(rows)


def piece(tune_seed, transposed=0):
    random = np.random.default_rng(tune_seed)
    chords = [tuple((tone + transposed) % 12 for tone in chord) for chord in CHORDS for _ in range(2)]
    tune = [
        ((random.choice(chord) + transposed) % 12,) for _ in range(4) for chord in CHORDS for _ in range(2)
    ]
    return Piece(
        Features(
            harmony=frames(chords),
            melody=frames(tune),
            rhythm=np.zeros((N_FRAMES, 32), np.float32),
            hop_s=0.25,
            duration_s=N_FRAMES / 4,
            bass=frames([chord[:1] for chord in chords]),
        )
    )


def judged(a, b):
    return agreement(a, b, {one: search(a, b, one) for one in ("overall", "melody", "harmony")})


def test_the_same_tune_over_the_same_chords_says_more_than_a_new_one():
    same, new = judged(piece(1), piece(1)), judged(piece(1), piece(2))
    for path in ("overall", "harmony"):
        name = f"melody beyond harmony along {path}"
        assert same[name] > new[name] + 20
    assert same["melody along overall"] > new["melody along overall"] + 2


def test_a_transposed_piece_says_the_same():
    plain, turned = judged(piece(1), piece(1)), judged(piece(1), piece(1, transposed=3))
    for name, value in plain.items():
        assert turned[name] == pytest.approx(value, abs=0.05), name


def test_sides_may_be_exchanged():
    one, other = judged(piece(1), piece(2)), judged(piece(2), piece(1))
    for name in one:
        if "beyond" not in name:
            assert other[name] == pytest.approx(one[name], rel=0.05, abs=1.5), name


def test_silence_says_nothing():
    nothing = np.zeros((40, 12), np.float32)
    silent = Piece(Features(nothing, nothing, np.zeros((40, 32), np.float32), 0.25, 10.0))
    best = {one: Hypothesis(0, 1.0, 0.0, 0.0) for one in ("overall", "melody", "harmony")}
    assert all(np.isfinite(value) for value in agreement(silent, piece(1), best).values())


def test_long_paths_are_sampled():
    random = np.random.default_rng(0)
    n_steps = 3 * MOST_STEPS
    sides = [
        Embedded(random.normal(0, 1, (n_steps, 12)).astype(np.float32), np.zeros(n_steps, np.float32))
        for _ in range(4)
    ]
    assert len(beyond((sides[0], sides[1]), (sides[2], sides[3]), np.arange(n_steps))) == MOST_STEPS


def test_a_path_with_no_other_place_says_nothing():
    random = np.random.default_rng(0)
    side = Embedded(random.normal(0, 1, (3, 12)).astype(np.float32), np.zeros(3, np.float32))
    assert not beyond((side, side), (side, side), np.arange(3)).any()
