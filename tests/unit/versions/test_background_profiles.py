"""The bundled background, what it says is common, and profiles on disk."""

from importlib import resources

import numpy as np
import pytest

from linernotes.errors import NotFitted
from linernotes.evidence.versions import REFERENCE_PIECES
from linernotes.versions.alignment import best_score
from linernotes.versions.background import bundled_background, comparable, pack, unpack
from linernotes.versions.commonplace import commonplace, shared
from linernotes.versions.expectation import e_value, expected
from linernotes.versions.features import Features
from linernotes.versions.hypotheses import DIMENSIONS, PATHS, Piece, log_odds_matrix, search
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.projection import Embedded, bundled_projections, in_every_key, unpack_projections
from linernotes.versions.significance import Cohort, Profile, profile

FOUR = (4.0, 4.0, 4.0, 4.0)
TYPICAL = Cohort(FOUR, FOUR, (100.0, 100.0, 100.0, 100.0))


def _fragment(piece, first=20, end=84):
    at = np.arange(first, end)
    return shared(piece, piece, at, at, (1.0, 1.0), 0)


def test_the_background_is_small_free_and_credited():
    folder = resources.files("linernotes.versions")
    assert len((folder / "background.npz").read_bytes()) < 1_000_000
    credits = (folder / "background_attribution.txt").read_text(encoding="utf-8").strip().splitlines()[2:]
    background = bundled_background()
    assert len(credits) == len(background.names)
    assert not any("BY-SA" in line or "BY-NC" in line for line in credits)
    again = unpack(pack(background.names, background.pieces))
    for name in ("harmony", "melody", "bass", "rhythm"):
        stored, written = (getattr(x.pieces[3], name) for x in (background, again))
        np.testing.assert_allclose(stored, written, atol=1e-6)


def test_files_of_another_revision_are_refused(monkeypatch):
    folder = resources.files("linernotes.versions")
    background = (folder / "background.npz").read_bytes()
    projection = (folder / "projection.npz").read_bytes()
    monkeypatch.setattr("linernotes.versions.background.FEATURES_REVISION", 99)
    monkeypatch.setattr("linernotes.versions.projection.FEATURES_REVISION", 99)
    with pytest.raises(NotFitted, match="make_background"):
        unpack(background)
    with pytest.raises(NotFitted, match="fit_projection"):
        unpack_projections(projection)


def test_a_piece_of_the_background_is_commonplace_in_itself_alone():
    background = bundled_background()
    piece = background.pieces[0]
    fragment = _fragment(piece)
    np.testing.assert_allclose(fragment.harmony, piece.harmony[20:84], atol=0.02)  # stored in 8 bits
    itself = search(Piece(fragment), Piece(piece), "overall", (1.0,)).score
    found = commonplace(fragment, "overall", 0.8 * itself)
    n = len(background.names)
    assert background.names[0] in found.found_in
    assert 1 / n <= found.fraction < 0.2
    assert commonplace(fragment, "overall", 0.0).fraction == 1.0
    assert len(commonplace(fragment, "overall", 0.0).found_in) == 10
    assert commonplace(fragment, "overall", 10.0, [True] * n) is None
    without = commonplace(fragment, "overall", 0.8 * itself, [at == 0 for at in range(n)])
    assert background.names[0] not in without.found_in


@pytest.mark.parametrize("dimension", ["overall", "melody", "harmony"])
def test_the_search_agrees_with_one_alignment_per_key(dimension):
    background = bundled_background()
    a, b = (Piece(background.pieces[at]) for at in (2, 7))
    left, right = a.embedded(dimension), b.embedded(dimension)
    keys = np.split(in_every_key(right.vectors), 12)
    limits = PATHS[dimension]
    scores = [
        best_score(
            np.clip(log_odds_matrix(left, Embedded(key, right.costs)), limits.floor, limits.ceiling),
            limits.gap,
        )
        for key in keys
    ]
    found = search(a, b, dimension, (1.0,))
    assert found.score == pytest.approx(max(scores), rel=1e-3, abs=1e-2)
    assert found.transposition % 12 == int(np.argmax(scores))


def test_projections_turn_with_the_key():
    piece = bundled_background().pieces[5]
    moved = Features(
        np.roll(piece.harmony, 3, axis=1),
        np.roll(piece.melody, 3, axis=1),
        piece.rhythm,
        piece.hop_s,
        piece.duration_s,
        np.roll(piece.bass, 3, axis=1),
    )
    for name in ("overall", "melody-sharp", "harmony"):
        one, other = (Piece(x).embedded(name) for x in (piece, moved))
        turned = np.split(in_every_key(other.vectors), 12)[3]
        np.testing.assert_allclose(one.vectors, turned, atol=2e-3)
        np.testing.assert_allclose(one.costs, other.costs, atol=2e-2)
    assert set(bundled_projections()) >= {*DIMENSIONS, "overall-sharp", "melody-sharp", "harmony-sharp"}


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_fewer_matches_are_expected_of_a_higher_score_and_more_of_a_larger_search(dimension):
    sides = (TYPICAL, TYPICAL)
    by_score = [expected(score, dimension, sides, (140, 140)) for score in (50.0, 100.0, 200.0, 400.0)]
    assert by_score == sorted(by_score, reverse=True)
    by_size = [expected(200.0, dimension, sides, (140, n)) for n in (20, 140, 1000)]
    assert by_size == sorted(by_size)
    one = expected(200.0, dimension, sides, (140, 360))
    assert e_value(200.0, dimension, sides, 280, 0.25) == pytest.approx(REFERENCE_PIECES * one)


def test_a_piece_of_the_background_leaves_itself_out():
    background = bundled_background()
    known = profile(background.pieces[4])
    assert known.cohort.related[4]
    assert sum(known.cohort.related) < 8
    assert len(comparable(background)) == len(background.names)


def test_a_damaged_profile_is_computed_again(tmp_path):
    path = tmp_path / "x.npz"
    assert load_profile(path) is None
    features = bundled_background().pieces[0]
    save_profile(path, Profile(features, Cohort(FOUR, (2.0, 2.0, 2.0, 2.0), FOUR, (False,))))
    loaded = load_profile(path)
    assert loaded.cohort.deviation == (2.0, 2.0, 2.0, 2.0)
    np.testing.assert_allclose(loaded.features.bass, features.bass, atol=1e-3)
    path.write_bytes(path.read_bytes()[:-200])
    assert load_profile(path) is None
